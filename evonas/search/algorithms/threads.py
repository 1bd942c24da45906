"""Linear algebra on one thread: a search's matrices are small, and waking threads costs more."""

from contextlib import AbstractContextManager, nullcontext


def one_blas_thread() -> AbstractContextManager[object]:
    """Keeps BLAS to one thread within the context, where threadpoolctl is there to do it."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:  # a base installation; OMP_NUM_THREADS=1 does the same
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
