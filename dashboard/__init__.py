"""What shows: scenes, runs, the Player, controls, charts and lessons."""
