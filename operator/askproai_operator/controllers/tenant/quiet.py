"""Quiet Tenants: healthy Tenants whose changes are all reported by watches, except facts that only PostgreSQL and Redis have.

Each resync reads those facts for all of them together (`controllers/quiet_tenants.py`), so a quiet Tenant is reconciled rarely
(docs/decisions/0085-quiet-tenants-are-read-together.md). The reconcile's own functions derive the conditions.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Status
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.calendar_sync import synced_condition
from askproai_operator.controllers.tenant.database import connection_limit, tenant_facts, what_is_declared
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.controllers.tenant.stranded import fit_condition
from askproai_operator.controllers.tenant.teardown import render_teardown
from askproai_operator.credentials import calcom_account, decode_secret, own_key_refs
from askproai_operator.memory import QuietTenant
from askproai_operator.services import active_offerings
from askproai_operator.store.stranded import encode_declared
from askproai_operator.store.tenant_states import ProvisionedTenant, TenantState

QUIET_RESYNCS: Final = 15
_LONGEST: Final = 1.2  # factor to the interval, which varies by ± 20 % like that of looks at providers
# Equal for all tenants, and not good until somebody configures Redis.
_OF_THE_INSTALLATION: Final = frozenset({ConditionType.EVENTS_SPOOLED})
# Conditions on facts that only PostgreSQL or Redis have. For CredentialsValid these are refusals: a quiet Tenant has none.
_READ_TOGETHER: Final = frozenset(
    {
        ConditionType.CACHE_READY,
        ConditionType.EVENTS_SPOOLED,
        ConditionType.CALENDAR_SYNCED,
        ConditionType.APPOINTMENTS_FIT,
    }
)


def note_quiet(run: Run, conditions: Sequence[Condition], context: ReconcileContext) -> timedelta | None:
    """Remember a Tenant as quiet, and return the time until its next reconcile. None, for the usual resync, if it is not quiet."""
    tenant, settings = run.tenant, context.settings
    interval = settings.quiet_interval(QUIET_RESYNCS)
    if interval <= settings.resync or not _is_quiet(run, conditions):
        return None
    every = context.memory.looks.wait(0, interval, settings.resync)
    # The looks at providers set the time of the next run, too.
    next_look = context.next_look(tenant.key, otherwise=every)
    if next_look is None:
        return None
    context.memory.quiet[tenant.key] = QuietTenant(
        ProvisionedTenant(
            tenant.metadata.dotted,
            tenant.metadata.uid,
            context.database.role_name(tenant.metadata.dotted),
            connection_limit(tenant),
            tenant_facts(run.inputs),
            frozenset(run.resource_ids.values()),
            encode_declared(what_is_declared(run.inputs, context)),
        ),
        tuple(each for each in conditions if each.type in _READ_TOGETHER),
    )
    return min(next_look, interval * _LONGEST)


def _is_quiet(run: Run, conditions: Sequence[Condition]) -> bool:
    """Return True if all is well, and nothing waits for a time or for another attempt.

    If so, every named Secret permits its use, and a watch reports its changes.
    """
    inputs = run.inputs
    named = own_key_refs(active_offerings(inputs.offerings, inputs.branches)) if calcom_account(run.tenant) else {}
    return (
        all(each.status is Status.TRUE or each.type in _OF_THE_INSTALLATION for each in conditions)
        and not run.keys.former
        and inputs.exposure.kept is None
        and inputs.own_keys.values.keys() == named.keys()
        and decode_secret(render_teardown(inputs))
        == inputs.teardown_values  # else a former account is still to be left
    )


def derive_conditions(tenant: Tenant, state: TenantState, of_redis: Sequence[Condition]) -> set[Condition]:
    """Return the conditions that a reconcile would derive from this state; `of_redis` are the conditions about Redis."""
    synced = synced_condition(tenant, state.backlog, state.poll, state.audit)
    return {synced, fit_condition(tenant, state.stranded), *of_redis}
