"""Whom a caller wants to see, in the words of a model; or the question that says why nobody was found, and who is able. Pure."""

from collections.abc import Sequence

from askproai_core.tenant_config import Staff, TenantConfig
from askproai_runtime.booking.heard_names import list_heard
from askproai_runtime.booking.names import list_alternatives, list_named_staff
from askproai_runtime.booking.phrases import drop_prepositions, drop_titles, join_list, sayable
from askproai_runtime.booking.slots import ServiceRules
from askproai_runtime.booking.types import ClarificationNeeded, FunctionOutcome
from askproai_runtime.sentences import decline_name, say

_MOST_WORDS = 3  # of a name without titles; more are a description ("jemand mit viel Erfahrung")
# Folded words of German and English with which a person is described, not named ("eine Frau", "wieder dieselbe").
_DESCRIBING = frozenset({
    "a", "an", "andere", "anderen", "anderer", "another", "anyone", "but", "dasselbe", "denselben", "derselben", "derselbe",
    "dieselbe", "ein", "eine", "einem", "einen", "einer", "gleiche", "gleichen", "her", "him", "ihm", "ihn", "ihr", "jemand",
    "jemandem", "jemanden", "kein", "keine", "keinen", "nicht", "no", "not", "one", "other", "same", "selben", "somebody",
    "someone", "wieder",
})  # fmt: skip


def find_staff_for_caller(config: TenantConfig, rules: ServiceRules, name: str | None) -> str | None:
    """Return the id of the staff member whom a caller names, None for anybody. Raises `ClarificationNeeded`."""
    if name is None:
        return None
    found = list_named_staff(name, rules.staff_members)
    if not found:
        found = list_alternatives(name, rules.staff_members)
        if len(found) == len(rules.staff_members):
            return None
    names = _say_names(found)
    if len(names) == 1:  # of two people of the same full name no answer of a caller names one
        return found[0].id
    if found:
        raise ClarificationNeeded(say().do_you_mean.format(choices=join_list(names)), staff=_ids(found))
    if heard := _list_heard(name, rules.staff_members):
        question = say().do_you_mean.format(choices=join_list(_say_names(heard)))
        raise ClarificationNeeded(question, outcome=FunctionOutcome.UNKNOWN_STAFF, staff=_ids(heard))
    raise _refuse(config, rules, name)


def _refuse(config: TenantConfig, rules: ServiceRules, name: str) -> ClarificationNeeded:
    """Return the question that says why nobody was found, and who does the service."""
    able = _say_names(rules.staff_members)
    who = say().service_by.format(service=rules.service.display_name, names=join_list(able))
    sentences = [_explain(config, rules, name), who, *([say().whom_to_see] if len(able) > 1 else [])]
    return ClarificationNeeded(
        " ".join(sentences), outcome=FunctionOutcome.UNKNOWN_STAFF, staff=_ids(rules.staff_members)
    )


def _explain(config: TenantConfig, rules: ServiceRules, name: str) -> str:
    """Return whether the person does something else here, works in another branch, or is not known at all.

    Words that are more than a name ("nicht Anna", "Anna oder Eva") may be about somebody who does work here.
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
    is_name = 0 < len(words) <= _MOST_WORDS and _DESCRIBING.isdisjoint(words)
    if said is None or has_known or not is_name:
        return say().person_not_understood
    return say().nobody_of_name.format(name=decline_name(said))


def _list_known(name: str, members: Sequence[Staff]) -> list[Staff]:
    return list_named_staff(name, members) or _list_heard(name, members)


def _list_heard(name: str, members: Sequence[Staff]) -> list[Staff]:
    return list_heard(drop_titles(name), members, lambda each: [each.display_name])


def _say_names(members: Sequence[Staff]) -> list[str]:
    """Return each name once, as it is said after `bei`."""
    return list(dict.fromkeys(decline_name(member.display_name) for member in members))


def _ids(members: Sequence[Staff]) -> list[str]:
    return [member.id for member in members]
