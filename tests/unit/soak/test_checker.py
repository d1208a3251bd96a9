"""The checker of `make soak` finds each kind of lie, and complains about nothing in a history without one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import SENTENCES
from tests.soak.books import Appointment, Booking, Books, Event
from tests.soak.checker import booked_again, check, missed_changes
from tests.soak.history import FOREVER, ILLNESS, Answer, Change, Delivery, History
from tests.soak.sentences import Said, read, read_list
from tests.worlds.soak_histories import LATER, NOW, SPOKEN, START, A, B, answer, at, booked, remote

pytestmark = pytest.mark.nightly


def moved(second: float) -> Answer:
    sentence = f"Der Termin ist verschoben: {SPOKEN[LATER]}, Haarschnitt bei Anna."
    return answer(
        second,
        "reschedule_appointment",
        sentence,
        asked=LATER,
        appointment_id="id-1",
        start=LATER,
        status="pending_sync",
    )


def cancelled(second: float) -> Answer:
    sentence = f"Der Termin ist abgesagt: {SPOKEN[START]}, Haarschnitt bei Anna."
    return answer(second, "cancel_appointment", sentence, appointment_id="id-1")


def listed(second: float, *starts: str) -> Answer:
    message = f"Sie haben einen Termin: {SPOKEN[starts[0]]}." if starts else "Unter Ihrer Nummer finde ich keinen."
    entries = [{"appointment_id": "id-1", "start": start} for start in starts]
    return answer(second, "find_appointments", message, appointments=entries)


def row(start: str = START, status: str = "confirmed", id_: str = "id-1", **more: Any) -> Appointment:
    times = at(start), at(start) + 2700
    values = {"call_id": "call_1", "customer": "Petra", "external_id": "uid-1", "created_at": NOW + 0.6} | more
    return Appointment(A, id_, "anna", *times, status, **values)


def webhook(source: str, content: dict[str, Any], status: int | None = 200, **more: Any) -> Delivery:
    event = str(content.get("triggerEvent") or content.get("event") or content.get("type"))
    body = json.dumps(content).encode()
    return Delivery(source, A, event, body, NOW + 2, NOW + 2.1, status, {"status": "accepted"}, **more)


def stored(delivery: Delivery, status: str = "processed", id_: int = 1) -> Event:
    return Event(A, id_, delivery.source, delivery.body, status, NOW + 3 if status == "processed" else None)


def kinds(history: History, books: Books) -> list[str]:
    return [violation.kind for violation in check(history, books)]


def test_booking_in_both_books_is_no_violation() -> None:
    history = History(answers=[booked(), booked(2), listed(3, START)])
    assert check(history, Books([row()], [remote()])) == []
    concurrent = History(answers=[replace(listed(0.9), asked_at=NOW + 0.4), booked()])
    assert check(concurrent, Books([row()], [remote()])) == []


@pytest.mark.parametrize(
    ("answers", "appointments"),
    [
        ([booked()], []),
        ([booked()], [row(status="failed")]),
        ([booked()], [row(LATER)]),
        ([booked(), cancelled(2)], [row()]),
        ([booked(), moved(2)], [row()]),
        ([booked(), moved(2), cancelled(3)], [row(LATER)]),
        ([booked(), listed(2)], [row()]),
        ([booked(), listed(2, LATER)], [row()]),
        ([booked(start=LATER)], [row()]),
        ([booked()], [row(customer="Uwe")]),
        ([booked(message="Ihr Termin ist vielleicht eingetragen.")], [row()]),
    ],
    ids=[
        "no row", "failed", "another time", "not cancelled", "not moved", "still there", "omitted in a list",
        "another time in a list", "field and sentence differ", "another's name", "unreadable",
    ],
)  # fmt: skip
def test_soak_checker_finds_an_untrue_sentence(answers: list[Answer], appointments: list[Appointment]) -> None:
    bookings = [Booking(A, "uid-1", "anna", a.start, a.end, a.live, NOW + 0.7, NOW + 100, "id-1") for a in appointments]
    bookings.append(remote(live=False, uid="uid-0", created=NOW + 0.6, updated=NOW + 0.7))
    assert set(kinds(History(answers=answers), Books(appointments, bookings))) == {"untrue"}


def test_denying_an_existing_booking_is_untrue() -> None:
    denied = answer(2, "book_appointment", f"{SPOKEN[START]} ist leider nichts mehr frei.", alternatives=[])
    assert kinds(History(answers=[denied]), Books([row()], [remote()])) == ["untrue"]
    assert kinds(History(answers=[denied, booked(5)]), Books([row()], [remote()])) == []


def test_confirmation_without_its_own_calcom_booking_is_untrue() -> None:
    assert kinds(History(answers=[booked()]), Books([row()], [remote(created=NOW + 5)])) == ["untrue"]


def test_only_an_unanswered_request_may_take_effect_later() -> None:
    lost = replace(cancelled(2), status=None, body={})
    gone = Books([row(status="cancelled")], [remote(live=False)])
    assert kinds(History(answers=[booked(), lost]), gone) == []
    assert kinds(History(answers=[booked(), lost]), Books([row()], [remote()])) == []
    assert kinds(History(answers=[booked()]), gone) == ["untrue"]


def test_person_at_calcom_may_change_a_heard_booking() -> None:
    change = Change(A, "cancel", "uid-1", "uid-1", None, NOW + 5, NOW + 5)
    gone = Books([row(status="cancelled")], [remote(live=False)])
    assert kinds(History(answers=[booked(), listed(3, START)], changes=[change]), gone) == []


def test_recently_cancelled_appointment_may_be_called_booked() -> None:
    """The answer to a repetition says that it is booked; a cancellation at Cal.com is known by event or poll."""
    again, gone = booked(60), Books([row(status="cancelled")], [remote(live=False, updated=NOW + 30)])
    change = Change(A, "cancel", "uid-1", "uid-1", None, NOW + 30, NOW + 30)
    assert kinds(History(answers=[booked(), again], changes=[change]), gone) == []
    late = History(answers=[booked(), booked(120)], changes=[change])
    assert "untrue" in kinds(late, gone), "the poll must have found it"


def test_acknowledged_event_must_be_stored_and_take_effect() -> None:
    ended = webhook("retell", {"event": "call_ended", "call": {"call_id": "c"}})
    history = History(deliveries=[ended])
    calls = {(A, "c"): {"status": "ended", "analyzed_at": None}}
    assert kinds(history, Books(events=[stored(ended)], calls=calls)) == []
    assert kinds(history, Books(calls=calls)) == ["lost"]
    assert kinds(history, Books(events=[stored(ended, "dead")], calls=calls)) == ["lost"]
    assert kinds(history, Books(events=[stored(ended)], calls={(A, "c"): {"status": "ongoing"}})) == ["lost"]
    assert kinds(History(stuck=[(A, "job 7")]), Books()) == ["lost"]


def test_absence_is_stored_without_the_person() -> None:
    entry = {"uuid": "o1", "start": START, "end": LATER, "updatedAt": START}
    sent = webhook("calcom", {"triggerEvent": "OOO_CREATED", "payload": {"oooEntry": {**entry, "notes": ILLNESS}}})
    kept = json.dumps({"triggerEvent": "OOO_CREATED", "payload": {"oooEntry": {**entry, "user": {"id": 1}}}}).encode()
    event = replace(stored(sent), payload=kept)
    assert kinds(History(deliveries=[sent]), Books(events=[event])) == []
    assert kinds(History(deliveries=[sent]), Books()) == ["lost"]
    changed = replace(event, payload=kept.replace(b"o1", b"o2"))
    assert kinds(History(deliveries=[sent]), Books(events=[changed])) == ["lost"]
    assert kinds(History(), Books(texts=[(A, "log", f"sick: {ILLNESS}")])) == ["crossed"]


def test_confirmation_with_wrong_host_is_untrue() -> None:
    heard = booked(staff="anna")
    mehmets = replace(remote(), staff="mehmet")
    moved_row = replace(row(), staff="mehmet")
    assert kinds(History(answers=[heard]), Books([moved_row], [mehmets])) == ["untrue"]
    change = Change(A, "reassign", "uid-1", "uid-1", at(START), NOW + 5, NOW + 5, "anna")
    assert kinds(History(answers=[heard], changes=[change]), Books([moved_row], [mehmets])) == []


def test_billing_state_is_that_of_the_last_event() -> None:
    events = [
        webhook("stripe", {"type": "t", "created": n, "data": {"object": {"status": status}}})
        for n, status in enumerate(("active", "unpaid"))
    ]
    history, rows = History(deliveries=events), [stored(event) for event in events]
    assert kinds(history, Books(events=rows, billing={A: "unpaid"})) == []
    assert kinds(history, Books(events=rows, billing={A: "active"})) == ["lost"]


@pytest.mark.parametrize(
    "books",
    [
        Books([row(), row(id_="id-2", remote=False, call_id="call_2", external_id=None)], [remote()]),
        Books([row()], []),
        Books([row()], [remote(LATER)]),
        Books([row(status="cancelled")], [remote()]),
        Books([], [remote(request_id=None)]),
        Books([row()], [remote(), remote(LATER, "uid-2", live=False, created=NOW + 9, updated=NOW + 10)]),
        Books([row()], [remote()], overlapping_claims=[(A, "id-1 id-2")]),
    ],
    ids=["a person twice", "not there", "elsewhere", "not cancelled there", "unknown here", "twice for a moment", "claims"],
)  # fmt: skip
def test_soak_checker_finds_double_or_differing_bookings(books: Books) -> None:
    assert kinds(History(), books) == ["double"]


def test_simultaneous_appointments_of_one_call_are_reported() -> None:
    rows = [row(), replace(row(id_="id-2", external_id="uid-2"), staff="mehmet")]
    bookings = [remote(), replace(remote(uid="uid-2", request_id="id-2"), staff="mehmet")]
    assert kinds(History(), Books(rows, bookings)) == ["double"]


def test_change_without_its_event_is_counted_and_compared() -> None:
    event = webhook("calcom", {"triggerEvent": "BOOKING_CANCELLED", "payload": {"uid": "uid-1"}}, None)
    change = Change(A, "cancel", "uid-1", "uid-1", None, NOW + 5, NOW + 5)
    books = Books([row()], [remote(live=False)])
    history = History(deliveries=[event], changes=[change])
    assert (kinds(history, books), len(missed_changes(history, books))) == (["double"], 1)
    found = Books([row(status="cancelled")], [remote(live=False)])
    assert kinds(history, found) == [], "the poll has found it"


def test_overlapping_repetition_with_second_appointment_is_counted() -> None:
    again = replace(booked(1.2), body=booked().body | {"appointment_id": "id-2"})
    assert booked_again(History(answers=[booked(), again])) == [(A, "call_1")]
    assert booked_again(History(answers=[booked(), booked(1.2)])) == []
    assert booked_again(History(answers=[booked(), replace(again, asked_at=NOW + 5, answered_at=NOW + 6)])) == []


@pytest.mark.parametrize(
    ("owner", "text"), [(A, "Petra Wuschel"), (A, B), ("", "Petra Wuschel"), ("_", "+4915122288001")]
)
def test_data_of_another_tenant_is_found(owner: str, text: str) -> None:
    canaries = {A: (A, "Quabbel", "4915111199"), B: (B, "Wuschel", "4915122288")}
    assert kinds(History(), Books(texts=[(owner, "log", f"of {text}")], canaries=canaries)) == ["crossed"]
    assert kinds(History(), Books(texts=[(B, "log", f"of {text}")], canaries=canaries)) == []
    assert kinds(History(), Books(texts=[("", "log", f"of {B}")], canaries=canaries)) == []


def test_event_accepted_by_a_wrong_tenant_is_reported() -> None:
    stray = webhook("retell", {"event": "call_ended", "call": {"call_id": "c"}}, stray=True)
    assert kinds(History(deliveries=[stray]), Books()) == ["crossed"]
    assert kinds(History(deliveries=[replace(stray, status=401)]), Books()) == []


def test_checker_reads_times_and_outcomes_of_sentences() -> None:
    assert read(moved(1)).start == at(LATER)
    for open_still in (
        SENTENCES[Language.DE].busy,
        SENTENCES[Language.DE].still_working,
        SENTENCES[Language.DE].change_unknown,
    ):
        assert read(answer(1, "book_appointment", open_still)).said is Said.OPEN, open_still
    assert read(replace(booked(), status=None)).said is Said.OPEN
    assert read_list(listed(1, START)) == {"id-1": at(START)}
    with pytest.raises(ValueError, match="einen Termin"):
        read_list(replace(listed(1, START), body=listed(1, START).body | {"appointments": []}))
    assert FOREVER > NOW
