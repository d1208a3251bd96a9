"""The part of an agent's prompt that lists services, staff and frequent questions, by the names that callers use for them.

Pure. Facts that change by the day, such as prices and hours, are left out: each change of a prompt publishes a version of the
agent.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from askproai_core.tenant_config import Function
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.controllers.agent_plan.words import PromptWords, words_of
from askproai_operator.services import is_offered_in, staff_by_branch

# The texts of a section. A longer one is left out as a whole, because a model takes half a list for the whole; functions still
# name all.
_MAX_CHARACTERS: Final = 8000


def known_questions(agent: RetellAgent, tenant: Tenant, branches: Iterable[Branch]) -> tuple[str, ...]:
    """Return the questions that the manifests of tenant and branches answer; empty if the agent lacks the function for them."""
    if Function.BUSINESS_INFORMATION not in agent.spec.functions:
        return ()
    known = [each for branch in branches for each in branch.spec.knowledge] + list(tenant.spec.knowledge)
    return tuple(dict.fromkeys(each.question for each in known))


def describe_catalogue(
    branches: Sequence[Branch],
    offerings: Iterable[ServiceOffering],
    questions: Iterable[str] = (),
    language: str = "de-DE",
    others: Iterable[Branch] = (),
) -> str:
    """Return the sections of services, team, other branches and frequent questions as Markdown; "" if all are empty.

    `branches` are the branches that the agent answers for, `offerings` the services that can be booked there, and `others` the
    tenant's further branches, which callers name, too. Services with equal text share a line. A line names its branches if not
    every branch has the service, and its staff members if not everybody there can do it. The staff members are omitted from all
    lines if they would make the section too long.
    """
    words = words_of(language)
    places: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)  # lines, each with the ids of its staff by branch
    for offering in offerings:
        able = staff_by_branch(offering, [branch for branch in branches if is_offered_in(offering, branch)])
        line = places[_describe_service(offering, *_list_lengths(offering, branches, words), words)]
        line.update({name: line.get(name, frozenset()) | set(staff) for name, staff in able.items()})
    services = [f"{line}{_only_in(branches, set(able), words)}" for line, able in places.items()]
    with_names = [
        f"{line}{_only_with(branches, able, words)}" for line, able in zip(services, places.values(), strict=True)
    ]
    if _fits([words.bookable, *with_names]):  # what can be booked comes first
        services = with_names
    teams = [
        f"- {_one_line(branch.spec.display_name)}: {', '.join(_one_line(each.display_name) for each in branch.spec.staff)}"
        for branch in branches
        if branch.spec.staff
    ]
    elsewhere = [f"- {_one_line(branch.spec.display_name)}" for branch in others] if services or teams else []
    asked = [f"- {_one_line(question)}" for question in questions]
    titled = (
        (words.bookable, services), (words.team, teams), (words.other_branches, elsewhere), (words.questions, asked),
    )  # fmt: skip
    sections = ([title, *lines] for title, lines in titled if lines)
    return "\n\n".join("\n".join(section) for section in sections if _fits(section))


def _fits(section: Sequence[str]) -> bool:
    return len("\n".join(section)) <= _MAX_CHARACTERS


def _list_lengths(offering: ServiceOffering, branches: Sequence[Branch], words: PromptWords) -> tuple[int, str]:
    """Return the usual length of the service in minutes, and a text about these branches' staff members who need another time.

    The usual length is the declared one; if nobody there needs it, it is the first staff member's.
    """
    able = staff_by_branch(offering, [branch for branch in branches if is_offered_in(offering, branch)])
    staff = [each for branch in branches for each in branch.spec.staff if each.id in able.get(branch.metadata.name, ())]
    own = {_one_line(each.display_name): offering.minutes_with(each.id) for each in staff}
    usual = offering.spec.duration_minutes
    if own and usual not in own.values():
        usual = next(iter(own.values()))
    others = {name: minutes for name, minutes in own.items() if minutes != usual}
    return usual, "".join(words.minutes_with.format(staff=name, minutes=each) for name, each in others.items())


def _describe_service(offering: ServiceOffering, minutes: int, own_lengths: str, words: PromptWords) -> str:
    spec = offering.spec
    names = ", ".join(_one_line(name) for name in spec.spoken_names)
    waiting = sum(each.minutes for each in spec.segments or () if each.kind is SegmentKind.WAIT)
    length = words.minutes.format(minutes=minutes)
    length += words.waiting.format(minutes=waiting) if waiting else own_lengths
    return f"- {_one_line(spec.display_name)} ({length}{words.also.format(names=names) if names else ''})"


def _only_in(branches: Sequence[Branch], names: set[str], words: PromptWords) -> str:
    if len(names) == len(branches):
        return ""
    listed = (_one_line(branch.spec.display_name) for branch in branches if branch.metadata.name in names)
    return words.only_in.format(branches=f" {words.and_word} ".join(listed))


def _only_with(branches: Sequence[Branch], able: Mapping[str, Collection[str]], words: PromptWords) -> str:
    staff = [(branch, each) for branch in branches if branch.metadata.name in able for each in branch.spec.staff]
    can = [each for branch, each in staff if each.id in able[branch.metadata.name]]
    names = dict.fromkeys(_one_line(each.display_name) for each in can)  # somebody may work in two branches
    if not names or names.keys() == {_one_line(each.display_name) for _, each in staff}:
        return ""
    return words.only_with.format(staff=f" {words.and_word} ".join(names))


def _one_line(text: str) -> str:
    return " ".join(text.split())
