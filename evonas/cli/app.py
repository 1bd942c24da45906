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
) -> None:
    """Start the app on this machine only; Ctrl-C ends it."""
    import importlib.util
    import os
    import subprocess
    import sys

    from evonas.errors import ConfigurationError, MissingPackageError

    if importlib.util.find_spec("streamlit") is None:
        raise MissingPackageError("streamlit", "app")
    folder = Path(__file__).parents[2] / "app"
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: the app is part of a checkout of the repository")
    if table is not None and not table.exists():
        raise ConfigurationError(f"{table}: no such table")
    environment = os.environ | {"PYTHONPATH": str(folder.parent)}
    if table is not None:
        environment["EVONAS_APP_TABLE"] = str(table)
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "streamlit_app.py")]
    # Streamlit reads its configuration from the folder it runs in; given here, it always holds.
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    typer.echo(f"open http://127.0.0.1:{port}", err=True)
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)
