"""Small words for sentences: dates, counts and lists as people write them, the same in every locale.

Comes in: numbers, times, names. Goes out: English.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

NAMED = 10
"""Names in a sentence; more are counted."""


def date(at: float) -> str:
    """Seconds since the epoch as `6 December 2026`, in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def moment(at: float) -> str:
    """Seconds since the epoch as `6 December 2026, 14:05 UTC`."""
    return f"{date(at)}, {datetime.fromtimestamp(at, UTC):%H:%M} UTC"


def plural(count: int, noun: str) -> str:
    """`1 session`, `2 sessions`, `1,204 sessions`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Names with commas; those beyond the tenth are counted."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
