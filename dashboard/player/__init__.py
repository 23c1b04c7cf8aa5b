"""The Player: ES modules that know no Streamlit, the adapter that does, its files' routes and its Python mount."""

from dashboard.player.mount import last_readouts, play, run_for, session_id, show, train

__all__ = ["last_readouts", "play", "run_for", "session_id", "show", "train"]
