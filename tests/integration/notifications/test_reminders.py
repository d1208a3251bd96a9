"""Reminders of appointments, and the list of the day: at their hour, once, and only to customers who want them."""

from datetime import UTC, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config.notifications import CustomerNotifications, QuietHours
from askproai_core.tenant_config.services import Segment
from askproai_core.tenant_config.vocabulary import SegmentKind
from tests.worlds.booking_environment import MORNING, NOW
from tests.worlds.notification_environment import (
    CUSTOMER,
    OWNER,
    NotificationEnvironment,
    mail_settings,
    notify_business,
    text_of,
)

pytestmark = pytest.mark.nightly

DAY_BEFORE = datetime(2026, 11, 26, 13, 30, tzinfo=UTC)  # 14:30 in Berlin, a day before the usual appointment
NOON = "2026-11-27T12:00:00+01:00"


async def remind(env: NotificationEnvironment, minutes: int = 1440, quiet: QuietHours | None = None) -> None:
    """Book with reminders switched on, and let the confirmation go out."""
    customer = CustomerNotifications(remind_minutes_before=minutes, quiet_hours=quiet)
    env.configure(mail_settings(env.server.port, customer=customer))
    await env.book()
    await env.run()
    await env.set_last_change(NOW)
    env.server.mails.clear()


async def run_at(env: NotificationEnvironment, at: datetime) -> None:
    env.salon.clock.advance(at - env.salon.clock.now())
    await env.make_due()
    await env.run()


async def test_a_customer_is_reminded_once_at_the_hour(env: NotificationEnvironment) -> None:
    await remind(env)
    await run_at(env, DAY_BEFORE - timedelta(minutes=1))
    assert env.server.mails == []
    for minutes in range(3):
        await run_at(env, DAY_BEFORE + timedelta(minutes=minutes))
    (mail,) = env.server.mails
    assert mail["Subject"] == "Erinnerung: Termin am Freitag, 27. November 2026, 14:30 Uhr"
    assert "wir erinnern Sie an Ihren Termin bei Salon Müller" in text_of(mail)


async def test_moved_appointment_is_reminded_at_its_new_time(env: NotificationEnvironment) -> None:
    await remind(env)
    await run_at(env, DAY_BEFORE)
    (appointment,) = await env.salon.live()
    await env.move(str(appointment["id"]), "2026-12-04T14:30:00+01:00")
    await env.set_last_change(DAY_BEFORE + timedelta(hours=1))
    await run_at(env, DAY_BEFORE + timedelta(days=7))
    titles = [mail["Subject"] for mail in env.server.mails]
    assert titles == [
        "Erinnerung: Termin am Freitag, 27. November 2026, 14:30 Uhr",
        "Neuer Termin: Freitag, 4. Dezember 2026, 14:30 Uhr",
        "Erinnerung: Termin am Freitag, 4. Dezember 2026, 14:30 Uhr",
    ]


async def test_reminder_waiting_during_a_move_is_dropped(env: NotificationEnvironment) -> None:
    await remind(env)
    env.server.rcpt = ["451 later"]
    await run_at(env, DAY_BEFORE)
    (appointment,) = await env.salon.live()
    await env.move(str(appointment["id"]), "2026-12-04T14:30:00+01:00")
    await run_at(env, DAY_BEFORE + timedelta(minutes=5))
    assert ("reminder", "customer", "dropped") in await env.states()


async def test_late_booking_has_no_reminder(env: NotificationEnvironment) -> None:
    await remind(env)
    await env.set_last_change(DAY_BEFORE + timedelta(hours=1))
    await run_at(env, DAY_BEFORE + timedelta(hours=2))
    assert env.server.mails == []


async def test_quiet_hours_delay_a_reminder_not_sendable_before(env: NotificationEnvironment) -> None:
    await remind(env, quiet=QuietHours(begins=time(14), ends=time(16)))
    await run_at(env, DAY_BEFORE)  # due at 13:30, but nobody ran then
    assert env.server.mails == []
    await run_at(env, DAY_BEFORE + timedelta(hours=2))
    assert len(env.server.mails) == 1


async def test_opted_out_customer_gets_only_confirmations(env: NotificationEnvironment) -> None:
    await env.salon.pool.execute(
        "INSERT INTO reminder_opt_outs (tenant, address, since, changed_by) VALUES ($1, $2, now(), 'test')",
        env.salon.store.tenant, CUSTOMER,
    )  # fmt: skip
    await remind(env)
    await run_at(env, DAY_BEFORE)
    assert env.server.mails == []
    assert await env.states() == [("booked", "customer", "sent")]


async def test_business_gets_changes_and_the_daily_list(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, customer=None, business=notify_business(daily_list_at=time(7))))
    first = await env.book(email=None)
    await env.book("call_2", email=None, start=MORNING, name="Otto Maier")
    await env.run()
    await env.salon.cancel(first)
    await env.run()
    assert [mail["Subject"] for mail in env.server.mails] == [
        "Neuer Termin: Freitag, 27. November 2026, 14:30 Uhr, Petra Müller",
        "Neuer Termin: Freitag, 27. November 2026, 10:00 Uhr, Otto Maier",
        "Abgesagt: Freitag, 27. November 2026, 14:30 Uhr, Petra Müller",
    ]
    assert "Telefon: +4915112345678" in text_of(env.server.mails[0])
    seven = datetime(2026, 11, 27, 6, tzinfo=UTC)
    for minutes in (-1, 0, 1, 60):
        await run_at(env, seven + timedelta(minutes=minutes))
    env.watermark = {}  # as if the run had not been recorded
    await run_at(env, seven + timedelta(minutes=61))
    (mail,) = env.server.mails[3:]
    assert mail["To"].addresses[0].addr_spec == OWNER
    assert mail["Subject"] == "Termine am Freitag, 27. November 2026"
    assert "10:00–10:45, Haarschnitt, Anna, Otto Maier" in text_of(mail)
    await run_at(env, seven + timedelta(days=1))
    assert len(env.server.mails) == 4, "a day without appointments has no list"


async def test_daily_list_names_visits_as_booked(env: NotificationEnvironment) -> None:
    """The service's segments have another order since; only a moved visit has the new order."""
    settings = mail_settings(env.server.port, customer=None, business=notify_business(daily_list_at=time(7)))
    service = replace(env.salon.configs[-1].services[0], duration_minutes=105, buffer_before_minutes=5)
    wait = Segment(30, SegmentKind.WAIT)

    def set_segments(*segments: Segment) -> None:
        env.configure(settings, services=(replace(service, segments=segments),))

    set_segments(Segment(30), wait, Segment(45))
    await env.book(email=None, start=MORNING, name="Otto Maier")
    moved = await env.book("call_2", email=None, start="2026-11-27T12:00:00+01:00")
    set_segments(Segment(45), wait, Segment(30))
    await env.move(moved, "2026-11-27T12:30:00+01:00", "call_2")
    set_segments()
    env.server.mails.clear()
    await run_at(env, datetime(2026, 11, 27, 6, tzinfo=UTC))
    text = text_of(env.server.mails[-1])
    assert "10:00–10:30 + 11:00–11:45, Haarschnitt, Anna, Otto Maier" in text
    assert "12:30–13:15 + 13:45–14:15, Haarschnitt, Anna, Petra" in text
