"""The state of the task `notifications` between runs about channels by which nothing can be sent: part of its watermark.

The workers write it, and the operator reports it. A tenant's role may write anything there, so nobody relies on it.
"""

from typing import Annotated, Any

import msgspec

from askproai_core.tenant_config import NotificationChannel

NOTIFICATIONS = "notifications"
# A server that is away for a moment is no news: what waits is tried again after a minute.
_FAILURES = 2


class AwayChannel(msgspec.Struct, frozen=True):
    """Why a channel sends nothing, and how often in a row it was tried in vain."""

    reason: Annotated[str, msgspec.Meta(max_length=500)]
    failures: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1


class NotificationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The channels that are away, by name; and the day whose list was sent last (ISO 8601)."""

    away: dict[NotificationChannel, AwayChannel] = {}
    listed: str | None = None


def read_notification_state(watermark: Any) -> NotificationState:
    """Return the state that a watermark holds; an empty one if it holds none of ours."""
    try:
        return msgspec.convert(watermark, NotificationState)
    except msgspec.ValidationError:
        return NotificationState()


def failing_channels(watermark: str) -> dict[NotificationChannel, str]:
    """Return why channels send nothing that were tried in vain more than once. `watermark` is JSON, and may hold anything."""
    try:
        away = msgspec.json.decode(watermark, type=NotificationState).away
    except msgspec.DecodeError:
        return {}
    return {channel: each.reason for channel, each in away.items() if each.failures >= _FAILURES}
