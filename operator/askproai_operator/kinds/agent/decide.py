"""What to do, from what exists and what should exist. Pure; the order of the steps is the order in which they are safe."""

from dataclasses import dataclass
from datetime import timedelta

from askproai_operator.api.conditions import Reason
from askproai_operator.external import Json
from askproai_operator.kinds.agent.diff import differing, paths
from askproai_operator.kinds.agent.observe import Known, Observed, bound_agents, engine_of
from askproai_operator.kinds.agent.render import Desired, Number, owner_of, owner_of_llm


@dataclass(frozen=True, slots=True)
class CreateLlm:
    def __str__(self) -> str:
        return "create an LLM"


@dataclass(frozen=True, slots=True)
class CreateAgent:
    def __str__(self) -> str:
        return "create an agent"


@dataclass(frozen=True, slots=True)
class ForkDraft:
    base: int

    def __str__(self) -> str:
        return f"open a draft from version {self.base}"


@dataclass(frozen=True, slots=True)
class PatchLlm:
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"change the LLM: {', '.join(self.fields)}"


@dataclass(frozen=True, slots=True)
class PatchAgent:
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"change the agent: {', '.join(self.fields)}"


@dataclass(frozen=True, slots=True)
class Publish:
    def __str__(self) -> str:
        return "publish that version"


@dataclass(frozen=True, slots=True)
class ImportNumber:
    number: Number

    def __str__(self) -> str:
        return f"import the number {self.number.e164}"


@dataclass(frozen=True, slots=True)
class BindNumber:
    number: str

    def __str__(self) -> str:
        return f"bind {self.number} to the published version"


@dataclass(frozen=True, slots=True)
class UnbindNumber:
    number: str
    others: tuple[Json, ...] = ()  # entries of other agents on the same number: they stay

    def __str__(self) -> str:
        return f"unbind {self.number}"


@dataclass(frozen=True, slots=True)
class DeleteAgent:
    agent_id: str

    def __str__(self) -> str:
        return f"delete the duplicate agent {self.agent_id}"


@dataclass(frozen=True, slots=True)
class DeleteLlm:
    llm_id: str

    def __str__(self) -> str:
        return f"delete the unused LLM {self.llm_id}"


Step = (
    CreateLlm | CreateAgent | ForkDraft | PatchLlm | PatchAgent | Publish | ImportNumber | BindNumber | UnbindNumber
    | DeleteAgent | DeleteLlm
)  # fmt: skip


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
    twins: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Give the plan as people read it in `status.plan`."""
        told = [f"not before {self.wait.total_seconds():.0f} s have passed"] if self.wait else []
        found = [finding.message for finding in (*([self.refused] if self.refused else []), *self.number_findings)]
        return [*told, *(str(step) for step in self.steps), *found] or ["nothing to do"]


def decide(observed: Observed, desired: Desired, known: Known, grace: timedelta, adopt: str | None = None) -> Plan:
    """Give the steps that make the remote objects as desired; none when they are."""
    if observed.agent is None and adopt is not None and known.agent_id is None:
        return Plan(
            refused=Finding(
                Reason.OWNERSHIP_CONFLICT, f"adopt.agentId {adopt} is not in this Retell workspace; correct it"
            )
        )
    if refused := _foreign(observed, desired.marker):
        return Plan(refused=refused)
    twins = (*observed.twins.agents, *observed.twins.bound_agents)
    removals = _removals(observed)
    if observed.agent is None:
        return _creation(observed, desired, known, grace, removals)
    content, drift = _content(observed, desired)
    publishes = Publish() in content
    numbers, findings = _numbers(
        observed, desired, None if publishes else int((observed.live_agent or observed.agent)["version"])
    )
    live_version = int(observed.live_agent["version"]) if observed.live_agent else None
    return Plan(
        steps=(*content, *numbers, *removals),
        number_findings=findings,
        bound=_bound(findings, desired, known),
        drift=drift,
        edited=bool(drift) and known.published_version is not None and live_version != known.published_version,
        draft=_foreign_draft(observed, desired) if not content else (),
        twins=twins,
    )


def _foreign(observed: Observed, marker: str) -> Finding | None:
    """Never write to what another owner marked, or to what we do not understand."""
    if observed.agent is None:
        return None
    owner = owner_of(observed.agent) or (owner_of_llm(observed.llm) if observed.llm else None)
    if owner is not None and owner != marker:
        return Finding(
            Reason.OWNERSHIP_CONFLICT,
            f"agent {observed.agent_id} belongs to {owner}; adopt another one, or release it there",
        )
    if observed.llm is None:
        llm_id = engine_of(observed.agent)[0]
        what = f"its LLM {llm_id} is gone" if llm_id else "it answers by something else than a Retell LLM"
        return Finding(
            Reason.PROVIDER_REFUSED,
            f"agent {observed.agent_id} can not be managed: {what}; delete it at Retell and a new one is made",
        )
    return None


def _creation(observed: Observed, desired: Desired, known: Known, grace: timedelta, removals: tuple[Step, ...]) -> Plan:
    """Create only when nothing of ours can be there unseen: lists lag, and a create without an answer may commit late."""
    if known.pending is not None and (known.pending.what == "agent" or observed.llm is None):
        wait = known.pending.since + grace - observed.at
        if wait > timedelta():
            return Plan(wait=wait)
    elif known.pending is None and (known.agent_id or (known.llm_id and observed.llm is None)):
        return Plan(wait=grace, missed=True)
    llm = observed.llm
    steps: list[Step] = []
    if llm is None or int(llm.get("version") or 0) > 0 or llm.get("is_published"):
        steps.append(CreateLlm())  # the version of a new agent is 0, and its LLM's must be the same
        if llm is not None and owner_of_llm(llm) == desired.marker:
            removals = (*removals, DeleteLlm(str(llm["llm_id"])))
    elif changed := differing(desired.llm, llm):
        steps.append(PatchLlm(changed))
    numbers, findings = _numbers(observed, desired, None)
    bound = _bound(findings, desired, known)
    return Plan(steps=(*steps, CreateAgent(), Publish(), *numbers, *removals), number_findings=findings, bound=bound)


def _content(observed: Observed, desired: Desired) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Compare what answers calls; only a difference there opens, changes and publishes a version (no diff, no write)."""
    assert observed.agent is not None
    assert observed.llm is not None
    drift: tuple[str, ...] = ()
    if observed.live_agent is not None and observed.live_llm is not None:
        drift = (*paths(desired.llm, observed.live_llm), *paths(desired.agent, observed.live_agent))
        if not drift:
            return (), ()
    steps: list[Step] = []
    if observed.agent.get("is_published"):
        steps.append(ForkDraft(int(observed.agent["version"])))
    if changed := differing(desired.llm, observed.llm):
        steps.append(PatchLlm(changed))
    if changed := differing(desired.agent, observed.agent):
        steps.append(PatchAgent(changed))
    return (*steps, Publish()), drift


def _foreign_draft(observed: Observed, desired: Desired) -> tuple[str, ...]:
    if observed.agent is None or observed.llm is None or observed.agent.get("is_published"):
        return ()
    return (*paths(desired.llm, observed.llm), *paths(desired.agent, observed.agent))


def _numbers(observed: Observed, desired: Desired, version: int | None) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """Bind what is wanted to exactly `version` (None: one that is yet to be published), and free what is not."""
    if desired.numbers is None:
        return (), ()
    seen = observed.numbers or {}
    ours = {observed.agent_id, *observed.twins.agents, *observed.twins.bound_agents, *observed.ownerless}
    wanted = {number.e164: number for number in desired.numbers}
    steps: list[Step] = []
    findings: list[Finding] = []
    for e164, number in wanted.items():
        entries = bound_agents(seen.get(e164))
        strangers = sorted({str(entry.get("agent_id")) for entry in entries} - ours)
        if seen.get(e164) is None and number.sip is None:
            text = f"{e164} is not at Retell: import it there, or give spec.phoneNumbers[].sip of its Branch"
            findings.append(Finding(Reason.NUMBER_NOT_AT_RETELL, text, e164))
        elif strangers:
            text = f"{e164} is bound to agent {', '.join(strangers)}, which is not ours: unbind it at Retell"
            findings.append(Finding(Reason.NUMBER_BOUND_ELSEWHERE, text, e164))
        elif seen.get(e164) is None:
            steps += [ImportNumber(number), BindNumber(e164)]
        elif version is None or not _pinned(entries, observed.agent_id, version):
            steps.append(BindNumber(e164))
    for e164 in sorted(seen.keys() - wanted.keys()):
        entries = bound_agents(seen[e164])
        if observed.agent_id and any(entry.get("agent_id") == observed.agent_id for entry in entries):
            steps.append(unbinding(e164, entries, {observed.agent_id}))
    return tuple(steps), tuple(findings)


def _bound(findings: tuple[Finding, ...], desired: Desired, known: Known) -> tuple[str, ...]:
    if desired.numbers is None:
        return known.numbers
    not_ours = {finding.number for finding in findings}
    return tuple(sorted(number.e164 for number in desired.numbers if number.e164 not in not_ours))


def unbinding(e164: str, entries: list[Json], ours: set[str]) -> UnbindNumber:
    """Take our agents off a number; what others have there stays, its weights filled up to 1."""
    rest = [entry for entry in entries if str(entry.get("agent_id")) not in ours]
    total = sum(float(entry.get("weight", 1)) for entry in rest)
    return UnbindNumber(e164, tuple({**entry, "weight": float(entry.get("weight", 1)) / total} for entry in rest))


def _pinned(entries: list[Json], agent_id: str | None, version: int) -> bool:
    return len(entries) == 1 and entries[0].get("agent_id") == agent_id and entries[0].get("agent_version") == version


def _removals(observed: Observed) -> tuple[Step, ...]:
    return (*(DeleteAgent(i) for i in observed.twins.agents), *(DeleteLlm(i) for i in observed.twins.llms))
