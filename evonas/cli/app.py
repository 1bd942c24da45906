"""`evonas app`: explore tables in the browser."""

from pathlib import Path
from typing import Annotated

import typer


def app(
    table: Annotated[
        Path | None,
        typer.Argument(help="A table to show beside those shipped and in runs/."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Only show: nothing is started or changed.")
    ] = False,
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
    # app/.streamlit/config.toml says the rest; the address is given here so that no variable of
    # the environment opens the app to a network.
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    raise typer.Exit(main(["run", str(folder / "streamlit_app.py"), *options], prog_name="evonas"))


def _warm_up() -> None:
    import importlib

    for name in (
        "pandas", "pyarrow", "plotly.graph_objects", "moocore", "app.explore.figure",
        "app.explore.controls", "app.explore.details", "app.shared.state",
    ):  # fmt: skip
        importlib.import_module(name)
