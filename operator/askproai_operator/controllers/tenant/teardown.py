"""`T-teardown`, the copy of a tenant's keys for its deletion. It has a key before anything outside the cluster is made with that.

So nothing is ever sent with a key that is refused or another tenant's, and a crash in between forgets nothing.
"""

import structlog

from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.metadata import Manifest
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.deletion import release_keys
from askproai_operator.controllers.tenant.former_accounts import record_former_accounts
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.providers import ProviderError

log = structlog.get_logger(__name__)


async def record_keys(run: Run, context: ReconcileContext) -> None:
    """Keep the keys for the deletion, release those that they replace, and record what is left where those lead.

    Only keys that were just found good are kept. The released claims are in `T-teardown` until then.
    """
    run.are_keys_recorded, run.left = False, ()
    inputs = run.inputs
    if inputs.key_error is not None:
        return
    try:
        run.left = await record_former_accounts(inputs, context)
    except ProviderError as error:  # the former keys stay in T-teardown, and the resync tries again
        log.info("keys.not_recorded", tenant=inputs.tenant.metadata.dotted, error=str(error))
        return
    await release_keys(inputs.tenant, context, keep=[*inputs.keys.values(), *inputs.own_keys.subjects])
    await context.kube.apply(render_teardown(inputs))
    run.are_keys_recorded = True
    if run.left:  # the agents need what the new key leads to; no watch reports it
        for agent in inputs.agents:
            context.enqueue(agent.key)


def render_teardown(inputs: Inputs) -> Manifest:
    """Return `T-teardown` with the present keys. Pure."""
    own = inputs.own_keys
    return teardown_secret(inputs.tenant, inputs.credentials, inputs.keys, own.values, own.subjects, inputs.data_keys)
