"""`evonas worker`: runs queued jobs."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import number_option, processes_option


def worker(
    slots: Annotated[int, processes_option("Jobs at a time.")] = 1,
    devices: Annotated[
        str, typer.Option(help="Devices by commas, a slot each, such as cuda:0,cuda:1.")
    ] = "",
    jobs: Annotated[Path, typer.Option(help="Folder of the jobs.")] = Path("runs/jobs"),
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is queued.")] = False,
    ray: Annotated[
        str, typer.Option(help="Run them on a Ray cluster: auto, HOST:PORT or local.")
    ] = "",
    cpus: Annotated[int, processes_option("With --ray: CPUs of each job.")] = 1,
    gpus: Annotated[float, number_option("With --ray: GPUs of each job.", 0, 1e9)] = 0,
) -> None:
    """Run queued jobs, the oldest first; Ctrl-C saves and interrupts those that run."""
    from evonas.errors import ConfigurationError
    from evonas.jobs import JobQueue
    from evonas.jobs.worker import Worker, training_command

    if ray and devices:
        raise ConfigurationError("--devices is for this machine; --ray takes --gpus")
    if not ray and (cpus > 1 or gpus):
        raise ConfigurationError("--cpus and --gpus are for --ray; this machine takes --devices")
    caught: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: caught.append(number))
    if ray:
        from evonas.jobs.cluster import work_on_cluster

        work_on_cluster(jobs, ray, slots, cpus, gpus, drain, lambda: bool(caught))
    else:
        names = devices.split(",") if devices else [""] * slots
        command = training_command(max(1, (os.cpu_count() or 1) // len(names)))
        runner = Worker(JobQueue(jobs), names, command, lambda line: typer.echo(line, err=True))
        typer.echo(f"worker {runner.name}: {len(names)} slots, jobs in {jobs}", err=True)
        runner.work(drain, lambda: bool(caught))
    if caught:
        raise typer.Exit(130)
