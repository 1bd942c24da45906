"""What every test stands on: nothing of the person who runs them is read or written."""

import os
import sys
import tempfile
from collections.abc import Iterator

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="evonas-tests-")


def pytest_configure() -> None:
    """Own devices and spaces lie in a folder of this run, for the processes it starts too.

    So they do while tests are collected: some ask for all spaces.
    """
    os.environ["EVONAS_HOME"] = f"{_HOME.name}/home"


def pytest_unconfigure() -> None:
    """The folder goes with the run."""
    _HOME.cleanup()


@pytest.fixture(autouse=True)
def _opened_spaces() -> Iterator[None]:
    """A space that a test reads from a file is unknown to the next."""
    yield
    catalogue = sys.modules.get("evonas.space.catalogue")
    if catalogue is not None:
        catalogue._OPENED.clear()
