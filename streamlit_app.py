"""Entry of a bare ``streamlit run``: the dashboard, and the routes that feed its Player.

The script itself is ``dashboard/main.py``: beside a folder ``pages/`` it would break the first deep link.
"""

import streamlit as st

from dashboard.routes import routes
from dashboard.warmup import share_cores

share_cores()
app = st.App("dashboard/main.py", routes=routes())
