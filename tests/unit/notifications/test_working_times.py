"""The daily list names when a staff member works: not the time in which a customer waits."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Service
from askproai_runtime.notifications.render import render, service_name
from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient, State, StoredNotification
from tests.worlds.compiled_salon import salon_config
from tests.worlds.notification_environment import mail_settings, notify_business

START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 2:30 in Berlin, half an hour before 3:00 becomes 2:00
MINUTE = timedelta(minutes=1)


def test_visit_is_named_in_the_mails_language() -> None:
    config = salon_config(notifications=mail_settings(25))
    wash = Service(name="waschen", display_name="Waschen")
    config = msgspec.structs.replace(config, services=(*config.services, wash))
    visit = AppointmentFacts(
        uuid4(), "mitte", "waschen+haarschnitt", "anna", START, START + 60 * MINUTE, "confirmed", 1, "Petra", None, None
    )  # fmt: skip
    assert service_name(config, visit) == "Waschen und Haarschnitt"
    english = mail_settings(25, language=Language.EN)
    assert service_name(msgspec.structs.replace(config, notifications=english), visit) == "Waschen and Haarschnitt"
    withdrawn = msgspec.structs.replace(config, services=config.services[:-1])
    assert not service_name(withdrawn, visit)


@pytest.mark.parametrize(
    ("work", "times"),
    [
        ([], "02:30–02:15"),  # nothing is blocked for it
        ([(0, 45)], "02:30–02:15"),
        ([(0, 15), (30, 45)], "02:30–02:45 + 02:00–02:15"),
    ],
)
def test_daily_list_names_the_staff_members_working_times(work: list[tuple[int, int]], times: str) -> None:
    config = salon_config(notifications=mail_settings(25, business=notify_business()))
    spans = tuple((START + first * MINUTE, START + last * MINUTE) for first, last in work)
    appointment = AppointmentFacts(
        uuid4(), "mitte", "haarschnitt", "anna", START, START + 45 * MINUTE, "confirmed", 1, "Petra", None, None, work=spans
    )  # fmt: skip
    row = StoredNotification(
        uuid4(), Kind.DAILY_LIST, Recipient.BUSINESS, "Email", None, {"day": "2026-10-25"}, State.WAITING, 0, START, "corr",
        appointment=None,
    )  # fmt: skip
    assert f"\n{times}, Haarschnitt, Anna, Petra" in render(row, config, [appointment]).text
