"""What the demo's agent knows: the agent that was called, and what was said and offered in the call. Frozen values.

Each rule is a function of both and of a sentence, and returns a `Turn`: what is remembered then, and the reaction.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from askproai_runtime.german_dates import fold
from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import Change
from askproai_sandbox.caller.choice import Item, choose
from askproai_sandbox.caller.companions import Companion
from askproai_sandbox.caller.email_address import EMAIL
from askproai_sandbox.caller.message import PendingMessage, drop_phone
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.rejections import Exclusion
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.words import RELATIVES, says_only_name

INFORMATION = "business_information"
SEARCHES = frozenset({"check_availability", "join_waitlist"})
_AGREES = re.compile(
    r"\W*(?:(?:ja|gut|okay|ok|alles klar|danke|dann|prima|super|bitte)\b\W*)+", re.IGNORECASE
)  # no name


@dataclass(frozen=True, slots=True)
class CalledAgent:
    """The functions that the LLM's version declares, what its prompt names, and its first message.

    `now` (aware) is the start of the call, from which a caller counts days.
    """

    tools: Mapping[str, Mapping[str, Any]]
    user_number: str
    catalogue: Catalogue
    greeting: str = ""
    now: datetime | None = None

    def schema(self, tool: str) -> Mapping[str, Any]:
        """Return the JSON schema of a function's arguments; empty for a function that is not declared."""
        return self.tools.get(tool, {}).get("parameters") or {}

    @property
    def takes_companions(self) -> bool:
        """Return whether its functions serve several people who come together."""
        return "companions" in self.schema("check_availability").get("properties", {})

    def new_call(self, tool: str, args: Mapping[str, Any]) -> ToolCall:
        """Return a call with the arguments that the schema declares; a required `phone` defaults to the caller's number."""
        schema = self.schema(tool)
        declared = schema.get("properties", {})
        declared_args = {name: value for name, value in _join_part_of_day(args, declared).items() if name in declared}
        if "phone" in schema.get("required", ()):
            declared_args.setdefault("phone", self.user_number)
        return ToolCall(tool, declared_args)


def _join_part_of_day(args: Mapping[str, Any], declared: Container[str]) -> Mapping[str, Any]:
    """Return the arguments with the part of the day in the words for the day, or else the time, where it has no own argument."""
    part = args.get("part_of_day")
    if not part or "part_of_day" in declared:
        return args
    name = "date" if args.get("date") else "time"
    return {**args, name: f"{args.get(name) or ''} {part}".strip()}


@dataclass(frozen=True, slots=True)
class Memory:
    """What was said and offered in one call, as the context of a language model would have it."""

    details: Mapping[str, str] = field(default_factory=dict)  # service, staff, customer_name, email and birth_date
    requested_time: Mapping[str, str] = field(default_factory=dict)  # date, time, part_of_day, branch
    exclusions: tuple[Exclusion, ...] = ()  # the days on which the caller cannot come, until something is booked
    offers: tuple[Item, ...] = ()
    are_offers_earlier: bool = False  # than the last search, which found none: a yes alone accepts none of them
    accepted_offer: Item | None = None  # while only the name or the birth date is missing
    is_birth_date_asked: bool = False
    asked: str | None = None  # "services", "staff" or "branches": what the last answer asks for
    services_to_choose: tuple[str, ...] = ()  # of which the agent itself has asked for one
    question: str = ""  # the message of the last answer, if that was no success
    last_call: ToolCall | None = None
    change: Change = field(default_factory=Change)
    message: PendingMessage | None = None  # while something of it is missing
    is_transfer_offered: bool = False
    is_message_offered: bool = False
    is_waiting_offered: bool = False
    is_email_asked: bool = False  # the last answer asks for the e-mail address of a booking, or whether it is right
    is_new_offered: bool = False  # the last answer asks whether the caller wants a new appointment
    is_number_asked: bool = False  # the last answer asks under which number the caller can be reached
    is_aside: bool = False  # the last answer asks something that is not whether to book or change
    is_joining: bool = False  # the waiting list, while the name is missing
    unanswered: tuple[str, ...] = ()  # the sentences since the last call of a function that had no effect
    to_pass_on: str = ""  # what was said with the yes to an offer or a cancellation, until that is done
    has_just_done: bool = False  # booked or cancelled: what was said with the yes is next
    booked: str = ""  # the id of the appointment that was booked last in this call
    done: str = ""  # the function that was called last, if it did what was asked for
    done_to: str = ""  # the id of the appointment that it has booked, moved or cancelled
    given_up: str = (
        ""  # the words that name an appointment of which it is not known yet whether to cancel or to move it
    )
    moved: str = ""  # the id of the appointment that was moved last in this call, if it was not booked in it
    booked_until: str = ""  # its end, a local time in ISO 8601
    booked_service: str = ""
    booked_offer: str = ""  # as it was said, with its person
    wants_two: bool = False  # the caller has asked for several appointments, and only the first of them is looked for
    companions: tuple[Companion, ...] = ()  # who come along, until they are booked
    are_companions_asked: bool = False  # the last answer asks for their names
    wants_further: bool = False  # the caller has asked for a further appointment since that booking
    rejected_people: frozenset[str] = frozenset()
    replaced_name: str | None = (
        None  # the caller's own name, "" if it is not known, while somebody else is to be booked
    )
    are_together_asked: bool = False  # those who come: whether one appointment is for all of them
    is_person_declined: bool = False  # the times that were offered for that one

    @property
    def is_name_asked(self) -> bool:
        """Return whether the agent has asked for the caller's name."""
        return (
            (self.accepted_offer is not None and not self.is_birth_date_asked)
            or self.is_joining
            or (self.message is not None and self.message.asks_who)
        )

    @property
    def asked_business(self) -> ToolCall | None:
        """Return the last call, if it was a question about the business."""
        return self.last_call if self.last_call is not None and self.last_call.name == INFORMATION else None

    def note(self, **details: str | None) -> "Memory":
        """Return the memory with these details; those that are None or empty stay as they were."""
        return replace(self, details={**self.details, **{name: value for name, value in details.items() if value}})

    def take_person_back(self) -> "Memory":
        """Return the memory with the caller's own name for the next appointment, and nobody who comes along."""
        memory = replace(self, companions=(), replaced_name=None, is_person_declined=False)
        return (
            memory
            if self.replaced_name is None
            else memory.drop("customer_name").note(customer_name=self.replaced_name)
        )

    def drop(self, *details: str) -> "Memory":
        """Return the memory without these details."""
        return replace(self, details={name: value for name, value in self.details.items() if name not in details})

    def exclude(self, exclusions: Iterable[Exclusion], date: str | None) -> "Memory":
        """Return the memory with more days on which the caller cannot come, and without the `date` that is wanted now."""
        known = dict.fromkeys((*self.exclusions, *exclusions))
        return replace(self, exclusions=tuple(each for each in known if fold(each.day) != fold(date or "")))

    def forget_time(self, rejected: Iterable[str]) -> "Memory":
        """Return the memory without the parts of the requested time that a sentence rejects."""
        rejected = frozenset(rejected)
        kept = {name: words for name, words in self.requested_time.items() if name not in rejected}
        return replace(self, requested_time=kept)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is remembered after a rule, and its reaction: a tool call or what the agent says; None if it is about something else.

    `remark` is what the demo's agent itself could not do.
    """

    memory: Memory
    reaction: ToolCall | str | None = None
    remark: str | None = None


def call(
    agent: CalledAgent, memory: Memory, tool: str, args: Mapping[str, Any] | None = None, remark: str | None = None
) -> Turn:
    """Return the turn that calls a function."""
    made = agent.new_call(tool, args or {})
    return Turn(replace(memory, last_call=made, is_aside=False, done="", done_to=""), made, remark)


def cannot(memory: Memory, what: str) -> Turn:
    """Return the turn of what no function of the agent does."""
    return Turn(memory, phrases.IMPOSSIBLE, f"the agent at Retell has no function that {what}")


def not_placed(memory: Memory, words: str, text: str) -> Turn:
    """Return the turn of words for a time that no argument takes: nothing is called with the rest of the sentence."""
    return Turn(memory, phrases.ASK_WHEN, phrases.NOT_PLACED.format(words, text))


def loose_name(agent: CalledAgent, memory: Memory, sentence: Sentence, *, asked: bool) -> str | None:
    """Return the name that a yes carries ("Ja, Anna Nym"), or that was asked for."""
    chosen = choose(memory.offers, sentence, agent.now)
    is_answer = asked and says_only_name(drop_phone(EMAIL.sub("", sentence.text)))
    is_name = is_answer or (len(sentence.loose_words) > 1 and (sentence.yes or chosen is not None))
    if (
        not is_name
        or sentence.wants_other
        or "?" in sentence.text
        or sentence.services
        or (memory.asked == "services" and not sentence.yes)
    ):
        return None
    if _AGREES.fullmatch(sentence.text):
        return None
    first, *others = sentence.loose_words or ("",)
    return " ".join(others if first in RELATIVES else sentence.loose_words) or None
