"""Recipes, one file a model; :mod:`genmodels.store.recipe` says what a recipe is, and finds those of this package."""
