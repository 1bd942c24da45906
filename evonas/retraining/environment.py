"""What a run was made with, written at its start and held against when it goes on."""

import platform
from typing import Any

import torch

import evonas
from evonas.data import CocoDataset, data_fingerprint
from evonas.errors import DataError
from evonas.files import read_json, write_json
from evonas.git import git_commit
from evonas.limits import listed
from evonas.retraining.folder import RunFolder
from evonas.retraining.request import Retraining
from evonas.training.processes import Processes


def check_environment(
    folder: RunFolder, request: Retraining, processes: Processes
) -> dict[str, Any]:
    """Returns what a run is made with; a run that goes on takes as many threads as it began with.

    Raises:
        DataError: The data has changed since the run began.
    """
    data = processes.from_first(data_fingerprint(request.data) if processes.rank == 0 else "")
    if folder.environment.exists():
        known = read_json(folder.environment, "the environment of a run")
        if known["data"] != data:
            raise DataError(
                f"{request.data}: changed since {folder.path} began (fingerprint {known['data']}, "
                f"now {data}); start a new run"
            )
        torch.set_num_threads(known["threads"])
        return known
    now = present_environment(data, processes.count)
    if processes.rank == 0:
        write_json(folder.environment, now)
    return now


def present_environment(data: str, processes: int = 1) -> dict[str, Any]:
    """Returns what a run that starts now is made with.

    Args:
        data: The data's fingerprint.
        processes: Those that train together.
    """
    return {
        "data": data,
        "git_commit": git_commit(),
        "versions": {
            "evonas": evonas.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "threads": torch.get_num_threads(),
        "processes": processes,
    }


def check_classes(dataset: CocoDataset, classes: tuple[str, ...]) -> None:
    """Refuses a split whose classes are not those of the training split.

    Raises:
        DataError: They differ.
    """
    if dataset.class_names != classes:
        raise DataError(
            f"{dataset.annotation_file}: classes {listed(dataset.class_names)}, but the "
            f"training split has {listed(classes)}"
        )
