"""What a booking's state in the calendar asks of our book: a table, since events come in any order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from askproai_runtime.booking.follow import Step, decide
from askproai_runtime.booking.ledger import Appointment
from askproai_runtime.calendars import RemoteBooking

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
START, OTHER = NOW + timedelta(days=7), NOW + timedelta(days=8)
THERE = RemoteBooking(("u1",), 1001, START, START + timedelta(minutes=45), live=True, changed_at=NOW)
OURS = Appointment(
    UUID(int=1), "mitte", "schnitt", "anna", START, START + timedelta(minutes=45), "confirmed", "call", "c",
    external_id="u1", external_updated_at=NOW,
)  # fmt: skip
NEW_UID = replace(THERE, uids=("u2", "u1"), changed_at=NOW + timedelta(seconds=1))
GONE = {"live": False}


def ours(**changes: Any) -> Appointment:
    return replace(OURS, **changes)


def there(**changes: Any) -> RemoteBooking:
    return replace(THERE, **changes)


PENDING: dict[str, Any] = {"status": "pending_sync", "external_id": None, "external_updated_at": None}
MOVING: dict[str, Any] = {"status": "pending_sync", "starts_at": OTHER, "was_starts_at": START}


@pytest.mark.parametrize(
    ("made", "standing", "step"),
    [
        (None, there(), Step.TAKE_IN),
        (None, there(**GONE), Step.NOTHING),
        (None, there(starts_at=NOW - timedelta(hours=2), ends_at=NOW - timedelta(hours=1)), Step.NOTHING),
        (ours(), there(), Step.NOTHING),
        (ours(), NEW_UID, Step.AGREE),
        (ours(), there(starts_at=OTHER), Step.MOVE),
        (ours(), there(**GONE), Step.CANCEL),
        (
            ours(),
            there(starts_at=OTHER, changed_at=NOW - timedelta(seconds=1)),
            Step.NOTHING,
        ),  # read before we moved it
        (ours(), there(absent=True), Step.PRESENCE),
        (ours(status="no_show"), there(absent=True), Step.NOTHING),
        (ours(status="no_show"), there(), Step.PRESENCE),
        (ours(**PENDING), there(), Step.AGREE),  # told before the answer came
        (ours(**PENDING), there(starts_at=OTHER), Step.SYNC),
        (ours(**PENDING), there(**GONE), Step.SYNC),
        (ours(**MOVING), there(), Step.SYNC),  # where it was: our own move has yet to reach it
        (ours(**MOVING), replace(NEW_UID, starts_at=OTHER), Step.AGREE),
        (ours(**MOVING), there(**GONE), Step.SYNC),
        (ours(status="pending_sync"), there(), Step.AGREE),  # requested, and somebody said yes
        (ours(status="pending_sync"), there(**GONE), Step.CANCEL),  # or no
        (ours(status="pending_sync"), replace(NEW_UID, starts_at=OTHER), Step.MOVE),  # or another time
        (ours(status="cancelled", cancelled_by="caller"), there(), Step.SYNC),
        (ours(status="cancelled", cancelled_by="caller"), there(**GONE), Step.NOTHING),
        (ours(status="cancelled", cancelled_by="calendar"), NEW_UID, Step.MOVE),
        (ours(status="failed"), there(), Step.SYNC),
    ],
)
def test_a_state_there_and_a_row_here_ask_for_one_step(
    made: Appointment | None, standing: RemoteBooking, step: Step
) -> None:
    assert decide(made, standing, NOW) is step
