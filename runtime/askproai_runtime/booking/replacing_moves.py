"""reschedule_appointment: a move, or another appointment in place of one that cannot be moved as the caller wants it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from askproai_runtime.booking.book import book_appointment
from askproai_runtime.booking.changed_visits import ReplacementWanted
from askproai_runtime.booking.reschedule import move_own_appointment
from askproai_runtime.booking.types import Answer, AskedChoice, BookingContext, CallContext, Choice


async def reschedule_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment, also to another person, or book another service, or another branch, in its place."""
    try:
        return await move_own_appointment(ctx, call, args)
    except ReplacementWanted as wanted:
        return await _replace(ctx, call, args, wanted)


async def _replace(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], wanted: ReplacementWanted
) -> Answer:
    """Book the wanted appointment, and cancel the former one, by the steps of a booking for which the caller has chosen that."""
    former, service = wanted.appointment, wanted.service
    choice = AskedChoice(str(former.id), frozenset({Choice.CANCEL}), former.customer_name)
    chosen = replace(call, branch=service.rules.branch.name, asked_choices=(choice,), replies=call.replies or {})
    request = {
        "service": service.rules.service.name,
        "staff": service.staff,
        "start": wanted.start.astimezone(service.rules.zone).isoformat(),
        "customer_name": former.customer_name,
        "phone": former.phone if former.phone != call.caller else None,
        "birth_date": args.get("birth_date"),
        "choice": Choice.CANCEL.value,
    }
    return await book_appointment(ctx, chosen, {name: value for name, value in request.items() if value is not None})
