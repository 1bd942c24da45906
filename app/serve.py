"""What `evonas app` runs: the app behind a check of who asks.

`streamlit run app/streamlit_app.py` serves the same pages without it.
"""

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from app.shared.doors import OwnPagesOnly


async def explore(request: Request) -> RedirectResponse:
    """Leads to Explore, whose address is that of the app."""
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


app = st.App(
    "streamlit_app.py",
    routes=[Route("/explore", explore)],
    middleware=[Middleware(OwnPagesOnly)],
)
