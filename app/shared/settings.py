"""How this server was started: `evonas app` says it in environment variables."""

import os
import re
from pathlib import Path

from evonas.errors import ConfigurationError
from evonas.paths import APP_READ_ONLY, cache_dir, shipped_data, user_data

RUNS = Path("runs")


def read_only() -> bool:
    """Returns whether this server only shows."""
    return bool(os.environ.get(APP_READ_ONLY))


def refuse_if_read_only() -> None:
    """Guards whatever starts, stops or writes.

    Raises:
        ConfigurationError: This server only shows.
    """
    if read_only():
        raise ConfigurationError("this app is read-only: nothing can be started or changed here")


def find_data() -> dict[str, Path]:
    """Returns the COCO-format folders that a search or a training may use, by the name to show."""
    found: dict[str, Path] = {}
    for root in (Path("data"), cache_dir()):
        for folder in sorted(root.glob("*/")):
            if any(folder.glob("annotations/*.json")) or any(folder.glob("*.json")):
                found.setdefault(folder.name, folder)
    return found


def shown(error: Exception) -> str:
    """Returns an error's message without the places where this machine keeps its files."""
    return as_text(without_places(str(error)))


def as_text(text: str) -> str:
    r"""Returns a text so that Streamlit shows it letter by letter: no Markdown, no pictures.

    >>> as_text("![](http://a.example/b.png)")
    '!\\[\\](http\\://a.example/b.png)'
    """
    return re.sub(r"([\\`*_\[\]$~:<])", r"\\\1", text)


def without_places(text: str) -> str:
    """Returns a text without the folders of this machine."""
    for root in (Path.cwd(), user_data(), shipped_data().parent, Path.home()):
        text = text.replace(f"{root}/", "")
    return text
