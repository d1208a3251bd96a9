"""Plans the steps from the present state at Retell to the desired one, in the order in which they are safe. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from askproai_core.providers import REQUEST_TIMEOUT, Json
from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.api.conditions import Condition, Reason
from askproai_operator.controllers.agent_plan.checks import OWNERSHIP_CHECKS
from askproai_operator.controllers.agent_plan.diff import describe_differences, differing_fields
from askproai_operator.controllers.agent_plan.inputs import NumberProblem, PlanInputs, answered_branches, marker
from askproai_operator.controllers.agent_plan.observe import (
    Observation,
    RecordedState,
    bound_agents,
    bound_ids,
    webhook_change,
)
from askproai_operator.controllers.agent_plan.render import Desired, DesiredNumber, llm_owner, render_desired
from askproai_operator.controllers.conditions import first_failing
from askproai_operator.controllers.name_conflicts import is_of_other
from askproai_operator.plan_context import PlanContext

# A create that we stopped waiting for may still commit, and a list may not show it yet.
GRACE: Final = REQUEST_TIMEOUT + timedelta(seconds=10)


class Action(StrEnum):
    """Every kind of write at Retell, with the sentence that people read in `status.plan`.

    The fault points around a step have the members' names: `before:create-llm`.
    """

    CREATE_LLM = "create an LLM"
    CREATE_AGENT = "create an agent"
    FORK = "open a draft from version {}"
    PATCH_LLM = "change the LLM: {}"
    PATCH_AGENT = "change the agent: {}"
    PUBLISH = "publish that version"
    IMPORT = "import the number {}"
    BIND = "bind {} to the published version"
    WEBHOOK = "set the inbound webhook of {}"
    NO_WEBHOOK = "remove the inbound webhook of {}"
    UNBIND = "unbind {}"
    DELETE_AGENT = "delete the duplicate agent {}"
    DELETE_LLM = "delete the unused LLM {}"


@dataclass(frozen=True, slots=True)
class Step:
    """One write at Retell. `arguments`, as texts, depend on the action: a version, names of fields, a number (E.164) or an id."""

    action: Action
    arguments: tuple[str, ...] = ()
    number: DesiredNumber | None = None  # of an import
    remaining: tuple[Json, ...] = ()  # of an unbind: the `inbound_agents` entries of others, which stay

    def __str__(self) -> str:
        return self.action.format(", ".join(self.arguments))


PUBLISH: Final = Step(Action.PUBLISH)


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes at Retell in order, and facts for the report. If `refused` or `wait` is set, nothing may be written now."""

    steps: tuple[Step, ...] = ()
    refused: Condition | None = None  # the remote objects are not ours to write to
    wait: timedelta | None = None  # until then an object that is not visible yet may appear
    recorded_missing: bool = False  # an object in our status is not found; it counts as gone after the grace period
    number_problems: tuple[NumberProblem, ...] = ()
    bound: tuple[str, ...] = ()  # numbers that are bound to us when the steps are done
    drift: tuple[str, ...] = ()  # differences of the version that answers calls: path, declared → found
    published_elsewhere: bool = False  # somebody else published a version since our last one
    foreign_draft: tuple[str, ...] = ()  # paths that differ in a draft that is not ours and answers no calls

    def lines(self) -> list[str]:
        """Return the plan as people read it in `status.plan`."""
        lines = [f"not before {self.wait.total_seconds():.0f} s have passed"] if self.wait else []
        lines += [*map(str, self.steps), *(problem.message for problem in self.number_problems)]
        return lines or ["nothing to do"]


def make_plan(inputs: PlanInputs) -> Plan:
    """Return the steps at Retell from the observed to the desired state; no steps if they are equal."""
    if refused := first_failing(OWNERSHIP_CHECKS, inputs):
        return Plan(refused=refused)
    observation, desired, recorded = inputs.observation, inputs.desired, inputs.recorded
    if observation.agent is None:
        return _plan_creation(inputs)
    agent, llm = observation.agent, observation.llm or {}
    content, drift = _plan_content(observation, desired, agent, llm)
    published = int(observation.published_agent["version"]) if observation.published_agent else None
    numbers, problems = _plan_numbers(inputs, None if PUBLISH in content else published)
    foreign_draft: tuple[str, ...] = ()
    if not content and not agent.get("is_published"):
        foreign_draft = (*describe_differences(desired.llm, llm), *describe_differences(desired.agent, agent))
    recorded_version = recorded.published_version
    return Plan(
        steps=(*content, *numbers, *_plan_removals(observation)),
        number_problems=problems,
        bound=_bound_afterwards(problems, desired, recorded),
        drift=drift,
        published_elsewhere=bool(drift) and recorded_version is not None and published != recorded_version,
        foreign_draft=foreign_draft,
    )


def _plan_creation(inputs: PlanInputs) -> Plan:
    """Plan to create the agent, or to wait while an object of ours may exist unseen: lists lag, and creates may commit late."""
    observation, desired, recorded = inputs.observation, inputs.desired, inputs.recorded
    llm = observation.llm
    if recorded.pending is not None and (recorded.pending.kind == "agent" or llm is None):
        wait = recorded.pending.since + GRACE - observation.observed_at
        if wait > timedelta():
            return Plan(wait=wait)
    elif recorded.pending is None and (recorded.agent_id or (recorded.llm_id and llm is None)):
        return Plan(wait=GRACE, recorded_missing=True)
    first: list[Step] = []
    removals = _plan_removals(observation)
    if llm is None or int(llm.get("version") or 0) > 0 or llm.get("is_published"):
        first.append(Step(Action.CREATE_LLM))  # the version of a new agent is 0, and its LLM's must be the same
        if llm is not None and llm_owner(llm) == desired.marker:
            removals = (*removals, Step(Action.DELETE_LLM, (str(llm["llm_id"]),)))
    elif changed := differing_fields(desired.llm, llm):
        first.append(Step(Action.PATCH_LLM, changed))
    numbers, problems = _plan_numbers(inputs, None)
    steps = (*first, Step(Action.CREATE_AGENT), PUBLISH, *numbers, *removals)
    return Plan(steps, number_problems=problems, bound=_bound_afterwards(problems, desired, recorded))


def _plan_content(
    observation: Observation, desired: Desired, agent: Json, llm: Json
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps to a published version with the desired bodies, and the differences of the version published now.

    If the published version, which answers calls, does not differ, there are no steps, and no draft is opened.
    """
    drift: tuple[str, ...] = ()
    if observation.published_agent is not None and observation.published_llm is not None:
        drift = (
            *describe_differences(desired.llm, observation.published_llm),
            *describe_differences(desired.agent, observation.published_agent),
        )
        if not drift:
            return (), ()
    steps: list[Step] = []
    if agent.get("is_published"):
        steps.append(Step(Action.FORK, (str(agent["version"]),)))
    if changed := differing_fields(desired.llm, llm):
        steps.append(Step(Action.PATCH_LLM, changed))
    if changed := differing_fields(desired.agent, agent):
        steps.append(Step(Action.PATCH_AGENT, changed))
    return (*steps, PUBLISH), drift


def _plan_numbers(inputs: PlanInputs, version: int | None) -> tuple[tuple[Step, ...], tuple[NumberProblem, ...]]:
    """Return the steps that bind the desired numbers to `version` and free all others, and the problems of numbers.

    `version` is None for the version that is yet to be published. A number's inbound webhook is removed before its binding: we
    see the number only while it is bound to us.
    """
    observation, desired = inputs.observation, inputs.desired
    if desired.numbers is None:
        return (), ()
    observed = observation.numbers or {}
    by_e164 = {number.e164: number for number in desired.numbers}
    steps: list[Step] = []
    problems: list[NumberProblem] = []
    for number in by_e164.values():
        remote = observed.get(number.e164)
        if problem := _find_problem(number, remote, observation, inputs.siblings):
            problems.append(problem)
            continue
        pinned = [(entry.get("agent_id"), entry.get("agent_version")) for entry in bound_agents(remote)]
        if version is None or pinned != [(observation.agent_id, version)]:
            steps += [Step(Action.IMPORT, (number.e164,), number)] if remote is None else []
            steps.append(Step(Action.BIND, (number.e164,)))
        steps += _plan_webhook(number.e164, remote, desired.inbound_url)
    for e164 in sorted(observed.keys() - by_e164.keys()):
        bound = bound_ids(observed[e164])
        if observation.agent_id in bound or not bound:
            steps += _plan_webhook(e164, observed[e164], None)
        if observation.agent_id in bound:
            remaining = entries_without(bound_agents(observed[e164]), {str(observation.agent_id)})
            steps.append(Step(Action.UNBIND, (e164,), remaining=remaining))
    return tuple(steps), tuple(problems)


def _find_problem(
    number: DesiredNumber, remote: Json | None, observation: Observation, siblings: Collection[str]
) -> NumberProblem | None:
    """Return why a number cannot be bound: it is missing at Retell, or bound to an agent that is not ours; None if it can be."""
    if remote is None and number.sip is None:
        advice = number.problem or "import it there, or give spec.phoneNumbers[].sip of its Branch"
        if observation.is_simulated and not number.problem:
            advice += f' (the simulated Retell: askproai sandbox number "{number.e164}" --key KEY)'
        text = f"{number.e164} is not at Retell: {advice}"
        return NumberProblem(Reason.NUMBER_NOT_AT_RETELL, text, number.e164)
    ours = {
        observation.agent_id,
        *observation.duplicates,
        *observation.bound_duplicates,
        *observation.deleted_agents,  # no agent loses the number by our binding
    }
    if others := bound_ids(remote) - ours:
        if others <= set(siblings):  # its Branch now has an agent of its own
            text = f"{number.e164} is bound to another agent of this Tenant, {', '.join(sorted(others))}, until that frees it"
            return NumberProblem(Reason.NUMBER_BOUND_ELSEWHERE, text, number.e164)
        text = f"{number.e164} is bound to agent {', '.join(sorted(others))}, which is not ours: unbind it at Retell"
        return NumberProblem(Reason.NUMBER_BOUND_ELSEWHERE, text, number.e164)
    return None


def _plan_webhook(e164: str, remote: Json | None, desired_url: str | None) -> list[Step]:
    action = Action.WEBHOOK if desired_url is not None else Action.NO_WEBHOOK
    return [Step(action, (e164,))] if webhook_change(remote, desired_url) else []


def _bound_afterwards(
    problems: tuple[NumberProblem, ...], desired: Desired, recorded: RecordedState
) -> tuple[str, ...]:
    if desired.numbers is None:
        return recorded.numbers
    not_bound = {problem.number for problem in problems}
    return tuple(sorted(number.e164 for number in desired.numbers if number.e164 not in not_bound))


def entries_without(entries: list[Json], agent_ids: Collection[str]) -> tuple[Json, ...]:
    """Return a number's `inbound_agents` without these agents. The weights of the others are scaled to a sum of 1."""
    remaining = [entry for entry in entries if str(entry.get("agent_id")) not in agent_ids]
    total = sum(float(entry.get("weight", 1)) for entry in remaining)
    return tuple({**entry, "weight": float(entry.get("weight", 1)) / total} for entry in remaining)


def _plan_removals(observation: Observation) -> tuple[Step, ...]:
    agents = (Step(Action.DELETE_AGENT, (agent_id,)) for agent_id in observation.duplicates)
    return (*agents, *(Step(Action.DELETE_LLM, (llm_id,)) for llm_id in observation.unused_llms))


def plan_unseen(agent: RetellAgent, tenant: Tenant, context: PlanContext) -> Plan:
    """Return the plan to create an agent, without asking Retell. `tenant.status` needs the `webhookUrls` that it will have.

    Numbers without a trunk are assumed to be at Retell already, bound to no agent.
    """
    numbers = [
        number
        for branch in answered_branches(agent, tenant, context)
        for number in _list_assumed_numbers(branch, context)
    ]
    remote: dict[str, dict[str, Any] | None] = {
        number.e164: None if number.sip is not None else {"phone_number": number.e164} for number in numbers
    }
    desired = render_desired(agent, tenant, tuple(numbers), marker(agent, context))
    return make_plan(PlanInputs(RecordedState(), desired, Observation(context.clock.now(), numbers=remote)))


def _list_assumed_numbers(branch: Branch, context: PlanContext) -> Iterator[DesiredNumber]:
    """Yield the branch's valid numbers that no other branch holds, as Retell shows them. Trunks' passwords are not read."""
    for entry in branch.spec.phone_numbers:
        number = branch.spec.read_dialled(entry)
        if number and branch.spec.read_public(entry) and not is_of_other(branch, number, context):
            yield DesiredNumber(number, sip={} if entry.sip else None)
