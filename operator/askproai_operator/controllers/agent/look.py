"""When Retell is asked about an agent: after a change of anything that its objects there are made from, and at intervals.

Retell reports no change of an agent or of a number, so what a person changes there is found by the next look only.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

import msgspec

from askproai_operator.api import RetellAgent
from askproai_operator.api.conditions import Reason
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent_plan import Target
from askproai_operator.controllers.plan_annotation import agent_hold
from askproai_operator.engine import TOKEN_ANNOTATION, Result
from askproai_operator.memory import Look

_NAME: Final = "agent"


def look_source(agent: RetellAgent, target: Target, context: ReconcileContext) -> Hashable:
    """Return all that decides what is asked and written at Retell. Every edit of the agent counts; bodies and key as hashes."""
    meta, api = agent.metadata, target.client.api
    made_from = (
        target.desired,
        target.number_problems,
        target.tenant,
        target.suspended,
        target.closed_branch,
        target.transfers_to,
        target.former_marker,
        agent_hold(agent, target.sources),
        (api.base_url, api.key, context.installation_id),
    )
    text = msgspec.json.encode(made_from, order="deterministic")
    return meta.uid, meta.generation, meta.annotations.get(TOKEN_ANNOTATION), hashlib.sha256(text).digest()


def find_look(agent: RetellAgent, target: Target, source: Hashable, context: ReconcileContext) -> Result | None:
    """Return what the last look reported, if it was made from the same and is not due. Else a look is to follow.

    An object or a create that the status is about to name is looked for in any case.
    """
    known = context.memory.looks.find(agent.key, _NAME, source)
    if known is None or known.is_due(context.clock.monotonic()) or agent.status.get("pending"):
        # A look that ends in the middle of its writes must not leave a former one.
        misses = known.misses if known is not None else 0
        context.memory.looks.keep(agent.key, _NAME, Look(source, None, float("-inf"), misses))
        return None
    result: Result = known.answer
    return _with_next_run(result, agent, target, context)


def keep_look(
    agent: RetellAgent, target: Target, source: Hashable, result: Result, context: ReconcileContext
) -> Result:
    """Remember a look that has nothing to wait for, and have the next one follow: soon where not all is as declared."""
    if result.gone or result.requeue or result.requeue_after is not None:
        return result
    looks, settings = context.memory.looks, context.settings
    started = looks.find(agent.key, _NAME, source)
    if started is None:
        return result  # another object freed a number meanwhile
    is_good = all(each.good and each.reason is not Reason.DUPLICATE_FOUND for each in result.conditions)
    misses = 0 if is_good else started.misses + 1
    wait = looks.wait(misses, settings.drift, settings.resync)
    looks.keep(agent.key, _NAME, Look(source, replace(result, events=()), context.due_after(wait), misses))
    return _with_next_run(result, agent, target, context)


def _with_next_run(result: Result, agent: RetellAgent, target: Target, context: ReconcileContext) -> Result:
    """Let the next run be the next look, as watches report all else, but not a trunk's Secret without its label."""
    if any(number.sip for number in target.desired.numbers or ()):
        return result
    return replace(result, resync_after=context.next_look(agent.key, otherwise=context.settings.drift))
