"""The state that the task `notifications` keeps between runs about unavailable channels: part of its watermark.

The workers write it, and the operator reports it. Readers must not trust it, as a tenant's role may write anything there.
"""

from typing import Annotated

import msgspec

from askproai_core.tenant_config import NotificationChannel

NOTIFICATIONS = "notifications"


class AwayChannel(msgspec.Struct, frozen=True):
    """An unavailable channel of notifications: why it cannot send, and the number of failed attempts in a row."""

    reason: Annotated[str, msgspec.Meta(max_length=500)]
    failures: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1


class NotificationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The unavailable channels, keyed by name, and the day (ISO 8601) whose list of appointments was sent last."""

    away: dict[NotificationChannel, AwayChannel] = {}
    listed: str | None = None
