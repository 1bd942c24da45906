"""Joining a Ray cluster."""

import logging
import os
import secrets
import socket
from ipaddress import ip_address
from typing import Any

from evonas.errors import ConfigurationError, MissingPackageError


def join_cluster(address: str) -> Any:
    """Connects to a Ray cluster and returns the `ray` module.

    Args:
        address: `auto` or HOST:PORT of a running cluster, or `local` for one on this machine,
            which no other machine and no process without its token can reach.

    Raises:
        ConfigurationError: There is no such cluster.
        MissingPackageError: Ray is not installed.
    """
    alone = address == "local"
    if alone:
        _keep_to_this_machine()
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError("ray", "cluster") from error
    _check_reachable(address)
    ours = alone and not ray.is_initialized()
    options: dict[str, Any] = {"include_dashboard": False} if alone else {}
    try:
        ray.init(
            address,
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except (ConnectionError, ValueError) as error:
        raise ConfigurationError(f"--ray {address}: no such cluster ({error})") from error
    host = str(ray.get_runtime_context().gcs_address).rpartition(":")[0]
    if ours and not ip_address(host).is_loopback:
        ray.shutdown()
        raise ConfigurationError(
            "--ray local: Ray was imported before and would listen on this machine's network; "
            "import evonas first, or start a cluster yourself and name its address"
        )
    return ray


def _keep_to_this_machine() -> None:
    """Makes a cluster that Ray starts listen on the loopback interface, and ask for a token.

    Ray takes both from the environment, also in the processes that it starts. Its variable of that
    name decides on every system, Linux too, whether other machines may join.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


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
