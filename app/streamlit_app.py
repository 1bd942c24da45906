"""Entry of the app: `evonas app`, or `streamlit run app/streamlit_app.py`."""

import streamlit as st

st.set_page_config(page_title="evonas", page_icon=":material/scatter_plot:", layout="wide")
st.navigation(
    [
        st.Page("app_pages/explore.py", title="Explore", icon=":material/scatter_plot:"),
        st.Page("app_pages/architecture.py", title="Architecture", icon=":material/schema:"),
    ]
).run()
