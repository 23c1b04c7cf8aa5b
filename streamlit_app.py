"""Entry of a bare ``streamlit run``: the dashboard, and the routes that feed its Player.

The script itself is ``dashboard/main.py``: beside a folder ``pages/`` it would break the first deep link.
"""

import streamlit as st

from dashboard.player.files import routes
from dashboard.runs.warmup import share_cores
from dashboard.shell import thumbnails

share_cores()
app = st.App("dashboard/main.py", routes=routes() + thumbnails.routes())
