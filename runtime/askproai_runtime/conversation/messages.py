"""leave_message, and messages that other functions leave for the team."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.availability.obstacles import is_branch_open
from askproai_runtime.book.changes import commit_and_answer
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.messages import Message, NewMessage
from askproai_runtime.book.store.messages import (
    OF_CALLER,
    amend_message,
    insert_message,
    list_call_messages,
    lock_messages,
)
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.amended_messages import (
    CALL_BACK_SEPARATOR,
    asks_for_writing,
    find_amended,
    is_filler,
    join_texts,
    names_no_time,
    speaks_of_call_back,
    withdraws_call_back,
)
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.named_people import read_people
from askproai_runtime.conversation.phone_argument import (
    SaidPhone,
    ask_if_unclear,
    ask_to_call_back,
    find_phone,
    has_digits,
    holds_number,
    read_phone,
    spell_phone,
)
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.language.phrases import format_reading, sayable
from askproai_runtime.language.placeholders import is_placeholder, leaves_open, names_nothing, refuses_contact
from askproai_runtime.notifications.news import TooManyCorrections, enqueue_message
from askproai_runtime.person_names import fold, names_person, same_name
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.spoken_times import Argument, Candidate, understand_parts
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day

MESSAGES_PER_CALL = 3
MESSAGES_PER_HOUR = 10  # of one number; all callers without a number together
_MAX_TEXT = 480  # what is longer may have been cut before it came here
_MAX_SHORT = 200
_MAX_PHONE = 40

_ANY_TIME = timedelta(days=180)  # "egal wann" names none


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call-back in the caller's words (`said`). `meant` are their readings; `understood` is the time if there is only one."""

    said: str
    meant: tuple[Candidate, ...]
    understood: Candidate | None

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The start and end of the call-back time; (None, None) if it is unclear. Readings that follow each other are one time."""
        if self.understood is not None:
            return self.understood.start, self.understood.end
        follow = all(first.end == second.start for first, second in pairwise(self.meant))
        return (self.meant[0].start, self.meant[-1].end) if len(self.meant) > 1 and follow else (None, None)

    @property
    def is_any_time(self) -> bool:
        """True if the words ask for a call-back but name no time: only "ja" or "any", for example."""
        return self.understood is None and names_no_time(self.said)

    def describe(self, zone: ZoneInfo, now: datetime) -> str | None:
        """Return the understood time in words, else the caller's words; None if the agent cannot say these."""
        found = self.understood
        return sayable(self.said) if found is None else format_reading(found, zone, now)


def understand_call_back(said: str, at: datetime, zone: ZoneInfo) -> CallBack:
    """Return the call-back with the readings of `said`. Words with no reading, or several, are stored as said for a person."""
    meant = understand_parts(said, None, None, at=at, zone=zone).candidates
    known = len(meant) == 1 and (meant[0].end or meant[0].start) - at < _ANY_TIME
    return CallBack(said, meant, meant[0] if known else None)


def is_closed_then(requested: Iterable[CallBack], branch: Branch | None, zone: ZoneInfo) -> bool:
    """Return True if the branch is closed at every requested time; False if no time is understood or it has no opening hours."""
    meant = [candidate for call_back in requested for candidate in call_back.meant]
    if branch is None or not branch.opening_hours or not meant:
        return False
    return not any(is_branch_open(zone, branch, candidate) for candidate in meant)


class NotedNumber(StrEnum):
    """Which phone number is stored with a message: the value of the answer's field `number`."""

    OF_CALL = "of_call"
    NAMED = "named"
    NONE = "none"


async def leave_message(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Store a message for the tenant and confirm it after the commit, or ask for missing details.

    A message that adds to an earlier one of the call, or corrects it, amends that one (`amended_messages.py`). The number of
    corrections is limited, since each is notified.
    """
    try:
        earlier = await list_call_messages(ctx.pool, ctx.tenant, call.call_id)
        heard = read_phone(read_said(args, "phone"), ctx.config(), call)
        message = _parse(ctx, call, args, earlier, heard)
        return await commit_and_answer(
            ctx,
            lambda conn: _store_or_amend(conn, ctx, message),
            lambda stored: _answer_noted(ctx, call, message, heard, stored),
        )
    except ClarificationNeeded as clarification:
        return clarification.answer
    except TooManyCorrections:
        return Answer(
            success=False, message=say().message_changed_too_often, fields={}, outcome=FunctionOutcome.LIMITED
        )


async def _store_or_amend(conn: Connection, ctx: BookingContext, message: NewMessage) -> Message | None:
    await lock_messages(conn, ctx.tenant, message.call_id)
    earlier = await list_call_messages(conn, ctx.tenant, message.call_id)
    found = find_amended(earlier, message, _list_recipients(ctx.config()))
    if found is not None:
        stored, amended = found
        if amended == stored:
            return stored
        written = await amend_message(conn, ctx.tenant, amended)
        if written is not None:
            await _notify(conn, ctx, written, message.correlation_id)
            return written
    if not message.text:
        raise ClarificationNeeded(say().what_message)
    return await store_message(conn, ctx, replace(message, key=f"{OF_CALLER}{len(earlier)}:{message.key}"))


def _answer_noted(
    ctx: BookingContext,
    call: CallContext,
    message: NewMessage,
    heard: SaidPhone,
    stored: Message | None,
) -> Answer:
    """Return the answer about the message as stored (None: too many): with its call-back, or that this was withdrawn, and that
    the number that was `heard` is incomplete, or several are unclear.
    """
    if stored is None:
        return Answer(success=False, message=say().too_many_messages, fields={}, outcome=FunctionOutcome.LIMITED)
    whom, as_said = _say_recipient(ctx.config(), stored.recipient)
    sentence = say().noted.format(whom=whom)
    is_amended = fold(stored.text) != fold(message.text)
    is_unclear = message.phone is None and heard.several is not None
    missed = say().phone_was_half if heard.half is not None else say().phone_was_unclear if is_unclear else ""
    says_number = missed or (message.phone is not None and (is_amended or message.phone != stored.caller))
    number = f"{missed}{_say_number(ctx.config(), call, stored)}"
    if stored.call_back:
        template, when, closed = _choose_call_back(ctx, call, stored.call_back)
        sentence = template.format(whom=whom, when=when, number=f"{closed}{number}")
    elif says_number or _noted_number(stored) is NotedNumber.NONE:
        sentence += number
    text = sayable(stored.text) if is_amended else None
    sentence += as_said
    if is_amended:
        sentence += say().message_now.format(text=text) if text else say().in_one_message
    if message.withdraws and not text and say().no_call_back in stored.text:
        sentence = f"{sentence} {say().no_call_back}" if message.text else say().call_back_withdrawn
    fields = {"message_id": str(stored.id), "number": _noted_number(stored).value}
    return Answer(success=True, message=sentence, fields=fields, outcome=FunctionOutcome.NOTED)


def _choose_call_back(ctx: BookingContext, call: CallContext, noted: str) -> tuple[str, str, str]:
    """Return the sentence's template, the call-back time in words, and the note that the branch is closed then, or "". After a
    mere yes, and for any time, the time is ""; words that are no time are repeated, since they may refuse a call-back.
    """
    if names_no_time(noted) or leaves_open(noted):
        return say().call_back_wanted, "", ""
    zone, now = ZoneInfo(ctx.config().time_zone), ctx.clock.now()
    requested = [understand_call_back(part, call.started_at, zone) for part in noted.split(CALL_BACK_SEPARATOR)]
    parts = [call_back.describe(zone, now) for call_back in requested]
    when = CALL_BACK_SEPARATOR.join(part.rstrip(".") for part in parts if part)
    template = say().call_back_noted if all(parts) else say().call_back_in_words
    is_closed = is_closed_then(requested, ctx.config().find_branch(call.branch), zone)
    return template, when, say().call_back_when_closed if is_closed else ""


def _say_number(config: TenantConfig, call: CallContext, stored: Message) -> str:
    number = _noted_number(stored)
    if number is NotedNumber.NONE:
        is_said = holds_number(stored.text) or holds_number(stored.call_back or "")
        return "" if is_said else say().no_number_noted
    if number is NotedNumber.OF_CALL and not call.goes_out:
        return say().reached_at_callers_number
    phone = (stored.phone if number is NotedNumber.NAMED else stored.caller) or ""
    if not phone.startswith("+"):
        return say().reached_at_named_number
    return say().reached_at_number.format(phone=spell_phone(phone, region_of(config, call.branch)))


def _noted_number(stored: Message) -> NotedNumber:
    if stored.phone and stored.phone != stored.caller and has_digits(stored.phone):
        return NotedNumber.NAMED
    return NotedNumber.OF_CALL if stored.caller else NotedNumber.NONE


def _list_recipients(config: TenantConfig) -> list[str]:
    return [member.display_name for branch in config.branches for member in branch.staff]


def _say_recipient(config: TenantConfig, recipient: str | None) -> tuple[str, str]:
    """Return (` für Anna`, "") for a known staff member or branch; else ("", a sentence), since German inflects names."""
    if recipient is None:
        return "", ""
    names = [name for name in _list_recipients(config) if names_person(recipient, name)]
    names += [branch.display_name for branch in config.branches if fold(recipient) == fold(branch.display_name)]
    named = list(dict.fromkeys(names))
    if len(named) == 1:
        return say().message_for.format(recipient=decline_name(named[0])), ""
    words = (sayable(recipient) or "").rstrip(".")
    return "", say().recipient_as_said.format(recipient=words) if words else ""


def _parse(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], earlier: Sequence[Message], heard: SaidPhone
) -> NewMessage:
    """Return the message. Its text is "" if it only amends an earlier one. Raises `ClarificationNeeded` for missing details."""
    config = ctx.config()
    text, said = _read_words(args, call, earlier)
    # Asked again, since nothing that was said is cut.
    for argument, question in (("call_back", say().when_to_call_back), ("recipient", say().whom_for)):
        if len(read_text(args, argument) or "") > _MAX_SHORT:
            raise ClarificationNeeded(question)
    whole = read_text(args, "customer_name")
    people = read_people(whole)
    is_one = bool(people.name) and not people.others
    name = read_customer_name(people.name if is_one else whole, call.said) or (earlier[-1].name if earlier else "")
    if not name:
        raise ClarificationNeeded(say().whose_message)
    text = join_texts(text, people.beside) if is_one else text
    caller, named = call.caller, read_said(args, "phone")
    ask_if_unclear(call, heard, region_of(config, call.branch))
    phone = heard.number or heard.unclear  # what is no number may still help to find one
    phone = caller if heard.of_call else phone
    is_too_long = len(phone or "") > _MAX_PHONE
    if is_too_long or heard.several:  # a person will read the words
        text, phone = join_texts(text, say().phone_as_heard.format(said=named)), heard.number
    if said and phone is None and not heard.several:
        phone = find_phone(said, config, call.branch) or find_phone(text, config, call.branch)
    if said and phone is None and caller is None:
        phone = next((each.phone for each in reversed(earlier) if each.phone and same_name(each.name, name)), None)
    refuses = said is not None and names_nothing(said) and refuses_contact(said)
    is_open = phone is None and caller is None and not heard.several
    if (said and is_open and not refuses) or is_too_long:
        ask_to_call_back(call)
    if len(text) > _MAX_TEXT:
        raise ClarificationNeeded(say().message_too_long)
    recipient = read_said(args, "recipient")
    zone = ZoneInfo(config.time_zone)
    call_back = None if said is None else understand_call_back(said, call.started_at, zone)
    identity = f"{fold(name)}|{fold(text)}|{fold(recipient or '')}"
    message = make_message(
        call, identity, call.branch, text, name=name, phone=phone, recipient=recipient, call_back=call_back
    )
    claim = _read_claim(args) or ""
    # An answer in writing to another matter takes no call-back back.
    new = fold(read_text(args, "message") or "")
    writes = asks_for_writing(claim) and any(new in {"", fold(each.text)} for each in earlier)
    message = replace(message, withdraws=withdraws_call_back(claim) or writes)
    found = find_amended(earlier, message, _list_recipients(config)) if call_back and call_back.meant else None
    return message if found is None else _keep_day(message, found[0], call, zone)


def _read_words(args: Mapping[str, Any], call: CallContext, earlier: Sequence[Message]) -> tuple[str, str | None]:
    """Return the message's text, and the words for a call-back. Those that ask for an answer in writing are part of the text."""
    text = read_text(args, "message") or ""
    text = "" if is_placeholder(text) else text
    claim = _read_claim(args) or ""
    if asks_for_writing(claim):
        text, said = join_texts(text, claim if text or earlier else ""), None
    else:
        said = _read_call_back(claim, call, earlier, alone=not text)
    text = text or (say().only_call_back if said else "")
    if not text and not earlier:
        raise ClarificationNeeded(say().what_message)
    return text, said


def _keep_day(message: NewMessage, corrected: Message, call: CallContext, zone: ZoneInfo) -> NewMessage:
    """Return a message with the day of the call-back that it corrects, unless the argument names a day."""
    said, start = message.call_back or "", corrected.call_back_from
    if start is None or holds_day(said) or find_part_argument(said) is Argument.DATE:
        return message
    kept = understand_call_back(f"{start.astimezone(zone):%d.%m.%Y}, {said}", call.started_at, zone)
    begins, ends = kept.span
    return replace(message, call_back=kept.said, call_back_from=begins, call_back_until=ends, any_time=kept.is_any_time)


def make_message(
    call: CallContext, identity: str, branch: str, text: str, *, name: str, phone: str | None, recipient: str | None = None,
    call_back: CallBack | None = None,
) -> NewMessage:  # fmt: skip
    """Return a message of a call. Messages with the same `identity` in a call are stored once."""
    starts, ends = call_back.span if call_back else (None, None)
    return NewMessage(
        call_id=call.call_id,
        key=hashlib.sha256(identity.encode()).hexdigest(),
        branch=branch,
        caller=call.caller,
        name=name,
        phone=phone,
        recipient=recipient,
        text=text,
        call_back=call_back.said if call_back else None,
        call_back_from=starts,
        call_back_until=ends,
        correlation_id=call.correlation_id,
        any_time=call_back is not None and call_back.is_any_time,
    )


async def store_message(conn: Connection, ctx: BookingContext, message: NewMessage) -> Message | None:
    """Store a message and its notifications. Return None, and store nothing, if its call or number has left too many messages."""
    stored = await insert_message(conn, ctx.tenant, message, MESSAGES_PER_CALL, MESSAGES_PER_HOUR)
    if stored is not None:
        await _notify(conn, ctx, stored, message.correlation_id)
    return stored


async def _notify(conn: Connection, ctx: BookingContext, stored: Message, correlation_id: str) -> None:
    await enqueue_message(
        conn, ctx.config(), stored.id, text=stored.text, name=stored.name, branch=stored.branch,
        phone=stored.phone or stored.caller, recipient=stored.recipient, call_back=stored.call_back,
        correlation_id=correlation_id,
    )  # fmt: skip


def _read_claim(args: Mapping[str, Any]) -> str | None:
    """Return the argument `call_back` as text; a boolean becomes `true` or `false`."""
    claim = args.get("call_back")
    return str(claim).casefold() if isinstance(claim, bool) else read_text(args, "call_back")


def _read_call_back(said: str, call: CallContext, earlier: Sequence[Message], *, alone: bool) -> str | None:
    """Return the caller's words for a call-back; None if there are none, or if they refuse one. A bare true becomes "ja". "Any"
    counts only in a request without a text (`alone`), or if a call-back was mentioned; "no preference" only if it was.
    """
    if not said or withdraws_call_back(said) or is_placeholder(said):
        return "ja" if fold(said) == "true" else None
    is_asked = speaks_of_call_back(call.said or "") or any(each.call_back for each in earlier)
    if names_nothing(said):
        return said if is_asked else None
    return None if is_filler(said) and not (alone or is_asked) else said
