"""A job as one flat record, for tables and JSON."""

from dataclasses import asdict
from typing import Any

from evonas.errors import SchemaError
from evonas.jobs.record import Job


def describe_job(job: Job) -> dict[str, Any]:
    """Returns a job's status, request and progress by name.

    A job whose files are damaged has the state `damaged` and a message that says why; of the
    others' keys it has `job` and `folder`. Numbers that are not known yet are NaN.
    """
    try:
        request, status, progress = job.run.request(), job.status(), job.progress()
    except (SchemaError, OSError) as error:
        return {"job": job.id, "state": "damaged", "message": str(error), "folder": str(job.path)}
    return {
        "job": job.id,
        **asdict(status),
        "architecture": request.architecture,
        "data": str(request.data),
        "recipe": request.recipe_name,
        "init": request.init,
        "seed": request.seed,
        **asdict(progress),
        "folder": str(job.path),
    }
