"""What book_appointment was asked for, complete and checked, or the question to ask back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from askproai_runtime.booking.desk import Desk
from askproai_runtime.booking.ledger import Appointment
from askproai_runtime.booking.types import CallContext
from askproai_runtime.booking.wish import (
    AskBack,
    Wish,
    candidate_fields,
    read_time,
    read_wish,
    says_when,
    text,
    which_one,
)
from askproai_runtime.booking.words import fold
from askproai_runtime.numbers import caller_or_none
from askproai_runtime.speech import Grain

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True, slots=True)
class Order:
    """A booking to make. `offered` is the call's own hold of exactly this, whose person is kept if nobody else is named."""

    wish: Wish
    start: datetime
    name: str
    phone: str | None
    email: str | None
    notes: str | None
    another: bool
    offered: Appointment | None

    @property
    def key(self) -> str:
        """Name the effect. Notes, spelling and person are no part of it: a model changes them when it repeats itself.

        Only a second person at the same time (`another`) is one more effect, and then the name tells which.
        """
        which = f"|another:{fold(self.name)}" if self.another else ""
        return f"book|{self.wish.rules.service.name}|{self.start.astimezone(UTC).isoformat()}{which}"


def read_order(desk: Desk, call: CallContext, args: Mapping[str, Any], hold: Appointment | None) -> Order:
    """Resolve the arguments. `hold` is what the call was offered last: it stands for a service that is not named again."""
    wish = read_wish(desk.config(), call, args, hold.service if hold else None)
    if not says_when(args):
        raise AskBack("Für welchen Tag und welche Uhrzeit soll ich den Termin eintragen?")
    understood = read_time(args, call, wish.rules.zone)
    if understood.ambiguous:
        question = which_one(understood, wish.rules.zone)
        raise AskBack(question, candidates=candidate_fields(understood.candidates))
    when = understood.candidates[0]
    if when.grain is not Grain.MINUTE:
        raise AskBack(f"{when.reading}: Um wie viel Uhr genau?", candidates=candidate_fields(understood.candidates))
    name = text(args, "customer_name")
    if name is None or not fold(name):
        raise AskBack("Auf welchen Namen darf ich den Termin eintragen?")
    email = text(args, "email")
    start = when.start.astimezone(UTC)
    same = hold if hold and (hold.service, hold.starts_at) == (wish.rules.service.name, start) else None
    return Order(
        wish=wish,
        start=start,
        name=name[:200],
        phone=caller_or_none(text(args, "phone")) or call.caller,
        email=email
        if email and _EMAIL.fullmatch(email)
        else None,  # misheard spelling is no reason to refuse a booking
        notes=text(args, "notes"),
        another=args.get("another") is True or str(args.get("another")).casefold() == "true",
        offered=same,
    )
