"""How the amounts of training are written: durations, counts, speeds and losses."""

import math

THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def clock_time(seconds: float | None) -> str:
    """A duration as a clock shows it.

    >>> clock_time(8.4), clock_time(75), clock_time(3725), clock_time(None)
    ('0:08', '1:15', '1:02:05', '?')
    """
    if seconds is None or not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(0.0123), duration(12.34), duration(75), duration(3725)
    ('12 ms', '12.3 s', '1 min 15 s', '1 h 02 min')
    """
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms" if seconds < 0.01 else f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def speed(value: float) -> str:
    """A speed or size to three digits.

    >>> speed(391.2), speed(200_312), speed(0.123), speed(38.26)
    ('391', '200k', '0.123', '38.3')
    """
    for size, letter in THOUSANDS:
        if value >= size * 0.9995:
            return f"{_three_digits(value / size)}{letter}"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    if not math.isfinite(value):
        return "?"
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e" in text and abs(value) >= 1 else text


def loss_text(value: float | None) -> str:
    """A loss to three digits after the leading zeros; powers of ten where it is very small or large.

    >>> loss_text(0.4), loss_text(0.012345), loss_text(1.5e-7), loss_text(123456.0), loss_text(float("nan")), loss_text(None)
    ('0.400', '0.0123', '1.5e-07', '1.23e+05', 'nan', '?')
    """
    if value is None:
        return "?"
    if not math.isfinite(value):
        return str(value)
    if value and (abs(value) < 5e-4 or abs(value) >= 99_950):
        return f"{value:.3g}"
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:.0f}"


def counted(number: int, what: str) -> str:
    """A number with its noun.

    >>> counted(1, "round"), counted(4800, "batch")
    ('1 round', '4,800 batches')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}{'es' if what.endswith('ch') else 's'}"
