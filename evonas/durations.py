"""Rates and times left as people read them: never rounded to nothing."""


def show_rate(per_second: float) -> str:
    """Returns a rate, with two digits at least.

    >>> show_rate(1234.5), show_rate(20.3), show_rate(3.21), show_rate(0.0412)
    ('1234', '20', '3.2', '0.041')
    """
    return f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.2g}"


def show_seconds(seconds: float) -> str:
    """Returns hours, minutes and seconds.

    >>> show_seconds(29), show_seconds(64.6), show_seconds(7384)
    ('0:29', '1:05', '2:03:04')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
