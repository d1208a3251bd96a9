"""Appointments that Cal.com holds: it mails its attendees itself, and nothing is announced before it has agreed."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, time, timedelta

import aiohttp
import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import CustomerNotifications
from askproai_runtime.calendars import Taken, Unavailable
from askproai_runtime.desk.booking import Place, notified_channels, preview_booking
from tests.worlds.booking_environment import MORNING, ScriptedCalendar, booking_args, call, open_salon
from tests.worlds.calcom_environment import QUICK, CalcomEnvironment, open_calcom_environment
from tests.worlds.databases import Database
from tests.worlds.mail_server import MailServer
from tests.worlds.notification_environment import (
    CUSTOMER,
    OWNER,
    NotificationEnvironment,
    answered,
    mail_settings,
    notify_business,
    text_of,
)

pytestmark = pytest.mark.nightly

OpenRemote = Callable[[ScriptedCalendar], Awaitable[NotificationEnvironment]]
BOTH = {"customer": CustomerNotifications(for_calcom_bookings=True), "business": notify_business()}


@pytest.fixture
async def new_env(module_database: Database, server: MailServer) -> AsyncIterator[OpenRemote]:
    opened: list[NotificationEnvironment] = []
    async with aiohttp.ClientSession() as session:

        async def new(calendar: ScriptedCalendar) -> NotificationEnvironment:
            settings = mail_settings(server.port, **BOTH)
            salon = await open_salon(
                module_database, f"r{secrets.token_hex(4)}", calendar, QUICK, notifications=settings
            )
            opened.append(NotificationEnvironment(salon, server, session))
            return opened[-1]

        yield new
    for each in opened:
        await each.salon.pool.close()


async def test_calcom_confirms_by_default_while_we_inform_businesses(new_env: OpenRemote) -> None:
    env = await new_env(ScriptedCalendar())
    env.configure(mail_settings(env.server.port, business=notify_business()))
    appointment = await env.book()
    await env.move(appointment, MORNING)
    await env.salon.cancel(appointment)
    assert {row["recipient"] for row in await env.rows()} == {"business"}


async def test_desk_sees_beforehand_whether_the_customer_is_informed(new_env: OpenRemote) -> None:
    """Anna's appointments are at Cal.com, which mails itself; Mehmet's are only ours."""
    env = await new_env(ScriptedCalendar())
    haircut, *others = env.salon.configs[-1].services
    hers = tuple(link for link in haircut.event_types if link.staff == "anna")
    services = (replace(haircut, event_types=hers), *others)
    env.configure(mail_settings(env.server.port), services=services)

    def channels(staff: str | None) -> tuple[NotificationChannel, ...]:
        service, _ = preview_booking(env.salon.booking, Place("mitte", "haarschnitt", staff), MORNING)
        return notified_channels(env.salon.booking, service)

    assert channels("anna") == ()
    assert channels("mehmet") == channels(None) == (NotificationChannel.EMAIL,)


async def test_no_change_is_announced_before_calcom_confirms_it(new_env: OpenRemote) -> None:
    env = await new_env(ScriptedCalendar(Unavailable("away")))
    await env.book()
    await env.run()
    assert env.server.mails == []
    assert {(row["state"], row["attempts"]) for row in await env.rows()} == {("waiting", 0)}
    await env.salon.booking.sync_appointment(await env.salon.claim_job())
    await env.make_due()
    await env.run()
    assert sorted(mail["To"].addresses[0].addr_spec for mail in env.server.mails) == [OWNER, CUSTOMER]


NEXT_THURSDAY = "2026-12-03T14:30:00+01:00"
SEVEN = datetime(2026, 11, 27, 6, 1, tzinfo=UTC)
EIGHT_MINUTES = timedelta(minutes=8)


async def business_mails(env: NotificationEnvironment, at: datetime) -> list[str]:
    """Run the task at this time, and return the subjects of the new mails."""
    before = len(env.server.mails)
    env.salon.clock.advance(at - env.salon.clock.now())
    await env.make_due()
    await env.run()
    return [str(mail["Subject"]) for mail in env.server.mails[before:]]


def configure_list(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, customer=None, business=notify_business(daily_list_at=time(7))))


async def test_listed_appointments_cancellation_is_mailed(new_env: OpenRemote) -> None:
    """The list was the only mail about it, since Cal.com had not agreed yet."""
    env = await new_env(ScriptedCalendar(Unavailable("away"), Unavailable("away")))
    configure_list(env)
    appointment = await env.book()
    other = await env.book("call_2", start=NEXT_THURSDAY)
    assert await business_mails(env, SEVEN) == ["Termine am Freitag, 27. November 2026"]
    assert "Petra Müller, +4915112345678, noch nicht bestätigt" in text_of(env.server.mails[-1])
    await env.salon.cancel(appointment)
    await env.salon.cancel(other)
    (subject,) = await business_mails(env, SEVEN + EIGHT_MINUTES)
    assert subject == "Abgesagt: Freitag, 27. November 2026, 14:30 Uhr, Petra Müller"


async def test_move_of_a_listed_pending_appointment_is_mailed(new_env: OpenRemote) -> None:
    env = await new_env(ScriptedCalendar(Unavailable("away")))
    configure_list(env)
    appointment = await env.book()
    await business_mails(env, SEVEN)
    await env.move(appointment, "2026-11-27T16:00:00+01:00")
    await env.salon.booking.sync_appointment(await env.salon.claim_job())
    (subject,) = await business_mails(env, SEVEN + EIGHT_MINUTES)
    assert subject == "Verschoben: Freitag, 27. November 2026, 16:00 Uhr, Petra Müller"


async def test_appointment_moved_before_the_list_is_never_announced(new_env: OpenRemote) -> None:
    """It was on that day when it was booked, but not any more when the list was sent."""
    env = await new_env(ScriptedCalendar(Unavailable("away"), Unavailable("away")))
    configure_list(env)
    await env.book("call_2", start=MORNING, name="Otto Maier")
    appointment = await env.book()
    await env.move(appointment, NEXT_THURSDAY)
    assert await business_mails(env, SEVEN) == ["Termine am Freitag, 27. November 2026"]
    assert "Petra" not in text_of(env.server.mails[-1])
    await env.salon.cancel(appointment)
    assert await business_mails(env, SEVEN + EIGHT_MINUTES) == []


async def test_refused_booking_is_announced_to_nobody(new_env: OpenRemote) -> None:
    env = await new_env(ScriptedCalendar(Taken("taken"), Taken("taken")))
    answer = await env.salon.booking.book_appointment(answered(), booking_args(email=CUSTOMER))
    assert not answer.success
    await env.run()
    assert env.server.mails == []
    assert {row["state"] for row in await env.rows()} == {"dropped"}


async def test_booking_is_announced_before_the_move_is_refused(new_env: OpenRemote, monkeypatch) -> None:
    calendar = ScriptedCalendar()
    env = await new_env(calendar)
    appointment = await env.book()

    async def refuse_after_a_run(*_: object, **__: object) -> Taken:
        await env.run()
        assert {state for _, _, state in await env.states()} == {"waiting"}
        return Taken("taken")

    monkeypatch.setattr(calendar, "move", refuse_after_a_run)
    answer = await env.salon.booking.reschedule_appointment(call(), {"appointment_id": appointment, "start": MORNING})
    assert not answer.success
    await env.make_due()
    await env.run()
    assert sorted(await env.states()) == [
        ("booked", "business", "sent"),
        ("booked", "customer", "sent"),
        ("moved", "business", "dropped"),
        ("moved", "customer", "dropped"),
    ]


@pytest.fixture
async def calcom(module_database: Database) -> AsyncIterator[CalcomEnvironment]:
    salons = []

    async def new(*args, **changes):
        salons.append(await open_salon(module_database, f"c{secrets.token_hex(4)}", *args, **changes))
        return salons[-1]

    async with open_calcom_environment(new) as opened:
        yield opened
    for salon in salons:
        await salon.pool.close()


async def test_business_hears_once_of_changes_at_calcom(calcom: CalcomEnvironment, server: MailServer) -> None:
    """Each event comes twice, as it may; our own changes come back as events, too."""
    settings = replace(mail_settings(server.port), business=notify_business())
    calcom.config = replace(calcom.config, notifications=settings)
    attendee = {
        "name": "Karl", "email": "karl@example.com", "timeZone": "Europe/Berlin", "phoneNumber": "+4915177777777",
    }  # fmt: skip
    remote = await calcom.dashboard("create", eventTypeId=1001, start="2026-11-27T15:00:00Z", attendee=attendee)
    for _ in range(2):
        await calcom.receive_event(remote["uid"])
    moved = await calcom.dashboard("move", uid=remote["uid"], start="2026-11-27T10:00:00Z")
    for _ in range(2):
        await calcom.receive_event(moved["uid"])
    await calcom.dashboard("cancel", uid=moved["uid"])
    for _ in range(2):
        await calcom.receive_event(moved["uid"])
    rows = await calcom.salon.rows("SELECT kind, recipient FROM notifications ORDER BY created_at")
    assert [row["kind"] for row in rows] == ["booked", "moved", "cancelled"]
    assert {row["recipient"] for row in rows} == {"business"}


async def test_longer_booking_or_new_host_announces_no_move(calcom: CalcomEnvironment, server: MailServer) -> None:
    settings = replace(mail_settings(server.port), business=notify_business())
    calcom.config = replace(calcom.config, notifications=settings)
    attendee = {"name": "Karl", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
    remote = await calcom.dashboard("create", eventTypeId=1001, start="2026-11-27T15:00:00Z", attendee=attendee)
    await calcom.receive_event(remote["uid"])
    await calcom.salon.pool.execute("UPDATE appointments SET ends_at = ends_at - interval '15 minutes'")
    assert (await calcom.receive_event(remote["uid"])).startswith("moved")
    rows = await calcom.salon.rows("SELECT kind FROM notifications")
    assert [row["kind"] for row in rows] == ["booked"]
