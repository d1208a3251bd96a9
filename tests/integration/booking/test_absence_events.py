"""An absence entered at Cal.com drops the free times that were known for its days, which are read anew."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from askproai_core.tenant_config.services import OwnEventType, TeamEventType
from askproai_runtime.book.store.free_times import list_known_days
from askproai_runtime.calendar_sync.free_times_keeper import FreeTimesKeeper
from askproai_runtime.calendars import Bookable
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import Source, StoredEvent
from askproai_runtime.intake.senders import identify
from tests.worlds.booking_environment import NOW
from tests.worlds.calcom_environment import KEY, CalcomEnvironment

pytestmark = pytest.mark.nightly

FRIDAY = date(2026, 11, 27)
SATURDAY, NEXT_TUESDAY = FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=4)
READ = "list-slots"


@pytest.fixture
async def sent(env: CalcomEnvironment) -> AsyncIterator[list[bytes]]:
    """Register our webhook; return the bodies that Cal.com sends."""
    bodies: list[bytes] = []

    async def receive(request: web.BaseRequest) -> web.Response:
        bodies.append(await request.read())
        return web.Response()

    async with RawTestServer(receive) as server:
        hook = {"subscriberUrl": str(server.make_url("/hook")), "triggers": ["OOO_CREATED"], "active": True}
        async with env.session.post(
            f"{env.url}/v2/webhooks", json=hook, headers={"Authorization": f"Bearer {KEY}"}
        ) as answer:
            assert answer.status == 201
        env.calcom.settings["webhook_delay_ms"] = -1
        yield bodies


async def receive(env: CalcomEnvironment, body: bytes) -> str:
    """Handle a delivery as a worker does; return the event's id."""
    event = identify(Source.CALCOM, body, tenant=env.salon.store.tenant, correlation_id="corr", now=NOW)
    stored = StoredEvent(event.source, event.event_type, event.payload, event.correlation_id, NOW)
    async with env.worker.pool.acquire() as conn, conn.transaction():
        assert await handle_calendar_event(conn, stored, env.config) is None
    return event.event_id


async def receive_entry(env: CalcomEnvironment, entry: Any) -> str:
    body = {"triggerEvent": "OOO_CREATED", "createdAt": NOW.isoformat(), "payload": {"oooEntry": entry}}
    return await receive(env, msgspec.json.encode(body))


async def starts(env: CalcomEnvironment, day: date = FRIDAY) -> list[datetime]:
    return [slot.start for slot in (await env.salon.booking.list_free_slots("mitte", "haarschnitt", day)).slots]


async def test_absence_at_calcom_applies_as_soon_as_entered(env: CalcomEnvironment, sent: list[bytes]) -> None:
    """The absence belongs to the user of the key, who is the host of both event types here."""
    owner = env.calcom.account_of(KEY).username
    for number in (1001, 1002):
        await env.event_type(number, owner)
    assert await starts(env)
    await env.control("absences", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    assert await starts(env), "Cal.com has it, and nobody has told us"
    await receive(env, sent[-1])
    assert await starts(env) == []


async def test_absence_outdates_only_its_own_and_adjacent_days(env: CalcomEnvironment, sent: list[bytes]) -> None:
    """The adjacent days count because the absent person may live in another time zone."""
    await starts(env)
    await env.control("absences", start="2026-11-27T00:00:00Z", end="2026-11-28T00:00:00Z")
    await receive(env, sent[-1])
    assert await env.known_event_types(FRIDAY) == await env.known_event_types(SATURDAY) == set()
    assert await env.known_event_types(NEXT_TUESDAY) == {1001, 1002}
    before = env.count_requests(READ)
    keeper = FreeTimesKeeper(env.worker)
    keeper.calendar_changed()
    await keeper.wait_until_read()
    assert env.count_requests(READ) == before + 2
    assert await env.known_event_types(FRIDAY) == {1001, 1002}


def with_hosts(env: CalcomEnvironment, **fields: Any) -> None:
    """Make Anna a host of a team, by her user at Cal.com; the other event types are staff members' by their names."""
    (service,) = env.config.services
    team = (TeamEventType(staff="anna", event_type_id=3001, host_id=17),)
    services = (msgspec.structs.replace(service, team_event_types=team, **fields),)
    env.config = msgspec.structs.replace(env.config, services=services)


ENTRY = {"uuid": "o1", "start": "2026-11-27T00:00:00+01:00", "end": "2026-11-27T23:59:59+01:00"}


async def test_host_absence_spares_event_types_of_other_accounts(env: CalcomEnvironment) -> None:
    await starts(env)
    (service,) = env.config.services
    annas, mehmets = sorted(service.event_types, key=lambda each: each.staff)
    own = OwnEventType(staff="mehmet", event_type_id=mehmets.event_type_id, credential="calcom-key-mehmet")
    with_hosts(env, event_types=(annas,), own_event_types=(own,))
    await receive_entry(env, {**ENTRY, "user": {"id": 17, "username": "anna"}})
    assert await env.known_event_types(FRIDAY) == {1002}


@pytest.mark.parametrize(
    "user", [{"id": 18, "username": "mehmet"}, {"id": 17, "username": "anna"}], ids=["nobody's", "owner's"]
)
async def test_absence_of_unknown_or_owning_host_outdates_everything(env: CalcomEnvironment, user: Any) -> None:
    """Event types of the tenant's account belong to its key's user, who may also be a host of a team."""
    await starts(env)
    with_hosts(env)
    await receive_entry(env, {**ENTRY, "user": user})
    assert await env.known_event_types(FRIDAY) == set()


@pytest.mark.parametrize(
    "entry", [{}, None, {"start": "bald", "end": 7, "user": "anna"}, {"uuid": "o1", "start": "2026-11-27", "user": {}}]
)
async def test_absence_without_readable_days_outdates_all_free_times(env: CalcomEnvironment, entry: Any) -> None:
    await starts(env)
    await receive_entry(env, entry)
    assert await env.known_event_types(FRIDAY) == await env.known_event_types(NEXT_TUESDAY) == set()


async def test_absence_of_years_outdates_days_with_few_rows(env: CalcomEnvironment) -> None:
    """Callers' bookings wait for the written rows, at most for `lock_timeout`."""
    later = FRIDAY + timedelta(days=60)
    await starts(env, later)
    assert await env.known_event_types(later) == {1001, 1002}
    before = await env.salon.rows("SELECT event_type_id, day FROM free_times")
    await receive_entry(env, {"uuid": "o1", "start": "2020-01-01T00:00:00Z", "end": "2120-12-31T23:59:59Z"})
    assert await env.known_event_types(later) == set()
    rows = await env.salon.rows("SELECT day FROM free_times WHERE event_type_id = 1001")
    assert min(row["day"] for row in rows) >= NOW.date() - timedelta(days=1)
    assert len(rows) <= len(before) / 2 + 29


async def test_absence_of_years_outdates_hosts_known_only_later(env: CalcomEnvironment) -> None:
    later = FRIDAY + timedelta(days=60)
    await env.salon.rows(
        """INSERT INTO host_free_times (tenant, event_type_id, host_id, day, read_at)
           VALUES ($1, 1001, 17, $2, clock_timestamp()) RETURNING day""",
        env.salon.store.tenant, later,
    )  # fmt: skip
    await receive_entry(env, {"uuid": "o1", "start": "2020-01-01T00:00:00Z", "end": "2120-12-31T23:59:59Z"})
    async with env.worker.pool.acquire() as conn:
        bookables = [Bookable(1001, 17)]
        assert await list_known_days(conn, env.salon.store.tenant, bookables, later, later, timedelta(hours=1)) == []


async def test_free_times_fetched_before_an_absence_are_discarded(env: CalcomEnvironment) -> None:
    """Days without known free times are included."""
    began = await env.salon.rows("SELECT clock_timestamp() AS now")
    await receive_entry(env, {"uuid": "o1", "start": "2026-11-27T00:00:00Z", "end": "2026-11-27T23:59:59Z"})
    (row,) = await env.salon.rows("SELECT dropped_at FROM free_times WHERE event_type_id = 1001 AND day = $1", FRIDAY)
    assert row["dropped_at"] > began[0]["now"]


async def test_changed_absence_is_stored_as_another_event(env: CalcomEnvironment, sent: list[bytes]) -> None:
    """The web app sends the same trigger and uuid again, with other days; a repeated delivery has the same ones."""
    made = await env.control("absences", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    first = await receive(env, sent[-1])
    env.advance(timedelta(minutes=1))
    await env.control("absences", update=made["id"], start="2026-12-01T00:00:00Z", end="2026-12-01T00:00:00Z")
    assert len(sent) == 2
    await starts(env)
    assert await receive(env, sent[-1]) != first
    assert await env.known_event_types(NEXT_TUESDAY) == set()
    repeated = msgspec.json.decode(sent[-1]) | {"createdAt": datetime.now(UTC).isoformat()}
    repeated["createdAt"] = (NOW + timedelta(minutes=5)).isoformat()
    assert await receive(env, msgspec.json.encode(repeated)) == await receive(env, sent[-1])
