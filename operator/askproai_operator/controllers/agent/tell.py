"""What a RetellAgent's reconcile has to tell: conditions, status fields and warnings. Pure."""

from datetime import datetime, timedelta
from typing import Final

from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.controllers.agent.apply import Hands
from askproai_operator.controllers.agent.decide import Plan
from askproai_operator.controllers.agent.observe import Known, Observed
from askproai_operator.engine import EventRecord, Result
from askproai_operator.providers import (
    CredentialRefused,
    HostNotAllowed,
    ProviderError,
    ProviderRefused,
    RateLimited,
    UnknownOutcome,
)

PLAN_ANNOTATION: Final = "askproai.de/plan"
_SYNCED, _NUMBERS, _DRIFTED = ConditionType.SYNCED, ConditionType.NUMBERS_BOUND, ConditionType.DRIFTED


def settled(plan: Plan, hands: Hands, observed: Observed) -> Result:
    warnings: tuple[EventRecord, ...] = ()
    if plan.edited and observed.live_agent is not None:
        who = f"somebody changed {', '.join(plan.drift)} at Retell (version {observed.live_agent['version']})"
        warnings = (EventRecord("DriftRepaired", f"{who}; version {hands.version} is as declared again"),)
    status = {
        "agentId": hands.agent_id,
        "llmId": hands.llm_id,
        "publishedVersion": hands.version,
        "phoneNumbers": list(plan.bound),
        "tenant": hands.ground.tenant,
        "plan": None,
        "pending": None,
    }
    conditions = (
        _synced(hands, (*observed.twins, *observed.bound_twins)),
        _numbers_bound(plan, hands),
        _drifted(plan, observed),
    )
    # The lists that showed the duplicates may lag: look once more whether they are gone.
    again = timedelta(seconds=5) if observed.twins else None
    why = "duplicates were just deleted, and a list may lag" if observed.twins else ""
    return Result(conditions, status, events=warnings, requeue_after=again, requeue_reason=why)


def _synced(hands: Hands, twins: tuple[str, ...]) -> Condition:
    text = f"version {hands.version} of agent {hands.agent_id} is published"
    if twins:
        found = f"{', '.join(twins)} had the same marker; the others go as soon as no number is bound to them"
        return good(_SYNCED, f"{text}; {found}", Reason.DUPLICATE_FOUND)
    return good(_SYNCED, text)


def _numbers_bound(plan: Plan, hands: Hands) -> Condition:
    if findings := (*hands.ground.number_findings, *plan.number_findings):
        return bad(_NUMBERS, findings[0].reason, "; ".join(finding.message for finding in findings))
    if hands.ground.wanted.numbers is None:
        text = "numbers are bound as soon as the Branch has read them and the Tenant's pods serve (RuntimeAvailable)"
        return unknown(_NUMBERS, Reason.PENDING, text)
    if not hands.ground.wanted.numbers:
        return good(_NUMBERS, "there are no phone numbers to bind; list them in the Branch", Reason.NOT_REQUESTED)
    return good(_NUMBERS, f"{', '.join(plan.bound)} answered by the published version")


def _drifted(plan: Plan, observed: Observed) -> Condition:
    if not plan.draft or observed.agent is None:
        return good(_DRIFTED, "what answers calls is as declared", Reason.NO_DRIFT)
    what = f"a draft at Retell (version {observed.agent['version']}) changes {', '.join(plan.draft)}"
    text = f"{what}; it answers no calls: change the RetellAgent instead"
    return bad(_DRIFTED, Reason.DRIFT_FOUND, text)


def observed_only(plan: Plan, observed: Observed, known: Known) -> Result:
    numbers = good(_NUMBERS, "managementPolicy ObserveOnly: numbers stay as they are", Reason.NOT_REQUESTED)
    if observed.agent is None:  # the id is kept in the status: nothing else says what to look for
        text = f"agent {known.agent_id} is not at Retell; managementPolicy Full makes a new one"
        return Result((bad(_SYNCED, Reason.OBSERVE_ONLY, text), numbers))
    synced = good(_SYNCED, "managementPolicy ObserveOnly: nothing is written at Retell", Reason.OBSERVE_ONLY)
    drifted = good(_DRIFTED, "as declared", Reason.NO_DRIFT)
    if plan.steps:
        text = f"managementPolicy Full would: {'; '.join(plan.lines())}"
        drifted = bad(_DRIFTED, Reason.DRIFT_FOUND, text)
    version = observed.live_agent["version"] if observed.live_agent else None
    status = {"agentId": observed.agent_id, "publishedVersion": version, "plan": None}
    return Result((synced, numbers, drifted), status)


def planned(plan: Plan) -> Result:
    lines = plan.lines()
    if not plan.steps:
        return Result((good(_SYNCED, f"plan mode: {'; '.join(lines)}"),), {"plan": lines})
    text = f"plan mode: {len(plan.steps)} steps wait in status.plan; remove the annotation {PLAN_ANNOTATION} to carry them out"
    return Result((bad(_SYNCED, Reason.PENDING, text),), {"plan": lines})


def waiting(plan: Plan, wait: timedelta, known: Known, now: datetime) -> Result:
    """A list may lag and a create may commit late: nothing is created before the grace period has passed."""
    if not plan.missed:
        text = (
            f"a create at Retell had no answer; looked for before making a new one, {wait.total_seconds():.0f} s more"
        )
        return Result(
            (unknown(_SYNCED, Reason.PROGRESSING, text),),
            requeue_after=min(wait, timedelta(seconds=2)),
            requeue_reason=text,
        )
    what = f"{known.agent_id or known.llm_id} of our status is not in the Retell workspace of the Tenant's key"
    text = f"{what}; a new one is made in {wait.total_seconds():.0f} s unless it is found"
    hint = "if the key was changed to another workspace: delete the old one there, and bring the numbers along"
    status = {"pending": {"what": "agent", "since": now.isoformat(timespec="seconds")}}
    gone = EventRecord("RemoteObjectGone", f"{what}; {hint}")
    return Result(
        (unknown(_SYNCED, Reason.PROGRESSING, text),), status, requeue_after=wait, requeue_reason=text, events=(gone,)
    )


def failed(error: ProviderError) -> Result:
    text = f"{error}; tried again by itself"
    match error:
        case CredentialRefused():
            return Result((bad(_SYNCED, Reason.CREDENTIALS_INVALID, str(error)),), requeue=True, requeue_reason=text)
        case HostNotAllowed():
            return Result(
                (bad(_SYNCED, Reason.PROVIDER_HOST_NOT_ALLOWED, str(error)),), requeue=True, requeue_reason=text
            )
        case RateLimited():
            return Result(
                (unknown(_SYNCED, Reason.RATE_LIMITED, text),), requeue_after=error.retry_after, requeue_reason=text
            )
        case ProviderRefused():
            return Result((bad(_SYNCED, Reason.PROVIDER_REFUSED, text),), requeue=True, requeue_reason=text)
        case UnknownOutcome():
            return Result((unknown(_SYNCED, Reason.PROGRESSING, text),), requeue=True, requeue_reason=text)
    rest = error.retry_after
    return Result(
        (unknown(_SYNCED, Reason.PROVIDER_UNAVAILABLE, text),),
        requeue_after=rest,
        requeue=rest is None,
        requeue_reason=text,
    )
