"""What to do, from what exists and what should exist. Pure; the order of the steps is the order in which they are safe."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from askproai_operator.api.conditions import Reason
from askproai_operator.controllers.agent.diff import differing, paths
from askproai_operator.controllers.agent.observe import (
    Known,
    Observed,
    bound_agents,
    bound_ids,
    engine_of,
    webhook_change,
)
from askproai_operator.controllers.agent.render import Desired, Number, owner_of, owner_of_llm
from askproai_operator.providers import Json


class Act(StrEnum):
    """Every kind of write at Retell, with the sentence by which people read it in `status.plan`."""

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
    """One write. `on` is what it is done to: a version, names of fields, a number or an id; each act has one of them."""

    act: Act
    on: tuple[str, ...] = ()
    number: Number | None = None  # to import
    others: tuple[Json, ...] = ()  # entries of other agents on the number that is unbound: they stay

    def __str__(self) -> str:
        return self.act.format(", ".join(self.on))


PUBLISH = Step(Act.PUBLISH)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stands in the way and that a person has to settle; `number` where it is about one."""

    reason: Reason
    message: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and what to tell. `wait`: do nothing before; something that we can not see yet may appear."""

    steps: tuple[Step, ...] = ()
    wait: timedelta | None = None
    missed: bool = False  # what our status names is gone: note since when, and believe it only after the grace period
    refused: Finding | None = None
    number_findings: tuple[Finding, ...] = ()
    bound: tuple[str, ...] = ()  # numbers that are bound to us when the steps are done
    drift: tuple[str, ...] = ()  # what differs in the version that answers calls
    edited: bool = False  # somebody else published a version since our last one
    draft: tuple[str, ...] = ()  # what differs in a draft that is not ours and answers no calls

    def lines(self) -> list[str]:
        """Give the plan as people read it in `status.plan`."""
        told = [f"not before {self.wait.total_seconds():.0f} s have passed"] if self.wait else []
        told += [*map(str, self.steps), *(finding.message for finding in self.number_findings)]
        return told or ["nothing to do"]


def decide(observed: Observed, desired: Desired, known: Known, grace: timedelta, adopt: str | None = None) -> Plan:
    """Give the steps that make the remote objects as desired; none when they are."""
    if observed.agent is None and adopt is not None and known.agent_id is None:
        text = f"adopt.agentId {adopt} is not in this Retell workspace; correct it"
        return Plan(refused=Finding(Reason.OWNERSHIP_CONFLICT, text))
    if refused := _foreign(observed, desired.marker):
        return Plan(refused=refused)
    if observed.agent is None:
        return _creation(observed, desired, known, grace)
    content, drift = _content(observed, desired, observed.agent, observed.llm or {})
    live = int(observed.live_agent["version"]) if observed.live_agent else None
    numbers, findings = _numbers(observed, desired, None if PUBLISH in content else live)
    draft: tuple[str, ...] = ()
    if not content and not observed.agent.get("is_published"):
        draft = (*paths(desired.llm, observed.llm or {}), *paths(desired.agent, observed.agent))
    return Plan(
        steps=(*content, *numbers, *_removals(observed)),
        number_findings=findings,
        bound=_bound(findings, desired, known),
        drift=drift,
        edited=bool(drift) and known.published_version is not None and live != known.published_version,
        draft=draft,
    )


def _foreign(observed: Observed, marker: str) -> Finding | None:
    """Never write to what another owner marked, or to what we do not understand."""
    if observed.agent is None:
        return None
    owner = owner_of(observed.agent) or owner_of_llm(observed.llm or {})
    if owner is not None and owner != marker:
        text = f"agent {observed.agent_id} belongs to {owner}; adopt another one, or release it there"
        return Finding(Reason.OWNERSHIP_CONFLICT, text)
    if observed.llm is None:
        llm_id = engine_of(observed.agent)[0]
        what = f"its LLM {llm_id} is gone" if llm_id else "it answers by something else than a Retell LLM"
        text = f"agent {observed.agent_id} can not be managed: {what}; delete it at Retell and a new one is made"
        return Finding(Reason.PROVIDER_REFUSED, text)
    return None


def _creation(observed: Observed, desired: Desired, known: Known, grace: timedelta) -> Plan:
    """Create only when nothing of ours can be there unseen: lists lag, and a create without an answer may commit late."""
    llm = observed.llm
    if known.pending is not None and (known.pending.what == "agent" or llm is None):
        wait = known.pending.since + grace - observed.at
        if wait > timedelta():
            return Plan(wait=wait)
    elif known.pending is None and (known.agent_id or (known.llm_id and llm is None)):
        return Plan(wait=grace, missed=True)
    first: list[Step] = []
    removals = _removals(observed)
    if llm is None or int(llm.get("version") or 0) > 0 or llm.get("is_published"):
        first.append(Step(Act.CREATE_LLM))  # the version of a new agent is 0, and its LLM's must be the same
        if llm is not None and owner_of_llm(llm) == desired.marker:
            removals = (*removals, Step(Act.DELETE_LLM, (str(llm["llm_id"]),)))
    elif changed := differing(desired.llm, llm):
        first.append(Step(Act.PATCH_LLM, changed))
    numbers, findings = _numbers(observed, desired, None)
    steps = (*first, Step(Act.CREATE_AGENT), PUBLISH, *numbers, *removals)
    return Plan(steps, number_findings=findings, bound=_bound(findings, desired, known))


def _content(observed: Observed, desired: Desired, agent: Json, llm: Json) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Compare what answers calls; only a difference there opens, changes and publishes a version (no diff, no write)."""
    drift: tuple[str, ...] = ()
    if observed.live_agent is not None and observed.live_llm is not None:
        drift = (*paths(desired.llm, observed.live_llm), *paths(desired.agent, observed.live_agent))
        if not drift:
            return (), ()
    steps: list[Step] = []
    if agent.get("is_published"):
        steps.append(Step(Act.FORK, (str(agent["version"]),)))
    if changed := differing(desired.llm, llm):
        steps.append(Step(Act.PATCH_LLM, changed))
    if changed := differing(desired.agent, agent):
        steps.append(Step(Act.PATCH_AGENT, changed))
    return (*steps, PUBLISH), drift


def _numbers(observed: Observed, desired: Desired, version: int | None) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """Bind what is wanted to exactly `version` (None: one that is yet to be published), and free what is not.

    A number's inbound webhook goes before its binding: it is ours to see only as long as the number is.
    """
    if desired.numbers is None:
        return (), ()
    seen = observed.numbers or {}
    ours = {observed.agent_id, *observed.twins, *observed.bound_twins, *observed.ownerless}
    wanted = {number.e164: number for number in desired.numbers}
    steps: list[Step] = []
    findings: list[Finding] = []
    for e164, number in wanted.items():
        there, strangers = seen.get(e164), bound_ids(seen.get(e164)) - ours
        pinned = [(entry.get("agent_id"), entry.get("agent_version")) for entry in bound_agents(there)]
        if there is None and number.sip is None:
            what = number.problem or "import it there, or give spec.phoneNumbers[].sip of its Branch"
            findings.append(Finding(Reason.NUMBER_NOT_AT_RETELL, f"{e164} is not at Retell: {what}", e164))
        elif strangers:
            text = f"{e164} is bound to agent {', '.join(sorted(strangers))}, which is not ours: unbind it at Retell"
            findings.append(Finding(Reason.NUMBER_BOUND_ELSEWHERE, text, e164))
        else:
            if version is None or pinned != [(observed.agent_id, version)]:
                steps += [Step(Act.IMPORT, (e164,), number)] if there is None else []
                steps.append(Step(Act.BIND, (e164,)))
            steps += _webhook(e164, there, desired.inbound_url)
    for e164 in sorted(seen.keys() - wanted.keys()):
        bound = bound_ids(seen[e164])
        if observed.agent_id in bound or not bound:
            steps += _webhook(e164, seen[e164], None)
        if observed.agent_id in bound:
            others = without(bound_agents(seen[e164]), {str(observed.agent_id)})
            steps.append(Step(Act.UNBIND, (e164,), others=others))
    return tuple(steps), tuple(findings)


def _webhook(e164: str, number: Json | None, wanted: str | None) -> list[Step]:
    act = Act.WEBHOOK if wanted is not None else Act.NO_WEBHOOK
    return [Step(act, (e164,))] if webhook_change(number, wanted) else []


def _bound(findings: tuple[Finding, ...], desired: Desired, known: Known) -> tuple[str, ...]:
    if desired.numbers is None:
        return known.numbers
    not_ours = {finding.number for finding in findings}
    return tuple(sorted(number.e164 for number in desired.numbers if number.e164 not in not_ours))


def without(entries: list[Json], ours: Collection[str]) -> tuple[Json, ...]:
    """Take our agents off a number; what others have there stays, its weights filled up to 1."""
    rest = [entry for entry in entries if str(entry.get("agent_id")) not in ours]
    total = sum(float(entry.get("weight", 1)) for entry in rest)
    return tuple({**entry, "weight": float(entry.get("weight", 1)) / total} for entry in rest)


def _removals(observed: Observed) -> tuple[Step, ...]:
    agents = (Step(Act.DELETE_AGENT, (one,)) for one in observed.twins)
    return (*agents, *(Step(Act.DELETE_LLM, (one,)) for one in observed.spare_llms))
