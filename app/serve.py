"""What `evonas app` runs: the app behind a check of who asks.

`streamlit run app/streamlit_app.py` serves the same pages without it.
"""

import streamlit as st
from starlette.middleware import Middleware

from app.shared.doors import OwnPagesOnly

app = st.App("streamlit_app.py", middleware=[Middleware(OwnPagesOnly)])
