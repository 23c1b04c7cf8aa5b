"""What every scene draws, computed again from the formulas: ``PAGE.py`` holds a page's oracles."""
