"""A check that each sentence to a caller is true in the books: an appointment is a register that several people write.

Every answer that says something certain is a statement, valid at some moment between question and answer. Requests without a
certain answer may have taken effect at any time since, and a person's change at Cal.com until its event was processed here. The
final state must be that of the last statement, or of a concurrent or later one.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.soak.books import Books
from tests.soak.history import FOREVER, Answer, History, clock, seconds
from tests.soak.sentences import Said, list_unconfirmed, read, read_list
from tests.soak.violation import Violation

_GONE = None
_COMMITTING = (
    20.0  # seconds between the time that a transaction writes and its commit: PostgreSQL may be frozen meanwhile
)
_CLOCK = 0.002  # Cal.com's times have milliseconds
_CHANGES = {"book_appointment", "reschedule_appointment", "cancel_appointment"}
Key = tuple[str, str]  # tenant, appointment


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact that sets (`writes`) or states an appointment's `state`: its start, or None if it is cancelled.

    Not `certain`: it may have had no effect.
    """

    state: float | None
    begins: float
    ends: float
    text: str
    certain: bool = True
    writes: bool = True


_INITIAL = Statement(_GONE, 0.0, 0.0, "not booked yet")


def untrue(history: History, books: Books, chain: Callable[[str, str | None], str | None]) -> Iterator[Violation]:
    """Yield each sentence that the books contradict."""
    statements: dict[Key, list[Statement]] = defaultdict(list)
    yield from _collect_answers(history, books, statements)
    _collect_lists(history, statements)
    _collect_changes(history, books, chain, statements)
    yield from _list_violations(history, statements)
    final = {(a.tenant, a.id): a.start if a.live else _GONE for a in books.appointments}
    for key, said in statements.items():
        last = max((s for s in said if s.certain), key=lambda s: s.begins, default=None)
        if last is None:
            continue  # nobody heard anything certain about it
        if key not in final:
            yield Violation("untrue", *key, f"{last.text}, and there is no such appointment")
        elif not _is_possible(final[key], said):
            yield Violation("untrue", *key, f"{last.text}; in the end it is {_show(final[key])}")
    yield from _denied(history, books)
    yield from _not_at_calcom(history, books)


def _show(state: float | None) -> str:
    return "gone" if state is _GONE else f"there at {clock(state)}"


def _is_possible(state: float | None, said: list[Statement], before: float = FOREVER) -> bool:
    """Return whether the state may be seen at `before`: a statement wrote it, and no certain later statement differs."""
    contradictions = [s.begins for s in said if s.certain and s.state != state and s.ends < before]
    writes = (_INITIAL, *(s for s in said if s.writes))
    return any(s.state == state and all(begins <= s.ends for begins in contradictions) for s in writes)


def _collect_answers(history: History, books: Books, statements: dict[Key, list[Statement]]) -> Iterator[Violation]:
    rows = {(a.tenant, a.id): a for a in books.appointments}
    # All requested targets: an answer names the appointment's place at its own time.
    moves: dict[Key, set[float | None]] = defaultdict(set)
    for a in history.answers:
        if a.function == "reschedule_appointment":
            moves[a.tenant, str(a.args.get("appointment_id"))].add(seconds(a.args.get("start")))
    by_people = {c.start for c in history.changes}
    for a in history.answers:
        if a.function not in _CHANGES:
            continue
        reading, asked = read(a), seconds(a.args.get("start"))
        appointment_id = str(a.body.get("appointment_id") or a.args.get("appointment_id") or "")
        text = f"{a.call_id} heard at {clock(a.answered_at)}: {a.message!r}"
        if reading.said is Said.UNREADABLE:
            yield Violation("untrue", a.tenant, appointment_id or a.call_id, f"{text}, which this checker cannot read")
        if not appointment_id:
            continue
        said = statements[a.tenant, appointment_id]
        if reading.said is Said.GONE:
            said.append(Statement(_GONE, a.asked_at, a.answered_at, text, writes="ist abgesagt" in a.message))
        elif reading.said is Said.OPEN and a.function != "book_appointment":
            state = asked if a.function == "reschedule_appointment" else _GONE
            said.append(Statement(state, a.asked_at, FOREVER, text, certain=False))
        elif reading.said is Said.THERE:
            stays = "Es bleibt bei" in a.message
            said.append(Statement(reading.start, a.asked_at, a.answered_at, text, writes=not stays))
            field = seconds(a.body.get("start"))
            if not stays and (
                reading.start != field or field not in {asked, *by_people, *moves[a.tenant, appointment_id]}
            ):
                yield Violation(
                    "untrue", a.tenant, appointment_id, f"{text}, asked for {clock(asked)}, field {clock(field)}"
                )
            row = rows.get((a.tenant, appointment_id))
            if a.function == "book_appointment" and row and (row.call_id, row.customer) != (a.call_id, a.customer):
                yield Violation("untrue", a.tenant, appointment_id, f"{text}, of {row.call_id} for {row.customer}")


def _collect_lists(history: History, statements: dict[Key, list[Statement]]) -> None:
    """Make an appointment without an answer to its booking known to its caller by the first find_appointments that names it."""
    for a in history.answers:
        listed = _listed(a)
        for appointment_id, start in (listed or {}).items():
            said, text = (
                statements[a.tenant, appointment_id],
                f"{a.call_id} heard at {clock(a.answered_at)}: {a.message!r}",
            )
            known = any(s.writes and s.certain for s in said)
            is_certain = appointment_id not in list_unconfirmed(a)
            said.append(Statement(start, a.asked_at, a.answered_at, text, certain=is_certain, writes=not known))


def _listed(answer: Answer) -> dict[str, float] | None:
    try:
        return read_list(answer) if answer.function == "find_appointments" else None
    except ValueError:
        return None


def _collect_changes(
    history: History,
    books: Books,
    chain: Callable[[str, str | None], str | None],
    statements: dict[Key, list[Statement]],
) -> None:
    """Add people's changes at Cal.com. Each ends when its event was processed; one whose event was missed never does."""
    processed: dict[tuple[str, str, str], float] = {}
    for e in books.events:
        if e.source == "calcom" and e.processed_at is not None:
            body = json.loads(e.payload)
            processed[e.tenant, body["triggerEvent"], str((body.get("payload") or {}).get("uid"))] = e.processed_at
    owner = {(a.tenant, chain(a.tenant, a.external_id)): a.id for a in books.appointments if a.external_id}
    ids = {(a.tenant, a.id) for a in books.appointments}
    owner |= {
        (b.tenant, chain(b.tenant, b.uid)): b.request_id for b in books.bookings if (b.tenant, b.request_id) in ids
    }
    triggers = {"create": "BOOKING_CREATED", "move": "BOOKING_RESCHEDULED", "cancel": "BOOKING_CANCELLED"}
    for c in history.changes:
        if appointment_id := owner.get((c.tenant, chain(c.tenant, c.new_uid))):
            end = processed.get((c.tenant, triggers.get(c.action, ""), c.new_uid), FOREVER)
            text = f"a person at Cal.com: {c.action}, {_show(c.start)}"
            # Not certain: our own change that is on its way to Cal.com wins (docs/decisions/0016-calendar-events-are-hints.md).
            change = Statement(c.start, c.began_at, end + _COMMITTING, text, certain=False)
            statements[c.tenant, appointment_id].append(change)


def _list_violations(history: History, statements: dict[Key, list[Statement]]) -> Iterator[Violation]:
    """A list names what was there at that moment, and omits nothing that its caller was promised."""
    of_caller: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    for a in history.answers:
        if a.function == "book_appointment" and read(a).said is Said.THERE and a.caller:
            of_caller[a.tenant, a.caller].add(str(a.body["appointment_id"]))
    for a in history.answers:
        if a.function != "find_appointments":
            continue
        text = f"{a.call_id} heard at {clock(a.answered_at)}: {a.message!r}"
        try:
            listed = read_list(a)
        except ValueError:
            yield Violation("untrue", a.tenant, a.call_id, f"{text}, and the fields say otherwise: {a.body}")
            continue
        known = of_caller[a.tenant, a.caller] if a.caller else set()
        to_check = (known | set(listed)) - list_unconfirmed(a) if listed is not None and len(listed) < 20 else ()
        for appointment_id in to_check:
            state = (listed or {}).get(appointment_id, _GONE)
            said = [s for s in statements[a.tenant, appointment_id] if s.begins < a.answered_at]
            if said and not _is_possible(state, said, before=a.asked_at):
                yield Violation("untrue", a.tenant, appointment_id, f"{text}; it cannot be {_show(state)} then")


def _denied(history: History, books: Books) -> Iterator[Violation]:
    """Yield appointments whose caller heard that nothing is booked at that time, and did not hear otherwise in the same call."""
    live = {(a.tenant, a.call_id, a.start): a for a in books.appointments if a.live and a.call_id}
    there = {str(a.body.get("appointment_id")) for a in history.answers if read(a).said is Said.THERE}
    for a in history.answers:
        if (
            a.function != "book_appointment"
            or read(a).said is not Said.NOT_DONE
            or "in diesem Gespräch schon" in a.message
        ):
            continue
        row = live.get((a.tenant, a.call_id, seconds(a.args.get("start")) or 0.0))
        if row is None or row.id in there or row.created_at >= a.answered_at:
            continue
        if row.created_at >= a.asked_at and any(_may_have_made(other, a, row.created_at) for other in history.answers):
            continue
        text = f"{a.call_id} heard at {clock(a.answered_at)}: {a.message!r}, and has it: {row.id} since {clock(row.created_at)}"
        yield Violation("untrue", a.tenant, row.id, text)


def _may_have_made(other: Answer, denied: Answer, made_at: float) -> bool:
    """Return whether another request of the same call was under way then, so that the denial may be older than the row."""
    same = (other.tenant, other.call_id, other.function) == (denied.tenant, denied.call_id, denied.function)
    ends = FOREVER if read(other).said is Said.OPEN else other.answered_at
    return same and other is not denied and other.asked_at <= made_at <= ends


def _ends_known_at(history: History, books: Books) -> dict[Key, float]:
    """Return by tenant and uid when it must be known here that a person has ended a booking: by its event, or the poll."""
    found = {
        (c.tenant, c.uid): c.ended_at + history.free_times for c in history.changes if c.action in {"cancel", "move"}
    }
    for e in books.events:
        if e.source == "calcom" and e.processed_at is not None:
            payload = json.loads(e.payload).get("payload") or {}
            for key in ((e.tenant, str(payload.get("uid"))), (e.tenant, str(payload.get("rescheduleUid")))):
                if key in found:
                    found[key] = min(found[key], e.processed_at + _COMMITTING)
    return found


def _not_at_calcom(history: History, books: Books) -> Iterator[Violation]:
    """Yield answers with a confirmed appointment that was not at Cal.com then, with that staff member.

    It must be made before the answer, and not ended before the question. A person may have ended it so shortly before that it
    could not be known here yet (as for offers: decision 39), or may have given it to another host since.
    """
    remote = {(a.tenant, a.id) for a in books.appointments if a.remote}
    reassigned = {(c.tenant, c.uid) for c in history.changes if c.action == "reassign"}
    known_at = _ends_known_at(history, books)
    for a in history.answers:
        key, start = (a.tenant, str(a.body.get("appointment_id"))), seconds(a.body.get("start"))
        confirmed = a.body.get("status") == "confirmed" and read(a).said is Said.THERE and key in remote
        if confirmed and a.function in _CHANGES and not any(
            (b.tenant, b.request_id, b.start) == (*key, start) and b.created <= a.answered_at + _CLOCK
            and (b.live or b.updated >= a.asked_at - _CLOCK or known_at.get((b.tenant, b.uid), 0.0) >= a.asked_at)
            and (b.staff == a.body.get("staff", b.staff) or (b.tenant, b.uid) in reassigned)
            for b in books.bookings
        ):  # fmt: skip
            yield Violation(
                "untrue",
                *key,
                f"{a.call_id} heard at {clock(a.answered_at)}: {a.message!r}, and Cal.com had no such booking",
            )
