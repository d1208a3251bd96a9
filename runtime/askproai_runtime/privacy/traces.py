"""The stored data of one caller, as ids: whoever has the number. `store/` reads and erases by them.

A person is a phone number here, as in `customers`: a withheld number is that of no person. Another caller's words about the
person stay with that caller's call, and an appointment that the number booked for another number is that one's
(docs/decisions/0097-one-caller-is-exported-and-erased.md).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.calls.payload import RetellCall, RetellEvent, decode, find_route, parse_milliseconds, read_sides
from askproai_runtime.intake import Source
from askproai_runtime.language.spoken_numbers import read_spoken_number

# Retell ends a call after two hours; one of which no end came is over then.
LONGEST_CALL: Final = timedelta(minutes=130)
# The traces of a booking: the trigger `empty_erased_event` looks each word of a body up.
REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{8,500}")


@dataclass(frozen=True, slots=True)
class StoredBody:
    """An event that may be the caller's: its body holds the number, the address or a booking, or its id begins with a call's.

    `missing_key` is why the body cannot be read now, but can when its key is there again; `payload` is empty then.
    """

    id: int
    source: str
    event_id: str
    payload: bytes
    missing_key: str | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """The ids of the rows stored for `number` (E.164), as of before `until`.

    `appointments` are the caller's own, `booked_for_others` those that the number booked for another customer. `emails` are
    addresses that nobody else has. `bookings` are Cal.com's uids and our ids of the caller's appointments. `unreadable` has for
    each body that may be the caller's, and cannot be read now, why. `regions` are the countries whose national numbers are meant.
    """

    number: str
    until: datetime
    customer: UUID | None
    emails: tuple[str, ...]
    calls: tuple[str, ...]
    appointments: tuple[UUID, ...]
    booked_for_others: tuple[UUID, ...]
    bookings: tuple[str, ...]
    events: tuple[int, ...]
    regions: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Return whether nothing is left to erase: ids that an erasure has noted stay, and the customer of a later appointment."""
        return not (self.appointments or self.booked_for_others or self.events or self.unreadable)


def unreadable_text(traces: Traces) -> str:
    """Return what an erasure waits for whose traces have bodies that cannot be read now."""
    reasons = ", ".join(sorted(set(traces.unreadable)))
    return (
        f"{len(traces.unreadable)} bodies that may be the caller's are {reasons}: restore Secret T-data-keys of the Tenant from"
        " your backup; if the key was destroyed, they go by age (retention.rawEventDays)"
    )


def number_pattern(number: str) -> str:
    """Return the pattern of a number as what is stored has it, for PostgreSQL and for `re`: not a part of a longer one."""
    return rf"(?<![0-9])(00)?{re.escape(number.removeprefix('+'))}(?![0-9])"


def names_person(
    arguments: Any, number: str, names: Collection[str], emails: Collection[str], regions: Collection[str]
) -> bool:
    """Return whether arguments of a call function name the person: the number however it is written or
    dictated, a name or an address.

    `names` and `emails` are in small letters, and count as whole values. A number without its country is one of any of `regions`.
    """
    if isinstance(arguments, Mapping):
        return any(names_person(each, number, names, emails, regions) for each in arguments.values())
    if isinstance(arguments, list | tuple):
        return any(names_person(each, number, names, emails, regions) for each in arguments)
    if isinstance(arguments, bool) or not isinstance(arguments, str | int):
        return False
    text = str(arguments)
    lowered = " ".join(text.lower().split())
    return (
        lowered in names
        or lowered in emails
        or any(e164_or_none(said, region) == number for said in (text, read_spoken_number(text)) for region in regions)
        or bool(re.search(number_pattern(number), text))
    )


def own_events(
    config: TenantConfig,
    found: Iterable[StoredBody],
    number: str,
    calls: Iterable[str],
    until: datetime,
    bookings: Iterable[str] = (),
    emails: Iterable[str] = (),
) -> tuple[list[int], set[str]]:
    """Return the ids of those events that are the caller's, and the calls that they report, which may have no row yet.

    One of Cal.com is the caller's if it has the number, one of `bookings` or one of `emails`, and not as a part of another's.
    One of another caller's call in which the number was only said is not. One that cannot be read is erased if it holds the
    number; its call is not, since it may be another's.
    """
    known, ids, reported = set(calls), list[int](), set[str]()
    whole = (rf"(?<![\w.+%-]){re.escape(email)}(?!\w|[.-]\w)" for email in emails)
    says = re.compile("|".join([number_pattern(number), *map(re.escape, bookings), *whole]).encode())
    for event in found:
        call_id = event.event_id.partition(":")[0]
        is_own_call = event.source == Source.RETELL and call_id in known
        call = _read(event.payload) if event.source == Source.RETELL and not is_own_call else None
        if is_own_call or (call is None and says.search(event.payload)):
            ids.append(event.id)
        elif call is None:
            continue
        elif _caller_of(call, config) == number and _was_over(call, until):
            ids.append(event.id)
            reported.add(call_id)
    return ids, reported


def _read(payload: bytes) -> RetellCall | None:
    """Return the call of an event; None if it cannot be read."""
    try:
        envelope = decode(payload, RetellEvent)
    except msgspec.DecodeError:
        return None
    return envelope.call or envelope.data


def _was_over(call: RetellCall, until: datetime) -> bool:
    began_at, ended_at = parse_milliseconds(call.start_timestamp), parse_milliseconds(call.end_timestamp)
    return ended_at <= until if ended_at else began_at is None or began_at < until - LONGEST_CALL


def _caller_of(call: RetellCall, config: TenantConfig) -> str | None:
    """Return the other side's number of a call, in E.164, as its events store it."""
    route = find_route(call, config)
    return e164_or_none(read_sides(call)[1], region_of(config, route.branch if route else None))
