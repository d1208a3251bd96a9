"""The installation's ceilings, which bound what a manifest asks for. Pure.

All tenants share one PostgreSQL and one cluster, and whoever may write a Tenant chooses its number of pods and connections.
"""

from dataclasses import replace

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, Reason
from askproai_operator.settings import Settings


def apply_ceilings(tenant: Tenant, settings: Settings) -> tuple[Tenant, tuple[str, ...]]:
    """Return the Tenant with at most what this installation allows, and a sentence about each field that was lowered."""
    ceilings = {
        "web": ("ASKPROAI_MAX_REPLICAS", settings.max_replicas),
        "workers": ("ASKPROAI_MAX_REPLICAS", settings.max_replicas),
        "rate_limits": ("ASKPROAI_MAX_REQUESTS_PER_SECOND", settings.max_requests_per_second),
    }
    runtime, lowered, sentences = tenant.spec.runtime, {}, []
    for name, (setting, ceiling) in ceilings.items():
        part: BaseModel = getattr(runtime, name)
        # 0 means no limit, which is more than any ceiling.
        above = {field: value for field, value in part.model_dump().items() if value == 0 or value > ceiling}
        lowered[name] = part.model_copy(update=dict.fromkeys(above, ceiling))
        sentences += [
            f"runtime.{to_camel(name)}.{to_camel(field)} is {ceiling} instead of {value}, by the platform's {setting}"
            for field, value in above.items()
        ]
    spec = tenant.spec.model_copy(update={"runtime": runtime.model_copy(update=lowered)})
    return tenant.model_copy(update={"spec": spec}), tuple(sentences)


def add_lowered(condition: Condition, sentences: tuple[str, ...]) -> Condition:
    """Return RuntimeAvailable with what was lowered in its message, and the reason Capped if nothing else is to be said."""
    if not sentences:
        return condition
    reason = Reason.CAPPED if condition.reason is Reason.AS_DECLARED else condition.reason
    return replace(condition, reason=reason, message="; ".join((condition.message, *sentences)))
