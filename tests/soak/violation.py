"""One broken promise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """`subject` is the appointment, call or booking whose history explains it, if there is one."""

    kind: str
    tenant: str
    subject: str
    text: str
