"""`evonas app`: explore tables in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import count_option


def app(
    table: Annotated[
        Path | None,
        typer.Argument(help="A table to show beside those shipped and in runs/."),
    ] = None,
    port: Annotated[int, count_option("Port on this machine.", 1, 65535)] = 8501,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="View only: nothing is started or changed.")
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Where a proxy with a login serves the app, such as https://nas.example.com; "
            "may be repeated."
        ),
    ] = None,
) -> None:
    """Start the app on this machine only; Ctrl-C ends it."""
    import importlib.util
    import os
    import sys
    import threading

    from evonas.errors import ConfigurationError, MissingPackageError
    from evonas.paths import APP_READ_ONLY, APP_TABLE, installed

    if importlib.util.find_spec("streamlit") is None:
        raise MissingPackageError("streamlit", "app")
    if table is not None and not table.exists():
        raise ConfigurationError(f"{table}: no such table")
    folder = installed("app")
    sys.path.insert(0, str(folder.parent))
    if table is not None:
        os.environ[APP_TABLE] = str(table)
    if read_only:
        os.environ[APP_READ_ONLY] = "1"

    from streamlit.web.cli import main

    # What the first page needs is imported while the browser fetches Streamlit's own files.
    threading.Thread(target=_warm_up, daemon=True).start()
    typer.echo(f"open http://127.0.0.1:{port}", err=True)
    flags = [text for name, value in server_options(port, origin or []) for text in (name, value)]
    raise typer.Exit(main(["run", str(folder / "serve.py"), *flags], prog_name="evonas"))


def server_options(port: int, origins: list[str]) -> list[tuple[str, str]]:
    """Returns the server's protections as options, which no variable of the environment changes.

    app/.streamlit/config.toml says the rest.
    """
    allowed = [f"http://127.0.0.1:{port}", *origins]
    return [
        ("--server.port", str(port)),
        ("--server.address", "127.0.0.1"),
        ("--server.enableCORS", "true"),
        ("--server.enableXsrfProtection", "true"),
        ("--server.enableAgentApi", "false"),
        ("--server.enableStaticServing", "false"),
        ("--server.fileWatcherType", "none"),
        ("--server.headless", "true"),
        ("--global.developmentMode", "false"),
        ("--client.showErrorDetails", "none"),
        *(("--server.corsAllowedOrigins", each) for each in allowed),
        *(("--server.allowedHosts", each) for each in ("127.0.0.1", "localhost")),
        *(("--server.allowedHosts", _host(each)) for each in origins),
    ]


def _host(origin: str) -> str:
    """Returns the host of an origin.

    Raises:
        ConfigurationError: It is none.
    """
    from urllib.parse import urlsplit

    from evonas.errors import ConfigurationError

    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
        raise ConfigurationError(
            f"--origin {origin}: expected http(s)://HOST or http(s)://HOST:PORT, and nothing more"
        )
    if parts.hostname is None or "*" in parts.hostname:
        raise ConfigurationError(f"--origin {origin}: expected the name of one host")
    return parts.hostname


def _warm_up() -> None:
    import importlib

    for name in (
        "pandas", "pyarrow", "plotly.graph_objects", "moocore", "app.explore.figure",
        "app.explore.controls", "app.explore.details", "app.shared.state",
    ):  # fmt: skip
        importlib.import_module(name)
