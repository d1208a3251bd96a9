"""Checks of `askproai doctor` on the tenants: conditions, providers, public URLs, certificates. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from askproai_cli.doctor.findings import Finding, failed, ok, skipped, spell_age, warning
from askproai_cli.doctor.observations import Observations, Withheld
from askproai_cli.output import format_count
from askproai_operator.api.conditions import NEGATIVE_TYPES, TRANSIENT_REASONS, ConditionType, Reason
from askproai_operator.resources import TENANTS

_LOOK: Final = "kubectl get askproai -A -o wide shows each with its message."
# A row only shows the message of Ready, which ignores most warnings.
_LOOK_AT_CONDITIONS: Final = "kubectl describe KIND NAME -n NAMESPACE shows all conditions of an object."
_NOT_READY: Final = "docs/runbooks/not-ready.md"
_CERTIFICATE_WARNING: Final = timedelta(days=14)  # cert-manager renews a month before the end, so it has failed twice
# The reasons for problems of a provider, or of a provider's key.
_OF_PROVIDERS: Final = frozenset(
    {
        Reason.CREDENTIALS_INVALID,
        Reason.CREDENTIALS_SHARED,
        Reason.SECRET_NOT_FOUND,
        Reason.SECRET_KEY_MISSING,
        Reason.SECRET_NOT_PERMITTED,
        Reason.PROVIDER_HOST_NOT_ALLOWED,
        Reason.PROVIDER_UNAVAILABLE,
        Reason.PROVIDER_REFUSED,
        Reason.BOOKINGS_REFUSED,
        Reason.REQUESTS_REFUSED,
    }
)
_PASSING: Final = frozenset({Reason.RATE_LIMITED, Reason.PROVIDER_UNAVAILABLE})  # tried again by itself


def check_objects(seen: Observations) -> Finding:
    """Return the finding on whether all custom resources are Ready, without a warning among their conditions."""
    name = "tenants"
    if isinstance(seen.objects, Withheld):
        return skipped(name, seen.objects.reason)
    not_ready, warned = list[str](), list[str]()
    for obj in seen.objects:
        conditions = {each["type"]: each for each in _conditions(obj)}
        ready = conditions.pop(ConditionType.READY, None)
        if ready is None:
            not_ready.append(f"{_label(obj)}: no operator has looked at it yet")
        elif ready["status"] != "True":
            (warned if ready["reason"] in TRANSIENT_REASONS else not_ready).append(_line(seen, obj, ready))
        else:
            warned += [_line(seen, obj, each) for each in conditions.values() if _is_bad(each)]
    if not_ready:
        further = f", and {format_count(len(warned), 'condition')} to look at" if warned else ""
        message = f"not Ready: {len(not_ready)} of {format_count(len(seen.objects), 'object')}{further}"
        return failed(name, message, _LOOK, _NOT_READY, (*not_ready, *warned))
    if warned:
        message = f"{format_count(len(warned), 'condition')} to look at, of {format_count(len(seen.objects), 'object')}"
        return warning(name, message, _LOOK_AT_CONDITIONS, _NOT_READY, tuple(warned))
    if not seen.objects:
        return ok(name, "there is no Tenant yet")
    tenants = _count(seen.objects, TENANTS.kind)
    return ok(name, f"{format_count(len(seen.objects), 'object')} of {format_count(tenants, 'Tenant')}, all Ready")


def check_providers(seen: Observations) -> Finding:
    """Return the finding on whether providers answer and accept the tenants' keys, by the tenants' conditions."""
    name = "providers"
    if isinstance(seen.objects, Withheld):
        return skipped(name, seen.objects.reason)
    found = [
        (each["reason"], _line(seen, obj, each))
        for obj in seen.objects
        for each in _conditions(obj)
        if each["type"] != ConditionType.READY and each["reason"] in _OF_PROVIDERS | _PASSING and _is_bad(each)
    ]
    tenants = _count(seen.objects, TENANTS.kind)
    if not found:
        return (
            ok(name, f"accept the keys of {format_count(tenants, 'Tenant')}") if tenants else skipped(name, "no Tenant")
        )
    message = f"{format_count(len(found), 'condition')} about a provider or its key"
    lines = tuple(line for _, line in found)
    if all(reason in _PASSING for reason, _ in found):
        todo = "Wait: the provider is away or asks for patience, and is tried again. The runbook says what goes on meanwhile."
        return warning(name, message, todo, "docs/runbooks/circuit-open.md", lines)
    todo = "Correct what the condition names; what passes is tried again."
    return failed(name, message, todo, "docs/runbooks/credentials-invalid.md", lines)


def check_urls(seen: Observations) -> Finding:
    """Return the finding on whether public URLs lead to the tenants' own pods, by the operator's tests and one from here."""
    name, page = "public URLs", "docs/how-to/platform.md"
    if isinstance(seen.objects, Withheld):
        return skipped(name, seen.objects.reason)
    unexposed = [
        _line(seen, obj, each)
        for obj in seen.objects
        for each in _conditions(obj)
        if each["type"] == ConditionType.EXPOSED
        and each["status"] == "False"
        and each["reason"] not in TRANSIENT_REASONS
    ]
    unanswered = [f"{url.tenant}: {url.base_url} {url.problem}" for url in seen.urls if isinstance(url.problem, str)]
    answered = sum(url.problem is None for url in seen.urls)
    withheld = sorted({url.problem.right for url in seen.urls if isinstance(url.problem, Withheld)})
    if unexposed or unanswered:
        message = f"{format_count(len({*unexposed, *unanswered}), 'problem')}; from here {answered} of {len(seen.urls)} answer"
        todo = (
            "Correct DNS, certificate or route as the line says; askproai.de/reconcile-at repeats the operator's test."
        )
        return failed(name, message, todo, page, (*unexposed, *unanswered))
    if not answered:
        why = f"needs {_shorten(withheld)}" if withheld else "none was asked from here"
        return skipped(name, f"{why}; the operator's own tests report no problem")
    untested = len(seen.urls) - answered + seen.untested
    others = f"; {untested} not tested" + (f" (needs {_shorten(withheld)})" if withheld else "") if untested else ""
    return ok(name, f"tested from here: {answered} with the proof of the tenant's own pods{others}")


def check_certificates(seen: Observations) -> Finding:
    """Return the finding on whether the certificates of the public hosts are valid and do not expire soon."""
    name, page = "certificates", "docs/install.md"
    if not seen.certificates:
        return skipped(name, "no public URL is https")
    bad = [f"{each.subject}: {each.problem}" for each in seen.certificates if each.ends is None]
    ends = [(each.subject, each.ends) for each in seen.certificates if each.ends is not None]
    bad += [f"{subject}: ended on {end:%d %b %Y}" for subject, end in ends if end <= seen.now]
    soon = [
        f"{subject}: ends on {end:%d %b %Y}"
        for subject, end in ends
        if seen.now < end <= seen.now + _CERTIFICATE_WARNING
    ]
    todo = "See why it is not renewed: kubectl describe certificates -A, or whoever issues it."
    if bad:
        message = f"{len(bad)} of {len(seen.certificates)} cannot be used"
        return failed(name, message, todo, page, (*bad, *soon))
    if soon:
        message = f"{len(soon)} of {len(seen.certificates)} end within {_CERTIFICATE_WARNING.days} days"
        return warning(name, message, todo, page, tuple(soon))
    first = min(ends, key=lambda each: each[1])
    return ok(name, f"{len(ends)} valid; the first to end is that of {first[0]}, on {first[1]:%d %b %Y}")


def _shorten(rights: Sequence[str]) -> str:
    return rights[0] + (f" and {len(rights) - 1} more" if len(rights) > 1 else "")


def _conditions(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (obj.get("status") or {}).get("conditions") or ()


def _is_bad(condition: Mapping[str, Any]) -> bool:
    return bool(condition["status"] != ("False" if condition["type"] in NEGATIVE_TYPES else "True"))


def _count(objects: Sequence[Mapping[str, Any]], kind: str) -> int:
    return sum(obj["kind"] == kind for obj in objects)


def _label(obj: Mapping[str, Any]) -> str:
    return f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _line(seen: Observations, obj: Mapping[str, Any], condition: Mapping[str, Any]) -> str:
    message = f": {condition['message']}" if condition.get("message") else ""
    since = condition.get("lastTransitionTime")
    age = f" (for {spell_age((seen.now - datetime.fromisoformat(since)).total_seconds())})" if since else ""
    return f"{_label(obj)}: {condition['type']} {condition['reason']}{message}{age}"
