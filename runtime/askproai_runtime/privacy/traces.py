"""The traces of one caller: the ids of all rows that are stored for a phone number. `store/` reads and erases by them.

A person is a phone number here, as in `customers`; a withheld number belongs to no person. Another caller's words about the
person stay with that caller's call. An appointment that the number booked for another number belongs to the other number
(docs/decisions/0097-one-caller-is-exported-and-erased.md).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import phonenumbers

from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.calls.payload import RetellCall, RetellEvent, decode, find_route, parse_milliseconds, read_sides
from askproai_runtime.conversation.email_address import read_email
from askproai_runtime.intake import Source
from askproai_runtime.language.spoken_numbers import list_dictated, read_spoken_number

# Retell ends a call after two hours: a call without a reported end is over then.
LONGEST_CALL: Final = timedelta(minutes=130)
# The length of a booking's traces: the trigger `empty_erased_event` looks up each word of a body.
REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{8,500}")


@dataclass(frozen=True, slots=True)
class StoredBody:
    """An event that may be the caller's: its body has the number, an address or a booking, or its id begins with a call's id.

    `missing_key` says which key is missing to decrypt the body; `payload` is then empty.
    """

    id: int
    source: str
    event_id: str
    payload: bytes
    missing_key: str | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """The ids of all rows stored for `number` (E.164) before `until`.

    `appointments` are the caller's own, `booked_for_others` those that the number booked for another customer. `emails` are
    addresses that no other customer has. `bookings` are the remote calendar's uids and our ids of the caller's appointments.
    `set_aside` are ids of bodies in Redis, `said_by_others` of records of functions in other calls that name the person.
    `unreadable` has a reason for each body or record that cannot be read. `regions` are countries for national numbers.
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
    set_aside: tuple[int, ...] = ()
    said_by_others: tuple[int, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Return True if nothing is left to erase, apart from recorded ids and the customer of a later appointment."""
        found = self.appointments, self.booked_for_others, self.events, self.set_aside, self.unreadable
        return not any(found) and not self.said_by_others


def unreadable_text(traces: Traces) -> str:
    """Return the reason why an erasure waits for its unreadable bodies and records, which may be the caller's."""
    reasons = ", ".join(sorted(set(traces.unreadable)))
    return (
        f"{len(traces.unreadable)} bodies or records of functions that may be the caller's are {reasons}: restore Secret"
        " T-data-keys of the Tenant from your backup, or the release that has written the entry; else they go by age"
        " (retention.rawEventDays, transcriptDays)"
    )


def number_pattern(number: str) -> str:
    """Return a regular expression, for PostgreSQL and `re`, that finds a stored number, except as a part of a longer number."""
    return rf"(?<![0-9])(00)?{re.escape(number.removeprefix('+'))}(?![0-9])"


def names_person(
    arguments: Mapping[str, Any] | None, traces: Traces, names: Collection[str], *, concerns: bool = True
) -> bool:
    """Return True if an argument of a call function is one of `names` (in lower case), or contains the person's number or an
    address as people say it. A national number is tried in each of the traces' regions. If nothing else of the call `concerns`
    the person, arguments without an address, a number in words or digits of the person's number are not searched: a name may be
    a namesake's, and the search is slow.
    """
    text = "" if concerns else msgspec.json.encode(arguments).decode()
    has_digits = concerns or traces.number[-7:] in re.sub("[^0-9]+", "", text)
    if not has_digits and not re.search(r'@|mail":|phone":"[^"]*[^-+() /."0-9]', text):
        return False
    addresses, digits = _address_pattern(traces.emails), _said_pattern(traces.number, traces.regions)
    for value in (arguments or {}).values():
        text = unicodedata.normalize("NFKC", value) if isinstance(value, str) else ""
        said = [text, *filter(None, map(read_spoken_number, (text, *list_dictated(text))))]
        if (
            " ".join(text.lower().split()) in names
            or (addresses and re.search(addresses, f"{text} {read_email(text)}", re.IGNORECASE))
            or any(digits.search(each) for each in said)
            or any(e164_or_none(each, region) == traces.number for each in said for region in traces.regions)
        ):
            return True
    return False


def _said_pattern(number: str, regions: Collection[str]) -> re.Pattern[str]:
    """Return a pattern that finds a number with any signs between its digits, except in a longer group of digits.

    The country code may be left out in one of `regions`, and so may the zero before the area code, as models do.
    """
    parsed, signs = phonenumbers.parse(number), r"[\W_]*"
    code = "".join(f"{digit}{signs}" for digit in str(parsed.country_code))
    is_home = any(phonenumbers.country_code_for_region(each) == parsed.country_code for each in regions)
    national = signs.join(phonenumbers.national_significant_number(parsed))
    return re.compile(rf"(?<!\d)(?:(?:00{signs})?{code}){'?' if is_home else ''}(?:0{signs})?{national}(?!\d)")


def _address_pattern(emails: Iterable[str]) -> str:
    """Return a regular expression that finds each of the addresses, except as a part of a longer address."""
    return "|".join(rf"(?<![\w.+%-]){re.escape(email)}(?!\w|[.-]\w)" for email in emails)


def own_events(
    config: TenantConfig,
    found: Iterable[StoredBody],
    number: str,
    calls: Iterable[str],
    until: datetime,
    bookings: Iterable[str] = (),
    emails: Iterable[str] = (),
) -> tuple[list[int], set[str]]:
    """Return the ids of the caller's events, and the ids of calls in these events, which may have no row yet.

    An event of the remote calendar is the caller's if it contains the number, one of `bookings` or one of `emails`; a part of a
    longer number or address does not count. An event of another caller's call is never the caller's, even if the number was
    said in the call. An unreadable event is erased if it contains the number; its call is not, since it may be another caller's.
    """
    known, ids, reported = set(calls), list[int](), set[str]()
    said = number_pattern(number), *map(re.escape, bookings), _address_pattern(emails)
    says = re.compile("|".join(filter(None, said)).encode())
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
    try:
        envelope = decode(payload, RetellEvent)
    except msgspec.DecodeError:
        return None
    return envelope.call or envelope.data


def _was_over(call: RetellCall, until: datetime) -> bool:
    began_at, ended_at = parse_milliseconds(call.start_timestamp), parse_milliseconds(call.end_timestamp)
    return ended_at <= until if ended_at else began_at is None or began_at < until - LONGEST_CALL


def _caller_of(call: RetellCall, config: TenantConfig) -> str | None:
    """Return the number of the other party in a call, in E.164, as the call's events are stored; None without a number."""
    route = find_route(call, config)
    return e164_or_none(read_sides(call)[1], region_of(config, route.branch if route else None))
