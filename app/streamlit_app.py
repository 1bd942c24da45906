"""Entry of the app: `evonas app`, or `streamlit run app/streamlit_app.py`."""

from pathlib import Path

import streamlit as st

from app.shared.frame import shortlist_panel
from app.shared.settings import read_only

st.set_page_config(
    page_title="evonas", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide"
)
# Folder of a page, which is its address too, and its icon.
PAGES = {
    "explore": "scatter_plot",
    "architecture": "schema",
    "compare": "compare_arrows",
    "find": "my_location",
    "searches": "manage_search",
    "benchmark": "leaderboard",
    "training": "model_training",
    "detect": "image_search",
    "devices": "speed",
}
pages = [
    st.Page(
        f"{folder}/page.py",
        title=folder.capitalize(),
        icon=f":material/{icon}:",
        url_path=folder,
        default=folder == "explore",
    )
    for folder, icon in PAGES.items()
]
chosen = st.navigation(pages)
with st.sidebar:
    if read_only():
        st.caption("Read-only: nothing can be started or changed here.")
    shortlist_panel()
chosen.run()
