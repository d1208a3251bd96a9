"""Types shared by all call functions: the context of a call, answers and outcomes, offers, and questions to the caller."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import Replies, heard_key
from askproai_runtime.visits import same_services

NamedOffer = tuple[NamedSlot, ...]  # of those who come together one slot each, the caller's first


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of an answer (`slots`, in spoken order), and those of earlier answers (`before`). `excluded_staff` are the ids
    of staff members whom the caller does not want. `counted` are the words for a relative time ("eine Stunde später") that
    led to the offers.
    """

    slots: tuple[NamedOffer, ...] = ()
    excluded_staff: tuple[str, ...] = ()
    before: tuple[NamedOffer, ...] = ()
    counted: frozenset[str] = frozenset()


class Choice(StrEnum):
    """A value of the argument `choice`. Each except the first changes an existing appointment or waiting-list entry."""

    FURTHER = "further"  # one more appointment, or one more person
    MOVE = "move"
    CANCEL = "cancel"  # and book the requested one in its place
    RENAME = "rename"


@dataclass(frozen=True, slots=True)
class AskedChoice:
    """A question of this call for one of `choices`. `about` is the id of the existing appointment or waiting-list entry in it.

    `name` is that of the request that led to the question. `among` are the ids if it was about several.
    """

    about: str
    choices: frozenset[str]
    name: str = ""
    among: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OfferedService:
    """The service of an offer of this call. `texts` are the arguments of its request."""

    service: str
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnsweredServices:
    """The caller's words (`said`) after a question which of `services` is meant. `texts` are the arguments of its request."""

    services: tuple[str, ...]
    texts: frozenset[str]
    said: str


class Naming(StrEnum):
    """The reason why an answer named days: as offers, in a question, after a change, in a list, or because they were requested."""

    OFFERED = "offered"
    ASKED = "asked"  # as readings of the caller's words
    CHANGED = "changed"  # as those of an appointment that it has booked, moved or cancelled
    LISTED = "listed"  # as those of the caller's own appointments
    REQUESTED = "requested"  # in a request that an answer without days has asked back about


@dataclass(frozen=True, slots=True)
class NamedTimes:
    """The starts in the last answer of a call that named days, in spoken order, and why it named them (`naming`).

    `is_exact`: each start is a time, not a day or a part of one. `lists_since`: a later answer listed appointments.
    `said_since`: the caller's words since, oldest first. `before`: the times named before a question, to which "am selben Tag"
    refers. `refused`: the requested start that was not free, for which these were offered. `refused_day`: its local day, or the
    only requested day, on which nothing was free. `moves`: the answer was about a move. `about`: the id of the appointment that
    the answer was about; "" if none or not known. `are_readings`: the offered starts are readings of one time, between which the
    answer asked.
    """

    naming: Naming
    starts: tuple[datetime, ...]
    is_exact: bool = True
    lists_since: bool = False
    said_since: tuple[str, ...] = ()
    before: "NamedTimes | None" = None
    refused: datetime | None = None
    refused_day: date | None = None
    moves: bool = False
    about: str = ""
    are_readings: bool = False

    @property
    def asked(self) -> datetime | None:
        """The only start that our question asked about; None if there were several, or if the answer was no question."""
        is_one = self.naming is Naming.ASKED and self.is_exact and len(self.starts) == 1
        return self.starts[0] if is_one else None

    @property
    def refused_move(self) -> datetime | None:
        """The start to which an appointment could not be moved, if the answer offered others; else None."""
        return self.refused if self.moves else None


@dataclass(frozen=True, slots=True)
class SaidAppointments:
    """The ids of the appointments and waiting-list entries that an answer listed last, in spoken order; empty if a later answer
    named times.

    `is_last`: no answer came after the list, except questions whether to cancel one of them. `asks`: the answer with the list
    asked which one is meant. `about`: the id of the one appointment or entry that a later answer was about; "" if none was.
    """

    ids: tuple[str, ...] = ()
    is_last: bool = False
    asks: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class EarlierRequest:
    """An answered request of this call: its text arguments, those among them that are a time, the starts that the answer
    offered, or at which it booked, moved or cancelled an appointment, and its words for the staff.
    """

    texts: frozenset[str]
    times: frozenset[str]
    starts: frozenset[datetime]
    staff: str = ""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The verified and routed call of a request, with facts from its transcript. Without a transcript these are empty or None."""

    call_id: str
    branch: str  # its name in the config; "" where none is needed
    caller: str | None  # E.164; None when withheld
    started_at: datetime  # relative dates ("morgen") count from it, not from the time of processing
    correlation_id: str
    goes_out: bool = False  # our agent has rung up the `caller`
    # The number that the call shows, in E.164, if it identifies nobody: a service's, or a carrier's.
    shown: str | None = None
    # The caller's answers to our questions, by the ids of appointments and the e-mail addresses that they were about.
    replies: Replies | None = None
    # The slots that were named in this call and do not suit the caller, by the caller's words, and those beside such ones.
    declined: frozenset[NamedSlot] = frozenset()
    beside_declined: frozenset[NamedSlot] = frozenset()
    # All offers, the last one last: several services can be offered at one start.
    offered: tuple[NamedOffer, ...] = ()
    earlier: tuple[EarlierRequest, ...] = ()
    # The starts of the last answer with times, in the order in which it said them; and of the last one with days.
    offered_last: tuple[datetime, ...] = ()
    named_last: NamedTimes | None = None
    # The times of the requests since that answer, as they were said, the last one first.
    requested: tuple[Mapping[str, str], ...] = ()
    # The counted words ("eine Stunde später") of a search without a transcript.
    counted: frozenset[str] = frozenset()
    # The caller's words since the last answer that has named other days than those of own appointments.
    said_without_days: tuple[str, ...] = ()
    said_last: SaidAppointments = SaidAppointments()
    # The last words of caller and agent, and the caller's since the last answer, or all of them before the first one.
    said: str | None = None
    said_since: str | None = None
    # The agent's own questions since the last answer.
    asked_since: str = ""
    # The caller's words and the agent's own questions since a function has booked, moved or cancelled, and whether the call has
    # asked for a move since.
    said_since_change: str | None = None
    asked_since_change: str = ""
    asks_to_move: bool = False
    # The caller's words, turn by turn, since the call last joined the waiting list; empty if it has not.
    said_since_joining: tuple[str, ...] = ()
    # How many people the requests since the last booking have named or counted beside the caller.
    companions: int = 0
    is_of_group: bool = False  # this request is for one of several people who are booked one by one
    # What the caller has said, turn by turn.
    utterances: tuple[str, ...] = ()
    # The caller has no preference among the times that were named last.
    leaves_choice: bool = False
    # The ids of those whom the caller does not want, by the last answer with times.
    excluded_staff: frozenset[str] = frozenset()
    # The slots of that answer, if the caller has asked for others since: a request that repeats one finds the same.
    wants_others_than: frozenset[NamedSlot] = frozenset()
    # The branches that the request for a move may mean by its words for one.
    named_branches: tuple[str, ...] = ()
    # The open questions for one of several choices that the caller has said something to since.
    asked_choices: tuple[AskedChoice, ...] = ()
    # The answered questions about services, latest last.
    answered_services: tuple[AnsweredServices, ...] = ()
    # The services that were offered, latest last.
    offered_services: tuple[OfferedService, ...] = ()
    # The person whom the call has named last, by an introduction or in a request; and without the requests for bookings, which may
    # be for somebody else than the caller.
    named: str = ""
    named_of_caller: str = ""
    # The ids of the appointments that answers of this call have listed.
    listed: frozenset[str] = frozenset()
    # The arguments about which its answers have asked because they were not clear.
    asked_unclear: frozenset[str] = frozenset()

    @property
    def actor(self) -> Actor:
        """The actor of a change of the book: this call with its number."""
        return Actor(self.call_id, self.caller, self.correlation_id)

    def find_reply(self, about: str, age: timedelta | None) -> Reply | None:
        """Return the caller's reply to our question with the key `about` in `Replies`, asked `age` ago; None if it was not
        asked, or if nothing was said since.

        Without a transcript, the reply is `UNCLEAR` once the time for an answer has passed.
        """
        if self.replies is not None:
            return self.replies.get(about)
        return Reply.UNCLEAR if age is not None and age >= ANSWER_TIME else None

    def means(self, said: str, meant: str) -> bool:
        """Return True if the caller said yes to our question whether the words `said` mean the service or staff id `meant`."""
        return self.find_reply(heard_key(said, meant), None) is Reply.YES

    def list_offers(self, branch: str, start: datetime, service: str | None = None) -> Sequence[NamedOffer]:
        """Return the offers that begin at `start`, latest first; with `service` only those of this service to the caller."""
        return [
            each
            for each in reversed(self.offered)
            if (each[0].branch, each[0].start) == (branch, start)
            and (service is None or same_services(each[0].service, service))
        ]

    def declined_starts(self, branch: str, service: str, staff: str | None) -> frozenset[datetime]:
        """Return the starts of a service in a branch that the caller declined with the staff member `staff`, or (None) with
        any.

        A caller who requests one staff member has declined nothing about the times of others.
        """
        return _starts_of(self.declined, branch, service, staff)

    def starts_beside_declined(self, branch: str, service: str, staff: str | None) -> frozenset[datetime]:
        """Return the starts offered in the same answers as declined ones; arguments as in `declined_starts`."""
        return _starts_of(self.beside_declined, branch, service, staff)


def _starts_of(slots: Iterable[NamedSlot], branch: str, service: str, staff: str | None) -> frozenset[datetime]:
    return frozenset(
        slot.start for slot in slots if (slot.branch, slot.service) == (branch, service) and staff in {None, slot.staff}
    )


class FunctionOutcome(StrEnum):
    """How a call function ended, for people: in the function record, and as a label of `askproai_function_calls_total`.

    The model never sees it. The value of each `Obstacle` and `Refusal` is also a `FunctionOutcome`.
    """

    OFFERED = "offered"
    FOUND = "found"
    ANSWERED = "answered"  # a question about the business
    NOT_KNOWN = "not_known"  # the tenant has declared no answer to it
    NONE_FOUND = "none_found"
    BOOKED = "booked"  # also while the remote calendar still has to confirm it; so is MOVED
    ALREADY_BOOKED = "already_booked"
    MOVED = "moved"
    ALREADY_MOVED = "already_moved"
    CANCELLED = "cancelled"
    NOTED = "noted"  # a message
    WAITING = "waiting"  # on the waiting list
    NOT_KEPT = "not_kept"  # the caller does not want the call to be kept

    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    CLOSED_DAY = "closed_day"
    DAY_OFF = "day_off"
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    TAKEN = "taken"
    IMPOSSIBLE = "impossible"  # a day or an hour that no calendar has
    NOT_UNDERSTOOD = "not_understood"

    KEPT = "kept"  # an appointment whose caller was asked whether to cancel it
    ASKED_BACK = "asked_back"
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_STAFF = "unknown_staff"
    NOT_BOOKABLE = "not_bookable"  # the branch offers nothing, or nobody there can do the service
    GONE = "gone"  # the appointment was cancelled meanwhile, or is over
    LIMITED = "limited"
    REFUSED = "refused"  # by the remote calendar

    IN_FLIGHT = "in_flight"
    REPEATED = "repeated"  # the same signed request again: it got the stored answer
    CALL_OVER = "call_over"
    BUSY = "busy"
    TOO_SLOW = "too_slow"
    FAILED = "failed"


# Only these may be a success: what was asked is done, found or offered. A model that reads no more must not say that it is.
DONE: Final = frozenset(
    {
        FunctionOutcome.OFFERED, FunctionOutcome.FOUND, FunctionOutcome.NONE_FOUND, FunctionOutcome.ANSWERED,
        FunctionOutcome.BOOKED, FunctionOutcome.ALREADY_BOOKED, FunctionOutcome.MOVED, FunctionOutcome.ALREADY_MOVED,
        FunctionOutcome.CANCELLED, FunctionOutcome.NOTED, FunctionOutcome.WAITING, FunctionOutcome.NOT_KEPT,
        FunctionOutcome.REPEATED,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a call function: always HTTP 200, since Retell shows the model no other body.

    `outcome` and `cause` are for people who look at the call later. `cause` is the technical reason, such as the type and place
    of an error, without any person's data.
    """

    success: bool
    message: str  # a German sentence for the agent to say
    fields: dict[str, Any]
    outcome: FunctionOutcome = field(kw_only=True)
    cause: str | None = field(default=None, kw_only=True)

    def as_json(self) -> dict[str, Any]:
        return {"success": self.success and self.outcome in DONE, "message": self.message, **self.fields}


# Nobody hears a question of ours and answers it in less: so old must it be, where a request has no transcript.
ANSWER_TIME: Final = timedelta(seconds=2)
MAX_LISTED: Final = 20  # appointments in an answer: the model reads them all, and Retell cuts long texts
MAX_SPOKEN: Final = 3  # appointments: a caller cannot keep more in mind


class ClarificationNeeded(Exception):
    """Raised if a call function cannot do as requested. `answer` has the question or sentence to say, in the call's language."""

    def __init__(
        self,
        question: str,
        *,
        outcome: FunctionOutcome = FunctionOutcome.ASKED_BACK,
        cause: str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(question)
        self.answer = Answer(success=False, message=question, fields=fields, outcome=outcome, cause=cause)
