"""`askproai tenant export`: a stopped tenant as one file. Each step may be repeated; nothing at a provider is changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from askproai_cli.tenant_move.archive import Writer, open_writer
from askproai_cli.tenant_move.manifests import (
    IDENTITY,
    SIGNING_KEYS,
    Json,
    belongings,
    secret_value,
    to_manifest,
    with_secret_value,
)
from askproai_core.api_resource import AGENTS, BRANCHES, OFFERINGS, TENANTS
from askproai_core.kube import HttpTransport, list_all
from askproai_operator.resources import CONFIG_MAPS, NAMESPACES, PODS, SECRETS, TENANT_LABEL

if TYPE_CHECKING:
    from askproai_cli.tenant_move.store import Snapshot, TenantRows

_REDIS_TIMEOUT: Final = timedelta(seconds=5)
_SPOOLED: Final = "EventsSpooled"
_NO_REDIS: Final = "NotRequested"


class MoveRefused(Exception):
    """A tenant cannot be exported or imported in its present state; each of `reasons` says what to do."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Source:
    """The tenant to export. `redis_url` is the operator's; None if `spool_is_empty` or there is no Redis."""

    namespace: str
    name: str
    dsn: str
    redis_url: str | None = None
    spool_is_empty: bool = False
    with_credentials: bool = False

    @property
    def tenant(self) -> str:
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class Exported:
    """The content of an export: the rows' new owner, row counts by table, objects, Secrets, and names of missing Secrets."""

    owner: str
    rows: Mapping[str, int]
    objects: Sequence[str]
    secrets: Sequence[str]
    missing: Sequence[str]  # Secrets that manifests name and a person must create at the destination


async def export_tenant(
    transport: HttpTransport, source: Source, path: Path, passphrase: str, now: datetime
) -> Exported:
    """End the tenant's login, and write the file. Raises `MoveRefused`, and the errors of the cluster and the database."""
    from askproai_cli.tenant_move.store import open_tenant_rows

    tenant, objects = await _read_objects(transport, source)
    await _require_stopped(transport, source, tenant, objects)
    # Open the file first: a failure to write there must not come after the tenant has lost its rows.
    with open_writer(path, passphrase) as writer:
        async with open_tenant_rows(source.dsn) as rows:
            return await _write(transport, source, tenant, objects, rows, writer, now)


async def _write(
    transport: HttpTransport,
    source: Source,
    tenant: Json,
    objects: Sequence[Json],
    rows: "TenantRows",
    writer: Writer,
    now: datetime,
) -> Exported:
    """Detach the rows from their Tenant, then write the header and the rows to the file."""
    schema = await rows.read_schema()
    await _describe(transport, source, tenant, objects)  # a refusal must come before `retire`
    owner = await rows.retire(source.tenant, tenant["metadata"]["uid"])
    header = await _describe(transport, source, tenant, objects)
    header |= {"owner": owner, "schema": {str(number): text for number, text in schema.items()}}
    header |= {
        "tenant": source.tenant,
        "release": version("askproai"),
        "exported_at": now.isoformat(timespec="seconds"),
    }
    writer.document(header)
    async with rows.snapshot(source.tenant, owner) as snapshot:
        counts = {table: await _write_table(snapshot, table, writer) for table in snapshot.tables}
    # Check again: if somebody ended the suspension, a pod may have started. It cannot reach the database any more, but it can
    # acknowledge events by Redis.
    await _require_stopped(transport, source, *await _read_objects(transport, source))
    writer.document({"rows": counts}, is_last=True)
    return Exported(owner, counts, _named(header["objects"]), _named(header["secrets"]), header["missing"])


async def _write_table(snapshot: "Snapshot", table: str, writer: Writer) -> int:
    writer.document({"table": table, "columns": await snapshot.columns_of(table)})
    return await snapshot.copy(table, writer.rows)


async def _read_objects(transport: HttpTransport, source: Source) -> tuple[Json, list[Json]]:
    """Return the Tenant, and its Branches, services and agents. Raises `MoveRefused` if the Tenant is absent or being deleted."""
    tenant = await transport.find(TENANTS.path(source.namespace, source.name))
    if tenant is None:
        raise MoveRefused(f"there is no Tenant {source.name} in namespace {source.namespace}")
    if "deletionTimestamp" in tenant["metadata"]:
        raise MoveRefused(
            f"Tenant {source.name} is being deleted: its agents and webhook go, so there is nothing to move"
        )
    objects = [
        each for ref in (BRANCHES, OFFERINGS, AGENTS) for each in await list_all(transport, ref, source.namespace)
    ]
    return tenant, belongings(source.name, objects)


async def _require_stopped(transport: HttpTransport, source: Source, tenant: Json, objects: Iterable[Json]) -> None:
    """Raise `MoveRefused` while a pod of the tenant may change rows, or while acknowledged events wait in Redis."""
    pods = await list_all(transport, PODS, source.namespace, f"{TENANT_LABEL}={source.name}")
    agents = [each for each in objects if each["kind"] == AGENTS.kind]
    obstacles = [*find_obstacles(tenant, agents, pods)]
    if not obstacles:
        obstacles += await _find_spooled(source, tenant)
    if obstacles:
        raise MoveRefused(*obstacles)


async def _find_spooled(source: Source, tenant: Json) -> list[str]:
    """Return sentences on what to do about acknowledged events that are in Redis only; empty if there are none."""
    conditions = (tenant.get("status") or {}).get("conditions") or []
    spooled = next((each for each in conditions if each["type"] == _SPOOLED), None)
    if source.spool_is_empty or (spooled is not None and spooled["reason"] == _NO_REDIS):
        return []
    if source.redis_url is None:
        return [
            "acknowledged events may wait in Redis: give --redis-url, or --spool-is-empty if you have looked yourself"
        ]
    from redis.exceptions import RedisError

    from askproai_core.redis import PROMISE_KEY, connect, send
    from askproai_runtime.intake.spool import STREAM, UNSTORABLE

    client = connect(source.redis_url, _REDIS_TIMEOUT)
    try:
        stream = f"askproai:{source.tenant}:{STREAM}"
        waiting, refused = [int(await send(client, "XLEN", key)) for key in (stream, f"{stream}:{UNSTORABLE}")]
        is_known = await send(client, "GET", PROMISE_KEY) is not None
    except (RedisError, OSError) as error:
        return [f"Redis does not say whether acknowledged events wait there ({error}): see --redis-url"]
    finally:
        await client.aclose()
    if not (waiting or refused or is_known):  # perhaps of another installation, or another database of this server
        text = "no operator has looked at this Redis within an hour, so it is not the installation's: give its --redis-url, or"
        return [f"{text} --spool-is-empty if you have looked yourself"]
    if refused and not waiting:
        kept = f"{refused} acknowledged events that the database did not take are in Redis only, and would stay behind"
        return [f"{kept}: docs/runbooks/spool-not-drained.md, then --spool-is-empty"]
    if not waiting:
        return []
    todo = "set spec.suspend to false until the pods have moved them into the database (askproai_spool_events is 0)"
    return [f"{waiting} acknowledged events wait in Redis: {todo}, and suspend again"]


async def _describe(transport: HttpTransport, source: Source, tenant: Json, objects: Sequence[Json]) -> Json:
    """Return the header's data from the cluster: manifests, Secrets, and installation id and webhook URL to take over."""
    from askproai_core.tenant_config import decode

    config = await transport.find(CONFIG_MAPS.path(source.namespace, f"{source.name}-config"))
    if config is None:
        raise MoveRefused(f"Tenant {source.name} was never provisioned: apply its manifests at the destination instead")
    manifests = [to_manifest(each) for each in (*objects, tenant)]
    own = [f"{source.name}-{suffix}" for suffix in (*IDENTITY, *((SIGNING_KEYS,) if source.with_credentials else ()))]
    named = find_named_secrets(manifests)
    secrets = [
        await _read_secret(transport, source, name) for name in (*own, *(named if source.with_credentials else ()))
    ]
    found = [to_manifest(each) for each in secrets if each is not None]
    has = {each["metadata"]["name"] for each in found}
    return {
        "namespace": to_manifest(await transport.request("GET", NAMESPACES.path(None, source.namespace))),
        "installation": decode(config["data"]["tenant.json"]).installation_id,
        "webhook": ((tenant.get("status") or {}).get("webhookUrls") or {}).get("calcom"),
        "objects": manifests,
        "secrets": found,
        "missing": [name for name in named if name not in has],
    }


async def _read_secret(transport: HttpTransport, source: Source, name: str) -> Json | None:
    secret = await transport.find(SECRETS.path(source.namespace, name))
    return _not_in_use(secret) if secret is not None and name == f"{source.name}-data-keys" else secret


def _not_in_use(secret: Json) -> Json:
    """Return the Secret with its data keys marked as not in use: the destination's operator decides when its pods encrypt."""
    import msgspec

    from askproai_core.data_keys import DATA_KEYS, decode_data_keys, encode_data_keys

    keys = decode_data_keys(secret_value(secret, DATA_KEYS))
    return with_secret_value(secret, DATA_KEYS, encode_data_keys(msgspec.structs.replace(keys, in_use=False)))


def find_named_secrets(manifests: Iterable[Json]) -> list[str]:
    """Return the names of the Secrets that manifests refer to: people create them, not the operator."""
    from askproai_cli.lint import find_references

    return sorted({reference.name for each in manifests for reference in find_references(each["spec"])})


def _named(manifests: Iterable[Json]) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in manifests]


def find_obstacles(tenant: Json, agents: Iterable[Json], pods: Sequence[Json]) -> Iterator[str]:
    """Yield why a tenant is not stopped: it is not suspended, it has pods, or an agent does not yet announce it to callers."""
    name, namespace = tenant["metadata"]["name"], tenant["metadata"]["namespace"]
    if not tenant["spec"].get("suspend"):
        yield (
            f"it is not suspended: kubectl patch {TENANTS.plural}.{TENANTS.group} {name} -n {namespace} --type=merge -p "
            '\'{"spec": {"suspend": true}}\', and the same in git'
        )
        return
    if pods:
        names = ", ".join(sorted(each["metadata"]["name"] for each in pods))
        yield f"its pods {names} have not ended yet: kubectl wait --for=delete pod -l askproai.de/tenant={name} -n {namespace}"
    for agent in agents:
        if agent["spec"].get("managementPolicy") != "ObserveOnly" and not (agent.get("status") or {}).get("suspended"):
            yield (
                f"RetellAgent {agent['metadata']['name']} does not yet say to callers that no appointments are taken: "
                f"kubectl describe retellagent {agent['metadata']['name']} -n {namespace} shows why"
            )
