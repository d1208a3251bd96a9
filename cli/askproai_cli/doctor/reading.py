"""Read the data that the checks judge from the API server. Objects that the account may not read are `Withheld`.

A review of access is a POST that stores nothing (`rights.py`); nothing else is written. Only these parts of a Secret are used,
and none is printed: the names of its keys, the end of a certificate and, for the proof at a public URL, a tenant's token.
"""

import asyncio
import base64
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from askproai_cli.doctor.observations import LeaseSeen, SecretUse, Withheld, Workload
from askproai_core.api_resource import LEASES, ApiResource
from askproai_core.clock import Clock
from askproai_core.kube import ApiError, HttpTransport, list_all
from askproai_operator import resources
from askproai_operator.resources import GROUP

T = TypeVar("T")
_DEFINITIONS: Final = ApiResource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
_LOOK_AGAIN: Final = timedelta(milliseconds=500)  # a leader renews each second or two
_SHORTEST_WATCH_SECONDS: Final = 5.0  # a released Lease is valid for one second; a standby then takes it
_BAD: Final = {("ReplicaFailure", "True"), ("Progressing", "False")}  # conditions of a Deployment
_COMPONENTS: Final = ("operator", "coordinator")
_PULL_SECRETS, _TLS_SECRET = "ASKPROAI_IMAGE_PULL_SECRETS", "ASKPROAI_SHARED_TLS_SECRET"


async def if_permitted(reading: Awaitable[T], right: str) -> T | Withheld:
    """Return the result of `reading`; Withheld, with the missing `right`, if it is forbidden. Raises other ApiErrors."""
    try:
        return await reading
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return Withheld(right)


async def read_skew(transport: HttpTransport, clock: Clock) -> tuple[datetime, float | None]:
    """Return the API server's time, and by how many seconds (to 0.5) it is ahead of ours; our time and None if unknown."""
    before = clock.now()
    there = await transport.read_clock()
    after = clock.now()
    if there is None:
        return after, None
    there += timedelta(milliseconds=500)  # the header has whole seconds
    middle = before + (after - before) / 2
    return there + (after - middle), round((there - middle).total_seconds(), 1)


async def read_served_kinds(transport: HttpTransport) -> frozenset[str]:
    """Return the kinds of our API group that the cluster serves. Every account has the right to ask."""
    found = await transport.find(f"/apis/{GROUP}/{resources.TENANTS.version}")
    return frozenset(each["kind"] for each in (found or {}).get("resources", ()))


async def read_definitions(transport: HttpTransport) -> Mapping[str, Mapping[str, Any] | None] | Withheld:
    """Return the CRD of each of our kinds, None for an absent one."""
    right = f"get {_DEFINITIONS.plural}.{_DEFINITIONS.group}"
    found: dict[str, Mapping[str, Any] | None] = {}
    for ref in resources.CUSTOM:
        one = await if_permitted(transport.find(_DEFINITIONS.path(None, f"{ref.plural}.{ref.group}")), right)
        if isinstance(one, Withheld):
            return one
        found[ref.kind] = one
    return found


async def read_objects(transport: HttpTransport, namespace: str | None) -> Sequence[dict[str, Any]] | Withheld:
    """Return the custom resources of one namespace, or of all namespaces if `namespace` is None."""
    found: list[dict[str, Any]] = []
    for ref in resources.CUSTOM:
        right = f"list {ref.plural}.{ref.group} in {namespace or 'all namespaces'}"
        some = await if_permitted(list_all(transport, ref, namespace), right)
        if isinstance(some, Withheld):
            return some
        found += some
    return found


async def read_workloads(transport: HttpTransport, namespace: str) -> Mapping[str, Workload] | Withheld:
    """Return the chart's Deployments by name; empty if operator and coordinator do not run as Deployments of the chart."""
    right = f"list deployments.apps in {namespace}"
    selector = f"app.kubernetes.io/name=askproai,!{resources.TENANT_LABEL}"
    found = await if_permitted(list_all(transport, resources.DEPLOYMENTS, namespace, selector), right)
    if isinstance(found, Withheld):
        return found
    prefixes = tuple(f"askproai-{component}" for component in _COMPONENTS)
    workloads = (_workload(each) for each in found if each["metadata"]["name"].startswith(prefixes))
    return {each.name: each for each in workloads}


def _workload(raw: Mapping[str, Any]) -> Workload:
    meta, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    pod = spec["template"]["spec"]
    variables = {
        each["name"]: each.get("value", "") for container in pod["containers"] for each in container.get("env") or ()
    }
    bad = [each for each in status.get("conditions") or () if (each["type"], each["status"]) in _BAD]
    return Workload(
        name=meta["name"],
        wanted=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        account=pod.get("serviceAccountName", ""),
        problem="; ".join(each.get("message", "") for each in bad),
        secrets=tuple(_secrets_of(meta["namespace"], pod)),
        variables=variables,
    )


def _secrets_of(namespace: str, pod: Mapping[str, Any]) -> Iterable[SecretUse]:
    for each in pod.get("imagePullSecrets") or ():
        yield SecretUse(namespace, each["name"])
    for volume in pod.get("volumes") or ():
        own = volume.get("secret")
        if own and not own.get("optional"):
            yield SecretUse(namespace, own["secretName"])
        for source in (volume.get("projected") or {}).get("sources", ()):
            secret = source.get("secret")
            if secret and not secret.get("optional"):
                yield SecretUse(namespace, secret["name"], frozenset(item["key"] for item in secret.get("items") or ()))


def secrets_of_tenants(workloads: Mapping[str, Workload], namespaces: Iterable[str]) -> Iterable[SecretUse]:
    """Yield the Secrets that the operator's settings require in each tenant's namespace."""
    operator = workloads.get(resources.MANAGER)
    variables = operator.variables if operator else {}
    named = [each.strip() for each in variables.get(_PULL_SECRETS, "").split(",") if each.strip()]
    for namespace in namespaces:
        yield from (SecretUse(namespace, name) for name in named)
        if shared := variables.get(_TLS_SECRET):
            yield SecretUse(namespace, shared, frozenset({"tls.crt", "tls.key"}))


async def read_secret(transport: HttpTransport, namespace: str, name: str) -> Mapping[str, bytes] | Withheld | None:
    """Return the values of a Secret by key; None if the Secret does not exist, Withheld if the account may not read it."""
    found = await if_permitted(transport.find(resources.SECRETS.path(namespace, name)), f"get secrets in {namespace}")
    if found is None or isinstance(found, Withheld):
        return found
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


async def watch_leases(
    transport: HttpTransport, namespace: str, names: Sequence[str], clock: Clock
) -> Mapping[str, LeaseSeen] | Withheld:
    """Watch several Leases at once, each until its renewal or expiry; Leases that do not exist are left out."""
    watched = await asyncio.gather(
        *(if_permitted(_watch_lease(transport, namespace, name, clock), "") for name in names)
    )
    if any(isinstance(each, Withheld) for each in watched):
        return Withheld(f"get {LEASES.plural}.{LEASES.group} in {namespace}")
    return {name: seen for name, seen in zip(names, watched, strict=True) if isinstance(seen, LeaseSeen)}


async def _watch_lease(transport: HttpTransport, namespace: str, name: str, clock: Clock) -> LeaseSeen | None:
    """Watch a Lease until it is renewed or its duration is over; None if it does not exist. The holder's clock does not matter."""
    began, first = clock.monotonic(), None
    while True:
        lease = await transport.find(LEASES.path(namespace, name))
        if lease is None:
            return None
        spec = lease["spec"]
        first = first or spec
        holder = spec.get("holderIdentity") or ""
        if holder and spec.get("renewTime") != first.get("renewTime"):
            now, _ = await read_skew(transport, clock)
            return LeaseSeen(holder, True, (datetime.fromisoformat(spec["renewTime"]) - now).total_seconds())
        if clock.monotonic() - began > max(first.get("leaseDurationSeconds", 0), _SHORTEST_WATCH_SECONDS):
            return LeaseSeen(holder, False)
        await clock.sleep(_LOOK_AGAIN)
