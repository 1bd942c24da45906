"""Entry of the app: `evonas app`, or `streamlit run app/streamlit_app.py`."""

from pathlib import Path

import streamlit as st

from app.frame import shortlist_panel
from app.settings import read_only

st.set_page_config(
    page_title="evonas", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide"
)
pages = [
    st.Page("app_pages/explore.py", title="Explore", icon=":material/scatter_plot:", default=True),
    st.Page("app_pages/architecture.py", title="Architecture", icon=":material/schema:"),
    st.Page("app_pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page("app_pages/searches.py", title="Searches", icon=":material/manage_search:"),
    st.Page("app_pages/training.py", title="Training", icon=":material/model_training:"),
    st.Page("app_pages/detect.py", title="Detect", icon=":material/image_search:"),
    st.Page("app_pages/devices.py", title="Devices", icon=":material/speed:"),
]
chosen = st.navigation(pages)
with st.sidebar:
    if read_only():
        st.caption("Read-only: nothing can be started or changed here.")
    shortlist_panel()
chosen.run()
