"""reschedule_appointment: a move, or another appointment in place of one that cannot be moved as requested."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.book.context import BookingContext
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.asked_choices import read_choice
from askproai_runtime.conversation.book import book_appointment
from askproai_runtime.conversation.changed_visits import ReplacementWanted
from askproai_runtime.conversation.corrections import find_own
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.reschedule import move_own_appointment
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, AskedChoice, CallContext, Choice
from askproai_runtime.language.answer_words import FILLER, YES_WORD
from askproai_runtime.language.cancel_answers import CANCELLATION
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.understood import UNDERSTOOD

_ONLY_RENAME: Final = re.compile(rf"(?:(?:{YES_WORD}|{FILLER}|{UNDERSTOOD.choices.rename})(?: |$))++")


async def reschedule_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment, also to another staff member, or book another service or branch in its place.

    If the caller was asked whether the appointment gets another name, a yes turns the request into a renaming. If the caller
    chose a further appointment, that is booked, at the same time unless another is named.
    """
    name, said = read_name_alone(read_text(args, "customer_name"), call.said), fold(call.said_since or "")
    asked = [each for each in call.asked_choices if Choice.RENAME in each.choices and same_name(each.name, name)]
    left = " ".join(word for word in said.split() if word not in fold(name).split())
    is_yes = bool(_ONLY_RENAME.fullmatch(left)) and not CANCELLATION.search(left)
    choice = read_choice(args)
    if asked and (choice is Choice.RENAME or (choice is None and is_yes)):
        rename = {"appointment_id": asked[-1].about, "customer_name": name, "choice": Choice.RENAME.value}
        return await book_appointment(ctx, call, rename)
    booked = await find_own(ctx, call, asked[-1].about) if asked and choice is Choice.FURTHER else None
    if booked is not None:
        then = booked.starts_at.astimezone(ZoneInfo(ctx.config().time_zone)).isoformat()
        start = {} if any(read_parts(args)) else {"start": then}
        named = {key: each for key, each in args.items() if key != "appointment_id"}
        further = {"service": booked.service, **named, **start, "customer_name": name}
        return await book_appointment(ctx, replace(call, branch=booked.branch), further)
    try:
        return await move_own_appointment(ctx, call, args)
    except ReplacementWanted as wanted:
        return await _replace(ctx, call, args, wanted)


async def _replace(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], wanted: ReplacementWanted
) -> Answer:
    """Book the requested appointment and cancel the previous one, as in a booking for which the caller chose to cancel."""
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
