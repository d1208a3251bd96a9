"""The step that each state of a remote booking requires here: a table, since events come in any order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.calendar_sync.inbound import Step, decide
from askproai_runtime.calendars import RemoteBooking
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
START, OTHER = NOW + timedelta(days=7), NOW + timedelta(days=8)
REMOTE = RemoteBooking(("u1",), 1001, START, START + timedelta(minutes=45), live=True, changed_at=NOW)
APPOINTMENT = Appointment(
    UUID(int=1), "mitte", "schnitt", "anna", START, START + timedelta(minutes=45), "confirmed", "call", "c",
    external_id="u1", external_updated_at=NOW,
)  # fmt: skip
NEW_UID = replace(REMOTE, uids=("u2", "u1"), changed_at=NOW + timedelta(seconds=1))
CANCELLED = {"live": False}


def local(**changes: Any) -> Appointment:
    return replace(APPOINTMENT, **changes)


def remote(**changes: Any) -> RemoteBooking:
    return replace(REMOTE, **changes)


PENDING: dict[str, Any] = {"status": "pending_sync", "external_id": None, "external_updated_at": None}
MOVING: dict[str, Any] = {"status": "pending_sync", "starts_at": OTHER, "was_starts_at": START}


@each_row(
    ("appointment", "remote_booking", "step"),
    [
        (None, remote(), Step.ADD),
        (None, remote(**CANCELLED), Step.NOTHING),
        (None, remote(starts_at=NOW - timedelta(hours=2), ends_at=NOW - timedelta(hours=1)), Step.NOTHING),
        (local(), remote(), Step.NOTHING),
        (local(), NEW_UID, Step.AGREE),
        (local(), remote(starts_at=OTHER), Step.MOVE),
        (local(), remote(**CANCELLED), Step.CANCEL),
        (
            local(),
            remote(starts_at=OTHER, changed_at=NOW - timedelta(seconds=1)),
            Step.NOTHING,
        ),  # read before we moved it
        (local(), remote(absent=True), Step.ATTENDANCE),
        (local(status="no_show"), remote(absent=True), Step.NOTHING),
        (local(status="no_show"), remote(), Step.ATTENDANCE),
        (local(**PENDING), remote(), Step.AGREE),  # the event came before the answer
        (local(**PENDING), remote(starts_at=OTHER), Step.SYNC),
        (local(**PENDING), remote(**CANCELLED), Step.SYNC),
        (local(**MOVING), remote(), Step.SYNC),  # at its old time: our own move has yet to reach the calendar
        (local(**MOVING), replace(NEW_UID, starts_at=OTHER), Step.AGREE),
        (local(**MOVING), remote(**CANCELLED), Step.SYNC),
        (local(status="pending_sync"), remote(), Step.AGREE),  # awaited confirmation, and somebody accepted
        (local(status="pending_sync"), remote(**CANCELLED), Step.CANCEL),  # or declined
        (local(status="pending_sync"), replace(NEW_UID, starts_at=OTHER), Step.MOVE),  # or moved it
        (local(status="cancelled", cancelled_by="caller"), remote(), Step.SYNC),
        (local(status="cancelled", cancelled_by="caller"), remote(**CANCELLED), Step.NOTHING),
        (local(status="cancelled", cancelled_by="calendar"), NEW_UID, Step.MOVE),
        (local(status="failed"), remote(), Step.SYNC),
    ],
)
def test_calendar_state_pair_leads_to_one_step(
    appointment: Appointment | None, remote_booking: RemoteBooking, step: Step
) -> None:
    assert decide(appointment, remote_booking, NOW) is step
