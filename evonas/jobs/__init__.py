"""Retraining jobs: a job is a run's folder with a status; workers run what is queued. Torch-free.

>>> from evonas.jobs import JobQueue
>>> JobQueue("runs/no-such-jobs").list()
[]
"""

from evonas.jobs.describe import describe_job
from evonas.jobs.queue import JobQueue
from evonas.jobs.record import STATES, Job, JobProgress, JobStatus

__all__ = ["STATES", "Job", "JobProgress", "JobQueue", "JobStatus", "describe_job"]
