"""Cal.com sends an event at most once. The poll finds each change whose event was lost, and applies it once."""

import json
from datetime import datetime, timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from askproai_core.provider_names import CalendarApi
from askproai_core.tenant_config import Withheld
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.services import EventType
from askproai_runtime.settings import Settings
from askproai_runtime.tasks import PutOff
from askproai_sandbox.calcom.account import Booking
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import NOW, call
from tests.worlds.poll_environment import EVERY, OWN_FILE, OWN_KEY, PollEnvironment, tick

pytestmark = pytest.mark.nightly

TEN, THREE, FOUR = "2026-11-27T09:00:00Z", "2026-11-27T14:00:00Z", "2026-11-27T15:00:00Z"
PAGE_SIZE = "askproai_runtime.calendars.calcom_v2._PAGE_SIZE"


async def test_poll_applies_changes_made_at_calcom_without_events(polled: PollEnvironment) -> None:
    uid = await polled.create(TEN)
    await polled.poll()
    assert await polled.appointments() == [("confirmed", "11-27 09:00")]
    (before,) = await polled.salon.live()
    tick(polled, minutes=10)
    moved = await polled.env.dashboard("move", uid=uid, start=FOUR)
    await polled.poll()
    (row,) = await polled.salon.live()
    assert (row["id"], row["external_id"]) == (before["id"], moved["uid"])
    assert await polled.appointments() == [("confirmed", "11-27 15:00")]
    tick(polled, minutes=10)
    await polled.env.dashboard("cancel", uid=moved["uid"])
    await polled.poll()
    assert await polled.appointments() == [("cancelled", "11-27 15:00")]
    assert polled.salon.metrics.changes_found == ["add", "move", "cancel"]
    await polled.salon.assert_claims_match()


async def test_poll_finds_a_no_show_set_at_calcom(polled: PollEnvironment) -> None:
    uid = await polled.create(TEN)
    await polled.poll()
    tick(polled, days=8)
    await polled.env.dashboard("absent", uid=uid)
    await polled.poll()
    assert [row[0] for row in await polled.appointments()] == ["no_show"]


async def test_polled_booking_moved_several_times_stays_one_appointment(polled: PollEnvironment) -> None:
    first = await polled.create(TEN)
    await polled.poll()
    (before,) = await polled.salon.live()
    for minutes, start in ((10, THREE), (1, FOUR), (1, "2026-12-04T09:00:00Z")):
        tick(polled, minutes=minutes)
        first = (await polled.env.dashboard("move", uid=first, start=start))["uid"]
    await polled.poll()
    (row,) = await polled.salon.live()
    assert (row["id"], row["external_id"]) == (before["id"], first)
    assert await polled.appointments() == [("confirmed", "12-04 09:00")]
    await polled.salon.assert_claims_match()


async def test_poll_ignores_our_own_changes(polled: PollEnvironment) -> None:
    await polled.salon.book(staff="anna")
    await polled.poll()
    tick(polled, minutes=10)
    await polled.salon.booking.reschedule_appointment(call(), {"start": "2026-11-27T16:00:00+01:00"})
    await polled.poll()
    before, sent = await polled.salon.rows("SELECT * FROM appointments"), len(polled.requests())
    await polled.poll()
    assert await polled.salon.rows("SELECT * FROM appointments") == before
    assert len(polled.requests()) == sent + 1
    assert polled.salon.metrics.changes_found == []


async def test_idle_tenant_costs_twelve_poll_requests_hourly(polled: PollEnvironment) -> None:
    """docs/performance.md states this number."""
    await polled.poll()
    sent, every = len(polled.requests()), timedelta(seconds=Settings().calendar_poll_seconds)
    for _ in range(timedelta(hours=1) // every):
        tick(polled, seconds=every.total_seconds())
        await polled.poll()
    assert len(polled.requests()) - sent == 12


async def test_poll_uses_list_rows_without_single_requests(polled: PollEnvironment) -> None:
    await polled.poll()
    sent = len(polled.requests())
    for hour in range(8, 18):
        await polled.create(f"2026-12-01T{hour:02}:00:00Z")
    await polled.poll()
    assert len(await polled.salon.live()) == 10
    assert len(polled.requests()) - sent == 1


async def test_poll_ignores_bookings_of_foreign_event_types(polled: PollEnvironment) -> None:
    await polled.env.event_type(2000, "somebody")
    uid = await polled.create(TEN, event_type=2000)
    await polled.poll()
    tick(polled, minutes=10)
    await polled.env.dashboard("move", uid=uid, start=FOUR)
    sent = len(polled.requests())
    await polled.poll()
    assert len(polled.requests()) - sent == 1
    assert await polled.appointments() == []
    assert await polled.salon.rows("SELECT 1 FROM webhook_events") == []


async def test_poll_tolerates_a_slow_calcom_clock(polled: PollEnvironment) -> None:
    """Cal.com's clock is three hours behind ours, and a booking that is committed later has an earlier date."""
    polled.env.calcom.clock.advance(-timedelta(hours=3))  # type: ignore[attr-defined]
    await polled.create(TEN)
    await polled.poll()
    assert datetime.fromisoformat(polled.account()["seen"]) == NOW - timedelta(hours=3)
    late = await polled.create(FOUR)
    polled.update(late, NOW - timedelta(hours=3, minutes=1))
    await polled.poll()
    assert await polled.appointments() == [("confirmed", "11-27 09:00"), ("confirmed", "11-27 15:00")]


async def test_future_change_date_does_not_hide_present_changes(polled: PollEnvironment) -> None:
    await polled.poll()
    polled.update(await polled.create(TEN), NOW + timedelta(days=900))
    await polled.poll()
    tick(polled, hours=2)
    await polled.create(FOUR)
    await polled.poll()
    assert len(await polled.salon.live()) == 2


@pytest.mark.parametrize("spread", [timedelta(), timedelta(seconds=7)], ids=["one moment", "one after the other"])
async def test_poll_reads_all_pages(polled: PollEnvironment, spread: timedelta, monkeypatch) -> None:
    monkeypatch.setattr(PAGE_SIZE, 3)
    await polled.poll()
    for number, hour in enumerate(range(8, 18)):
        polled.update(await polled.create(f"2026-12-01T{hour:02}:00:00Z"), NOW + number * spread)
    await polled.poll()
    assert len(await polled.salon.live()) == 10


async def test_poll_skips_no_booking_when_pages_shift(polled: PollEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed booking moves to the end of the list, and all bookings behind it move up by one."""
    monkeypatch.setattr(PAGE_SIZE, 3)
    await polled.poll()
    uids = [await polled.create(f"2026-12-01T{hour:02}:00:00Z") for hour in range(8, 18)]
    for number, uid in enumerate(uids):
        polled.update(uid, NOW + timedelta(seconds=10 * number))
    account = polled.context.calendar.accounts()[0]  # type: ignore[attr-defined]
    real = account.bookings.list_changed
    first = iter(uids)

    async def list_changed(_self: object, *args: object, **named: object) -> object:
        page = await real(*args, **named)
        polled.update(next(first), NOW + timedelta(minutes=30))
        return page

    monkeypatch.setattr(type(account.bookings), "list_changed", list_changed)
    await polled.poll()
    assert len(await polled.salon.live()) == 10


async def test_double_promise_in_several_polls_makes_one_job(polled: PollEnvironment) -> None:
    polled.env.disconnect()
    await polled.salon.book(staff="anna")
    polled.env.reconnect()
    uid = await polled.create("2026-11-27T13:30:00Z")
    await polled.create("2026-12-01T09:00:00Z")
    for _ in range(3):
        await polled.poll()
    assert len(await polled.salon.live()) == 2
    (event,) = await polled.salon.rows("SELECT * FROM webhook_events")
    assert json.loads(event["payload"])["payload"] == {"uid": uid, "eventTypeId": 1001}
    (job,) = await polled.salon.rows("SELECT kind, state FROM jobs WHERE kind = 'webhook-event'")
    assert job["state"] == "ready"
    assert len(await polled.salon.rows("SELECT 1 FROM audit_log")) == 1
    assert polled.salon.metrics.changes_found.count("left") == 1


async def test_conflict_listed_by_each_poll_makes_one_job(polled: PollEnvironment) -> None:
    """A caller was promised a move that Cal.com refuses. Nothing else happens there, so each list ends with this booking."""
    await polled.salon.book(staff="anna")
    await polled.poll()
    polled.env.disconnect()
    assert (await polled.salon.booking.reschedule_appointment(call(), {"start": "2026-11-27T16:00:00+01:00"})).success
    polled.env.reconnect()
    for _ in range(6):
        tick(polled, minutes=1)
        await polled.poll()
        await polled.salon.rows("UPDATE jobs SET state = 'dead' WHERE kind = 'calendar-sync' AND state = 'ready'")
    before = await polled.salon.rows("SELECT state FROM jobs WHERE kind = 'calendar-sync' ORDER BY id")
    for _ in range(6):
        tick(polled, minutes=10)
        await polled.poll()
    assert await polled.salon.rows("SELECT state FROM jobs WHERE kind = 'calendar-sync' ORDER BY id") == before
    await polled.env.dashboard("cancel", uid=polled.env.bookings[0]["uid"])
    await polled.poll()
    jobs = await polled.salon.rows("SELECT state FROM jobs WHERE kind = 'calendar-sync' ORDER BY id")
    assert jobs == [*before, {"state": "ready"}], "a change of that booking is news"


async def test_failed_account_is_polled_again_from_its_watermark(polled: PollEnvironment) -> None:
    await polled.create(TEN)
    await polled.poll()
    tick(polled, minutes=10)
    await polled.create(FOUR)
    polled.env.inject_fault(FaultKind.ERROR_BEFORE_COMMIT, "list-bookings", count=1)
    with pytest.raises(PutOff, match=r"the Tenant's account: Cal.com did not list its bookings") as put_off:
        await polled.poll()
    assert put_off.value.after == EVERY
    assert len(await polled.salon.live()) == 1
    await polled.poll()
    assert len(await polled.salon.live()) == 2


async def test_poll_waits_while_calcom_is_rate_limiting(polled: PollEnvironment) -> None:
    polled.env.inject_fault(FaultKind.RATE_LIMITED, "list-bookings", count=1)
    for requests in (1, 1):
        with pytest.raises(PutOff, match="slow down") as put_off:
            await polled.poll()
        assert put_off.value.after > timedelta(seconds=30)
        assert len(polled.requests()) == requests


@pytest.mark.parametrize("why", [Withheld.NOT_FOUND, Withheld.NOT_LOOKED_UP], ids=str)
async def test_bookings_under_a_foreign_key_are_imported_later(polled: PollEnvironment, why: Withheld) -> None:
    """The list of another account says nothing of event types that are not in it."""
    services = polled.env.config.services
    links = tuple(msgspec.structs.replace(each, withheld=why) for each in services[0].event_types)
    kept = await polled.create(FOUR)
    for first_poll in (True, False):
        if not first_poll:  # the right key is replaced by a wrong one
            tick(polled, minutes=10)
            await polled.env.dashboard("cancel", uid=kept)
        for hour in range(8, 11):
            day = 1 if first_poll else 2
            polled.date(await polled.create(f"2026-12-0{day}T{hour:02}:00:00Z"), NOW - timedelta(days=20))
        polled.change_service(lambda service: msgspec.structs.replace(service, event_types=links))
        sent = len(polled.requests())
        await polled.poll()
        assert len(polled.requests()) == sent, "the key is not asked"
        polled.env.config = msgspec.structs.replace(polled.env.config, services=services)
        tick(polled, minutes=10)
        await polled.poll()
        assert len(await polled.salon.live()) == (4 if first_poll else 6)


async def test_withheld_event_type_delays_no_other_event_type(polled: PollEnvironment) -> None:
    for event_type in (1001, 1002):
        polled.date(await polled.create(TEN, event_type), NOW - timedelta(days=20))
    services = polled.env.config.services
    polled.change_service(
        lambda service: msgspec.structs.replace(
            service,
            event_types=(
                EventType(staff="anna", event_type_id=1001, withheld=Withheld.NOT_LOOKED_UP),
                EventType(staff="mehmet", event_type_id=1002),
            ),
        )
    )
    await polled.poll()
    assert [row["staff"] for row in await polled.salon.live()] == ["mehmet"]
    polled.env.config = msgspec.structs.replace(polled.env.config, services=services)
    await polled.poll()
    assert sorted(row["staff"] for row in await polled.salon.live()) == ["anna", "mehmet"]


async def test_account_without_a_key_delays_no_other_poll(polled: PollEnvironment) -> None:
    await polled.give_anna_an_account()
    await polled.create(TEN, 2001, OWN_KEY)
    await polled.create(TEN, 1002)
    await polled.poll()
    assert len(await polled.salon.live()) == 2
    tick(polled, minutes=10)
    await polled.create(FOUR, 2001, OWN_KEY)
    await polled.create(FOUR, 1002)
    del polled.keys[OWN_FILE]
    with pytest.raises(PutOff, match="the account of anna"):
        await polled.poll()
    assert [row["staff"] for row in await polled.salon.live()].count("mehmet") == 2
    assert polled.account()["seen"] > polled.account(OWN_FILE)["seen"]
    polled.keys[OWN_FILE] = OWN_KEY
    await polled.poll()
    assert [row["staff"] for row in await polled.salon.live()].count("anna") == 2


async def test_poll_from_an_older_watermark_changes_nothing(polled: PollEnvironment) -> None:
    """After the restore of a backup, changes are found a second time."""
    await polled.create(TEN)
    await polled.poll()
    older = polled.watermark
    for hour in range(8, 12):
        tick(polled, minutes=10)
        await polled.create(f"2026-12-01T{hour:02}:00:00Z")
        await polled.poll()
    before = await polled.salon.rows("SELECT * FROM appointments ORDER BY id")
    polled.watermark = older
    await polled.poll()
    assert await polled.salon.rows("SELECT * FROM appointments ORDER BY id") == before


@pytest.mark.parametrize(
    "watermark", [{"accounts": 7}, {"accounts": {"": {"seen": "yesterday"}}}, {"other": 1}], ids=str
)
async def test_invalid_watermark_starts_a_new_poll(polled: PollEnvironment, watermark: dict[str, object]) -> None:
    await polled.create(TEN)
    polled.watermark = watermark
    await polled.poll()
    assert len(await polled.salon.live()) == 1


@pytest.mark.parametrize("calendar", ["local", "version 1 of the API"])
async def test_calendar_without_a_change_list_is_not_polled(polled: PollEnvironment, calendar: str) -> None:
    now = polled.env.config.calendar
    changed = CalendarConfig() if calendar == "local" else msgspec.structs.replace(now, api_versions=(CalendarApi.V1,))
    polled.env.config = msgspec.structs.replace(polled.env.config, calendar=changed)
    assert (await polled.poll()).after == EVERY
    assert polled.requests() == []


async def test_unknown_event_type_does_not_delay_changes(polled: PollEnvironment) -> None:
    await polled.poll()
    polled.change_service(
        lambda s: msgspec.structs.replace(s, event_types=(*s.event_types, EventType(staff="anna", event_type_id=7777)))
    )
    tick(polled, minutes=10)
    await polled.create(TEN)
    with pytest.raises(PutOff, match="event-types do not exist"):
        await polled.poll()
    assert len(await polled.salon.live()) == 1


async def test_first_poll_applies_cancellations_whose_events_were_lost(polled: PollEnvironment) -> None:
    """The tenant has appointments, and events of theirs were lost."""
    await polled.salon.book(staff="anna")
    await polled.env.dashboard("cancel", uid=polled.env.bookings[0]["uid"])
    tick(polled, days=3)
    await polled.poll()
    assert await polled.salon.live() == []


async def test_unreadable_rows_of_a_booking_list_are_counted(polled: PollEnvironment, monkeypatch) -> None:
    """One listed booking has no instant: the other one is imported, and the list is recorded as partly read."""
    odd, _ = await polled.create(TEN), await polled.create(FOUR)
    whole = Booking.body
    no_offset = {"start": "2026-11-27T09:00:00"}
    monkeypatch.setattr(Booking, "body", lambda each: whole(each) | (no_offset if each.uid == odd else {}))
    with capture_logs() as logs:
        await polled.poll()
    assert await polled.appointments() == [("confirmed", "11-27 15:00")]
    assert ("calcom", "list-bookings", "listed_in_part") in polled.salon.metrics.provider_calls
    assert {(line["rows"], line["of"]) for line in logs if line["event"] == "calendar.rows_skipped"} == {(1, 2)}


@pytest.mark.parametrize("odd_text", ["a\0b", "a\ud83d"], ids=["nul", "half a pair"])
async def test_texts_no_database_stores_end_no_poll(
    polled: PollEnvironment, monkeypatch: pytest.MonkeyPatch, odd_text: str
) -> None:
    odd, _ = await polled.create(TEN), await polled.create(FOUR)
    whole = Booking.body
    monkeypatch.setattr(
        Booking, "body", lambda each: whole(each) | ({"rescheduledFromUid": odd_text} if each.uid == odd else {})
    )
    await polled.poll()
    assert ("confirmed", "11-27 15:00") in await polled.appointments()
