"""A round robin of a Cal.com team: the caller hears the host's name, and that person's time is blocked here."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendar_sync.free_times_keeper import FreeTimesKeeper
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendars import CalendarRequest, calcom_bookings, calcom_v2
from askproai_runtime.calendars.calcom_bookings import booking_body
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.calcom_environment import KEY, CalcomEnvironment
from tests.worlds.teams import BUSY, TEAM, agreed_host, create_team

pytestmark = pytest.mark.nightly


@pytest.fixture(autouse=True)
async def hosts(env: CalcomEnvironment) -> dict[str, int]:
    """Anna and Mehmet are the hosts of one event type, which both do in the config. Returns their ids at Cal.com."""
    return await create_team(env, by_host=True)


async def offered(env: CalcomEnvironment, **args: Any) -> list[tuple[str, str]]:
    """Return the starts and the staff members that a caller is offered for Friday at half past two."""
    answer = await env.salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "14:30", **args})
    return [(slot["start"], slot["staff"]) for slot in answer.fields["slots"]]


async def test_offers_for_a_host_exclude_its_busy_times(env: CalcomEnvironment) -> None:
    await env.control("busy", host="anna", **BUSY)
    offers = await offered(env, staff="anna")
    annas = [start for start, name in offers if name == "anna"]
    assert annas
    assert not any("2026-11-27T13:16" < start < "2026-11-27T16:00" for start in annas), offers
    assert (HALF_PAST_TWO, "mehmet") in offers, "the other one at the time that was asked for"
    assert (HALF_PAST_TWO, "mehmet") in await offered(env, staff="mehmet")
    assert (await offered(env))[0] == (HALF_PAST_TWO, "mehmet"), "who names nobody is offered who is free"
    assert (await book(env)).fields["staff"] == "mehmet"
    assert env.count_requests("create-booking") == 1, "nobody is asked for who is known to be busy"


async def test_only_the_named_hosts_times_are_read(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    await offered(env, staff="mehmet")
    rows = await env.salon.rows("SELECT DISTINCT host_id FROM host_free_times")
    assert [row["host_id"] for row in rows] == [hosts["mehmet"]]
    assert env.count_requests("list-slots") == 1


async def test_booking_outdates_all_hosts_which_are_preloaded(env: CalcomEnvironment) -> None:
    keeper = FreeTimesKeeper(env.worker)
    assert await keeper.refresh(timedelta(minutes=10), "corr") == 2
    assert await keeper.refresh(timedelta(minutes=10), "corr") == 0, "both are known"
    before = env.count_requests("list-slots")
    assert (HALF_PAST_TWO, "anna") in await offered(env, staff="anna")
    assert env.count_requests("list-slots") == before
    await book(env, staff="mehmet")
    assert await keeper.refresh(timedelta(minutes=10), "corr") == 2
    assert (HALF_PAST_TWO, "anna") in await offered(env, staff="anna")
    assert (HALF_PAST_TWO, "mehmet") not in await offered(env, staff="mehmet")


async def test_row_dropped_by_older_pod_rereads_all_hosts(env: CalcomEnvironment) -> None:
    await offered(env)
    before = env.count_requests("list-slots")
    await env.salon.rows(
        """INSERT INTO free_times (tenant, event_type_id, day, dropped_at) VALUES ($1, $2, '2026-11-27', clock_timestamp())
           RETURNING day""",
        env.salon.store.tenant, TEAM,
    )  # fmt: skip
    await offered(env)
    assert env.count_requests("list-slots") == before + 2


def ignore_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Cal.com choose the host itself, and ignore the requested host."""

    def body_without_wish(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
        return {name: value for name, value in booking_body(request, config).items() if name != "rrHostSubsetIds"}

    monkeypatch.setattr(calcom_v2, "booking_body", body_without_wish)


def only_mehmet(env: CalcomEnvironment) -> None:
    """Take Anna's entry out of the config: at Cal.com she stays a host of the team."""
    (service,) = env.config.services
    known = tuple(each for each in service.team_event_types if each.staff == "mehmet")
    env.offer(msgspec.structs.replace(service, team_event_types=known))


async def book(env: CalcomEnvironment, number: int = 1, **args: Any) -> Any:
    """Book as another caller for each number: Cal.com answers the same attendee at the same time with the same booking."""
    caller = call(f"call_{number}", f"+491511234567{number}")
    return await env.salon.book(by=caller, **args)


@pytest.mark.parametrize("name", ["anna", "mehmet"])
async def test_spoken_host_is_the_booked_host(env: CalcomEnvironment, name: str) -> None:
    answer = await book(env, staff=name)
    assert f"bei {name.title()}." in answer.message
    assert await agreed_host(env) == name


async def test_team_offer_is_booked_with_a_free_host(env: CalcomEnvironment) -> None:
    """Without free times by host, Cal.com chooses the team's host, whose name the caller hears."""
    await create_team(env, by_host=False)
    await env.control("busy", host="anna", **BUSY)
    offer = await env.salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "14:30"})
    assert offer.fields["slots"][0]["start"] == HALF_PAST_TWO
    answer = await book(env)
    assert "bei Mehmet." in answer.message
    assert await agreed_host(env) == "mehmet"


async def test_unsynced_appointment_makes_a_team_offer_uncertain(env: CalcomEnvironment) -> None:
    """Cal.com does not have the first appointment yet, so it may choose the same host for the second booking."""
    await create_team(env, by_host=False)
    await offered(env)  # the free times of the day are known
    env.inject_fault(FaultKind.ERROR_BEFORE_COMMIT, "create-booking", count=9)
    assert (await book(env, 1)).fields["status"] == "pending_sync"
    env.calcom.faults.clear()
    answer = await env.salon.booking.check_availability(call("call_2"), {"date": "2026-11-27", "time": "14:30"})
    assert answer.fields["slots"][0]["start"] == HALF_PAST_TWO
    assert answer.fields["basis"] == "own_book", answer.message
    other = await env.salon.booking.check_availability(call("call_3"), {"date": "2026-11-27", "time": "17:00"})
    assert "basis" not in other.fields, "at another time nobody is busy"


async def test_two_simultaneous_callers_get_both_hosts(env: CalcomEnvironment) -> None:
    told = {(await book(env, number)).fields["staff"] for number in (1, 2)}
    assert told == {"anna", "mehmet"}
    assert {booking["hosts"][0]["name"] for booking in env.bookings} == told
    assert not (await book(env, 3)).success


async def test_host_chosen_by_calcom_is_said_and_stored(env: CalcomEnvironment, monkeypatch) -> None:
    ignore_wish(monkeypatch)
    told = {(await book(env, 1, staff="mehmet")).fields["staff"], (await book(env, 2)).fields["staff"]}
    assert told == {"anna", "mehmet"}
    rows = {row["external_id"]: row["staff"] for row in await env.salon.live()}
    assert rows == {booking["uid"]: booking["hosts"][0]["name"] for booking in env.bookings}
    await env.salon.assert_claims_match()


async def test_booking_of_a_busy_host_is_undone(env: CalcomEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anna has an appointment that Cal.com has lost, and Cal.com chooses her."""
    ignore_wish(monkeypatch)
    first = await book(env, 1)
    assert first.fields["staff"] == "anna"
    env.calcom.account_of(KEY).bookings.clear()
    answer = await book(env, 2, staff="mehmet")
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert [str(row["id"]) for row in await env.salon.live()] == [first.fields["appointment_id"]]
    await env.run_sync_job()
    assert env.bookings == []
    await env.salon.assert_claims_match()


async def test_booking_with_an_unknown_host_is_undone(env: CalcomEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    ignore_wish(monkeypatch)
    only_mehmet(env)
    answer = await book(env, staff="mehmet")  # Cal.com chooses Anna
    assert not answer.success
    await env.run_sync_job()
    assert env.bookings == await env.salon.live() == []


async def test_booking_with_lost_answer_gets_real_host(env: CalcomEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    ignore_wish(monkeypatch)
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    assert (await book(env, staff="mehmet")).fields["status"] == "pending_sync"
    await env.run_sync_job()
    await agreed_host(env)


async def test_host_reassigned_at_calcom_changes_the_appointment(env: CalcomEnvironment) -> None:
    await book(env, staff="anna")
    (remote,) = env.bookings
    await env.dashboard("reassign", uid=remote["uid"], host="mehmet")
    assert (await env.receive_event(remote["uid"])).startswith("moved")
    assert await agreed_host(env) == "mehmet"


async def test_move_follows_the_host_chosen_by_calcom(env: CalcomEnvironment) -> None:
    await book(env, staff="mehmet")
    moved = await env.salon.booking.reschedule_appointment(call(), {"start": "2026-11-27T16:00:00+01:00"})
    assert moved.success, moved
    name = await agreed_host(env)
    assert moved.fields["staff"] == name
    assert f"bei {name.title()}" in moved.message


async def test_remote_booking_claims_its_hosts_time(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    guest = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
    wish = {"rrHostSubsetIds": [hosts["mehmet"]]}
    remote = await env.dashboard("create", eventTypeId=TEAM, start=HALF_PAST_TWO, attendee=guest, **wish)
    assert (await env.receive_event(remote["uid"])).startswith("taken in")
    assert await agreed_host(env) == "mehmet"


async def test_customers_web_booking_survives_a_failed_move(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    """Each move assigns a host who is unknown here. A person has to decide; the customer keeps a booking."""
    only_mehmet(env)
    guest = {"name": "Karl Hoffmann", "email": "k@example.com", "timeZone": "Europe/Berlin"}
    guest["phoneNumber"] = "+4915112345671"
    wish = {"rrHostSubsetIds": [hosts["mehmet"]]}
    remote = await env.dashboard("create", eventTypeId=TEAM, start=HALF_PAST_TWO, attendee=guest, **wish)
    assert (await env.receive_event(remote["uid"])).startswith("taken in")
    await env.control("busy", host="mehmet", start="2026-11-27T07:00:00Z", end="2026-11-27T19:00:00Z")
    caller = call("call_1", "+4915112345671")
    moved = await env.salon.booking.reschedule_appointment(caller, {"start": "2026-11-27T16:00:00+01:00"})
    assert not moved.success
    for _ in range(3):
        with pytest.raises(CalendarDisagrees, match="call the customer"):
            await env.run_sync_job()
    (local,), (kept,) = await env.salon.live(), env.bookings
    assert (local["status"], local["staff"], local["external_id"]) == ("pending_sync", "mehmet", kept["uid"])
    assert "add the userId to calcom.eventTypes" in local["error"]
    await env.salon.assert_claims_match()


def read_no_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read bookings as version 1 of the API shows them: without their hosts."""
    monkeypatch.setattr(calcom_bookings, "_host_id", lambda _booking: None)


async def test_moved_booking_without_hosts_leaves_the_staff_member(env: CalcomEnvironment, monkeypatch) -> None:
    await book(env, staff="mehmet")
    (remote,) = env.bookings
    moved = await env.dashboard("move", uid=remote["uid"], start="2026-11-27T15:00:00Z")
    read_no_hosts(monkeypatch)
    assert (await env.receive_event(moved["uid"])).startswith("moved")
    (local,) = await env.salon.live()
    assert (local["staff"], local["external_id"]) == ("mehmet", moved["uid"])
    await env.salon.assert_claims_match()


async def test_new_booking_without_a_host_claims_nothing(env: CalcomEnvironment, monkeypatch) -> None:
    """The booking is imported once the poll or the audit reads it with its host."""
    guest = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
    remote = await env.dashboard("create", eventTypeId=TEAM, start=HALF_PAST_TWO, attendee=guest)
    with monkeypatch.context() as patch:
        read_no_hosts(patch)
        note = await env.receive_event(remote["uid"])
    assert note == "stored only: the calendar does not say which host of event type 3001 does it"
    assert await env.salon.live() == []
    assert (await env.receive_event(remote["uid"])).startswith("taken in")
    await agreed_host(env)


async def test_booking_reassigned_to_unknown_host_is_reported(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    only_mehmet(env)
    await book(env, staff="mehmet")
    (remote,) = env.bookings
    await env.dashboard("reassign", uid=remote["uid"], host="anna")
    with pytest.raises(CalendarDisagrees, match=f"host {hosts['anna']} .* add the userId to calcom.eventTypes"):
        await env.receive_event(remote["uid"])
