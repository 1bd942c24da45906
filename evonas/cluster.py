"""Joining a Ray cluster."""

import logging
import socket
from typing import Any

from evonas.errors import ConfigurationError, MissingPackageError


def join_cluster(address: str) -> Any:
    """Connects to a Ray cluster and returns the `ray` module.

    Args:
        address: `auto` or HOST:PORT of a running cluster, or `local` for one on this machine.

    Raises:
        ConfigurationError: There is no such cluster.
        MissingPackageError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError("ray", "cluster") from error
    _check_reachable(address)
    try:
        ray.init(
            address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR
        )
    except (ConnectionError, ValueError) as error:
        raise ConfigurationError(f"--ray {address}: no such cluster ({error})") from error
    return ray


def _check_reachable(address: str) -> None:
    """Refuses a HOST:PORT where nobody listens; Ray itself tries for minutes.

    Raises:
        ConfigurationError: Nobody does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--ray {address}: no such cluster ({error})") from error
