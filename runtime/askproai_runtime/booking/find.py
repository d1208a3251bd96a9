"""Whose appointments they are, and how they are told: find_appointments, and which one a caller means.

A caller owns what was booked from the number that rings now, or for it, and what this call has made; never more. Who
withholds the number owns what this call has made.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.phrases import listed
from askproai_runtime.booking.request import AskBack, text
from askproai_runtime.booking.store import appointments, claims
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import Answer, BookingContext, CallContext
from askproai_runtime.german_dates import spoken

MOST_TOLD = 5
_NONE = "Unter Ihrer Nummer finde ich keinen kommenden Termin."
_WITHHELD = (
    "Ihre Rufnummer ist unterdrückt, deshalb kann ich Ihre Termine nicht nachsehen."
    " Bitte rufen Sie noch einmal mit sichtbarer Nummer an, oder wenden Sie sich direkt an uns."
)


async def find_appointments(desk: BookingContext, call: CallContext) -> Answer:
    """Say this caller's appointments to come, in every branch of the tenant."""
    async with desk.pool.acquire() as conn:
        found = await claims.coming(conn, desk.tenant, call.caller, call.call_id, desk.clock.now())
    config = desk.config()
    if not found:
        return Answer(success=call.caller is not None, message=_nothing(call), fields={"appointments": []})
    told = [in_words(config, one) for one in found[:MOST_TOLD]]
    more = len(found) - len(told)
    if len(found) == 1:
        message = f"Sie haben einen Termin: {told[0]}."
    else:
        message = f"Sie haben {len(found)} Termine: {listed(told, 'und')}{f', und {more} weitere' if more else ''}."
    return Answer(success=True, message=message, fields={"appointments": fields_of(config, found)})


async def which(
    desk: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    question: str,
    *,
    cancelled: bool = False,
) -> Appointment:
    """Give the appointment that is meant: the named one, else the only one to come. Raises `AskBack`, with the choice.

    With `cancelled` it may be one that is cancelled already: by its id, or by this call if no other is to come.
    """
    config = desk.config()
    found = await claims.coming(conn, desk.tenant, call.caller, call.call_id, desk.clock.now())
    named = text(args, "appointment_id")
    if named is not None:
        if one := await _named(desk, conn, call, named):
            return one
        question = f"Diesen Termin finde ich nicht. {question}"
    elif cancelled and (gone := await claims.cancelled_in(conn, desk.tenant, call.call_id)):
        last = await appointments.appointment(conn, desk.tenant, gone[-1])
        if last is not None and not found:
            return last
        question = f"Ein Termin ist schon abgesagt. {question}"
    elif len(found) == 1:
        return found[0]
    if not found:
        raise AskBack(_nothing(call), appointments=[])
    choice = listed([in_words(config, one) for one in found[:MOST_TOLD]])
    raise AskBack(f"{question} {choice}?", appointments=fields_of(config, found))


async def _named(desk: BookingContext, conn: Connection, call: CallContext, named: str) -> Appointment | None:
    try:
        one = await appointments.appointment(conn, desk.tenant, UUID(named))
    except ValueError:
        return None
    if one is None or one.status == appointments.Status.HELD:
        return None
    theirs = call.caller is not None and call.caller in {one.caller, one.phone}
    return one if theirs or (call.call_id and one.call_id == call.call_id) else None


def in_words(config: TenantConfig, one: Appointment) -> str:
    """Give `Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna`, and the branch where there are several."""
    branch = next((branch for branch in config.branches if branch.name == one.branch), None)
    service = next((service.display_name for service in config.services if service.name == one.service), one.service)
    people = branch.staff if branch else ()
    person = next((person.display_name for person in people if person.id == one.staff), one.staff)
    where = f" in {branch.display_name}" if branch and len(config.branches) > 1 else ""
    return f"{spoken(one.starts_at, ZoneInfo(config.time_zone))}, {service} bei {person}{where}"


def fields_of(config: TenantConfig, found: Sequence[Appointment]) -> list[dict[str, str]]:
    return [
        {
            **fields(ZoneInfo(config.time_zone), one),
            "service": one.service,
            "branch": one.branch,
            "spoken": in_words(config, one),
        }
        for one in found
    ]


def fields(zone: ZoneInfo, one: Appointment) -> dict[str, str]:
    """Give an appointment as contract §4 writes it."""
    return {
        "appointment_id": str(one.id),
        "start": one.starts_at.astimezone(zone).isoformat(),
        "end": one.ends_at.astimezone(zone).isoformat(),
        "staff": one.staff,
        "status": one.status,
    }


def _nothing(call: CallContext) -> str:
    return _NONE if call.caller is not None else _WITHHELD
