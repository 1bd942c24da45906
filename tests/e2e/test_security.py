"""What the server lets in: its address, its hosts and the origins of its sockets."""

import base64
import os
import socket
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.e2e


def handshake(url: str, host: str, origin: str) -> str:
    """Asks for the app's socket as a browser would and returns the status line."""
    address = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "\r\n",
    ]
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(200).decode(errors="replace").splitlines()[0]


def test_only_pages_of_this_app_get_a_socket(url):
    port = urlsplit(url).port
    ours = f"127.0.0.1:{port}"
    assert "101" in handshake(url, ours, url)
    assert "101" not in handshake(url, ours, "https://evil.example")
    assert "101" not in handshake(url, "evil.example", "http://evil.example")


def test_the_server_listens_on_this_machine_only(url):
    port = urlsplit(url).port
    with open("/proc/net/tcp") as table:
        listening = [line.split()[1] for line in table if line.split()[3:4] == ["0A"]]
    addresses = {entry.split(":")[0] for entry in listening if int(entry.split(":")[1], 16) == port}
    assert addresses == {"0100007F"}


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
