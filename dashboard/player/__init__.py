"""The Player: ES modules that know no Streamlit, the adapter that does, its files' routes and its Python mount."""

from dashboard.player.mount import AfterDrag, last_readouts, listen, play, run_for, session_id, show, watch

__all__ = ["AfterDrag", "last_readouts", "listen", "play", "run_for", "session_id", "show", "watch"]
