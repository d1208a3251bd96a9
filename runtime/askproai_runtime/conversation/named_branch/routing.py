"""Choose the branch of a call, or the question to ask the caller. Pure.

Nothing is guessed: a branch with a similar postal code, and the branch of the caller's last booking, are only suggested. Skills
need no routing, because the config says which staff member can do a service at which branch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_core.tenant_config.vocabulary import BusinessModel
from askproai_runtime.call_routes import Route
from askproai_runtime.conversation.named_branch.matching import (
    has_menu,
    indistinguishable,
    match_branches,
    means_main_branch,
    named_by_name,
    names_something,
    nearest_branch,
    refuses,
    says_no,
)
from askproai_runtime.language.heard_names import list_heard
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.near_services import list_of_object
from askproai_runtime.language.spoken_services import read_services
from askproai_runtime.sentences import say

_MAX_NAMES_IN_A_QUESTION = 4  # nobody remembers more names after hearing them once


@dataclass(frozen=True, slots=True)
class Hints:
    """The facts from which the branch of a call is found; each branch is given by its name.

    `phrase` is the argument `branch`, in the caller's words; `pressed_keys` are telephone keys. `suggested_branch` is the
    branch that our last answer asked about, `current_branch` the one found earlier in the call, and `last_branch` the one of
    this caller's last booking. `wanted` is the caller's purpose, as the question words it ("einen Termin" if None). `staff` is
    the staff member whom the caller named. `said` is the only branch in the caller's words since our last answer.
    """

    phrase: str | None = None
    pressed_keys: str = ""
    service: str | None = None
    suggested_branch: str | None = None
    current_branch: str | None = None
    last_branch: str | None = None
    wanted: str | None = None
    staff: str | None = None
    said: Branch | None = None


@dataclass(frozen=True, slots=True)
class FoundBranch:
    """The branch of a call. `announce`: the caller did not say its name, and has to hear it."""

    branch: Branch
    announce: bool = False


@dataclass(frozen=True, slots=True)
class BranchQuestion:
    """A question which branch is meant. `branches` are the branches it names, and a plain yes chooses `suggested_branch`."""

    question: str
    branches: tuple[str, ...] = ()
    suggested_branch: str | None = None


class _Suggestion(NamedTuple):
    question: str
    branch: Branch


def choose_branch(config: TenantConfig, route: Route, hints: Hints) -> FoundBranch | BranchQuestion:
    """Return the branch of a call, or the question for it, by the tenant's business model.

    A call to a branch's own number stays at that branch until the caller names another one. A call to a hotline has no branch
    until the caller chooses. A branch with its own agent beside the hotline keeps that agent's callers.
    """
    if config.business_model is BusinessModel.SIMPLE or route.branch:
        current = hints.current_branch or route.branch
        hints = replace(hints, pressed_keys="", current_branch=current, last_branch=None)
    return find_branch(config, hints)


def list_named_branches(config: TenantConfig, phrase: str, suggested: str | None) -> tuple[str, ...] | BranchQuestion:
    """Return the branches that words about an existing appointment may mean, or a question if the tenant has no such branch.

    Return () if the words name no branch, or mean "as always". `suggested` is the branch of our last question.
    """
    branches = config.branches
    if not names_something(phrase) or (len(branches) == 1 and means_main_branch(phrase)):
        return ()
    matches = match_branches(branches, phrase, None, suggested)
    if matches or match_branches(branches, phrase, branches[0].name, None):
        return tuple(each.name for each in matches)
    found = find_branch(config, Hints(phrase, suggested_branch=suggested))
    return found if isinstance(found, BranchQuestion) else (found.branch.name,)


def find_branch(config: TenantConfig, hints: Hints) -> FoundBranch | BranchQuestion:
    """Return the branch that the hints determine, or the question that would determine it."""
    branches = config.branches
    offering = [branch for branch in branches if _offers(config, branch, hints.service)] or list(branches)
    possible = [branch for branch in offering if _has_staff(config, branch, hints)] or offering
    current = branches[0] if len(branches) == 1 else _by_name(branches, hints.current_branch)
    phrase = hints.phrase or (hints.pressed_keys if current is None else "")
    if names_something(phrase) and not (len(branches) == 1 and means_main_branch(phrase)):
        matches = match_branches(branches, phrase, hints.last_branch, hints.suggested_branch)
        if matches and hints.said not in {None, *matches}:
            return _ask(branches, [each for each in branches if each in {hints.said, *matches}], None, hints.wanted)
        if current in matches and indistinguishable(matches, phrase):  # "in Berlin", after Mitte was found: still Mitte
            return _check_offer(config, hints.service, current, offering, announce=False)
        candidates = [branch for branch in matches if branch in offering] or matches
        candidates = [branch for branch in candidates if branch in possible] or candidates
        if len(candidates) == 1:
            # "Berlin" is in the names of Berlin Mitte and of Berlin Nord.
            said_by_name = len(matches) == 1 and named_by_name(candidates[0], phrase)
            return _check_offer(config, hints.service, candidates[0], offering, announce=not said_by_name)
        suggestion = None if refuses(phrase) else _suggest_nearest(branches, phrase) or _suggest_last(offering, hints)
        is_refusal = hints.suggested_branch is not None and says_no(phrase)
        candidates = [
            each for each in candidates or offering if not (is_refusal and each.name == hints.suggested_branch)
        ]
        if not candidates:
            return BranchQuestion(say().only_there.format(branch=offering[0].display_name))
        return _ask(branches, candidates, suggestion, hints.wanted, is_refusal=is_refusal)
    if current is not None:
        return _check_offer(config, hints.service, current, offering, announce=False)
    if len(possible) == 1:
        return FoundBranch(possible[0], announce=True)
    return _ask(branches, possible, _suggest_last(possible, hints), hints.wanted)


def _check_offer(
    config: TenantConfig, service: str | None, branch: Branch, offering: Sequence[Branch], *, announce: bool
) -> FoundBranch | BranchQuestion:
    """Return the branch, or a question if only other branches offer the requested service."""
    if branch in offering:
        return FoundBranch(branch, announce)
    named = offering[:_MAX_NAMES_IN_A_QUESTION]
    names = f" {say().or_word} ".join(other.display_name for other in named)
    near = {each.display_name for each in list_of_object(service or "", config.services)}
    said = near.pop() if len(near) == 1 else say().such_service
    question = say().not_there_but.format(service=said, branch=branch.display_name, others=names)
    suggested = offering[0].name if len(offering) == 1 else None
    return BranchQuestion(question, tuple(other.name for other in named), suggested)


def _ask(
    branches: Sequence[Branch],
    candidates: Sequence[Branch],
    suggestion: _Suggestion | None,
    wanted: str | None,
    *,
    is_refusal: bool = False,
) -> BranchQuestion:
    """Return the question which of the `candidates` is meant. If one branch is suggested, the question begins with it."""
    wanted = wanted or say().wanted_appointment
    if len(candidates) == 1:
        question = say().want_there.format(wanted=wanted, branch=candidates[0].display_name)
        question = question if is_refusal else f"{say().unknown_branch} {question}"
        return BranchQuestion(question, (candidates[0].name,), candidates[0].name)
    first, suggested = (f"{suggestion.question} ", suggestion.branch.name) if suggestion else ("", None)
    if len(candidates) > _MAX_NAMES_IN_A_QUESTION:
        question = say().otherwise_name_place.format(first=first) if first else say().name_place
        return BranchQuestion(question, (), suggested)
    question = "" if first else say().for_which_branch.format(wanted=wanted)
    if has_menu(branches):
        choices = ", ".join(
            say().digit_for.format(digit=say().digits[branches.index(branch) + 1], branch=branch.display_name)
            for branch in candidates
        )
        question += (say().otherwise_press if first else say().press).format(choices=choices)
    else:
        names = ", ".join(branch.display_name for branch in candidates)
        question += (say().otherwise_there_are if first else say().there_are).format(branches=names)
    return BranchQuestion(first + question, tuple(branch.name for branch in candidates), suggested)


def _suggest_last(offering: Sequence[Branch], hints: Hints) -> _Suggestion | None:
    branch = _by_name(offering, hints.last_branch)
    return None if branch is None else _Suggestion(say().again_there.format(branch=branch.display_name), branch)


def _suggest_nearest(branches: Sequence[Branch], phrase: str) -> _Suggestion | None:
    branch = nearest_branch(branches, phrase)
    if branch is not None:
        return _Suggestion(say().nearest.format(branch=branch.display_name), branch)
    heard = list_heard(phrase, branches, lambda each: [each.display_name, each.address.city])
    return _Suggestion(say().do_you_mean.format(choices=heard[0].display_name), heard[0]) if len(heard) == 1 else None


def _by_name(branches: Sequence[Branch], name: str | None) -> Branch | None:
    return next((branch for branch in branches if branch.name == name), None)


def _offers(config: TenantConfig, branch: Branch, service: str | None) -> bool:
    """Return whether the branch offers the service, or each of several services. An unknown service excludes no branch, since
    the booking asks about it.
    """
    known = read_services(service or "", config.services)
    if not known.services or known.unknown:
        near = list_of_object(service or "", config.services)
        return not near or any(each in near for each in _services_of(config, branch))
    return read_services(service or "", _services_of(config, branch)).unknown is None


def _has_staff(config: TenantConfig, branch: Branch, hints: Hints) -> bool:
    """Return whether the branch has a staff member of the name that the caller said, who does each requested service."""
    named = {staff_member.id for staff_member in list_named_staff(hints.staff or "", branch.staff)}
    services = read_services(hints.service or "", _services_of(config, branch)).services
    return bool(named.intersection(*(service.staff[branch.name] for service in services)))


def _services_of(config: TenantConfig, branch: Branch) -> list[Service]:
    """Return the services that a staff member of the branch does."""
    return [each for each in config.services if each.branch in {None, branch.name} and each.staff.get(branch.name)]
