"""Compare a storm's history with the books after it. Shares nothing with the product's logic: it only knows what was promised.

lost     acknowledged, and neither stored nor processed, or without its effect
double   a person twice at one time, an appointment without exactly one live booking, a request that was booked twice
crossed  another tenant's data in a row, a Redis key, a log line or an answer; or the illness of somebody who is absent
untrue   a sentence that a caller heard and the books contradict (`truth.py`), also an offer (`offers.py`)
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from tests.soak.books import Booking, Books
from tests.soak.history import FOREVER, ILLNESS, Delivery, History, clock
from tests.soak.offers import Cause, accepted_offers
from tests.soak.sentences import Said, read
from tests.soak.truth import untrue
from tests.soak.violation import Violation

__all__ = ["Chains", "Violation", "booked_again", "check", "differing", "missed_changes"]


@dataclass(frozen=True)
class Chains:
    """The chains of moved bookings at Cal.com: a move makes a new booking, which names the old one."""

    first: dict[tuple[str, str], str]

    @classmethod
    def of(cls, bookings: list[Booking]) -> "Chains":
        by_uid = {(b.tenant, b.uid): b for b in bookings}
        first = {}
        for b in bookings:
            origin = b
            while origin.moved_from and (origin.tenant, origin.moved_from) in by_uid:
                origin = by_uid[origin.tenant, origin.moved_from]
            first[b.tenant, b.uid] = origin.uid
        return cls(first)

    def __call__(self, tenant: str, uid: str | None) -> str | None:
        return self.first.get((tenant, uid or ""), uid)


def check(history: History, books: Books) -> list[Violation]:
    """Return every broken promise."""
    chains = Chains.of(books.bookings)
    found = [Violation("lost", tenant, "", f"did not come to an end: {what}") for tenant, what in history.stuck]
    for violations in (
        _lost(history, books), _double(books), differing(books, chains), _booked_twice(books, chains),
        _crossed(history, books), untrue(history, books, chains), _false_offers(history, books),
    ):  # fmt: skip
        found += violations
    return found


def booking_uid(delivery: Delivery) -> str:
    payload = delivery.content.get("payload") or {}
    return str(payload.get("uid") or payload.get("bookingUid") or "")


def _content(source: str, payload: bytes) -> object:
    """Return the part of a body that must be stored: all of it, byte by byte, or only uuid and days of an absence."""
    if source != "calcom" or b"OOO_CREATED" not in payload:
        return payload
    entry = json.loads(payload)["payload"]["oooEntry"]
    return tuple(entry[name] for name in ("uuid", "start", "end", "updatedAt"))


def missed_changes(history: History, books: Books) -> list[Delivery]:
    """Return Cal.com's webhooks about changes by people that were not acknowledged and are not stored either.

    Cal.com sends them once, so only the poll of its bookings finds these changes.
    """
    by_people = {(c.tenant, c.new_uid) for c in history.changes} | {(c.tenant, c.uid) for c in history.changes}
    stored = {(e.tenant, e.payload) for e in books.events}
    return [
        d for d in history.deliveries
        if d.source == "calcom" and not d.stray and not d.acknowledged and (d.tenant, d.body) not in stored
        and (d.tenant, booking_uid(d)) in by_people
    ]  # fmt: skip


def booked_again(history: History) -> list[tuple[str, str]]:
    """Return tenant and call of repeated bookings that were under way at once and were answered with two appointments.

    It takes a change of the first appointment between the two answers (a person's, at Cal.com): then the repetition counts as
    a new booking. A known hole, counted apart.
    """
    made = defaultdict(list)
    for a in history.answers:
        if a.function == "book_appointment" and read(a).said is Said.THERE:
            made[a.tenant, a.call_id, a.args["start"], a.customer].append(a)
    return [
        key[:2] for key, answers in made.items() for a, b in combinations(answers, 2)
        if a.body["appointment_id"] != b.body["appointment_id"]
        and a.asked_at < b.answered_at and b.asked_at < a.answered_at
    ]  # fmt: skip


def _lost(history: History, books: Books) -> Iterator[Violation]:
    """Yield acknowledged events that are not stored, not processed at the end, or without effect."""
    status = {(e.tenant, e.source, _content(e.source, e.payload)): e.status for e in books.events}
    for d in history.deliveries:
        if not d.acknowledged:
            continue
        name = f"{d.source} {d.event} of {clock(d.sent_at)}"
        if d.stray:
            yield Violation("crossed", d.tenant, "", f"{name} is another tenant's and was acknowledged")
            continue
        found = status.get((d.tenant, d.source, _content(d.source, d.body)))
        if found != "processed":
            subject = booking_uid(d) if d.source == "calcom" else str((d.content.get("call") or {}).get("call_id", ""))
            yield Violation(
                "lost", d.tenant, subject, f"{name} was acknowledged ({d.reply}) and is {found or 'not stored'}"
            )
        if d.source == "retell":
            yield from _lost_call(d, books)
    yield from _lost_billing(history, books)


def _lost_call(d: Delivery, books: Books) -> Iterator[Violation]:
    call_id = str((d.content.get("call") or {}).get("call_id"))
    call = books.calls.get((d.tenant, call_id))
    if call is None:
        yield Violation("lost", d.tenant, call_id, f"{d.event} was acknowledged and the call has no row")
    elif d.event == "call_ended" and call["status"] != "ended":
        yield Violation("lost", d.tenant, call_id, f"call_ended was acknowledged and the call is {call['status']}")
    elif d.event == "call_analyzed" and call["analyzed_at"] is None:
        yield Violation("lost", d.tenant, call_id, "call_analyzed was acknowledged and its analysis is not there")


def _lost_billing(history: History, books: Books) -> Iterator[Violation]:
    """Yield billing states that are not of the newest event: an acknowledged one, or a newer one of unknown fate."""
    newest: dict[str, tuple[int, str]] = {}
    for d in history.deliveries:
        if d.source == "stripe" and d.acknowledged and not d.stray:
            newest[d.tenant] = max(
                newest.get(d.tenant, (0, "")), (d.content["created"], d.content["data"]["object"]["status"])
            )
    for tenant, (created, wanted) in newest.items():
        newer = {
            d.content["data"]["object"]["status"] for d in history.deliveries
            if d.source == "stripe" and d.tenant == tenant and not d.stray and d.content["created"] > created
        }  # fmt: skip
        if books.billing.get(tenant) not in {wanted, *newer}:
            yield Violation(
                "lost", tenant, "", f"the subscription is {books.billing.get(tenant)}, Stripe's last word {wanted}"
            )


def _double(books: Books) -> Iterator[Violation]:
    for tenant, both in books.overlapping_claims:
        yield Violation("double", tenant, both.split()[0], f"two booked claims overlap: {both}")
    by_person = defaultdict(list)
    for a in books.appointments:
        if a.live:
            by_person[a.tenant, a.staff].append(a)
    for (tenant, staff), appointments in by_person.items():
        for a, b in combinations(sorted(appointments, key=lambda a: a.start), 2):
            if a.start < b.end and b.start < a.end:
                yield Violation("double", tenant, a.id, f"{staff} has two at {clock(a.start)}: {a.id} and {b.id}")


def differing(books: Books, chains: Chains) -> Iterator[Violation]:
    """Yield live appointments without exactly one live booking at their time and with their person, and bookings without one."""
    live: dict[tuple[str, str], list[Booking]] = defaultdict(list)  # by our appointment
    request_ids = {(b.tenant, chains(b.tenant, b.uid)): b.request_id for b in books.bookings if b.request_id}
    ours = {(a.tenant, chains(a.tenant, a.external_id)): a.id for a in books.appointments if a.external_id}
    ids = {(a.tenant, a.id) for a in books.appointments}
    for b in books.bookings:
        chain = b.tenant, chains(b.tenant, b.uid)
        request = request_ids.get(chain)
        owner = request if (b.tenant, request) in ids else ours.get(chain)
        if b.live and owner is not None:
            live[b.tenant, owner].append(b)
        elif b.live:
            yield Violation(
                "double", b.tenant, b.uid, f"booking {b.uid} ({b.staff}, {clock(b.start)}) has no appointment here"
            )
    for a in books.appointments:
        bookings = live[a.tenant, a.id]
        if not a.remote:
            continue
        places = sorted((b.staff, b.start) for b in bookings)
        wanted = [(a.staff, a.start)] if a.live else []
        if places != wanted:
            there = ", ".join(f"{staff} {clock(start)}" for staff, start in places) or "nothing"
            text = f"{a.status} here with {a.staff} at {clock(a.start)}, at Cal.com: {there}"
            yield Violation("double", a.tenant, a.id, text)


def _booked_twice(books: Books, chains: Chains) -> Iterator[Violation]:
    """No two bookings of one request live at Cal.com at the same time, not even for a moment; no two rows of one request."""
    by_request: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
    for b in books.bookings:
        if b.request_id:
            chain = chains(b.tenant, b.uid) or b.uid
            end = FOREVER if b.live else b.updated
            first, last = by_request[b.tenant, b.request_id].get(chain, (b.created, end))
            by_request[b.tenant, b.request_id][chain] = [min(first, b.created), max(last, end)]
    for (tenant, request), lives in by_request.items():
        for (one, a), (other, b) in combinations(lives.items(), 2):
            if a[0] < b[1] and b[0] < a[1]:
                yield Violation("double", tenant, request, f"one request, two bookings at one time: {one} and {other}")
    requests = Counter((a.tenant, a.call_id, a.start, a.customer) for a in books.appointments if a.live and a.call_id)
    for (tenant, call_id, start, _), count in requests.items():
        if count > 1:
            yield Violation("double", tenant, call_id, f"{count} live appointments of one call at {clock(start)}")


def _false_offers(history: History, books: Books) -> Iterator[Violation]:
    """Yield times that were offered as certain and were not free, although this could be known within the promised latency."""
    for each in accepted_offers(history, books):
        if each.cause is Cause.KNOWN and each.is_certain:
            yield Violation("untrue", each.yes.tenant, each.yes.call_id, f"offered and gone: {each.why}")


def _crossed(history: History, books: Books) -> Iterator[Violation]:
    answers = [(a.tenant, f"answer to {a.function} in {a.call_id}", str(a.body)) for a in history.answers]
    replies = [(d.tenant, f"reply to {d.source} {d.event}", str(d.reply)) for d in history.deliveries]
    for owner, where, text in [*books.texts, *answers, *replies]:
        if ILLNESS in text:
            yield Violation("crossed", owner, "", f"{where} says why somebody is absent: {text[:300]}")
        for tenant, canaries in books.canaries.items():
            # A process that serves all tenants may name a tenant, the first canary, but no callers.
            forbidden = canaries if owner in books.canaries else canaries[1:]
            if tenant != owner and (canary := next((c for c in forbidden if c in text), None)):
                yield Violation("crossed", owner, "", f"{where} contains {canary!r} of {tenant}: {text[:300]}")
