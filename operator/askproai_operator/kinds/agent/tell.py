"""What a RetellAgent's reconcile has to tell: conditions, status fields and warnings. Pure."""

from datetime import datetime, timedelta
from typing import Any, Final

from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.engine import Result, Warn
from askproai_operator.external import CredentialRefused, ProviderError, ProviderRefused, RateLimited, UnknownOutcome
from askproai_operator.kinds.agent.apply import Hands
from askproai_operator.kinds.agent.decide import Finding, Plan
from askproai_operator.kinds.agent.observe import Observed
from askproai_operator.kinds.agent.render import Desired

PLAN_ANNOTATION: Final = "askproai.de/plan"


def settled(
    plan: Plan, wanted: Desired, tenant: str, of_branches: tuple[Finding, ...], hands: Hands, observed: Observed
) -> Result:
    warnings = []
    if plan.edited and observed.live_agent is not None:
        who = f"somebody changed {', '.join(plan.drift)} at Retell (version {observed.live_agent['version']})"
        text = f"{who}; version {hands.version} is as declared again"
        warnings.append(Warn("DriftRepaired", text))
    status: dict[str, Any] = {
        "agentId": hands.agent_id,
        "llmId": hands.llm_id,
        "publishedVersion": hands.version,
        "phoneNumbers": list(plan.bound),
        "tenant": tenant,
        "plan": None,
        "pending": None,
    }
    conditions = (
        _synced(plan, wanted, hands),
        _numbers_bound(plan, wanted, of_branches),
        _drifted(plan.draft, observed),
    )
    return Result(conditions, status, warnings=tuple(warnings), after=timedelta(seconds=5) if plan.twins else None)


def _synced(plan: Plan, wanted: Desired, hands: Hands) -> Condition:
    text = f"version {hands.version} of agent {hands.agent_id} is published"
    if plan.twins:
        found = f"{', '.join(plan.twins)} had the same marker; the others go as soon as no number is bound to them"
        return good(ConditionType.SYNCED, f"{text}; {found}", Reason.DUPLICATE_FOUND)
    if wanted.not_built:
        text = f"{text}; this release does not have {', '.join(wanted.not_built)} yet, so they are not offered in calls"
        return good(ConditionType.SYNCED, text, Reason.FUNCTIONS_NOT_BUILT)
    return good(ConditionType.SYNCED, text)


def _numbers_bound(plan: Plan, wanted: Desired, of_branches: tuple[Finding, ...]) -> Condition:
    kind, findings = ConditionType.NUMBERS_BOUND, (*of_branches, *plan.number_findings)
    if findings:
        return bad(kind, findings[0].reason, "; ".join(finding.message for finding in findings))
    if wanted.numbers is None:
        return unknown(
            kind, Reason.PENDING, "the Branch has not read its numbers yet; they are bound as soon as it has"
        )
    if not wanted.numbers:
        return good(kind, "there are no phone numbers to bind; list them in the Branch", Reason.NOT_REQUESTED)
    return good(kind, f"{', '.join(plan.bound)} answered by the published version")


def _drifted(differences: tuple[str, ...], observed: Observed) -> Condition:
    if not differences or observed.agent is None:
        return good(ConditionType.DRIFTED, "what answers calls is as declared", Reason.NO_DRIFT)
    what = f"a draft at Retell (version {observed.agent['version']}) changes {', '.join(differences)}"
    text = f"{what}; it answers no calls: change the RetellAgent instead"
    return bad(ConditionType.DRIFTED, Reason.DRIFT_FOUND, text)


def observed_only(plan: Plan, observed: Observed) -> Result:
    synced = good(
        ConditionType.SYNCED, "managementPolicy ObserveOnly: nothing is written at Retell", Reason.OBSERVE_ONLY
    )
    numbers = good(
        ConditionType.NUMBERS_BOUND, "managementPolicy ObserveOnly: numbers stay as they are", Reason.NOT_REQUESTED
    )
    drifted = good(ConditionType.DRIFTED, "as declared", Reason.NO_DRIFT)
    if plan.steps:
        drifted = bad(
            ConditionType.DRIFTED, Reason.DRIFT_FOUND, f"managementPolicy Full would: {'; '.join(plan.lines())}"
        )
    live = observed.live_agent or {}
    return Result((synced, numbers, drifted), {"agentId": observed.agent_id, "publishedVersion": live.get("version")})


def planned(plan: Plan) -> Result:
    lines = plan.lines()
    if not plan.steps:
        return Result((good(ConditionType.SYNCED, "plan mode: nothing to do"),), {"plan": lines})
    text = f"plan mode: {len(plan.steps)} steps wait in status.plan; remove the annotation {PLAN_ANNOTATION} to carry them out"
    return Result((bad(ConditionType.SYNCED, Reason.PENDING, text),), {"plan": lines})


def waiting(plan: Plan, wait: timedelta, now: datetime) -> Result:
    """A list may lag and a create may commit late: nothing is created before the grace period has passed."""
    what = "the agent or LLM of our status is not at Retell" if plan.missed else "a create at Retell had no answer"
    text = f"{what}; looking for it before making a new one, {wait.total_seconds():.0f} s more"
    status = {"pending": {"what": "agent", "since": now.isoformat(timespec="seconds")}} if plan.missed else {}
    look_again = min(wait, timedelta(seconds=2)) if not plan.missed else wait
    return Result((unknown(ConditionType.SYNCED, Reason.PROGRESSING, text),), status, after=look_again)


def failed(error: ProviderError) -> Result:
    kind, text = ConditionType.SYNCED, f"{error}; tried again by itself"
    match error:
        case CredentialRefused():
            return Result((bad(kind, Reason.CREDENTIALS_INVALID, str(error)),), retry=True)
        case RateLimited():
            return Result((unknown(kind, Reason.RATE_LIMITED, text),), after=error.retry_after)
        case ProviderRefused():
            return Result((bad(kind, Reason.PROVIDER_REFUSED, text),), retry=True)
        case UnknownOutcome():
            return Result((unknown(kind, Reason.PROGRESSING, text),), retry=True)
    return Result((unknown(kind, Reason.PROVIDER_UNAVAILABLE, text),), retry=True)
