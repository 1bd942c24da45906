"""What the server lets in: its address, its hosts and the origins of its sockets."""

import base64
import os
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.browser import serve

pytestmark = pytest.mark.e2e


def handshake(url: str, host: str, origin: str | None) -> str:
    """Asks for the app's socket as a browser would and returns the status line."""
    address = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        *([] if origin is None else [f"Origin: {origin}"]),
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "\r\n",
    ]
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(200).decode(errors="replace").splitlines()[0]


def listening_on(port: int) -> set[str]:
    """Returns the addresses on which somebody listens at a port, as the system writes them."""
    with open("/proc/net/tcp") as four, open("/proc/net/tcp6") as six:
        lines = [line.split() for line in (*four, *six)]
    listening = [fields[1].split(":") for fields in lines if fields[3:4] == ["0A"]]
    return {address for address, number in listening if int(number, 16) == port}


def test_only_pages_of_this_app_get_a_socket(url):
    port = urlsplit(url).port
    ours = f"127.0.0.1:{port}"
    assert "101" in handshake(url, ours, url)
    assert "101" not in handshake(url, ours, "https://evil.example")
    assert "101" not in handshake(url, "evil.example", "http://evil.example")


def test_pages_of_other_ports_of_this_machine_get_no_socket(url):
    port = urlsplit(url).port
    ours = f"127.0.0.1:{port}"
    for origin in ("http://127.0.0.1:1", "http://127.0.0.1", "http://localhost:1", "null",
                   f"https://127.0.0.1:{port}", f"http://0.0.0.0:{port}"):  # fmt: skip
        assert "101" not in handshake(url, ours, origin), origin
    assert "101" in handshake(url, f"localhost:{port}", f"http://localhost:{port}")
    assert "101" not in handshake(url, "127.0.0.1:1", url)


def test_a_socket_without_an_origin_is_refused(url):
    assert "101" not in handshake(url, f"127.0.0.1:{urlsplit(url).port}", None)


def test_no_variable_of_the_environment_opens_the_app(tmp_path, monkeypatch):
    for name, value in {
        "SERVER_ENABLE_CORS": "false", "SERVER_ENABLE_XSRF_PROTECTION": "false",
        "SERVER_ADDRESS": "0.0.0.0", "SERVER_ALLOWED_HOSTS": "*", "SERVER_ENABLE_AGENT_API": "true",
        "SERVER_CORS_ALLOWED_ORIGINS": "https://evil.example", "GLOBAL_DEVELOPMENT_MODE": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"STREAMLIT_{name}", value)
    with serve(tmp_path) as (url, _):
        ours = f"127.0.0.1:{urlsplit(url).port}"
        assert "101" in handshake(url, ours, url)
        assert "101" not in handshake(url, ours, "https://evil.example")
        assert "101" not in handshake(url, "evil.example", "http://evil.example")
        assert listening_on(urlsplit(url).port) == {"0100007F"}
        page = urllib.request.Request(f"{url}/", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(page, timeout=10)
        agent = urllib.request.Request(f"{url}/_stcore/agent/interact", data=b"{}")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(agent, timeout=10)


def test_a_proxys_origin_is_let_in_when_named(tmp_path):
    with serve(tmp_path, "--origin", "https://nas.example.com") as (url, _):
        assert "101" in handshake(url, "nas.example.com", "https://nas.example.com")
        assert "101" not in handshake(url, "nas.example.com", "http://nas.example.com")
        assert "101" in handshake(url, f"127.0.0.1:{urlsplit(url).port}", url)


def test_the_server_listens_on_this_machine_only(url):
    assert listening_on(urlsplit(url).port) == {"0100007F"}


@pytest.mark.parametrize(
    "path",
    ["/app/static/../../etc/passwd", "/media/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"],
)
def test_no_file_of_the_machine_is_served(url, path):
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = connection.makefile("rb").read()
    assert b"root:" not in answer
