"""A Tenant's shadow: the shadow that the spec asks for, its record in the status, its config, and the condition ShadowAgrees.
Pure.

Only `controllers/shadow` begins and ends the shadow, runs its pods and writes `status.shadow`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from askproai_core.provider_names import CalendarApi, CalendarProvider
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.config import RetellConfig
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.runtime import Shadow
from askproai_operator.api.tenant_status import ShadowState, ShadowStatus
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.engine import Cache, find_condition
from askproai_operator.settings import Settings
from askproai_operator.store.shadows import shadow_name

SHADOWS: Final = "Shadows"
# The container beside the shadow's web process answers there, in place of the calendar.
CALENDAR_URL: Final = "http://127.0.0.1:8092"


def wanted_shadow(tenant: Tenant, settings: Settings) -> Shadow | None:
    """Return the shadow that the spec asks for and the platform allows; None while the Tenant is suspended."""
    if tenant.spec.runtime.shadow is None or tenant.spec.suspend:
        return None
    allowed, _ = apply_ceilings(tenant, settings)
    return allowed.spec.runtime.shadow


def recorded_shadow(tenant: Tenant) -> ShadowStatus | None:
    """Return the shadow that the Tenant's status records; None without one."""
    found: Any = tenant.status.get("shadow")
    return ShadowStatus.model_validate(found) if found else None


def is_of_shadow(recorded: ShadowStatus | None, wanted: Shadow | None) -> bool:
    """Return True if the recorded shadow has the wanted image and hours, and was not withdrawn since it began."""
    if recorded is None or wanted is None or recorded.withdrawn:
        return False
    return (recorded.image, recorded.hours) == (wanted.image, wanted.hours)


def is_over(recorded: ShadowStatus, now: datetime) -> bool:
    """Return True if the recorded shadow has run for its declared hours."""
    return now >= recorded.since + timedelta(hours=recorded.hours)


def is_copied(tenant: Tenant, objects: Cache) -> bool:
    """Return True if the tenant's pods should copy requests of call functions for a shadow, by the newest cached status."""
    newest = objects.get(tenant.key)
    recorded = recorded_shadow(newest) if isinstance(newest, Tenant) else None
    return recorded is not None and recorded.state is ShadowState.RUNNING


def shadow_config(live: TenantConfig, resource_ids: Mapping[int, int]) -> TenantConfig:
    """Return the shadow's config: the tenant's, with the shadow's resources, and its own container in place of all providers.

    `resource_ids` maps the tenant's resources to the shadow's. A service without them is not bookable there yet.
    """
    branches = tuple(
        replace(
            branch,
            staff=tuple(
                replace(
                    member,
                    resource_ids=tuple(resource_ids[each] for each in member.resource_ids if each in resource_ids),
                )
                for member in branch.staff
            ),
        )
        for branch in live.branches
    )
    calendar = live.calendar
    if calendar.provider.is_remote:  # the container answers like Cal.com, in place of any calendar
        calendar = replace(
            calendar,
            provider=CalendarProvider.CALCOM,
            base_url=CALENDAR_URL,
            api_versions=(CalendarApi.V2,),
            requests_per_minute=0,
        )
    return replace(
        live,
        tenant=shadow_name(live.tenant),
        branches=branches,
        calendar=calendar,
        retell=RetellConfig(),
        path_prefix="",
        former_path_prefix="",
        page=None,
        shadow=False,
    )


def own_account_keys(live: TenantConfig) -> frozenset[str]:
    """Return the files of staff members' own Cal.com keys in the config. Without its file, an event type is not booked."""
    return frozenset(each.credential for service in live.services for each in service.own_event_types)


def _describe(tenant: Tenant) -> str:
    meta, selected = tenant.metadata, "app.kubernetes.io/name=askproai-shadow,app.kubernetes.io/instance="
    return f"kubectl describe pods -n {meta.namespace} -l {selected}{meta.name}"


async def wake_shadow(run: Run, context: ReconcileContext) -> None:
    """Make the shadows' common key due if the Tenant asks for a shadow or had one."""
    if run.tenant.spec.runtime.shadow is not None or "shadow" in run.tenant.status:
        context.enqueue(context.settings.background_key(SHADOWS))


def shadow_condition(tenant: Tenant, settings: Settings) -> Condition | None:
    """Return ShadowAgrees: False if bookings of the shadow differ from the tenant's. None if there never was a shadow."""
    kind, wanted, recorded = ConditionType.SHADOW_AGREES, wanted_shadow(tenant, settings), recorded_shadow(tenant)
    if wanted is None:
        if not find_condition(tenant, kind):
            return None
        return good(kind, "no shadow is asked for, or the Tenant is suspended", Reason.NOT_REQUESTED)
    if recorded is None or not is_of_shadow(recorded, wanted):
        return good(kind, f"the shadow of {wanted.image} begins", Reason.PROGRESSING)
    if not recorded.has_begun and recorded.state is ShadowState.RUNNING:
        nothing = "where there is none, the operator's log says why (shadow.not_brought_forward)"
        text = f"the pod of {wanted.image} has replayed nothing yet; if it stays so: {_describe(tenant)}; {nothing}"
        return good(kind, text, Reason.PROGRESSING)
    seen = f"{recorded.compared} changes of the book compared, {recorded.not_compared} could not be"
    if recorded.calls_that_differ:
        text = f"{recorded.image} books otherwise in {recorded.calls_that_differ} calls ({seen}); see status.shadow"
        return bad(kind, Reason.SHADOW_DIFFERS, text)
    state = "has ended" if recorded.state is ShadowState.ENDED else "goes on"
    reason = Reason.AS_DECLARED if recorded.state is ShadowState.ENDED else Reason.PROGRESSING
    return good(kind, f"no booking of {recorded.image} differs ({seen}); it {state}", reason)
