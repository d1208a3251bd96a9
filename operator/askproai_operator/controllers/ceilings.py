"""The installation's ceilings, which bound the requests of a manifest. Pure.

All tenants share one PostgreSQL and one cluster, and the author of a Tenant chooses its number of pods and connections, and
what its pods may use (docs/decisions/0033-what-a-manifest-gets.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, Reason
from askproai_operator.api.runtime import Runtime
from askproai_operator.settings import Settings

_RESOURCES: Final = ("web.resources", "workers.resources")
# By setting the fields of `spec.runtime` that it bounds.
_CEILINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "max_replicas": ("web.minReplicas", "web.maxReplicas", "workers.minReplicas", "workers.maxReplicas"),
    "max_requests_per_second": ("rateLimits.webhooksPerSecond", "rateLimits.functionsPerSecond"),
    "max_cpu_millicores": tuple(f"{at}.cpu{bound}Millicores" for at in _RESOURCES for bound in ("Request", "Limit")),
    "max_memory_mebibytes": tuple(
        f"{at}.memory{bound}Mebibytes" for at in _RESOURCES for bound in ("Request", "Limit")
    ),
}
_NOT_LISTED: Final = "the platform's ASKPROAI_RUNTIME_IMAGES does not list its repository"


def apply_ceilings(tenant: Tenant, settings: Settings) -> tuple[Tenant, tuple[str, ...]]:
    """Return the Tenant with its spec reduced to the ceilings of this installation, and a sentence about each reduced field."""
    runtime = tenant.spec.runtime.model_dump(by_alias=True)
    sentences = [
        *_lower(runtime, settings),
        *_leave_out(runtime["pods"], settings),
        *_leave_out_images(runtime, settings),
    ]
    routed, left_out = _leave_out_of_ingresses(tenant, settings)
    sentences += left_out
    spec = tenant.spec.model_copy(update={"runtime": Runtime.model_validate(runtime)} | routed)
    return tenant.model_copy(update={"spec": spec}), tuple(sentences)


def _lower(runtime: dict[str, Any], settings: Settings) -> list[str]:
    """Lower the numbers in `runtime` that exceed their ceiling, in place; return a sentence about each lowered number."""
    sentences = []
    for setting, fields in _CEILINGS.items():
        ceiling: int = getattr(settings, setting)
        for path in fields:
            *parents, field = path.split(".")
            part = runtime
            for name in parents:
                part = part[name]
            value = part[field]
            # 0 means no limit, which is more than any ceiling. None means that the field stays absent.
            if value is not None and (value == 0 or value > ceiling):
                part[field] = ceiling
                platform = f"the platform's ASKPROAI_{setting.upper()}"
                sentences.append(f"runtime.{path} is {ceiling} instead of {value}, by {platform}")
    return sentences


def _leave_out(pods: dict[str, Any], settings: Settings) -> list[str]:
    """Remove from `pods` the priority class, tolerations and annotations that the platform does not list; return sentences."""
    refused: list[tuple[str, str]] = []
    name, classes = pods["priorityClassName"], settings.priority_classes
    if name is not None and name not in classes:
        pods["priorityClassName"] = None
        refused.append((f"priorityClassName {name}", "ASKPROAI_PRIORITY_CLASSES"))
    foreign = [
        toleration["key"] for toleration in pods["tolerations"] if toleration["key"] not in settings.toleration_keys
    ]
    pods["tolerations"] = [toleration for toleration in pods["tolerations"] if toleration["key"] not in foreign]
    refused += [(f"tolerations of {key}", "ASKPROAI_TOLERATION_KEYS") for key in dict.fromkeys(foreign)]
    annotations = pods["annotations"] or {}
    for key in [key for key in annotations if not _is_allowed(key, settings.pod_annotations)]:
        del annotations[key]
        refused.append((f"annotations {key}", "ASKPROAI_POD_ANNOTATIONS"))
    return [f"runtime.pods.{what} is left out: the platform's {setting} does not list it" for what, setting in refused]


def _leave_out_of_ingresses(tenant: Tenant, settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """Return exposure and page without annotations that the platform does not list, and a sentence about each removed one."""
    changed, sentences = dict[str, Any](), list[str]()
    for field, routed in (("exposure", tenant.spec.exposure), ("page", tenant.spec.page)):
        if routed is None or routed.ingress is None:
            continue
        declared = routed.ingress.annotations or {}
        allowed = {key: text for key, text in declared.items() if _is_allowed(key, settings.ingress_annotations)}
        if len(allowed) < len(declared):
            ingress = routed.ingress.model_copy(update={"annotations": allowed})
            changed[field] = routed.model_copy(update={"ingress": ingress})
        sentences += [
            f"{field}.ingress.annotations {key} is left out: the platform's ASKPROAI_INGRESS_ANNOTATIONS does not list it"
            for key in declared
            if key not in allowed
        ]
    return changed, sentences


def _leave_out_images(runtime: dict[str, Any], settings: Settings) -> list[str]:
    """Remove from `runtime` the images of repositories not on the platform's list; return a sentence about each image."""
    image, canary = runtime["image"], runtime["canary"]
    sentences = []
    if image is not None and not _is_allowed_image(image, settings):
        runtime["image"] = None
        sentences.append(f"runtime.image {image} is left out: {_NOT_LISTED}")
    if canary is not None and not _is_allowed_image(canary["image"], settings):
        runtime["canary"] = None
        sentences.append(f"runtime.canary of image {canary['image']} is left out: {_NOT_LISTED}")
    shadow = runtime["shadow"]
    if shadow is not None and not _is_allowed_image(shadow["image"], settings):
        runtime["shadow"] = None
        sentences.append(f"runtime.shadow of image {shadow['image']} is left out: {_NOT_LISTED}")
    return sentences


def _is_allowed_image(image: str, settings: Settings) -> bool:
    repository = repository_of(image)
    listed = settings.runtime_images or (repository_of(settings.runtime_image),)
    return any(repository == each or (each.endswith("/") and repository.startswith(each)) for each in listed)


def repository_of(image: str) -> str:
    """Return an image reference without tag and digest; the port of its registry is kept."""
    folder, slash, name = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}"


def _is_allowed(annotation: str, allowed: tuple[str, ...]) -> bool:
    return any(annotation == each or (each.endswith("/") and annotation.startswith(each)) for each in allowed)


def add_lowered(condition: Condition, sentences: tuple[str, ...]) -> Condition:
    """Return RuntimeAvailable with these sentences in its message. Its reason becomes Capped if it was AsDeclared."""
    if not sentences:
        return condition
    reason = Reason.CAPPED if condition.reason is Reason.AS_DECLARED else condition.reason
    return replace(condition, reason=reason, message="; ".join((condition.message, *sentences)))
