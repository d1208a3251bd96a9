"""The bookings that differ between two books, the order of replayed requests, and requests that prove nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from askproai_runtime.calls.store import CopiedRequest
from askproai_runtime.conversation.shadow_requests import find_ids
from askproai_runtime.shadow.compare import BookRow, Compared, Replayed, are_equal, compare, find_doubtful, merge, order

pytestmark = pytest.mark.nightly

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER, MOVED_TO = NOON + timedelta(seconds=10), NOON + timedelta(hours=1)
CANCELS = {"function": "cancel_appointment", "outcome": "cancelled"}
LISTS = {"function": "find_appointments", "outcome": "found"}


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


def compared(
    requests: Sequence[Replayed],
    live: Sequence[BookRow],
    shadow: Sequence[BookRow],
    answers: Mapping[str, Sequence[str]] | None = None,
) -> Compared:
    since, clocks = NOON - timedelta(minutes=1), timedelta(milliseconds=50)
    return compare(requests, live, shadow, answers or {}, since=since, clocks=clocks)


def test_different_ids_and_pending_status_are_no_difference() -> None:
    found = compared([replayed("a")], [row("a")], [row("a", status="pending_sync")])
    assert (dict(found.differences), found.changed_by_others) == ({}, False)


def test_held_and_failed_appointments_are_no_difference() -> None:
    assert not compared([replayed("a")], [row("a", status="held")], [row("a", status="failed")]).differences


def test_difference_names_both_states_and_functions_outcomes() -> None:
    found = compared([replayed("a")], [row("a")], [row("a", staff="mehmet")], {"a": ["booked"]})
    difference = found.differences["a"]
    assert difference.only_live == ("mitte: haarschnitt, anna, 2026-12-01T12:00Z, booked",)
    assert difference.only_shadow == ("mitte: haarschnitt, mehmet, 2026-12-01T12:00Z, booked",)
    assert (difference.answers_live, difference.answers_shadow) == (("booked",), ("booked",))


def test_two_equal_bookings_differ_from_one() -> None:
    found = compared([replayed("a")], [row("a"), row("a")], [row("a")])
    assert len(found.differences["a"].only_live) == 1


def test_older_appointments_change_is_attributed_by_its_id() -> None:
    old = uuid4()
    moved = replayed("b", function="cancel_appointment", outcome="cancelled", named_ids=(old,))
    found = compared([moved], [row("a", row_id=old, status="cancelled")], [row("a", row_id=old)])
    assert found.differences.keys() == {"b"}


def test_appointment_without_a_replayed_call_counts_as_foreign() -> None:
    found = compared([replayed("a")], [row("a"), row(None)], [row("a")])
    assert (dict(found.differences), found.changed_by_others) == ({}, True)


def test_foreign_change_of_a_booking_is_no_difference() -> None:
    """The desk cancels it, or Cal.com moves it, before both books are compared."""
    booked = uuid4()
    for changes in ({"status": "cancelled"}, {"starts_at": MOVED_TO}, {"status": "failed"}):
        live = row("a", row_id=booked, changed_at=LATER, **changes)
        found = compared([replayed("a", named_ids=(booked,))], [live], [row("a")])
        assert (dict(found.differences), found.changed_by_others, found.overtaken) == ({}, True, {"a"}), changes


def test_later_question_about_appointment_is_no_change() -> None:
    booked = uuid4()
    requests = [
        replayed("a", named_ids=(booked,)),
        replayed("a", at=20, **CANCELS | {"outcome": "asked_back"}, named_ids=(booked,)),
    ]
    moved = row("a", row_id=booked, changed_at=LATER, starts_at=MOVED_TO)
    assert compared(requests, [moved], [row("a")]).overtaken == {"a"}


def test_foreign_change_of_listed_appointment_is_no_difference() -> None:
    old = uuid4()
    live, shadow = row(None, row_id=old, status="cancelled", changed_at=LATER), row(None, row_id=old)
    found = compared([replayed("a", **LISTS, named_ids=(old,))], [live], [shadow])
    assert (dict(found.differences), found.changed_by_others) == ({}, True)


def test_shadow_change_of_listed_appointment_is_a_difference() -> None:
    old, before = uuid4(), NOON - timedelta(hours=1)
    live = row(None, row_id=old, changed_at=before)
    found = compared([replayed("a", **LISTS, named_ids=(old,))], [live], [row(None, row_id=old, status="cancelled")])
    assert (found.differences.keys(), found.overtaken) == ({"a"}, set())


def test_changing_call_outranks_later_listing_call() -> None:
    old = uuid4()
    requests = [replayed("cancels", **CANCELS, named_ids=(old,)), replayed("lists", at=5, **LISTS, named_ids=(old,))]
    found = compared(requests, [row(None, row_id=old, status="cancelled")], [row(None, row_id=old)])
    assert found.differences.keys() == {"cancels"}


def test_failed_or_equal_booking_does_not_excuse_difference() -> None:
    refused = compared([replayed("a", outcome="refused")], [row("a", status="failed")], [row("a")])
    assert refused.differences.keys() == {"a"}
    confirmed_later, other = row("a", changed_at=LATER), row("a", starts_at=MOVED_TO)
    assert compared([replayed("a")], [confirmed_later, other], [row("a", status="pending_sync")]).differences


def test_calcoms_host_choice_excuses_no_other_difference() -> None:
    requests = [replayed("a"), replayed("b")]
    live = [row("a", staff="mehmet", changed_staff=True), row("b")]
    found = compared(requests, live, [row("a")])
    assert (found.differences.keys(), found.changed_by_others, found.overtaken) == ({"b"}, False, {"a"})


def test_successful_requests_are_replayed_before_overlapping_failures() -> None:
    lost, won, later = request("lost", 0, 1, "taken"), request("won", 0.5, 2), request("later", 3, 0.1, "taken")
    assert [each.call_id for each in order([later, lost, won])] == ["won", "lost", "later"]
    before = request("before", -1, 0.5, "taken")
    assert order([won, before])[0] is before, "what had been answered came first"


def test_failure_overlapping_another_calls_booking_is_doubtful() -> None:
    taken = [
        replayed("lost", lasts=1, outcome="taken"),
        replayed("won", at=0.5),
        replayed("alone", at=5, outcome="taken"),
    ]
    assert find_doubtful(taken, {"unclear"}) == {"lost", "unclear"}


def test_two_comparisons_of_a_call_are_merged() -> None:
    first = compared([replayed("a")], [row("a")], []).differences["a"]
    second = compared([replayed("a")], [], [row("a", staff="mehmet")], {"a": ["booked"]}).differences["a"]
    both = merge(first, second)
    assert (len(both.only_live), len(both.only_shadow), both.answers_shadow) == (1, 1, ("booked",))


def test_appointments_are_equal_but_for_their_ids() -> None:
    assert are_equal([row("a"), row("a", status="held")], [row("b")])
    assert not are_equal([row("a")], [])


def test_ids_are_found_in_order_without_duplicates() -> None:
    one, two = uuid4(), uuid4()
    fields = {"appointment_id": str(two), "appointments": [{"appointment_id": str(two)}, {"appointment_id": str(one)}]}
    assert find_ids(fields) == (two, one)
