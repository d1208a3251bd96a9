"""The providers that are called, and the calendars that a Tenant can select: their names in manifests, files, rows and sentences.

This module imports nothing of ours, since commands of the CLI read it, and `tenant_config` would cost each of them 30 ms.
"""

from enum import StrEnum
from typing import Self


class Provider(StrEnum):
    """A server that we call, with its own circuit breaker. Remote calendars have the names that CalendarProvider uses."""

    RETELL = "retell"
    CALCOM = "calcom"


class CalendarProvider(StrEnum):
    """A calendar that a Tenant can select, as manifests spell it. `label` is its name in sentences."""

    label: str

    def __new__(cls, value: str, label: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    CALCOM = "Calcom", "Cal.com"
    LOCAL = "Local", "the local calendar"

    @property
    def is_remote(self) -> bool:
        return self is not CalendarProvider.LOCAL

    @property
    def field(self) -> str:
        """Return the name of the calendar's block in a Tenant, which is also the name of its Provider."""
        return self.lower()

    @property
    def key_file(self) -> str:
        """Return the name of the mounted file with the key of the tenant's account."""
        return f"{self.field}-api-key"


class CalendarApi(StrEnum):
    """An API of a remote calendar. V2 and V1 are versions of Cal.com's API."""

    V2 = "V2"
    V1 = "V1"
