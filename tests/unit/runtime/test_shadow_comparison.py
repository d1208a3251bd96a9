"""Which bookings differ between two books, in which order requests are replayed, and what proves nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from askproai_runtime.calls import CopiedRequest, find_ids
from askproai_runtime.shadow.compare import BookRow, Replayed, are_equal, compare, find_doubtful, merge, order

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def request(call: str, at: float = 0, lasts: float = 0.1, outcome: str = "booked", **changes: Any) -> CopiedRequest:
    came = NOON + timedelta(seconds=at)
    fields = {
        "at": came, "answered_at": came + timedelta(seconds=lasts), "call_id": call, "function": "book_appointment",
        "outcome": outcome, "named_ids": (), "correlation_id": f"corr-{call}-{at}", "body": b"{}",
    }  # fmt: skip
    return CopiedRequest(**fields | changes)


def row(call: str | None, *, row_id: UUID | None = None, **changes: Any) -> BookRow:
    fields = {
        "id": row_id or uuid4(), "call_id": call, "branch": "mitte", "service": "haarschnitt", "staff": "anna", "starts_at": NOON,
        "status": "confirmed", "changed_at": NOON,
    }  # fmt: skip
    return BookRow(**fields | changes)


def replayed(call: str, **changes: Any) -> Replayed:
    return Replayed(request(call, **changes), ())


def test_other_ids_and_a_confirmation_that_is_to_come_are_no_difference() -> None:
    found = compare([replayed("a")], [row("a")], [row("a", status="pending_sync")], {})
    assert (dict(found.differences), found.changed_by_others) == ({}, False)


def test_holds_and_what_failed_are_no_bookings() -> None:
    assert not compare([replayed("a")], [row("a", status="held")], [row("a", status="failed")], {}).differences


def test_a_difference_names_what_each_has_and_how_the_functions_ended() -> None:
    found = compare([replayed("a")], [row("a")], [row("a", staff="mehmet")], {"a": ["booked"]})
    difference = found.differences["a"]
    assert difference.only_live == ("mitte: haarschnitt, anna, 2026-12-01T12:00Z, booked",)
    assert difference.only_shadow == ("mitte: haarschnitt, mehmet, 2026-12-01T12:00Z, booked",)
    assert (difference.answers_live, difference.answers_shadow) == (("booked",), ("booked",))


def test_two_equal_bookings_are_not_one() -> None:
    found = compare([replayed("a")], [row("a"), row("a")], [row("a")], {})
    assert len(found.differences["a"].only_live) == 1


def test_a_change_of_an_older_appointment_is_that_of_the_call_that_named_it() -> None:
    old = uuid4()
    moved = replayed("b", function="cancel_appointment", outcome="cancelled", named_ids=(old,))
    found = compare([moved], [row("a", row_id=old, status="cancelled")], [row("a", row_id=old)], {})
    assert found.differences.keys() == {"b"}


def test_what_no_call_has_touched_is_somebody_elses() -> None:
    found = compare([replayed("a")], [row("a"), row(None)], [row("a")], {})
    assert (dict(found.differences), found.changed_by_others) == ({}, True)


def test_of_overlapping_requests_those_that_changed_the_book_come_first() -> None:
    lost, won, later = request("lost", 0, 1, "taken"), request("won", 0.5, 2), request("later", 3, 0.1, "taken")
    assert [each.call_id for each in order([later, lost, won])] == ["won", "lost", "later"]
    before = request("before", -1, 0.5, "taken")
    assert order([won, before])[0] is before, "what had been answered came first"


def test_a_failure_beside_another_calls_success_proves_nothing() -> None:
    taken = [
        replayed("lost", lasts=1, outcome="taken"),
        replayed("won", at=0.5),
        replayed("alone", at=5, outcome="taken"),
    ]
    assert find_doubtful(taken, {"unclear"}) == {"lost", "unclear"}


def test_two_comparisons_of_one_call_are_one() -> None:
    first = compare([replayed("a")], [row("a")], [], {}).differences["a"]
    second = compare([replayed("a")], [], [row("a", staff="mehmet")], {"a": ["booked"]}).differences["a"]
    both = merge(first, second)
    assert (len(both.only_live), len(both.only_shadow), both.answers_shadow) == (1, 1, ("booked",))


def test_appointments_are_equal_but_for_their_ids() -> None:
    assert are_equal([row("a"), row("a", status="held")], [row("b")])
    assert not are_equal([row("a")], [])


def test_ids_are_found_in_their_order_and_once() -> None:
    one, two = uuid4(), uuid4()
    fields = {"appointment_id": str(two), "appointments": [{"appointment_id": str(two)}, {"appointment_id": str(one)}]}
    assert find_ids(fields) == (two, one)
