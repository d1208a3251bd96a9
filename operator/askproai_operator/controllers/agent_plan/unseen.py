"""Plans an agent whose Tenant has never been reconciled, from the manifests alone: nothing is read at Retell."""

from collections.abc import Iterator
from typing import Any

from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.controllers.agent_plan.inputs import PlanInputs, answered_branches, marker
from askproai_operator.controllers.agent_plan.observe import Observation, RecordedState
from askproai_operator.controllers.agent_plan.plan import Plan, make_plan
from askproai_operator.controllers.agent_plan.render import DesiredNumber, render_desired
from askproai_operator.controllers.holders import is_of_other
from askproai_operator.plan_context import PlanContext


def plan_unseen(agent: RetellAgent, tenant: Tenant, context: PlanContext) -> Plan:
    """Plan the creation of an agent. `tenant.status` must have the `webhookUrls` that the Tenant will get.

    Numbers without a trunk are assumed to be at Retell already, bound to nobody.
    """
    numbers = [number for branch in answered_branches(agent, tenant, context) for number in _numbers(branch, context)]
    remote: dict[str, dict[str, Any] | None] = {
        number.e164: None if number.sip is not None else {"phone_number": number.e164} for number in numbers
    }
    desired = render_desired(agent, tenant, tuple(numbers), marker(agent, context))
    return make_plan(PlanInputs(RecordedState(), desired, Observation(context.clock.now(), numbers=remote)))


def _numbers(branch: Branch, context: PlanContext) -> Iterator[DesiredNumber]:
    """Yield the valid numbers that no other branch has, as Retell sees them.

    A trunk's password is not read, since nothing is imported.
    """
    for entry in branch.spec.phone_numbers:
        number = branch.spec.read_dialled(entry)
        if number and branch.spec.read_public(entry) and not is_of_other(branch, number, context):
            yield DesiredNumber(number, sip={} if entry.sip else None)
