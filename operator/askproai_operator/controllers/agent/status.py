"""The report of a reconcile of a RetellAgent: conditions, status fields, events, and the time of the next look. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from askproai_core.ai_notice import announces_ai, greeting_reference
from askproai_core.providers import ProviderError, ProviderRefused, RateLimited, UnknownOutcome
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.controllers.agent.execute import Published
from askproai_operator.controllers.agent_plan import Plan, Target
from askproai_operator.controllers.agent_plan.observe import Observation, RecordedState
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.engine import EventRecord, Result

_SHOWN_DIFFERENCES = 5
_DUPLICATES_INTERVAL: Final = timedelta(seconds=5)
_PENDING_INTERVAL: Final = timedelta(seconds=2)
_SYNCED, _NUMBERS, _DRIFTED = ConditionType.SYNCED, ConditionType.NUMBERS_BOUND, ConditionType.DRIFTED


def settled(plan: Plan, published: Published, target: Target, observation: Observation) -> Result:
    """Return the result of a plan that was carried out: its conditions and status, and an event if it repaired a drift."""
    events: tuple[EventRecord, ...] = ()
    if plan.published_elsewhere and observation.published_agent is not None:
        found = observation.published_agent["version"]
        change = f"somebody changed {_named(plan.drift)} at Retell (version {found})"
        events = (EventRecord("DriftRepaired", f"{change}; version {published.version} is as declared again"),)
    status = {
        "agentId": published.agent_id,
        "llmId": published.llm_id,
        "publishedVersion": published.version,
        "phoneNumbers": list(plan.bound),
        "tenant": target.tenant,
        "pending": None,
        "webhookUrl": target.desired.agent.get("webhook_url"),
        "suspended": target.suspended or None,
        "greeting": _greeting(str(target.desired.llm["begin_message"]), published.version),
    }
    conditions = (
        _synced(published, (*observation.duplicates, *observation.bound_duplicates), target),
        _numbers_bound(plan, target),
        _drifted(plan, observation),
    )
    after = _DUPLICATES_INTERVAL if observation.duplicates else None
    reason = "duplicates were just deleted, and the lists that showed them may lag"
    return Result(conditions, status, events=events, requeue_after=after, requeue_reason=reason)


def _greeting(begin_message: str, version: int) -> dict[str, Any]:
    return {
        "version": version, "sha256": greeting_reference(begin_message), "announcesAi": announces_ai(begin_message)
    }  # fmt: skip


def observed_only(plan: Plan, observation: Observation, recorded: RecordedState) -> Result:
    """Return the result under policy ObserveOnly: the differences at Retell, and the plan that policy Full would carry out."""
    numbers = good(_NUMBERS, "managementPolicy ObserveOnly: numbers stay as they are", Reason.NOT_REQUESTED)
    if observation.agent is None:  # the id stays in the status: nothing else names what to look for
        text = f"agent {recorded.agent_id} is not at Retell; managementPolicy Full makes a new one"
        return Result((bad(_SYNCED, Reason.OBSERVE_ONLY, text), numbers))
    synced = good(_SYNCED, "managementPolicy ObserveOnly: nothing is written at Retell", Reason.OBSERVE_ONLY)
    drifted = good(_DRIFTED, "as declared", Reason.NO_DRIFT)
    if plan.steps:
        text = f"managementPolicy Full would: {'; '.join(plan.lines())}"
        drifted = bad(_DRIFTED, Reason.DRIFT_FOUND, text)
    published = observation.published_agent or {}
    status = {
        "agentId": observation.agent_id,
        "publishedVersion": published.get("version"),
        "webhookUrl": published.get("webhook_url"),
    }
    return Result((synced, numbers, drifted), status)


def planned(plan: Plan, held: str) -> Result:
    """Return the result in plan mode, with the plan in `status.plan`. `held` is text that names the annotations to remove."""
    lines = plan.lines()
    if not plan.steps:
        return Result((good(_SYNCED, f"plan mode: {'; '.join(lines)}", Reason.PLAN_MODE),), {"plan": lines})
    text = f"plan mode: {len(plan.steps)} steps wait in status.plan; remove the annotation {held}"
    return Result((bad(_SYNCED, Reason.PENDING, text),), {"plan": lines})


def waiting(plan: Plan, wait: timedelta, recorded: RecordedState, now: datetime) -> Result:
    """Return the result while a create waits for the rest `wait` of the grace period: lists lag, and a create may commit late."""
    seconds = f"{wait.total_seconds():.0f} s"
    if not plan.recorded_missing:  # a pending create: look often, because it is used as soon as it appears
        text = f"a create at Retell had no answer; looked for before making a new one, {seconds} more"
        progressing = unknown(_SYNCED, Reason.PROGRESSING, text)
        return Result((progressing,), requeue_after=min(wait, _PENDING_INTERVAL), requeue_reason=text)
    missing = f"{recorded.agent_id or recorded.llm_id} of our status is not in the Retell workspace of the Tenant's key"
    text = f"{missing}; a new one is made in {seconds} unless it is found"
    hint = "if the key was changed to another workspace: delete the old one there, and bring the numbers along"
    status = {"pending": {"what": "agent", "since": now.isoformat(timespec="seconds")}}
    event = EventRecord("RemoteObjectGone", f"{missing}; {hint}")
    progressing = unknown(_SYNCED, Reason.PROGRESSING, text)
    return Result((progressing,), status, requeue_after=wait, requeue_reason=text, events=(event,))


def provider_failed(error: ProviderError) -> Result:
    """Return the result for an error of Retell. The retry is due when Retell or the open circuit says, else after backoff."""
    text, after = f"{error}; tried again by itself", error.retry_after
    match error:
        case RateLimited():
            condition = unknown(_SYNCED, Reason.RATE_LIMITED, text)
        case ProviderRefused():
            condition = bad(_SYNCED, Reason.PROVIDER_REFUSED, text)
        case UnknownOutcome():
            condition = unknown(_SYNCED, Reason.PROGRESSING, text)
        case _:
            condition = condition_of(error, _SYNCED)
    return Result((condition,), requeue_after=after, requeue=after is None, requeue_reason=text)


def _synced(published: Published, duplicates: tuple[str, ...], target: Target) -> Condition:
    text = f"version {published.version} of agent {published.agent_id} is published"
    if target.closed_branch is not None:
        closed = (
            f"Branch {target.closed_branch!r} is not in this namespace, and callers hear that no appointments are taken on its"
            f" numbers any more: {text}; create the Branch, or delete this RetellAgent"
        )
        return bad(_SYNCED, Reason.BRANCH_NOT_FOUND, closed)
    if target.suspended:
        text = (
            f"the Tenant is suspended: {text}, which tells callers so; the declared one returns when pods serve again"
        )
    if duplicates:
        found = f"{', '.join(duplicates)} had the same marker; the others go as soon as no number is bound to them"
        return good(_SYNCED, f"{text}; {found}", Reason.DUPLICATE_FOUND)
    if target.suspended:
        return good(_SYNCED, text, Reason.SUSPENDED)
    if target.transfers_to is not None:
        comes_back = (
            f"transferTo is a number of Branch {target.transfers_to!r}, which an agent of this Tenant answers, so transferred calls"
            " come back: write a number that a person answers"
        )
        return good(_SYNCED, f"{text}; {comes_back}", Reason.TRANSFER_COMES_BACK)
    return good(_SYNCED, text)


def _numbers_bound(plan: Plan, target: Target) -> Condition:
    if problems := (*target.number_problems, *plan.number_problems):
        return bad(_NUMBERS, problems[0].reason, "; ".join(problem.message for problem in problems))
    if target.desired.numbers is None:
        text = "numbers are bound as soon as the Branch has read them and the Tenant's pods serve (RuntimeAvailable)"
        return unknown(_NUMBERS, Reason.PENDING, text)
    if not target.desired.numbers:
        return good(_NUMBERS, "there are no phone numbers to bind; list them in the Branch", Reason.NOT_REQUESTED)
    return good(_NUMBERS, f"{', '.join(plan.bound)} answered by the published version")


def _named(differences: Sequence[str]) -> str:
    """Return the first differences as text, and the number of the others: an Event has room for 1024 characters."""
    shown, more = differences[:_SHOWN_DIFFERENCES], len(differences) - _SHOWN_DIFFERENCES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _drifted(plan: Plan, observation: Observation) -> Condition:
    if not plan.foreign_draft or observation.agent is None:
        return good(_DRIFTED, "what answers calls is as declared", Reason.NO_DRIFT)
    draft = f"a draft at Retell (version {observation.agent['version']}) changes {_named(plan.foreign_draft)}"
    text = f"{draft}; it answers no calls: change the RetellAgent instead"
    return bad(_DRIFTED, Reason.DRIFT_FOUND, text)
