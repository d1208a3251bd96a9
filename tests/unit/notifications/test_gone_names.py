"""A deleted object has no display name. Neither customers nor the business read its id instead."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_runtime.notifications.email_channel import calendar_file
from askproai_runtime.notifications.render import render
from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient, State, StoredNotification
from tests.worlds.compiled_salon import salon_config
from tests.worlds.notification_environment import mail_settings, notify_business

START = datetime(2026, 11, 27, 9, tzinfo=UTC)
CONFIG = salon_config(notifications=mail_settings(25, business=notify_business()))
GONE = AppointmentFacts(
    UUID(int=1), "mitte", "dauerwelle-2024", "person-17", START, START + timedelta(minutes=45), "confirmed", 1, "Petra", None, None
)  # fmt: skip


def row(kind: Kind, recipient: Recipient) -> StoredNotification:
    content = {"day": "2026-11-27"} if kind is Kind.DAILY_LIST else {}
    about = None if kind is Kind.DAILY_LIST else GONE
    return StoredNotification(
        UUID(int=2), kind, recipient, "Email", START, content, State.WAITING, 0, START, "corr", appointment=about
    )


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.MOVED, Kind.CANCELLED, Kind.REMINDER])
def test_customer_reads_no_id_of_deleted_objects(kind: Kind) -> None:
    mail = render(row(kind, Recipient.CUSTOMER), CONFIG)
    assert "dauerwelle-2024" not in mail.text + mail.title + mail.html + mail.short
    assert "person-17" not in mail.text + mail.html
    assert "Leistung:" not in mail.text
    assert (mail.fields["service"], mail.fields["service_name"], mail.fields["staff_name"]) == (
        "dauerwelle-2024",
        "",
        "",
    )


def test_business_reads_about_deleted_service_and_person() -> None:
    mail = render(row(Kind.CANCELLED, Recipient.BUSINESS), CONFIG)
    assert "Leistung: nicht mehr im Angebot\nBei: nicht mehr im Team\nKunde: Petra" in mail.text
    listed = render(row(Kind.DAILY_LIST, Recipient.BUSINESS), CONFIG, [GONE]).text
    assert "10:00–10:45, nicht mehr im Angebot, nicht mehr im Team, Petra" in listed


@pytest.mark.parametrize(("language", "summary"), [(Language.DE, "Termin bei "), (Language.EN, "Appointment at ")])
def test_calendar_file_calls_unnamed_service_an_appointment(language: Language, summary: str) -> None:
    settings = CONFIG.notifications
    assert settings is not None
    assert settings.email is not None
    config = replace(CONFIG, notifications=replace(settings, language=language))
    data = calendar_file(GONE, config, settings.email, "petra@example.com", START).data.decode()
    assert f"SUMMARY:{summary}" in data
    assert "dauerwelle" not in data
    assert "person-17" not in data
