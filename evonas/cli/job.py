"""`evonas job`: retraining jobs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.options import count_option, seed_option
from evonas.cli.output import AsJson, print_json, print_table
from evonas.durations import show_seconds
from evonas.limits import printable, printable_lines

if TYPE_CHECKING:
    from evonas.jobs import Job

app = typer.Typer(help="Retraining jobs: submit, inspect, cancel, resume.", no_args_is_help=True)

Jobs = Annotated[Path, typer.Option(help="Folder of the jobs.")]
Name = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its first characters.")]
_JOBS = Path("runs/jobs")


@app.command()
def submit(
    architectures: Annotated[
        list[str], typer.Argument(metavar="ARCH...", help="arch_id, published or baseline.")
    ],
    data: Annotated[Path, typer.Option(help="COCO-format folder with train and val.")],
    recipe: Annotated[str, typer.Option(help="As in `evonas train`.")] = "nano",
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change of the recipe; may be repeated.")
    ] = None,
    init: Annotated[str, typer.Option(help="scratch, supernet, or a path.")] = "scratch",
    seed: Annotated[int, seed_option("Of everything random.")] = 0,
    table: Annotated[Path | None, typer.Option(help="Table that takes the result.")] = None,
    jobs: Jobs = _JOBS,
    as_json: AsJson = False,
) -> None:
    """Put trainings into the queue; the same training twice is one job."""
    from evonas.jobs import JobQueue, describe_job
    from evonas.retraining import plan_training

    plans = [
        plan_training(architecture, data, recipe, changes or (), init, seed, table)
        for architecture in architectures
    ]
    submitted = [JobQueue(jobs).submit(plan) for plan in plans]
    if as_json:
        print_json({"jobs": [describe_job(job) | {"new": new} for job, new in submitted]})
        return
    for job, new in submitted:
        typer.echo(f"{job.id}  {'submitted' if new else f'exists already: {job.status().state}'}")


@app.command(name="list")
def list_jobs(jobs: Jobs = _JOBS, as_json: AsJson = False) -> None:
    """List all jobs, the oldest first."""
    from evonas.jobs import JobQueue, describe_job

    found = [describe_job(job) for job in JobQueue(jobs).list()]
    if as_json:
        print_json({"jobs": found})
        return
    headings = ["job", "state", "architecture", "recipe", "step", "loss", "AP", "left"]
    print_table(headings, [_row(entry) for entry in found])
    for entry in found:
        if entry["state"] == "damaged":
            typer.echo(f"{printable(entry['job'])}: damaged: {printable_lines(entry['message'])}")


@app.command()
def status(name: Name, jobs: Jobs = _JOBS, as_json: AsJson = False) -> None:
    """Show one job in full."""
    from evonas.jobs import JobQueue, describe_job

    entry = describe_job(JobQueue(jobs).find(name))
    if as_json:
        print_json(entry)
        return
    print_table(["", "value"], [[key, str(value)] for key, value in entry.items()])


@app.command()
def logs(
    name: Name,
    lines: Annotated[int, count_option("Last lines; 0 for all.", least=0)] = 20,
    jobs: Jobs = _JOBS,
) -> None:
    """A job's log, and what its process said when it failed."""
    from evonas.jobs import JobQueue

    job = JobQueue(jobs).find(name)
    for line in job.log(lines):
        typer.echo(printable_lines(line))
    if job.status().state == "failed":
        typer.echo(printable_lines(job.said()), err=True)


@app.command()
def cancel(name: Name, jobs: Jobs = _JOBS, as_json: AsJson = False) -> None:
    """Take a job out of the queue, or stop it after a checkpoint."""
    from evonas.jobs import JobQueue

    queue = JobQueue(jobs)
    job = queue.find(name)
    done = queue.cancel(job).state == "cancelled"
    _tell(job, "cancelled" if done else "asked to stop after a checkpoint", as_json)


@app.command()
def resume(name: Name, jobs: Jobs = _JOBS, as_json: AsJson = False) -> None:
    """Queue a failed, cancelled or interrupted job to resume from its checkpoint."""
    from evonas.jobs import JobQueue

    queue = JobQueue(jobs)
    job = queue.find(name)
    queue.resume(job)
    _tell(job, "queued, to resume from its checkpoint", as_json)


@app.command()
def retry(name: Name, jobs: Jobs = _JOBS, as_json: AsJson = False) -> None:
    """Queue a job that has ended to start from scratch; its files are removed."""
    from evonas.jobs import JobQueue

    queue = JobQueue(jobs)
    job = queue.find(name)
    queue.retry(job)
    _tell(job, "queued, to start from scratch", as_json)


def _tell(job: "Job", what: str, as_json: bool) -> None:
    from evonas.jobs import describe_job

    if as_json:
        print_json(describe_job(job))
    else:
        typer.echo(f"{job.id}  {what}")


def _row(entry: dict[str, Any]) -> list[str]:
    if entry["state"] == "damaged":
        return [printable(entry["job"]), "damaged", *[""] * 6]
    known = {name: value if value == value else None for name, value in entry.items()}
    left = known["seconds_left"] if known["state"] == "running" else None
    return [
        entry["job"],
        entry["state"],
        entry["architecture"],
        entry["recipe"],
        f"{entry['step']}/{entry['steps']}",
        "" if known["loss"] is None else f"{known['loss']:.3f}",
        "" if known["best_map"] is None else f"{known['best_map']:.4f}",
        "" if left is None else show_seconds(left),
    ]
