"""Errors a user can cause. Each message says what, where, and what is allowed.

The command line maps them to exit codes: 2 for usage and configuration, 3 for data and schema,
1 for anything else that failed.
"""

from collections.abc import Iterable


class EvonasError(Exception):
    """Root of the errors that a user can cause."""

    exit_code = 1


class ConfigurationError(EvonasError):
    """A name, option or configuration value that evonas does not know or cannot use."""

    exit_code = 2


class MissingPackageError(ConfigurationError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; it comes with: pip install 'evonas[{extra}]'"
        )


class GenotypeError(EvonasError):
    """A genotype or architecture that is not a member of the space."""

    exit_code = 3


class DataError(EvonasError):
    """A data set, image or annotation that cannot be used."""

    exit_code = 3


class SchemaError(EvonasError):
    """A file that is not what its schema says, is damaged, or is newer than this evonas."""

    exit_code = 3


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> ConfigurationError:
    """Returns the error for a name that is not one of the allowed ones."""
    known = ", ".join(sorted(allowed))
    return ConfigurationError(
        f"unknown {kind} {name!r}; {f'known: {known}' if known else 'there is none'}"
    )
