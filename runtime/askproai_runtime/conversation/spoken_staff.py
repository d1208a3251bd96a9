"""Find the staff member whom a caller names, from a model's words; or ask, with the reason and the able staff members. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from askproai_core.tenant_config import Staff, TenantConfig
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.answer_words import NO, words_of
from askproai_runtime.language.heard_names import list_heard
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.phrases import join_list, sayable
from askproai_runtime.language.placeholders import leaves_open
from askproai_runtime.language.staff_preferences import SIGN_OF_NOT, StaffPreference, read_staff_preference
from askproai_runtime.person_names import GENDERS, TITLES, drop_prepositions, drop_titles, fold
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.understood import UNDERSTOOD

_MOST_WORDS = 3  # of a name without titles; more are a description ("jemand mit viel Erfahrung")
_WORDS = UNDERSTOOD.described_staff
_AS_ALWAYS = re.compile(rf"(?:(?:{_WORDS.beside_always}) )*(?:{_WORDS.as_always})(?: (?:{_WORDS.beside_always}))*")
_OTHER = re.compile(_WORDS.other)
_ROLES = tuple(sorted(_WORDS.roles))
_DEGREES = TITLES - GENDERS.keys()


@dataclass(frozen=True, slots=True)
class StaffChoice:
    """The staff members whom a caller accepts: any of `members`, or only the requested one (the id `staff`). At each time, the
    one with the id `preferred` comes first. `excluded` are the ids of able staff members whom the caller does not want.
    """

    members: tuple[Staff, ...]
    staff: str | None = None
    preferred: str | None = None
    excluded: tuple[str, ...] = ()


def find_staff_for_caller(
    config: TenantConfig, rules: ServiceRules, name: str | None, call: CallContext
) -> StaffChoice:
    """Return the choice of staff in the caller's words (`name`). Raises `ClarificationNeeded` if they are unclear, or nobody is
    able.

    Without words, and for "wie immer", staff members whom the call excluded before stay excluded. The caller's usual staff
    member then comes first, if known (`usual_staff.py`).
    """
    name = _drop_branch(name, config)
    if name is None or _AS_ALWAYS.fullmatch(fold(name)):
        return _choose(rules, StaffPreference((), call.excluded_staff, is_open=True, is_ordered=False))
    found = [] if SIGN_OF_NOT.match(name) else list_named_staff(name, rules.staff_members)
    names = _say_names(found)
    if len(names) == 1:  # of two people of the same full name no answer of a caller names one
        return StaffChoice(rules.staff_members, found[0].id)
    if found:
        raise ClarificationNeeded(say().do_you_mean.format(choices=join_list(names)), staff=_ids(found))
    if leaves_open(name):
        return StaffChoice(rules.staff_members)
    doctors = tuple(each for each in rules.staff_members if not _DEGREES.isdisjoint(fold(each.display_name).split()))
    if doctors and fold(drop_prepositions(name)) in _DEGREES:
        return StaffChoice(doctors)
    everybody = {each.id: each for branch in config.branches for each in branch.staff}
    known = {**everybody, **{each.id: each for each in (*rules.branch.staff, *rules.staff_members)}}
    preference = read_staff_preference(name, list(known.values()))
    if preference is not None and (
        not preference.named or not {each.id for each in preference.named}.isdisjoint(_ids(rules.staff_members))
    ):
        return _choose(rules, preference)
    if (other := _find_other(rules, name, call)) is not None:
        return StaffChoice(rules.staff_members, other)
    if heard := _list_heard(name, rules.staff_members):
        if len(heard) == 1 and call.means(name, heard[0].id):
            return StaffChoice(rules.staff_members, heard[0].id)
        question = say().do_you_mean.format(choices=join_list(_say_names(heard)))
        said = {"heard": name} if len(heard) == 1 else {}
        raise ClarificationNeeded(question, outcome=FunctionOutcome.UNKNOWN_STAFF, staff=_ids(heard), **said)
    raise _refuse(rules, _explain(config, rules, name))


def leave_out_former_staff(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any]
) -> tuple[Mapping[str, Any], str]:
    """Return a search's arguments without another branch's staff member whom our last offer has named, and the caller has not;
    and the sentence where that person works, or "".
    """
    name, places = read_text(args, "staff") or "", config.branches
    offered = {
        (each.branch, each.staff) for offer in call.offered if offer[0].start in call.offered_last for each in offer
    }
    here = [each for branch in places if branch.name == call.branch for each in branch.staff]
    there = [(branch, each) for branch in places for each in branch.staff if (branch.name, each.id) in offered]
    former = [each for _, each in there]
    is_said = any(_list_known(word, former) for said in call.utterances for word in said.split())
    if is_said or list_named_staff(name, here) or not (named := list_named_staff(name, former)):
        return args, ""
    branches = join_list([branch.display_name for branch, each in there if each.id == named[0].id], say().and_word)
    return {**args, "staff": None}, say().person_elsewhere.format(staff=named[0].display_name, branches=branches)


def _find_other(rules: ServiceRules, name: str, call: CallContext) -> str | None:
    """Return the id of the only person whom "die Kollegin" can mean; None if there are several, or the words are no such ones.

    That is the other one than the person requested before: who was offered in place of that one, or the only other one; else
    whom the caller names after our question.
    """
    able, before = rules.staff_members, [each.staff for each in reversed(call.earlier)]
    if not _is_other(name):
        return None
    asked = next(filter(None, ({*_ids(list_named_staff(each, able))} for each in before)), set[str]())
    offered = {each[0].staff for each in call.offered if each[0].start in call.offered_last} - asked
    left = offered if len(offered) == 1 else {*_ids(able)} - asked
    if not asked and before and _is_other(before[0]) and not NO.search(words_of(call.said_since or "")):
        left = {each.id for word in words_of(call.said_since or "").split() for each in list_named_staff(word, able)}
        return left.pop() if len(left) == 1 else None
    return left.pop() if len(asked) == len(left) == 1 else None


def _is_other(name: str) -> bool:
    return _OTHER.fullmatch(fold(drop_prepositions(name))) is not None


def _drop_branch(name: str | None, config: TenantConfig) -> str | None:
    """Return a text without the branch in front of the staff, since the prompt lists the team as `Salon Mitte: Anna, Kim`."""
    place, sign, people = (name or "").partition(":")
    is_branch = any(fold(place) == fold(branch.display_name) for branch in config.branches)
    return people.strip() if sign and is_branch else name


def _choose(rules: ServiceRules, preference: StaffPreference) -> StaffChoice:
    """Return the able staff members whom a preference allows. Raises `ClarificationNeeded` if it allows none."""
    able = {member.id: member for member in rules.staff_members}
    named = [able[member.id] for member in preference.named if member.id in able]
    left = tuple(member for member in rules.staff_members if member.id not in preference.excluded)
    if not left:
        raise _refuse(rules)
    excluded = tuple(each for each in able if each in preference.excluded)
    first = named[0].id if named and preference.is_ordered else None
    if not named or (preference.is_open and preference.is_ordered):
        return StaffChoice(left, None, first, excluded)
    if len(_say_names(named)) == 1:
        return StaffChoice(left, named[0].id, None, excluded)
    return StaffChoice(tuple(member for member in left if member in named), None, first, excluded)


def _refuse(rules: ServiceRules, *reasons: str) -> ClarificationNeeded:
    """Return the question for another staff member, with the reasons, if there are any, and the able staff members."""
    able = _say_names(rules.staff_members)
    who = say().service_by.format(service=rules.service.display_name, names=join_list(able))
    sentences = [*reasons, who, *([say().whom_to_see] if len(able) > 1 else [])]
    return ClarificationNeeded(
        " ".join(sentences), outcome=FunctionOutcome.UNKNOWN_STAFF, staff=_ids(rules.staff_members)
    )


def _explain(config: TenantConfig, rules: ServiceRules, name: str) -> str:
    """Return the sentence that the named staff member does not do this service, works in another branch, or is unknown. For
    words that are more than a name ("Anna oder Eva"), or a description ("die Chefin"), it denies nobody: they may mean
    somebody of this branch.
    """
    if colleagues := _list_known(name, rules.branch.staff):
        return say().not_by_person.format(staff=join_list(_say_names(colleagues)))
    others = [branch for branch in config.branches if branch.name != rules.branch.name]
    if there := [branch for branch in others if _list_known(name, branch.staff)]:
        staff = _list_known(name, there[0].staff)[0].display_name
        places = join_list([branch.display_name for branch in there], say().and_word)
        return say().person_elsewhere.format(staff=staff, branches=places)
    said, words = sayable(drop_prepositions(name)), drop_titles(name).split()
    everybody = [member for branch in config.branches for member in branch.staff]
    has_known = any(list_named_staff(word, [*rules.staff_members, *everybody]) for word in words)
    if said is None or has_known or not words:
        return say().person_not_understood
    if len(words) > _MOST_WORDS or _describes(name, words):
        return say().person_not_known
    return say().nobody_of_name.format(name=decline_name(said))


def _describes(name: str, words: Sequence[str]) -> bool:
    """Return whether words describe a person and do not name one: "die Blonde", "wie immer". "Zur Jessica" is a name."""
    written = name.split()
    is_lower = all(word[:1].islower() for word in written) and len(words) > 1
    has_role = any(word.startswith(_ROLES) for word in words)
    has_article = len(written) > 1 and fold(written[0]) in _WORDS.articles and fold(written[1]) == words[0]
    return is_lower or has_role or has_article or not _WORDS.describing.isdisjoint(words)


def _list_known(name: str, members: Sequence[Staff]) -> list[Staff]:
    return list_named_staff(name, members) or _list_heard(name, members)


def _list_heard(name: str, members: Sequence[Staff]) -> list[Staff]:
    return list_heard(drop_titles(name), members, lambda each: [each.display_name])


def _say_names(members: Sequence[Staff]) -> list[str]:
    """Return the display names, each once, in the form that follows `bei`."""
    return list(dict.fromkeys(decline_name(member.display_name) for member in members))


def _ids(members: Sequence[Staff]) -> list[str]:
    return [member.id for member in members]
