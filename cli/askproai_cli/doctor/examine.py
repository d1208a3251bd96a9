"""`askproai doctor`: read everything once, then judge it by a table of pure checks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final

from askproai_cli.doctor import outside, platform_checks, pods, reading, store_checks, tenant_checks
from askproai_cli.doctor.findings import Finding, Outcome
from askproai_cli.doctor.observations import (
    Certificate,
    LeaseSeen,
    Observations,
    SecretUse,
    Url,
    Withheld,
    Workload,
    count_shards,
)
from askproai_cli.doctor.rights import ASK_RIGHT, Right, find_missing_rights, list_rights
from askproai_core.clock import Clock
from askproai_core.kube import Access, HttpTransport
from askproai_operator import resources
from askproai_operator.installation_report import NAME, InstallationReport, read_report
from askproai_operator.shards import LEASE_NAMES

_MOST: Final = 100  # Tenants whose URL and Secrets are examined: a common problem shows in these, too
_RETELL: Final = "/webhooks/retell"  # `status.webhookUrls.retell` is the public URL and this

CHECKS: Final[tuple[Callable[[Observations], Finding], ...]] = (
    platform_checks.check_cluster,
    platform_checks.check_definitions,
    platform_checks.check_operator,
    platform_checks.check_coordinator,
    platform_checks.check_rights,
    platform_checks.check_secrets,
    platform_checks.check_clocks,
    store_checks.check_report,
    store_checks.check_database,
    store_checks.check_schema,
    store_checks.check_roles,
    store_checks.check_redis,
    tenant_checks.check_objects,
    tenant_checks.check_providers,
    store_checks.check_circuits,
    pods.check_pods,
    tenant_checks.check_urls,
    tenant_checks.check_certificates,
)


# Checks that use only the operator's report, whose age has a line of its own.
OF_THE_REPORT: Final = frozenset(
    {
        store_checks.check_database,
        store_checks.check_schema,
        store_checks.check_roles,
        store_checks.check_redis,
        store_checks.check_circuits,
    }
)
OF_CONDITIONS: Final = frozenset({tenant_checks.check_objects, tenant_checks.check_providers})


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of a diagnosis: the operator's namespace, the tenants' namespace (None: all), and whether to test public URLs."""

    namespace: str = "askproai-system"
    tenants: str | None = None
    with_urls: bool = True


async def examine(access: Access, scope: Scope, clock: Clock) -> list[Finding]:
    """Return the finding of each check. Raises ApiError if the cluster does not answer or refuses the login."""
    async with HttpTransport(lambda: access, user_agent="askproai-doctor") as transport:
        seen = await observe(transport, access.server, scope, clock)
    return [_with_age(check, seen) for check in CHECKS]


def _with_age(check: Callable[[Observations], Finding], seen: Observations) -> Finding:
    """Return a check's finding. If the operator reported a part of the data earlier, the finding states that data's age."""
    finding = check(seen)
    if check not in OF_THE_REPORT | OF_CONDITIONS or finding.outcome is Outcome.SKIPPED:
        return finding
    age = seen.report_age if check in OF_THE_REPORT else seen.conditions_age
    return replace(finding, seconds_ago=None if age is None else max(1, int(age.total_seconds())))


async def observe(transport: HttpTransport, server: str, scope: Scope, clock: Clock) -> Observations:
    """Read all data that the checks judge. Raises ApiError."""
    server_version = await transport.request("GET", "/version")
    now, skew = await reading.read_skew(transport, clock)
    workloads = await reading.read_workloads(transport, scope.namespace)
    objects = await reading.read_objects(transport, scope.tenants)
    tenants = (
        [] if isinstance(objects, Withheld) else [each for each in objects if each["kind"] == resources.TENANTS.kind]
    )
    looked_at = tenants[:_MOST]
    report = await _read_report(transport, scope.namespace)
    leases = await _watch_leases(transport, scope.namespace, clock)
    shards = count_shards(leases)
    secrets, certificates = await _look_at_secrets(
        transport, {} if isinstance(workloads, Withheld) else workloads, looked_at
    )
    urls = await _test_urls(transport, looked_at, report, scope.namespace) if scope.with_urls else []
    hosts = await outside.read_certificates(each.base_url for each in urls)
    now, _ = await reading.read_skew(transport, clock)
    return Observations(
        namespace=scope.namespace,
        release=version("askproai"),
        server=server,
        server_version=str(server_version.get("gitVersion", "of unknown version")).removeprefix("v"),
        now=now,
        skew_seconds=skew,
        definitions=await reading.read_definitions(transport),
        served_kinds=await reading.read_served_kinds(transport),
        workloads=workloads,
        leases=leases,
        missing_rights=await _find_missing_rights(transport, scope.namespace, workloads, shards),
        report=report,
        secrets=secrets,
        objects=objects,
        urls=urls,
        certificates=[*hosts, *certificates],
        pods=await pods.read_pods(transport, scope.tenants),
        untested=len(tenants) - len(looked_at),
    )


async def _read_report(transport: HttpTransport, namespace: str) -> InstallationReport | Withheld | None:
    right = f"get configmaps in {namespace}"
    found = await reading.if_permitted(transport.find(resources.CONFIG_MAPS.path(namespace, NAME)), right)
    return found if found is None or isinstance(found, Withheld) else read_report(found)


async def _watch_leases(transport: HttpTransport, namespace: str, clock: Clock) -> Mapping[str, LeaseSeen] | Withheld:
    """Watch the Leases of all shards and of the coordinator. The number of shards is read from the first shard's holder name."""
    leases = await reading.watch_leases(transport, namespace, (resources.MANAGER, platform_checks.COORDINATOR), clock)
    shards = count_shards(leases)
    if isinstance(leases, Withheld) or shards == 1:
        return leases
    others = await reading.watch_leases(transport, namespace, LEASE_NAMES[1:shards], clock)
    return others if isinstance(others, Withheld) else {**leases, **others}


async def _find_missing_rights(
    transport: HttpTransport, namespace: str, workloads: Mapping[str, Workload] | Withheld, shards: int
) -> Sequence[Right] | Withheld | None:
    if isinstance(workloads, Withheld):
        return workloads
    operator = workloads.get(resources.MANAGER)
    if operator is None or not operator.account:
        return None
    missing = await find_missing_rights(transport, namespace, operator.account, list_rights(namespace, shards))
    return Withheld(ASK_RIGHT) if missing is None else missing


async def _look_at_secrets(
    transport: HttpTransport, workloads: Mapping[str, Workload], tenants: Sequence[Mapping[str, Any]]
) -> tuple[dict[SecretUse, frozenset[str] | Withheld | None], list[Certificate]]:
    """Return the missing keys of each named Secret (None: the Secret is missing), and the certificates in these Secrets."""
    namespaces = sorted({tenant["metadata"]["namespace"] for tenant in tenants})
    uses = [use for workload in workloads.values() for use in workload.secrets]
    uses += [*reading.secrets_of_tenants(workloads, namespaces), *_tls_secrets(tenants)]
    missing: dict[SecretUse, frozenset[str] | Withheld | None] = {}
    certificates: list[Certificate] = []
    for use in dict.fromkeys(uses):
        values = await reading.read_secret(transport, use.namespace, use.name)
        if values is None or isinstance(values, Withheld):
            missing[use] = values
            continue
        missing[use] = frozenset(key for key in use.keys if not values.get(key))
        if pem := values.get("tls.crt"):
            certificates.append(outside.certificate_of_secret(f"Secret {use.namespace}/{use.name}", pem))
    return missing, certificates


def _tls_secrets(tenants: Sequence[Mapping[str, Any]]) -> list[SecretUse]:
    """Return the Secrets with TLS certificates that tenants' Ingresses name."""
    found: list[SecretUse] = []
    for tenant in tenants:
        ingress = (tenant["spec"].get("exposure") or {}).get("ingress") or {}
        if name := ingress.get("tlsSecretName"):
            found.append(SecretUse(tenant["metadata"]["namespace"], name, frozenset({"tls.crt", "tls.key"})))
    return found


async def _test_urls(
    transport: HttpTransport,
    tenants: Sequence[Mapping[str, Any]],
    report: InstallationReport | Withheld | None,
    operator_namespace: str,
) -> list[Url]:
    """Test the public URLs of Tenants that have pods: each URL must return its tenant's proof."""
    known = report if isinstance(report, InstallationReport) else None
    urls = [(tenant, url) for tenant in tenants if not tenant["spec"].get("suspend") and (url := _base_url(tenant))]
    tokens = await asyncio.gather(*(_read_token(transport, tenant) for tenant, _ in urls))
    asked = [
        (f"{tenant['metadata']['namespace']}.{tenant['metadata']['name']}", url, token)
        for (tenant, url), token in zip(urls, tokens, strict=True)
    ]
    hosts = known.exposure_hosts if known else ()
    namespaces = {operator_namespace, *(tenant["metadata"]["namespace"] for tenant in tenants)}
    return await outside.test_urls(asked, known.shared_base_url if known else "", hosts, namespaces)


def _base_url(tenant: Mapping[str, Any]) -> str:
    """Return the public URL for providers' requests to a tenant; empty if there is none."""
    url = ((tenant.get("status") or {}).get("webhookUrls") or {}).get("retell") or ""
    return str(url).removesuffix(_RETELL)


async def _read_token(transport: HttpTransport, tenant: Mapping[str, Any]) -> str | Withheld:
    namespace, name = tenant["metadata"]["namespace"], f"{tenant['metadata']['name']}-admin"
    values = await reading.read_secret(transport, namespace, name)
    if isinstance(values, Withheld):
        return values
    token = (values or {}).get("token", b"").decode("utf-8", "replace")  # who may write there must not end the command
    return token or Withheld(f"a token in Secret {namespace}/{name}")
