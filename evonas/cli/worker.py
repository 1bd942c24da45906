"""`evonas worker`: runs queued jobs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.interrupts import remembered_signals
from evonas.cli.options import number_option, processes_option


def worker(
    slots: Annotated[int, processes_option("Jobs to run at once.")] = 1,
    devices: Annotated[
        str, typer.Option(help="Devices, one slot each, such as cuda:0,cuda:1.")
    ] = "",
    jobs: Annotated[Path, typer.Option(help="Folder of the jobs.")] = Path("runs/jobs"),
    drain: Annotated[bool, typer.Option("--drain", help="Stop when the queue is empty.")] = False,
    ray: Annotated[
        str, typer.Option(help="Run them on a Ray cluster: auto, HOST:PORT or local.")
    ] = "",
    cpus: Annotated[int, processes_option("With --ray: CPUs per job.")] = 1,
    gpus: Annotated[float, number_option("With --ray: GPUs per job.", 0, 1e9)] = 0,
) -> None:
    """Run queued jobs, the oldest first; Ctrl-C saves and interrupts those that run."""
    from evonas.errors import ConfigurationError

    if ray and devices:
        raise ConfigurationError("--devices is for this machine; --ray takes --gpus")
    if not ray and (cpus > 1 or gpus):
        raise ConfigurationError("--cpus and --gpus are for --ray; this machine takes --devices")
    says = "running jobs save and stop; Ctrl-C again leaves them to do so by themselves"
    with remembered_signals(says) as caught:
        _work(jobs, slots, devices, drain, ray, cpus, gpus, lambda: bool(caught))
    if caught:
        typer.echo(
            f"interrupted: jobs are saved in {jobs}; resume with: evonas job resume JOB", err=True
        )
        raise typer.Exit(130)


def _work(
    jobs: Path,
    slots: int,
    devices: str,
    drain: bool,
    ray: str,
    cpus: int,
    gpus: float,
    stopped: Callable[[], bool],
) -> None:
    from evonas.jobs import JobQueue
    from evonas.jobs.worker import Worker, training_command

    if ray:
        from evonas.jobs.cluster import work_on_cluster

        work_on_cluster(jobs, ray, slots, cpus, gpus, drain, stopped)
    else:
        names = devices.split(",") if devices else [""] * slots
        if devices:
            _check_devices(names)
        command = training_command(max(1, (os.cpu_count() or 1) // len(names)))
        runner = Worker(JobQueue(jobs), names, command, lambda line: typer.echo(line, err=True))
        typer.echo(f"worker {runner.name}: {len(names)} slots, jobs in {jobs}", err=True)
        runner.work(drain, stopped)


def _check_devices(names: list[str]) -> None:
    """Refuses devices that are not here, before a job fails on one.

    Asked in a process of its own, as whoever asks for a GPU holds some of its memory.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from evonas.training.launch import pick_device

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        list(pool.map(pick_device, names))
