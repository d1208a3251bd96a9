"""Checks across manifests: references, and values that two manifests must not share. Objects in the cluster are not considered."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from askproai_cli.lint.findings import Finding, Identity, warn
from askproai_cli.lint.manifest import Manifest, name_tenants
from askproai_core.phone_numbers import DEFAULT_REGION, e164_or_none
from askproai_core.tenant_config import Function
from askproai_core.time_zones import country_of_zone
from askproai_operator.grants import Holder, find_other

_ANSWERS: Final = ("knowledge", "cancellationRule", "directions", "preparation")
_REFERENCES: Final = {"branchRef": "Branch", "tenantRef": "Tenant"}


def check_neighbours(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of references to missing objects, and of values that only one of two manifests can have."""
    known = {manifest.identity for manifest in manifests}
    # A second manifest replaces the first.
    latest = list({manifest.identity: manifest for manifest in manifests}.values())
    for manifest in manifests:
        yield from _check_references(manifest, known)
    yield from _check_staff(latest)
    yield from _check_numbers(latest)
    yield from _check_countries(latest)
    yield from _check_answering(latest)
    yield from _check_transfers(latest)
    yield from _check_hosts(latest)
    yield from _check_unsaid(latest)


def _check_references(manifest: Manifest, known: set[Identity]) -> Iterator[Finding]:
    """Warn of references to objects that none of these files declares: such objects may exist in the cluster."""
    namespace = manifest.identity.namespace
    for field, kind in _REFERENCES.items():
        name = manifest.part(field).get("name")
        if isinstance(name, str) and Identity(kind, namespace, name) not in known:
            message = f"{kind} {name!r} is not among these files; it must be in the cluster, in this namespace"
            yield warn(manifest.document, ("spec", field), message)


def _check_staff(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """Warn of a staff id that two branches of one tenant have, unless both entries have the field `person`."""
    staffed: dict[tuple[str, str, str], dict[str, object]] = defaultdict(dict)  # the person of each branch
    for manifest in manifests:
        _, namespace, name = manifest.identity
        tenant = manifest.belongs_to()
        if tenant is None:
            continue
        for index, member in manifest.items("staff"):
            staff, person = member.get("id"), member.get("person")
            if not isinstance(staff, str):
                continue
            others = staffed[namespace, tenant, staff]
            ambiguous = [branch for branch, other in others.items() if branch != name and not (other and person)]
            if ambiguous:
                message = (
                    f"{staff} is on the staff of {', '.join(ambiguous)}, too, and can be booked in both at the same time:"
                    " write the same person at each entry, or different ones for different people"
                )
                yield warn(manifest.document, ("spec", "staff", index, "id"), message)
            others[name] = person


def _check_numbers(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """Warn of a dialed number that an earlier branch of any tenant, or an earlier entry, has: it rings in one branch only."""
    holders: dict[str, tuple[str, str]] = {}  # the branch and its line
    for manifest in manifests:
        for index, entry in manifest.items("phoneNumbers"):
            field = "did" if entry.get("did") else "number"
            written = entry.get(field)
            e164 = manifest.read_number(written)
            if e164 is None:
                continue
            path = ("spec", "phoneNumbers", index, field)
            line = f"{manifest.document.file}:{manifest.document.line_of(path)}"
            holder, where = holders.setdefault(e164, (manifest.name, line))
            if holder != manifest.name:
                message = f"{e164} is a number of {holder}, too ({where}); a number rings in one branch only"
                yield warn(manifest.document, path, message)
            elif path[2] != _first_index(manifest, e164):
                yield warn(manifest.document, path, f"{e164} is twice in this list; write it once")


def _check_countries(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of a number without a country code in a Branch that names no country, if the time zone suggests another country."""
    tenants = {manifest.identity: manifest for manifest in manifests if manifest.identity.kind == "Tenant"}
    for manifest in manifests:
        tenant = tenants.get(Identity("Tenant", manifest.identity.namespace, manifest.belongs_to() or ""))
        zone = tenant.spec.get("timeZone") if tenant else None
        country = country_of_zone(zone) if isinstance(zone, str) else None
        if country in {None, manifest.region} or manifest.part("holidays").get("country"):
            continue
        for index, entry in manifest.items("phoneNumbers"):
            written, read = str(entry.get("number")), manifest.read_number(entry.get("number"))
            if read is not None and not written.strip().startswith(("+", "00")):
                message = (
                    f"is read as {read}, but {zone} is in {country}: write the number with its country code, or the branch's"
                    " holidays.country"
                )
                yield warn(manifest.document, ("spec", "phoneNumbers", index, "number"), message)


def _first_index(manifest: Manifest, e164: str) -> int:
    entries = manifest.items("phoneNumbers")
    return next(
        index for index, entry in entries if manifest.read_number(entry.get("did") or entry.get("number")) == e164
    )


def _check_answering(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of a Branch's numbers if no agent among the files answers them. The Tenant must be among the files."""
    tenants = {manifest.identity for manifest in manifests if manifest.identity.kind == "Tenant"}
    agents = [manifest for manifest in manifests if manifest.identity.kind == "RetellAgent"]
    hotlines = {(agent.identity.namespace, agent.belongs_to()) for agent in agents}
    branches = {(agent.identity.namespace, agent.part("branchRef").get("name")) for agent in agents}
    for manifest in manifests:
        kind, namespace, name = manifest.identity
        tenant = manifest.belongs_to()
        if kind != "Branch" or tenant is None or Identity("Tenant", namespace, tenant) not in tenants:
            continue
        is_answered = (namespace, name) in branches or (namespace, tenant) in hotlines
        if manifest.spec.get("phoneNumbers") and not is_answered:
            message = (
                f"no RetellAgent among these files answers them: create one with branchRef {name}, or one with tenantRef {tenant}"
                " for a hotline"
            )
            yield warn(manifest.document, ("spec", "phoneNumbers"), message)


def _check_transfers(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of a transfer to a number that an agent of the same tenant answers: the call would come back."""
    branches = [manifest for manifest in manifests if manifest.identity.kind == "Branch"]
    tenants = name_tenants(manifests)
    for agent in manifests:
        kind, namespace, _ = agent.identity
        wanted = agent.spec.get("transferTo")
        if kind != "RetellAgent" or not isinstance(wanted, str):
            continue
        tenant = tenants[agent.identity]
        homes = [branch for branch in branches if branch.identity == agent.branch or branch.belongs_to() == tenant]
        number = e164_or_none(wanted, homes[0].region if homes else DEFAULT_REGION)
        if number is None:
            continue
        for branch in branches:
            is_same = branch.identity.namespace == namespace and tenant is not None and branch.belongs_to() == tenant
            if is_same and number in _list_numbers(branch):
                message = (
                    f"{number} is a number of {branch.name}, which an agent answers: transferred calls come back;"
                    " write a number that a person answers"
                )
                yield warn(agent.document, ("spec", "transferTo"), message)


def _list_numbers(branch: Manifest) -> set[str | None]:
    """Return both numbers of each entry in E.164: the published one, and the dialed one at which its calls arrive."""
    entries = [entry for _, entry in branch.items("phoneNumbers")]
    return {branch.read_number(entry.get(field)) for entry in entries for field in ("number", "did")} - {None}


def _check_hosts(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """Warn of a host whose path is equal to an earlier tenant's path, contains it, or lies within it."""
    holders: dict[str, list[Holder]] = defaultdict(list)
    for manifest in manifests:
        exposure = manifest.part("exposure")
        host, prefix = exposure.get("host"), exposure.get("pathPrefix")
        if not isinstance(host, str):
            continue
        scope = prefix if isinstance(prefix, str) else ""
        wanted = Holder(*manifest.identity, uid="", scope=scope)
        if other := find_other(holders[host], wanted):
            where = f"{host}{other.scope}"
            message = f"Tenant {other.namespace}/{other.name} has {where}; take another host, or a pathPrefix beside it"
            yield warn(manifest.document, ("spec", "exposure", "host"), message)
        holders[host].append(wanted)


def _check_unsaid(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of the tenant's own answers that no agent says: all its agents in these files lack the function BusinessInformation."""
    tenants = name_tenants(manifests)
    functions: dict[tuple[str, str], list[object]] = defaultdict(list)
    owners: list[tuple[Manifest, tuple[str, str]]] = []
    for manifest in manifests:
        kind, namespace, name = manifest.identity
        owner = namespace, name if kind == "Tenant" else str(tenants[manifest.identity])
        owners.append((manifest, owner))
        if kind == "RetellAgent":
            functions[owner].append(manifest.spec.get("functions"))
    for manifest, owner in owners:
        is_said = any(isinstance(each, list) and Function.BUSINESS_INFORMATION in each for each in functions[owner])
        for field in _ANSWERS:
            if manifest.spec.get(field) and functions[owner] and not is_said:
                message = (
                    f"no caller hears it: add {Function.BUSINESS_INFORMATION} to spec.functions of the RetellAgent"
                )
                yield warn(manifest.document, ("spec", field), message)
