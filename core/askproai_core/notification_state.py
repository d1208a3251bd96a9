"""The state of the task `notifications` between runs about channels by which nothing can be sent: part of its watermark.

The workers write it, and the operator reports it. A tenant's role may write anything there, so nobody relies on it.
"""

from typing import Annotated

import msgspec

from askproai_core.tenant_config import NotificationChannel

NOTIFICATIONS = "notifications"


class AwayChannel(msgspec.Struct, frozen=True):
    """Why a channel sends nothing, and how often in a row it was tried in vain."""

    reason: Annotated[str, msgspec.Meta(max_length=500)]
    failures: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1


class NotificationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The channels that are away, by name; and the day whose list was sent last (ISO 8601)."""

    away: dict[NotificationChannel, AwayChannel] = {}
    listed: str | None = None
