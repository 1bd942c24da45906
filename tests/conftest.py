"""What every test stands on: nothing of the person who runs them is read or written."""

import os
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_folders() -> Iterator[None]:
    """Own devices lie in a folder of this run, for the processes it starts too."""
    with tempfile.TemporaryDirectory(prefix="evonas-tests-") as folder:
        os.environ["EVONAS_HOME"] = f"{folder}/home"
        yield
