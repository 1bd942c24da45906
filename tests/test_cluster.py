"""`--ray local`: nobody but this machine's user reaches it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.cluster

# Prints the addresses on which the processes of this session listen, one a line.
SOCKETS = """
import os
from pathlib import Path
from evonas.cluster import join_cluster
ray = join_cluster("local")
one = ray.remote(num_cpus=1)(lambda: os.getpid())
ray.get(one.remote())
session, inodes = os.getsid(0), set()
for folder in Path("/proc").glob("[0-9]*/fd/*"):
    try:
        if os.getsid(int(folder.parts[2])) == session:
            inodes.add(os.readlink(folder))
    except OSError:
        pass
for table in ("tcp", "tcp6"):
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            print("listens", fields[1].split(":")[0], flush=True)
print("address", ray.get_runtime_context().gcs_address, flush=True)
input()
"""
INTRUDER = """
import sys, ray
ray.init(sys.argv[1], logging_level=50, log_to_driver=False)
print("inside", ray.get(ray.remote(lambda: 1).remote()))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.fixture
def local():
    """Returns what a process with a local cluster says, and its cluster's address."""
    process = subprocess.Popen(
        [sys.executable, "-c", SOCKETS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines = []
    while not lines or lines[-1][0] == "listens":
        lines.append(process.stdout.readline().split())
    yield {line[1] for line in lines[:-1]}, lines[-1][1]
    process.communicate("\n", timeout=60)


def test_a_local_cluster_listens_on_loopback_and_asks_for_its_token(local):
    listening, address = local
    assert listening
    assert listening <= LOOPBACK
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    intruders = [
        subprocess.Popen(
            [sys.executable, "-c", INTRUDER, address],
            env=clean | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for extra in (
            {"RAY_AUTH_MODE": "disabled"},
            {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
        )
    ]
    try:
        for intruder in intruders:
            told, complained = intruder.communicate(timeout=120)
            assert intruder.returncode
            assert "inside" not in told
            assert "uthenticat" in complained + told
    finally:
        for intruder in intruders:
            intruder.kill()
