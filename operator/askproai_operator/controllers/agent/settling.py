"""Delays the publication of changed services and staff until their manifests have settled.

One apply of many services would publish a version with a part of them at each, and bind the numbers to it while people call.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from askproai_operator.api import RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent_plan import Desired, PlanInputs, PromptFrame, differing_paths
from askproai_operator.engine import TOKEN_ANNOTATION
from askproai_operator.memory import CatalogueChange

SETTLED: Final = timedelta(seconds=5)  # without a change
LONGEST: Final = timedelta(seconds=30)  # since the first change

REASON: Final = "services or staff changed a moment ago, and others may follow"


def hold_catalogue(
    agent: RetellAgent,
    inputs: PlanInputs,
    frame: PromptFrame | None,
    known: CatalogueChange | None,
    context: ReconcileContext,
) -> tuple[Desired, timedelta] | None:
    """Return what is desired until the change of the catalogue is published, and how long that takes; None: publish now.

    `known` is the change that waits since an earlier run; one that has to wait on is remembered. Only the prompt is held back;
    numbers are bound as always. An agent that a person edited, or has reconciled by the annotation, does not wait.
    """
    held, was_edited = _with_published_catalogue(inputs, frame), _was_edited(agent)
    if held is None or was_edited:
        return None
    prompt, now = inputs.desired.llm["general_prompt"], context.clock.monotonic()
    if known is None:
        known = CatalogueChange(prompt, now, now)
    elif known.prompt != prompt:
        known = replace(known, prompt=prompt, last=now)
    due = min(known.last + SETTLED.total_seconds(), known.since + LONGEST.total_seconds())
    if due <= now:
        return None
    context.memory.catalogues[agent.key] = known
    return held, timedelta(seconds=due - now)


def _with_published_catalogue(inputs: PlanInputs, frame: PromptFrame | None) -> Desired | None:
    """Return the desired state with the published prompt; None if more than the catalogue differs, or nothing."""
    agent, llm = inputs.observation.published_agent, inputs.observation.published_llm
    if agent is None or llm is None or frame is None:
        return None
    prompt = str(llm.get("general_prompt") or "")
    if prompt == inputs.desired.llm["general_prompt"] or not frame.fits(prompt):
        return None
    held = replace(inputs.desired, llm={**inputs.desired.llm, "general_prompt": prompt})
    return None if differing_paths(held.llm, llm) or differing_paths(held.agent, agent) else held


def _was_edited(agent: RetellAgent) -> bool:
    meta, status = agent.metadata, agent.status
    is_requested = meta.annotations.get(TOKEN_ANNOTATION, "") != (status.get("lastReconcileToken") or "")
    return is_requested or status.get("observedGeneration") != meta.generation
