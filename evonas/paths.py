"""Where things lie: what is installed, which is only read, and what is the user's own.

This is the one place that asks the environment for folders: `EVONAS_DATA` names another folder of
shipped data, `EVONAS_HOME` another one for the user's own devices, surrogates and supernets.
"""

import os
from pathlib import Path

# What `evonas app` tells the pages: a table beside those found, and whether nothing may be changed.
APP_TABLE = "EVONAS_APP_TABLE"
APP_READ_ONLY = "EVONAS_APP_READ_ONLY"

_PACKAGE = Path(__file__).resolve().parent


def installed(name: str) -> Path:
    """Returns what comes with evonas: `app`, `benchmark_data` or `CITATION.cff`.

    It lies in the package's own `_share` where a wheel was installed, else in the checkout.
    """
    packed = _PACKAGE / "_share" / name
    return packed if packed.exists() else _PACKAGE.parent / name


def shipped_data() -> Path:
    """Returns the folder of shipped tables, predictors, problems and weights."""
    named = os.environ.get("EVONAS_DATA")
    return Path(named) if named else installed("benchmark_data")


def user_data() -> Path:
    """Returns the folder of the user's own devices, surrogates and supernets.

    It is laid out as the shipped data and need not exist.
    """
    named = os.environ.get("EVONAS_HOME")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("evonas", appauthor=False)


def cache_dir() -> Path:
    """Returns the folder of data that can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("evonas", appauthor=False)


def data_folders(folder: Path | str | None = None) -> tuple[Path, ...]:
    """Returns where data is looked for, first the first: the given folder, or own and shipped."""
    return (user_data(), shipped_data()) if folder is None else (Path(folder),)


def find_data(relative: str, folder: Path | str | None = None) -> Path:
    """Returns a file of data, of the given folder or of the first that has it.

    It need not exist: then it is where shipped data would lie.
    """
    places = [place / relative for place in data_folders(folder)]
    return next((place for place in places if place.exists()), places[-1])


def own_data(relative: str, folder: Path | str | None = None) -> Path:
    """Returns where a file of data is written: in the given folder, or in the user's own."""
    return data_folders(folder)[0] / relative
