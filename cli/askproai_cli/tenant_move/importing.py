"""`askproai tenant import`: bring the file of an export into another installation. Each step is safe to repeat after a crash.

First everything is checked, then Secrets are created, then rows are written in one transaction, then the custom resources: a
Tenant that names the export is provisioned only where its rows are, and finds its keys there, even if git has created it first
(docs/decisions/0117-moving-a-tenant.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from askproai_cli.tenant_move.archive import Reader, open_reader
from askproai_cli.tenant_move.export import MoveRefused, find_named_secrets
from askproai_cli.tenant_move.manifests import ORDER, Json, belongings, secret_value, to_import, to_manifest
from askproai_core.api_resource import ADOPT_DATA, CUSTOM, GROUP, TENANTS
from askproai_core.kube import ApiError, Conflict, HttpTransport
from askproai_operator.resources import CONFIG_MAPS, NAMESPACES, SECRETS, resource_of

if TYPE_CHECKING:
    from askproai_cli.tenant_move.store import Insertion


@dataclass(frozen=True, slots=True)
class Destination:
    """The cluster and database that get a tenant. `operator_namespace` has the grants; with `suspended` no pods start."""

    dsn: str
    operator_namespace: str
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import. `rows` is empty if an earlier run wrote them; `notes` are steps that a person has yet to do."""

    tenant: str
    rows: Mapping[str, int]
    created: Sequence[str]
    kept: Sequence[str]  # names of objects that existed already
    notes: Sequence[str]


async def import_tenant(transport: HttpTransport, destination: Destination, path: Path, passphrase: str) -> Imported:
    """Import the file `path`. Raises `MoveRefused`, `UnreadableFile`, and the errors of the cluster and the database."""
    from askproai_cli.tenant_move.store import open_tenant_rows

    with open_reader(path, passphrase) as reader:
        header = reader.document()
        _require_own(header)
        notes = await _check_destination(transport, header, destination)
        async with open_tenant_rows(destination.dsn) as rows:
            applied = {str(number): text for number, text in (await rows.read_schema()).items()}
            if applied != header["schema"]:
                raise MoveRefused(
                    f"the file has schema {max(map(int, header['schema']))} (release {header['release']}), the database"
                    f" {max(map(int, applied))}: upgrade the older installation, and export again if that was the source"
                )
            written: Mapping[str, int] = {}
            is_imported = await rows.is_imported(header["tenant"], header["owner"])
            secrets = await _create(transport, map(to_manifest, (header["namespace"], *header["secrets"])))
            if not is_imported:
                async with rows.insertion(header["tenant"], header["owner"]) as insertion:
                    written = await _write_rows(reader, insertion)
    in_order = sorted(header["objects"], key=lambda each: ORDER.index(each["kind"]))
    adopting = [to_import(each, header, suspended=destination.suspended) for each in in_order]
    objects = await _create(transport, adopting)
    created, kept = ((*before, *after) for before, after in zip(secrets, objects, strict=True))
    return Imported(header["tenant"], written, created, kept, notes)


def _require_own(header: Json) -> None:
    """Raise `MoveRefused` for objects of another namespace or tenant, or of other kinds: anybody may have written the file."""
    namespace, _, name = header["tenant"].partition(".")
    groups = ((header["secrets"], {SECRETS.kind}), (header["objects"], set(ORDER)))
    is_own = all(
        each["kind"] in kinds and each["metadata"].get("namespace") == namespace
        for group, kinds in groups
        for each in group
    )
    tenants = [each["metadata"]["name"] for each in header["objects"] if each["kind"] == TENANTS.kind]
    above = header["namespace"]["kind"], header["namespace"]["metadata"]["name"]
    others = [each for each in header["objects"] if each["kind"] != TENANTS.kind]
    is_own = is_own and len(belongings(name, others)) == len(others)
    if not is_own or tenants != [name] or above != (NAMESPACES.kind, namespace):
        raise MoveRefused(f"the file has objects that are none of the tenant {header['tenant']}: nothing is imported")


async def _write_rows(reader: Reader, insertion: "Insertion") -> Mapping[str, int]:
    """Write all rows of the file. Raises `MoveRefused` if their number differs from the exported number."""
    staged: dict[str, int] = {}
    while "table" in (document := reader.document()):
        staged[document["table"]] = await insertion.stage(document["table"], tuple(document["columns"]), reader.rows())
    reader.end()
    written = await insertion.finish()
    if not staged == document["rows"] == written:
        raise MoveRefused("the file has not as many rows as it says: export again")
    return written


async def _check_destination(transport: HttpTransport, header: Json, destination: Destination) -> list[str]:
    """Return the steps left for a person. Raises `MoveRefused` if the Tenant, a host or a number is taken there."""
    served = await transport.find(f"/apis/{GROUP}/{TENANTS.version}")
    if {each["kind"] for each in (served or {}).get("resources", ())} < {each.kind for each in CUSTOM}:
        raise MoveRefused("the cluster does not have our custom resources: install the chart there first")
    namespace, _, name = header["tenant"].partition(".")
    tenant = await transport.find(TENANTS.path(namespace, name))
    annotations = ((tenant or {}).get("metadata") or {}).get("annotations") or {}
    if tenant is not None and annotations.get(ADOPT_DATA) != header["owner"]:
        raise MoveRefused(
            f"the cluster has a Tenant {name} in namespace {namespace}, which is not of this file: an import makes it. If it"
            f" came from git, and has served nobody, annotate it with {ADOPT_DATA}: {header['owner']}"
        )
    if taken := await _find_taken(transport, header, destination.operator_namespace):
        raise MoveRefused(*taken)
    return await _list_missing_secrets(transport, header, namespace)


async def _find_taken(transport: HttpTransport, header: Json, namespace: str) -> list[str]:
    """Return the hosts and numbers of the file that another tenant of the destination has."""
    from askproai_operator.api import Branch, Tenant
    from askproai_operator.grants import find_other, holder_of, read_grant, requested_subjects

    found: list[str] = []
    for manifest in header["objects"]:
        kind = {Tenant.kind: Tenant, Branch.kind: Branch}.get(manifest["kind"])
        if kind is None:
            continue
        model = kind.model_validate(manifest)
        for subject, scope in requested_subjects(model).items():
            live = await transport.find(CONFIG_MAPS.path(namespace, subject.name))
            grant = read_grant(live["metadata"].get("annotations")) if live is not None else None
            if grant is not None and find_other(grant.holders, holder_of(model, scope)) is not None:
                found.append(
                    f"another tenant has {subject.value} here: kubectl get configmap {subject.name} -n {namespace} -o yaml"
                )
    return found


async def _list_missing_secrets(transport: HttpTransport, header: Json, namespace: str) -> list[str]:
    """Return the names of the file's Secrets that a person has yet to create in the destination."""
    has = {each["metadata"]["name"] for each in header["secrets"]}
    return [
        f"create Secret {name} in namespace {namespace}, with the label askproai.de/use=true: the manifests name it"
        for name in find_named_secrets(header["objects"])
        if name not in has and await transport.find(SECRETS.path(namespace, name)) is None
    ]


async def _create(transport: HttpTransport, manifests: Iterable[Json]) -> tuple[Sequence[str], Sequence[str]]:
    """Create objects, and leave existing ones unchanged. Return the names of the created and of the existing objects."""
    created: list[str] = []
    kept: list[str] = []
    for manifest in manifests:
        ref, meta = resource_of(manifest), manifest["metadata"]
        what = f"{manifest['kind']}/{meta['name']}"
        try:
            await transport.request("POST", ref.path(meta.get("namespace")), body=manifest)
        except Conflict as error:
            if error.reason != "AlreadyExists":
                raise
            await _require_keys(transport, manifest)
            kept.append(what)
        except ApiError as error:
            if ref is not NAMESPACES or error.status != HTTPStatus.FORBIDDEN:
                raise
            kept.append(what)  # without this right, the namespace must exist, or the next objects are refused
        else:
            created.append(what)
    return created, kept


async def _require_keys(transport: HttpTransport, manifest: Json) -> None:
    """Raise `MoveRefused` if an existing Secret lacks a data key of the file: the rows encrypted with it would stay unreadable."""
    from askproai_core.data_keys import DATA_KEYS, decode_data_keys

    if manifest["kind"] != SECRETS.kind or not (wanted := secret_value(manifest, DATA_KEYS)):
        return
    meta = manifest["metadata"]
    live = await transport.find(SECRETS.path(meta["namespace"], meta["name"]))
    has = decode_data_keys(secret_value(live or {}, DATA_KEYS) or "{}")
    if any(has.find(key.id) is None for key in decode_data_keys(wanted).keys):
        raise MoveRefused(
            f"Secret {meta['name']} in namespace {meta['namespace']} has other data keys than the file: delete it if nothing is"
            " encrypted with them, and import again"
        )
