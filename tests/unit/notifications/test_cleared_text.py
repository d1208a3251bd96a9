"""A dead notification whose text retention has deleted can still be redriven: it is dropped, and sends nothing."""

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.notifications.decide import Drop, Send, decide
from askproai_runtime.notifications.types import Kind, Recipient, State, StoredNotification
from tests.worlds.notification_environment import mail_settings, notify_business

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "content"), [(Kind.TEXT, {"title": "Nachricht", "text": "…"}), (Kind.DAILY_LIST, {"day": "2026-11-20"})]
)
def test_notification_without_its_content_is_dropped(kind: Kind, content: dict[str, str]) -> None:
    settings = mail_settings(25, business=notify_business())

    def decided(kept: dict[str, str]) -> object:
        row = StoredNotification(
            uuid4(), kind, Recipient.BUSINESS, "Email", None, kept, State.WAITING, 0, NOW, "corr", appointment=None
        )
        return decide(row, settings, NOW, ZoneInfo("Europe/Berlin"))

    assert decided(content) == Send()
    assert decided({}) == Drop("retention has deleted its text")
