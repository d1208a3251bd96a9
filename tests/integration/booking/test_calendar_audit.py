"""Both books are compared all day. A difference is repaired by the rules of events, or kept for a person, and never guessed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from askproai_runtime.tasks import PutOff
from askproai_sandbox.calcom.account import Booking
from askproai_sandbox.simulator import FaultKind
from tests.worlds.audit_environment import EVERY, AuditEnvironment, open_audit_environment
from tests.worlds.booking_environment import Salon, call
from tests.worlds.poll_environment import OWN_FILE, OWN_KEY

pytestmark = pytest.mark.nightly

TEN, FOUR = "2026-11-27T09:00:00Z", "2026-11-27T15:00:00Z"
PAGE_SIZE = "askproai_runtime.calendars.calcom_v2._PAGE_SIZE"
LIVE = "SELECT * FROM appointments WHERE status = 'confirmed' ORDER BY starts_at, staff"


@pytest.fixture
async def world(new_salon: Callable[..., Awaitable[Salon]]) -> AsyncIterator[AuditEnvironment]:
    async with open_audit_environment(new_salon) as opened:
        yield opened


@pytest.mark.parametrize(
    "odd",
    [{"eventType": None}, {"end": None}, {"start": "2026-11-27T09:00:00"}, {"end": TEN}],
)  # fmt: skip
async def test_unreadable_booking_is_a_difference_of_its_own(
    world: AuditEnvironment, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    """It stays for a person, and the audit goes on: a booking of the same slice that is missing here is found."""
    row, whole = await world.book(), Booking.body
    await world.polled.create(FOUR)
    with monkeypatch.context() as patch:
        patch.setattr(Booking, "body", lambda each: whole(each) | (odd if each.uid == row["external_id"] else {}))
        for _ in range(2):
            assert (await world.audit()).after == EVERY
            (difference,) = world.state.differences
            assert (difference.sort, difference.appointment, difference.uid) == (
                "unreadable", row["id"], row["external_id"],
            )  # fmt: skip
        assert world.salon.metrics.mended == ["missing_here"]
        assert len(await world.salon.rows(LIVE)) == 2
        await assert_quiet(world)
    await world.audit()
    assert world.sorts() == []


async def assert_quiet(world: AuditEnvironment) -> None:
    """Assert that another round changes nothing, adds no audit entry, and keeps the known differences with their age."""
    known = world.state.differences
    await world.settle()
    before = await world.snapshot()
    await world.audit(settled=False)
    assert await world.snapshot() == before
    assert world.state.differences == known


async def test_audit_without_differences_costs_one_request(world: AuditEnvironment) -> None:
    await world.book()
    await world.settle()
    before, sent = await world.snapshot(), len(world.polled.requests())
    assert (await world.audit(settled=False)).after == EVERY
    assert len(world.polled.requests()) == sent + 1
    assert await world.snapshot() == before
    assert (world.sorts(), world.salon.metrics.mended) == ([], [])
    assert world.state.compared_at == world.salon.clock.now()


async def test_booking_missing_at_calcom_is_reported_and_unchanged(world: AuditEnvironment) -> None:
    """The customer was promised that time: it is neither given up here nor booked there a second time."""
    row = await world.book()
    world.delete(row["external_id"])
    await world.audit()
    (difference,) = world.state.differences
    assert (difference.sort, difference.appointment, difference.here) == ("missing_there", row["id"], row["starts_at"])
    assert [each["id"] for each in await world.salon.rows(LIVE)] == [row["id"]]
    assert world.polled.env.bookings == []
    await assert_quiet(world)


async def test_booking_without_event_or_poll_is_imported(world: AuditEnvironment) -> None:
    uid = await world.polled.create(FOUR)
    await world.audit()
    assert [row["external_id"] for row in await world.salon.rows(LIVE)] == [uid]
    assert (world.sorts(), world.salon.metrics.mended) == ([], ["missing_here"])
    await world.salon.assert_claims_match()
    await assert_quiet(world)


async def test_silently_moved_booking_is_moved_here(world: AuditEnvironment) -> None:
    row = await world.book()
    world.move(row["external_id"], hours=3)
    await world.audit()
    (moved,) = await world.salon.rows(LIVE)
    assert (moved["id"], moved["starts_at"]) == (row["id"], row["starts_at"] + timedelta(hours=3))
    assert (world.sorts(), world.salon.metrics.mended) == ([], ["moved"])
    await world.salon.assert_claims_match()
    await assert_quiet(world)


async def test_audit_finds_distant_move_by_our_appointment(world: AuditEnvironment) -> None:
    row = await world.book()
    world.tick(hours=2)
    moved = await world.polled.env.dashboard("move", uid=row["external_id"], start="2026-12-04T15:00:00Z")
    await world.audit()
    (ours,) = await world.salon.rows(LIVE)
    assert (ours["id"], ours["external_id"]) == (row["id"], moved["uid"])
    assert world.sorts() == []


async def test_silently_cancelled_booking_frees_its_time(world: AuditEnvironment) -> None:
    row = await world.book()
    world.cancel(row["external_id"])
    await world.audit()
    (ours,) = await world.salon.rows("SELECT status, cancelled_by FROM appointments")
    assert (ours["status"], ours["cancelled_by"]) == ("cancelled", "calendar")
    assert (world.sorts(), world.salon.metrics.mended) == ([], ["cancelled_there"])
    await assert_quiet(world)


async def test_cancelled_appointment_still_at_calcom_is_synced(world: AuditEnvironment) -> None:
    row = await world.book()
    await world.salon.booking.cancel_appointment(call(), {})
    world.booking(row["external_id"]).status = "accepted"
    await world.salon.pool.execute("UPDATE jobs SET state = 'done', finished_at = now()")
    await world.audit()
    assert world.sorts() == ["cancelled_here"]
    assert "calendar-sync" in world.state.differences[0].reason
    await world.polled.env.run_sync_job()
    assert world.booking(row["external_id"]).status == "cancelled"
    await world.audit()
    assert world.sorts() == []


async def test_two_remote_bookings_of_one_appointment_are_reported(world: AuditEnvironment) -> None:
    row = await world.book()
    second = world.copy(row["external_id"])
    await world.audit()
    (difference,) = world.state.differences
    assert (difference.sort, difference.appointment) == ("doubled", row["id"])
    assert {difference.uid, difference.other_uid} == {row["external_id"], second}
    assert len(world.polled.env.bookings) == 2
    await assert_quiet(world)
    world.cancel(second)
    await world.audit()
    assert world.sorts() == []


async def test_second_remote_booking_gets_its_own_appointment(world: AuditEnvironment) -> None:
    row = await world.book()
    second = world.copy(row["external_id"], start=datetime.fromisoformat("2026-11-30T15:00:00Z"))
    await world.audit()
    assert world.sorts() == ["doubled"]
    assert {each["external_id"] for each in await world.salon.rows(LIVE)} == {row["external_id"], second}
    await assert_quiet(world)


async def test_two_appointments_sharing_a_booking_are_reported(world: AuditEnvironment) -> None:
    first, second = await world.book(), await world.book("mehmet", "b")
    world.delete(second["external_id"])
    await world.salon.pool.execute(
        "UPDATE appointments SET external_id = $1 WHERE id = $2", first["external_id"], second["id"]
    )
    await world.audit()
    doubled = [each for each in world.state.differences if each.sort == "doubled"]
    assert [{str(each.appointment), *each.others} for each in doubled] == [{str(first["id"]), str(second["id"])}]
    assert len(await world.salon.rows(LIVE)) == 2


async def test_overlapping_foreign_booking_is_reported_once(world: AuditEnvironment) -> None:
    row = await world.book()
    foreign = world.copy(row["external_id"], metadata={})
    await world.audit()
    (difference,) = world.state.differences
    assert (difference.sort, difference.uid, difference.others) == ("overlapping", foreign, [str(row["id"])])
    assert len(await world.salon.rows("SELECT 1 FROM audit_log")) == 1
    await assert_quiet(world)
    world.move(foreign, hours=4)
    await world.audit()
    assert world.sorts() == []
    assert len(await world.salon.rows(LIVE)) == 2


async def test_audit_reports_move_into_occupied_time_with_age(world: AuditEnvironment) -> None:
    row = await world.book()
    other = await world.book(name="b", start="2026-11-27T17:00:00+01:00")
    world.move(row["external_id"], hours=(other["starts_at"] - row["starts_at"]) / timedelta(hours=1))
    await world.audit()
    (difference,) = world.state.differences
    assert (difference.sort, difference.appointment, difference.others) == ("moved", row["id"], [str(other["id"])])
    found_at = difference.since
    await assert_quiet(world)
    assert world.state.differences[0].since == found_at < world.salon.clock.now()


@pytest.mark.parametrize("change", ["delete", "cancel"])
async def test_audit_reports_no_difference_after_recent_change(world: AuditEnvironment, change: str) -> None:
    row = await world.book()
    getattr(world, change)(row["external_id"])
    await world.polled.create("2026-11-30T15:00:00Z")
    await world.audit(settled=False)
    assert world.sorts() == []
    assert [each["id"] for each in await world.salon.rows(LIVE)] == [row["id"]], "the other one is left to its event"


@pytest.mark.parametrize("state", ["ready", "running", "dead"])
async def test_appointment_with_an_unfinished_job_is_no_difference(world: AuditEnvironment, state: str) -> None:
    row = await world.book()
    world.delete(row["external_id"])
    await world.salon.pool.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id)
           VALUES ($1, 'calendar-sync', 'high', $2, $3, 'c')""",
        world.salon.store.tenant, state, row["id"],
    )  # fmt: skip
    await world.audit()
    assert world.sorts() == []


async def test_appointment_waiting_for_calcom_is_no_difference(world: AuditEnvironment) -> None:
    world.polled.env.disconnect()
    await world.book()
    world.polled.env.reconnect()
    await world.audit()
    assert world.sorts() == []


async def test_audit_with_outdated_remote_list_changes_nothing(world: AuditEnvironment, monkeypatch) -> None:
    """The list is empty or outdated: the bookings themselves are fetched, and they agree."""
    await world.book()
    account = world.polled.context.calendar.accounts()[0]  # type: ignore[attr-defined]
    real = account.bookings.list_starting

    async def empty(_self: object, *args: object, **named: object) -> object:
        return type(page := await real(*args, **named))((), 0, full=False) if args else page

    monkeypatch.setattr(type(account.bookings), "list_starting", empty)
    await world.settle()
    before = await world.snapshot()
    await world.audit(settled=False)
    assert await world.snapshot() == before
    assert world.sorts() == []


@pytest.mark.parametrize("operation", ["list-bookings", "get-booking"])
async def test_audit_run_is_postponed_during_calcom_outage(world: AuditEnvironment, operation: str) -> None:
    row = await world.book()
    world.delete(row["external_id"])
    world.polled.env.inject_fault(FaultKind.ERROR_BEFORE_COMMIT, operation, count=1)
    with pytest.raises(PutOff, match="the Tenant's account") as put_off:
        await world.audit()
    assert put_off.value.after == EVERY
    assert world.watermark.get("differences", []) == []
    await world.audit()
    assert world.sorts() == ["missing_there"]


async def test_audit_round_covers_all_bookings_in_slices(world: AuditEnvironment, monkeypatch) -> None:
    monkeypatch.setattr(PAGE_SIZE, 3)
    for hour in range(8, 16):
        await world.polled.create(f"2026-12-01T{hour:02}:00:00Z")
    await world.settle()
    runs = 0
    while not world.state.compared_at:
        runs += 1
        sent = len(world.polled.requests())
        await world.audit(settled=False)
        assert len(world.polled.requests()) - sent <= 4
    assert runs > 2
    assert len(await world.salon.rows(LIVE)) == 8


async def test_differences_persist_while_other_slices_are_compared(world: AuditEnvironment, monkeypatch) -> None:
    monkeypatch.setattr(PAGE_SIZE, 3)
    row = await world.book()
    world.delete(row["external_id"])
    for hour in range(8, 16):
        await world.polled.create(f"2026-12-01T{hour:02}:00:00Z")
    await world.settle()
    seen = []
    for _ in range(6):
        await world.audit(settled=False)
        seen.append(world.sorts())
    assert all(sorts == ["missing_there"] for sorts in seen)


async def test_many_unknown_bookings_are_checked_over_several_runs(world: AuditEnvironment, monkeypatch) -> None:
    monkeypatch.setattr("askproai_runtime.calendar_sync.audit._MAX_CHECKS", 2)
    for hour in range(8, 14):
        await world.polled.create(f"2026-12-01T{hour:02}:00:00Z")
    await world.settle()
    await world.audit(settled=False)
    assert len(await world.salon.rows(LIVE)) == 2
    for _ in range(3):
        await world.audit(settled=False)
    assert len(await world.salon.rows(LIVE)) == 6


async def test_account_without_a_key_delays_no_other_audit(world: AuditEnvironment) -> None:
    await world.polled.give_anna_an_account()
    await world.polled.create(TEN, 2001, OWN_KEY)
    await world.polled.create(TEN, 1002)
    await world.audit()
    assert sorted(row["staff"] for row in await world.salon.rows(LIVE)) == ["anna", "mehmet"]
    await world.polled.create(FOUR, 2001, OWN_KEY)
    await world.polled.create(FOUR, 1002)
    del world.polled.keys[OWN_FILE]
    with pytest.raises(PutOff, match="the account of anna"):
        await world.audit()
    assert sorted(row["staff"] for row in await world.salon.rows(LIVE)) == ["anna", "mehmet", "mehmet"]
    world.polled.keys[OWN_FILE] = OWN_KEY
    await world.audit()
    assert len(await world.salon.rows(LIVE)) == 4
    assert world.sorts() == []


async def test_missing_booking_of_a_staff_account_is_reported(world: AuditEnvironment) -> None:
    await world.polled.give_anna_an_account()
    uid = await world.polled.create(TEN, 2001, OWN_KEY)
    await world.audit()
    del world.polled.env.calcom.accounts[OWN_KEY].bookings[uid]
    await world.audit()
    assert [(each.sort, each.account) for each in world.state.differences] == [("missing_there", OWN_FILE)]


async def test_watermark_stores_no_name_or_number(world: AuditEnvironment) -> None:
    row = await world.book()
    world.copy(row["external_id"], metadata={})
    await world.audit()
    assert world.sorts()
    assert not any(word in str(world.watermark) for word in ("Erika", "Muster", "+49", "@", str(row["customer_name"])))


@pytest.mark.parametrize("watermark", [{"accounts": 7}, {"differences": [{"sort": "other"}]}, {"other": 1}], ids=str)
async def test_invalid_watermark_starts_a_new_audit(world: AuditEnvironment, watermark: dict[str, object]) -> None:
    await world.polled.create(TEN)
    world.watermark = watermark
    await world.audit()
    assert len(await world.salon.rows(LIVE)) == 1


async def test_interrupted_audit_continues_without_repetition(world: AuditEnvironment, monkeypatch) -> None:
    """As after a kill between two bookings, the watermark is that of the run before."""
    for start in (TEN, FOUR):
        await world.polled.create(start)
    row = await world.book("mehmet")
    world.delete(row["external_id"])
    checked: list[str] = []

    def reach(_self: object, point: str) -> None:
        checked.append(point)
        if checked == ["after:audit-check"]:
            raise asyncio.CancelledError

    monkeypatch.setattr(type(world.polled.context.faults), "reach", reach)
    with pytest.raises(asyncio.CancelledError):
        await world.audit()
    assert (len(await world.salon.rows(LIVE)), world.watermark) == (2, {})
    await world.audit()
    assert (len(await world.salon.rows(LIVE)), world.sorts()) == (3, ["missing_there"])
    await assert_quiet(world)


async def test_audit_removes_outdated_duplicate_of_a_moved_booking(world: AuditEnvironment) -> None:
    """Two rows of one booking, as a write of the row by hand leaves them."""
    first = await world.polled.create(TEN)
    await world.audit()
    (kept,) = await world.salon.rows(LIVE)
    await world.salon.pool.execute("UPDATE appointments SET external_id = 'unknown' WHERE id = $1", kept["id"])
    second = (await world.polled.env.dashboard("move", uid=first, start=FOUR))["uid"]
    await world.polled.env.receive_event(second)
    await world.salon.pool.execute("UPDATE appointments SET external_id = $2 WHERE id = $1", kept["id"], first)
    assert len(await world.salon.rows(LIVE)) == 2
    await world.audit()
    assert [row["external_id"] for row in await world.salon.rows(LIVE)] == [second]
    assert world.sorts() == []
    await world.salon.assert_claims_match()
    await assert_quiet(world)
