"""Customers read in their mails what to bring or do before an appointment."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.notifications.render import render
from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient, State, StoredNotification
from tests.worlds.compiled_salon import salon_config
from tests.worlds.notification_environment import mail_settings, notify_business

START = datetime(2026, 11, 27, 9, tzinfo=UTC)
APPOINTMENT = AppointmentFacts(
    UUID(int=1), "mitte", "haarschnitt", "anna", START, START + timedelta(minutes=45), "confirmed", 1, "Petra", None, None
)  # fmt: skip


def config_with(preparation: str, language: Language = Language.DE) -> TenantConfig:
    config = salon_config(
        notifications=msgspec.structs.replace(mail_settings(25, business=notify_business()), language=language)
    )
    services = [msgspec.structs.replace(each, preparation=preparation) for each in config.services]
    return msgspec.structs.replace(config, services=tuple(services))


def text_of(kind: Kind, recipient: Recipient, config: TenantConfig) -> str:
    row = StoredNotification(
        UUID(int=2), kind, recipient, "Email", START, {}, State.WAITING, 0, START, "corr", appointment=APPOINTMENT
    )
    return render(row, config).text


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.MOVED, Kind.REMINDER])
def test_the_customer_reads_how_to_prepare(kind: Kind) -> None:
    text = text_of(kind, Recipient.CUSTOMER, config_with("Bitte kommen Sie\nnüchtern."))
    assert "Bei: Anna\nBitte beachten: Bitte kommen Sie nüchtern.\n" in text
    assert "\nPlease note: " in text_of(kind, Recipient.CUSTOMER, config_with("Bring it.", Language.EN))


def test_preparation_is_absent_where_it_does_not_apply() -> None:
    config = config_with("Bitte kommen Sie nüchtern.")
    assert "nüchtern" not in text_of(Kind.CANCELLED, Recipient.CUSTOMER, config)
    assert "nüchtern" not in text_of(Kind.BOOKED, Recipient.BUSINESS, config)
    assert "Bitte beachten" not in text_of(Kind.BOOKED, Recipient.CUSTOMER, config_with(""))


@pytest.mark.parametrize("language", [Language.DE, Language.EN])
def test_cancellation_offers_neither_changes_nor_reminder_opt_out(language: Language) -> None:
    config = config_with("", language)
    offers = ("Ändern oder absagen", "keine Erinnerungen", "To change or cancel", "No more reminders")
    assert [each for each in offers if each in text_of(Kind.CANCELLED, Recipient.CUSTOMER, config)] == []
    assert "".join(each for each in offers if each in text_of(Kind.BOOKED, Recipient.CUSTOMER, config)) != ""
