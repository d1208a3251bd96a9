"""The results of checks of `askproai doctor`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_MINUTES_FROM: Final = 120  # seconds


class Outcome(StrEnum):
    """The result of a check. Skipped: the check could not be made, for example for lack of a right; that is no failure."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what it found, what to do about it, and the page with more information.

    `details` list the affected objects, such as one line for each Tenant.
    """

    name: str
    outcome: Outcome
    message: str
    todo: str = ""
    page: str = ""
    details: tuple[str, ...] = ()
    seconds_ago: int | None = 0  # the age of its data; 0: read now; None: not known


def spell_age(seconds: float) -> str:
    """Return an age as text, such as `20 s` or `3 min`."""
    seconds = max(0, int(seconds))
    return f"{seconds} s" if seconds < _MINUTES_FROM else f"{seconds // 60} min"


def ok(name: str, message: str, details: tuple[str, ...] = ()) -> Finding:
    """Return the finding that nothing is wrong."""
    return Finding(name, Outcome.OK, message, details=details)


def warning(name: str, message: str, todo: str, page: str = "", details: tuple[str, ...] = ()) -> Finding:
    """Return the finding that something still works, but needs attention."""
    return Finding(name, Outcome.WARNING, message, todo, page, details)


def failed(name: str, message: str, todo: str, page: str = "", details: tuple[str, ...] = ()) -> Finding:
    """Return the finding that something does not work."""
    return Finding(name, Outcome.FAILED, message, todo, page, details)


def skipped(name: str, reason: str) -> Finding:
    """Return the finding that the check could not be made, with the reason."""
    return Finding(name, Outcome.SKIPPED, reason)
