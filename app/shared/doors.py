"""Who may talk to this server: pages that it has served itself, under the names of this machine.

Streamlit lets a page of any port of this machine open the app's socket, through which searches and
trainings are started. A browser says truly where a page is from, so that the port can be checked.
"""

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = ("127.0.0.1", "localhost")
_READING = ("GET", "HEAD", "OPTIONS")


class OwnPagesOnly:
    """Refuses requests to other hosts, and sockets and uploads of other pages.

    Args:
        app: What answers the others.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answers or refuses a request."""
        if scope["type"] not in ("http", "websocket") or _is_allowed(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"not a page of this app\n"})


def _is_allowed(scope: "Scope") -> bool:
    origins = allowed_origins(scope["server"][1])
    hosts = _header(scope, b"host")
    if len(hosts) != 1 or hosts[0] not in {origin.partition("://")[2] for origin in origins}:
        return False
    given = _header(scope, b"origin")
    if scope["type"] == "http" and (not given or scope["method"] in _READING):
        return True
    return len(given) == 1 and given[0] in origins


def allowed_origins(port: int) -> set[str]:
    """Returns where pages may come from: this server's own port, and what `--origin` names.

    Args:
        port: On which the server listens.
    """
    named = st.get_option("server.corsAllowedOrigins") or []
    return {f"http://{name}:{port}" for name in _NAMES} | {str(origin) for origin in named}


def _header(scope: "Scope", name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
