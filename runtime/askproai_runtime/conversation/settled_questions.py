"""Settle what a request repeats although its question is answered, or is worth no third one: companions of a caller who comes
alone, and arguments that no booking needs. Pure.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.counts import counts_people
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import fold_key, rules_of
from askproai_runtime.conversation.email_address import leaves_out_email, read_email
from askproai_runtime.conversation.repeated_questions import MOST_ASKED
from askproai_runtime.conversation.transcript import WRITES, is_done, read_exchanges, read_utterances
from askproai_runtime.language.answer_words import ANYBODY, Reply, words_of
from askproai_runtime.language.bare_names import read_bare_name
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.language.name_words import COMPANIONS, PARTICLES
from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.language.replies import ONE_BY_ONE, ONE_NAME, Question, read_reply
from askproai_runtime.person_names import drop_titles, fold, may_be_same
from askproai_runtime.understood import UNDERSTOOD

# "Ohne" and "kommt nicht" may be about anything else before a question: "ohne Waschen".
_ALONE: Final = re.compile(rf"(?:{UNDERSTOOD.answers.comes_alone})")
_DOES_NOT_COME: Final = re.compile(rf"(?:{UNDERSTOOD.answers.does_not_come})")
_ALONE_IN_REPLY: Final = re.compile(rf"{_ALONE.pattern}|{_DOES_NOT_COME.pattern}")
_PARTS: Final = re.compile(rf"[,;.!?\n]|\b(?:{UNDERSTOOD.links.and_words})\b")
# "Die heißt Mia", "Mia heißt sie"
_CALLED: Final = rf"(?:{UNDERSTOOD.companions.is_called})"
_HAS_NAME: Final = re.compile(rf"^(?:\w+ )?{_CALLED}\b|\b{_CALLED} \w+$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[,;.!?\n]")


@dataclass(frozen=True, slots=True)
class _Optional:
    """An argument that no booking needs. `is_about` decides whether an answer asks about its present value, and `is_left_out`
    whether the caller's words since give it up. Unless it `needs_reply`, it is given up after `MOST_ASKED` questions, too.
    """

    is_about: Callable[[Mapping[str, Any], str, KnownNames], bool]
    is_left_out: Callable[[Sequence[str], KnownNames], bool] = lambda _said, _known: False
    needs_reply: bool = False


def _asks_about_phone(answer: Mapping[str, Any], value: str, _known: KnownNames) -> bool:
    return not value and answer.get("unclear") == "phone"


def _asks_about_email(answer: Mapping[str, Any], value: str, _known: KnownNames) -> bool:
    address = read_email(value)
    return answer.get("unclear") == "email" if address is None else answer.get("email") == address


def _asks_about_staff(answer: Mapping[str, Any], value: str, known: KnownNames) -> bool:
    return isinstance(answer.get("staff"), list) and bool(value) and "staff" not in known.find_mentioned(value)


def _leaves_email(said: Sequence[str], _known: KnownNames) -> bool:
    return any(map(leaves_out_email, said))


def _leaves_staff(said: Sequence[str], known: KnownNames) -> bool:
    words = "\n".join(said)
    is_open = ANYBODY.search(words_of(words)) or any(map(leaves_open, _CLAUSE.split(words)))
    return bool(is_open) and "staff" not in known.find_mentioned(words)


_OPTIONAL: Final[Mapping[str, _Optional]] = {
    "phone": _Optional(_asks_about_phone),
    "email": _Optional(_asks_about_email, _leaves_email),
    "staff": _Optional(_asks_about_staff, _leaves_staff, needs_reply=True),
}


def settle_optional(read: Arguments, function: Function, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return the arguments without the optional ones that the caller has been asked about twice, or has given up. A value that the
    caller has not given up is kept as unread words for a note; those for a number are one unclear text.
    """
    named = [name for name in _OPTIONAL if name in {*read.values, *read.unclear}]
    exchanges = read_exchanges(call) if named else []
    for name in named:
        rule, value = _OPTIONAL[name], str(read.values.get(name, ""))
        asking = [at for at, each in enumerate(exchanges) if rule.is_about(each.answer or {}, value, known)]
        said = [line for each in exchanges[asking[-1] :] for line in each.said.splitlines()] if asking else []
        is_agreed = name == "email" and read_email(value) is not None and _agrees(said, read)
        is_left_out = not is_agreed and rule.is_left_out(said, known)
        if is_left_out or not (rule.needs_reply or is_agreed or len(asking) < MOST_ASKED):
            read = _without(read, function, name, is_left_out=is_left_out)
    return read


def _agrees(said: Sequence[str], read: Arguments) -> bool:
    return read_reply(said, Question.ADDRESS).agrees(read.values.get("email_confirmed"))


def _without(read: Arguments, function: Function, name: str, *, is_left_out: bool) -> Arguments:
    dropped = replace_argument(read, function, name, {name, f"{name}_confirmed"})
    if is_left_out:
        return dropped
    if name == "phone":
        heard = _list_unread_of(name, read, function)
        number = ", ".join(read.unread[path] for path in heard).replace(",", " ?")  # no number
        return replace(dropped, values=dropped.values | {name: number})
    return replace(dropped, unread=read.unread | {name: str(read.values[name])})


def replace_argument(
    read: Arguments, function: Function, argument: str, without: Collection[str] = (), **values: Any
) -> Arguments:
    """Return the arguments with new `values`, those in `without` dropped, and nothing of an argument unread or unclear."""
    heard = _list_unread_of(argument, read, function)
    return replace(
        read,
        values={key: each for key, each in read.values.items() if key not in without} | values,
        unread={path: each for path, each in read.unread.items() if path not in heard},
        unclear=tuple(each for each in read.unclear if each != argument),
    )


def _list_unread_of(argument: str, read: Arguments, function: Function) -> list[str]:
    """Return the paths of the unread values that an argument has under any of its names, sorted."""
    keys = {key for key, rule in rules_of(function.name.lower()).items() if rule.name == argument}
    return sorted(path for path in read.unread if fold_key(path.partition(".")[0]) in keys)


def add_said_names(read: Arguments, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return the arguments with the companions' names that the caller has said in reply to the question about them, if the request
    has none: the model repeats a number of people, or empty entries.
    """
    others = {None, ONE_BY_ONE, ONE_NAME}  # any other question is about who comes, maybe at a time
    asking = [each for each in read_exchanges(call) if (each.answer or {}).get("needs_companions") not in others]
    companions = [*(read.values.get("companions") or ())]
    if not asking:
        return read
    is_counted = any(counts_people(path.rpartition(".")[2], text) for path, text in read.unread.items())
    if any(read_customer_name(each.get("customer_name")) for each in companions) or not (companions or is_counted):
        return read
    services = [each.display_name for each in known.config.services]
    staff = [each.display_name for branch in known.config.branches for each in branch.staff]
    business = {fold(word) for each in (*services, *staff) for word in each.split()}
    own = str(read.values.get("customer_name", ""))
    parts = (_HAS_NAME.sub("", each.strip()) for each in _PARTS.split(asking[-1].said))
    found = (read_bare_name(each.strip(), business) for each in parts)
    names = [each for each in found if each and not _may_be_own(each, own)]
    filled = [{**each, "customer_name": name} for each, name in zip(companions, names, strict=False)]
    filled += [{"customer_name": name} for name in names[len(companions) :]] + companions[len(names) :]
    return replace(read, values=read.values | {"companions": filled}) if names else read


def settle_company(read: Arguments, function: Function, call: OngoingCall) -> Arguments:
    """Return the arguments without companions whom the caller's words exclude: all of them after a reply that nobody else comes,
    and those without a name if the caller comes alone. A name that names nobody, by these words, is dropped.
    """
    is_unclear = "companions" in read.unclear
    if not (read.values.get("companions") or is_unclear):
        return read
    said, later, was_asked = _read_of_company(call)
    companions = [_without_no_name(each, call) for each in read.values.get("companions") or ()]
    names = [read_customer_name(each.get("customer_name")) for each in companions]
    own = str(read.values.get("customer_name", ""))
    words = set(fold(" ".join(read_utterances(call))).split())
    is_named = any(not (words.isdisjoint(fold(each).split()) or _may_be_own(each, own)) for each in names)
    alone = _ALONE_IN_REPLY if was_asked else _ALONE
    beside = [alone.sub(" ", words_of(each)) for each in said]
    is_alone = beside != [*map(words_of, said)] and not any(map(speaks_of_company, [*beside, *later]))
    if not any(map(_DOES_NOT_COME.search, map(words_of, said))):  # "meine Tochter, sonst niemand"
        is_alone = is_alone and COMPANIONS.isdisjoint(fold(" ".join(beside)).split())
    is_no = was_asked and read_reply(said, Question.COMPANY) is Reply.NO and not any(names)
    are_written = any(each and _is_written(each) and not _may_be_own(each, own) for each in names)
    if (is_alone and (was_asked or not are_written) and not is_named) or (is_no and is_unclear):
        return replace_argument(read, function, "companions", {"party_size"}, companions=[])
    return replace(read, values=read.values | {"companions": companions}) if companions else read


def _read_of_company(call: OngoingCall) -> tuple[list[str], list[str], bool]:
    """Return the caller's reply to the last question who else comes, the words after the next answer, and whether it was asked.
    Without such a question since the call's last change, all words are a reply.
    """
    later = list[str]()
    for each in reversed(read_exchanges(call)):
        said, answer = each.said.splitlines(), each.answer or {}
        asked = answer.get("needs_companions", ONE_NAME)
        if answer.get("unclear") == "companions" or asked not in {ONE_BY_ONE, ONE_NAME}:
            return said, later, True
        later = [*said, *later]
        if is_done(each, WRITES):
            return later, [], False
    return [*read_utterances(call)], [], False


def _without_no_name(companion: Mapping[str, str], call: OngoingCall) -> Mapping[str, str]:
    """Return a companion without a name that is a placeholder, or that has small letters only and no word of the caller. The
    person comes all the same.
    """
    name = companion.get("customer_name", "")
    words = fold(" ".join(read_utterances(call))).split()
    said = {*words, "".join(each for each in words if len(each) == 1)}  # also a spelled name
    is_open = leaves_open(name)  # "egal" may be anybody: it is asked about
    is_said = not (said | COMPANIONS).isdisjoint(fold(name).split()) or any(may_be_same(name, each) for each in words)
    is_person = is_open or not name.islower() or is_said or not words
    if name and names_nothing(name):
        return {key: each for key, each in companion.items() if key != "customer_name"}
    # Else somebody, as of a number of people.
    return companion if is_person or not name else {**companion, "customer_name": ""}


def _may_be_own(name: str, own: str) -> bool:
    """Return whether a name is the caller's own one, in part or misheard: "P. Lange", "Lange, Petra"."""
    words, parts = (drop_titles(each).split() for each in (own, name))
    return all(any(each.startswith(part) for each in words) for part in parts) or may_be_same(name, own)


def _is_written(name: str) -> bool:
    """Return whether each word of a name begins with a capital letter, or belongs to names: "van"."""
    return all(not each[0].islower() or fold(each) in PARTICLES for each in name.split())
