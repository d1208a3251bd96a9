"""A group that the remote calendar can only book one by one: each person is booked after a question to the caller."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.companions import BookedOneByOne, name_guests, require_names
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded
from askproai_runtime.language.answer_words import FILLER, NO, YES, Reply, words_of
from askproai_runtime.language.name_words import RELATIVES
from askproai_runtime.language.replies import ONE_BY_ONE, companions_key
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

_OF_ONE: Final = frozenset({
    "companions", "customer_name", "service", "staff", "start", "date", "time", "part_of_day",
})  # fmt: skip

_WORDS: Final = UNDERSTOOD.known_people
_NO_PROBLEM: Final = re.compile(rf"\b(?:{_WORDS.no_problem})\b")
_NOT: Final = re.compile(rf"\b(?:{_WORDS.refuses})\b")
_TAKES_BACK: Final = re.compile(rf"\b(?:{UNDERSTOOD.one_more.takes_back})\b")
_FILLERS: Final = re.compile(rf"\b(?:{FILLER})\b")
_BESIDE: Final = RELATIVES | _WORDS.beside


@dataclass(frozen=True, slots=True)
class OneOfGroup:
    """The arguments that book one person of a group in this call (`args`), and those that book each remaining person (`left`)."""

    call: CallContext
    args: dict[str, Any]
    left: Sequence[dict[str, Any]]

    def ask_for_next(self, answer: Answer) -> Answer:
        """Return this person's answer, with the question for the next person if the booking succeeded and somebody is left."""
        if not answer.success or not self.left:
            return answer
        question = say().one_by_one_next.format(name=self.left[0]["customer_name"])
        fields = {**answer.fields, "next_requests": list(self.left)}
        return replace(answer, message=f"{answer.message}{question}", fields=fields)


def _agrees(words: str, name: str, others: Sequence[str], agreed: Reply | None) -> bool:
    """Return whether the words are a yes, the names of all, or only the name of the person in the question, perhaps with those
    of the `others`.
    After a yes to the question (`agreed`), any words but a refusal answer a later one, such as that for a full name.
    """
    rest = _NO_PROBLEM.sub("", words)
    if _NOT.search(rest):
        return False
    if agreed is Reply.YES and not _TAKES_BACK.search(rest):
        return True
    named, own = {*fold(_FILLERS.sub(" ", rest)).split()}, {*fold(name).split()}
    if all(others) and others and all(fold(each).split()[0] in named for each in (name, *others)):
        return True
    known = {*own, *fold(" ".join(others)).split(), *_BESIDE}
    return bool(YES.search(rest)) or (not named.isdisjoint(own) and named <= known)


def find_next(
    call: CallContext,
    args: Mapping[str, Any],
    request: SpokenBooking,
    appointments: Sequence[Appointment],
    group: BookedOneByOne,
) -> OneOfGroup:
    """Return the first person of a group who has none of the call's `appointments` at this time, and the remaining people.

    Raises `ClarificationNeeded` once in a call for missing names, and once to ask whether to begin with the first person: the
    caller wanted all or none.
    """
    names = name_guests(call, group.names, request.name)
    require_names(args, names)
    start = request.start.astimezone(request.rules.zone).isoformat()
    then = [each for each in appointments if each.live and each.starts_at == request.start]
    people: list[dict[str, Any]] = [
        {"customer_name": name, "service": each.rules.service.name, "start": start, "another": True}
        | ({} if each.staff is None else {"staff": each.staff})
        for name, each in zip((request.name, *names), group.people, strict=True)
    ]
    left = [each for each in people if not any(same_name(each["customer_name"], a.customer_name) for a in then)]
    first, *others = left or people[:1]
    replies = call.replies or {}
    was_asked = companions_key(ONE_BY_ONE) in replies  # for the first, or for the next one
    is_asked, words = bool(then) or was_asked, words_of(call.said_since or "")
    beside, agreed = ((), None) if then else (names, replies.get(companions_key(ONE_BY_ONE)))
    is_agreed = _agrees(words, first["customer_name"], beside, agreed) if was_asked and left else not NO.search(words)
    if then and left and call.said_since == "":  # the question for the next one has just been asked
        question = say().one_by_one_next.format(name=first["customer_name"]).strip()
        raise ClarificationNeeded(question, next_requests=left)
    if is_asked and call.said_since is not None and not is_agreed:
        raise ClarificationNeeded(say().who_comes_along, unclear="companions")
    if not is_asked:
        question = f"{say().only_one_by_one} {say().one_by_one_whom.format(name=first['customer_name'])}"
        raise ClarificationNeeded(question, needs_companions=ONE_BY_ONE, next_requests=people)
    rest = {name: value for name, value in args.items() if name not in _OF_ONE}
    return OneOfGroup(
        replace(call, is_of_group=True), {**rest, **first, "another": bool(then and left) or request.another}, others
    )
