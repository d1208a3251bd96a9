"""One look at everything that a RetellAgent stands on, and the decision: what reconcile carries out and a plan shows."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from askproai_operator.api import RetellAgent
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.decide import Plan, decide
from askproai_operator.controllers.agent.ground import Ground
from askproai_operator.controllers.agent.observe import Known, Observed, observe
from askproai_operator.providers import REQUEST_TIMEOUT

# A create that we stopped waiting for may still commit, and a list may not show it yet.
GRACE: Final = REQUEST_TIMEOUT + timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Look:
    """What our status remembers, what exists at Retell, and what is to be done about the difference."""

    known: Known
    observed: Observed
    plan: Plan


async def look(agent: RetellAgent, ground: Ground, world: ReconcileContext) -> Look:
    """Read at Retell, write nothing, and decide. Raises ProviderError."""
    known, wanted = Known.from_status(agent.status), ground.wanted
    adopt = agent.spec.adopt.agent_id if agent.spec.adopt else None
    now = world.clock.now()
    observed = await observe(ground.client, known, wanted, now, adopt=adopt, search=_search_twins(agent))
    return Look(known, observed, decide(observed, wanted, known, GRACE, adopt))


def _search_twins(agent: RetellAgent) -> bool:
    """Look for duplicates when a person changed something, and until the found ones are gone; not each minute."""
    conditions = {one["type"]: one for one in agent.status.get("conditions") or []}
    synced = conditions.get(ConditionType.SYNCED, {})
    seen = synced.get("observedGeneration") == agent.metadata.generation
    return not seen or synced.get("reason") == Reason.DUPLICATE_FOUND
