"""Grants: the Tenant or Branch that holds a host and path, a phone number or a provider's key. Pure.

A name in a manifest is only a request. A grant answers it: a ConfigMap in the operator's namespace, one for each subject, whose
annotation lists the holders. `controllers/grant/first_holder.py` takes it and `controllers/grant/reconcile.py` releases it, so that
nobody can take over another's working host or number by naming it, however old the manifest is (docs/decisions/0031-grants.md).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from askproai_operator import resources
from askproai_operator.api import Branch, CustomResource, Key, Tenant
from askproai_operator.applied_spec import in_effect
from askproai_operator.resources import MANAGER

LABEL: Final = "askproai.de/grant"
ANNOTATION: Final = "askproai.de/grant-holders"
QUEUE_KIND: Final = "Grant"  # of keys in the work queue


class SubjectKind(StrEnum):
    """The kinds of grants. The values are in names and labels of the ConfigMaps."""

    HOST = "host"
    NUMBER = "number"
    RETELL_KEY = "retell-key"
    CALENDAR_KEY = "calcom-key"  # of any remote calendar


ROUTED_PATHS: Final = ("/webhooks", "/retell", "/health")  # below a host's scope; all else on port 8080 is a 404
PAGE_PATH: Final = "/"  # on the page's own host: port 8082 serves the page and nothing else
# The annotations of `T-teardown` with the keyed hashes of the keys that it holds.
KEY_ANNOTATIONS: Final = {
    SubjectKind.RETELL_KEY: "askproai.de/retell-key",
    SubjectKind.CALENDAR_KEY: "askproai.de/calcom-key",
}
OWN_KEYS_ANNOTATION: Final = "askproai.de/own-calcom-keys"  # beside them: of staff members' own, separated by commas


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that a grant is about: a host, a dialled number (E.164), or the keyed hash of a provider's key (not the key)."""

    kind: SubjectKind
    value: str

    @property
    def name(self) -> str:
        """Return the name of the grant's ConfigMap."""
        return f"askproai-grant-{self.kind}-{hashlib.sha256(self.value.encode()).hexdigest()[:32]}"

    @property
    def queue_key(self) -> Key:
        return queue_key(self.name)


def recorded_keys(annotations: Mapping[str, str]) -> list[Subject]:
    """Return the provider keys that the annotations of `T-teardown` record."""
    found = [Subject(kind, annotations[name]) for kind, name in KEY_ANNOTATIONS.items() if name in annotations]
    own = annotations.get(OWN_KEYS_ANNOTATION, "").split(",")
    return [*found, *(Subject(SubjectKind.CALENDAR_KEY, value) for value in own if value)]


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A custom resource that holds a subject. `scope` is a path prefix of a host, and must not overlap another holder's.

    `absent_since` is the time at which the operator first missed the object without having seen its deletion, or missed the use
    of a key; None otherwise.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    scope: str = ""
    absent_since: datetime | None = None

    @property
    def key(self) -> Key:
        return Key(self.kind, self.namespace, self.name)


class Grant(msgspec.Struct, frozen=True):
    """The content of a grant's annotation: the subject, and the objects that hold it."""

    kind: SubjectKind
    value: str
    holders: tuple[Holder, ...]

    @property
    def subject(self) -> Subject:
        return Subject(self.kind, self.value)


def queue_key(name: str) -> Key:
    """Return the queue's key for reviewing the grant whose ConfigMap has this name."""
    return Key(QUEUE_KIND, "", name)


def holder_of(model: CustomResource, scope: str = "") -> Holder:
    return Holder(*model.key, model.metadata.uid, scope)


def read_grant(annotations: Mapping[str, str] | None) -> Grant | None:
    """Return the grant in a ConfigMap's annotations; None if a person made it unreadable."""
    try:
        return msgspec.json.decode((annotations or {}).get(ANNOTATION, ""), type=Grant)
    except msgspec.DecodeError:  # ValidationError among them
        return None


def grant_annotations(subject: Subject, holders: Iterable[Holder]) -> dict[str, str]:
    content = Grant(subject.kind, subject.value, tuple(sorted(holders, key=lambda holder: (holder.key, holder.scope))))
    return {ANNOTATION: msgspec.json.encode(content).decode()}


def grant_manifest(namespace: str, subject: Subject, holders: Iterable[Holder]) -> dict[str, Any]:
    """Return the ConfigMap of a grant. Its label `managed-by` makes the informer watch it with the other ConfigMaps."""
    labels = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/managed-by": MANAGER, LABEL: subject.kind.value}
    annotations = grant_annotations(subject, holders)
    metadata = {"name": subject.name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return {**resources.CONFIG_MAPS.type_meta, "metadata": metadata}


def find_other(holders: Iterable[Holder], wanted: Holder) -> Holder | None:
    """Return another object among the holders whose path overlaps the path of `wanted`; None if there is none.

    An entry with the same name counts as its own: only one object can have a name, so an entry with another UID is a former
    object's.
    """
    for holder in holders:
        shorter, longer = sorted((f"{holder.scope}/", f"{wanted.scope}/"), key=len)
        if holder.key != wanted.key and longer.startswith(shorter):
            return holder
    return None


def requested_subjects(model: CustomResource | None) -> dict[Subject, str]:
    """Return the hosts or numbers that a spec names, each with its scope (path). Keys are in Secrets, which the spec only
    names.

    For a paused object, both the declared spec and the spec in effect count: a claim still in use is not released, and a route
    that was restored for the declared spec is found.
    """
    return _named_subjects(model) | _named_subjects(in_effect(model)) if model is not None else {}


def _named_subjects(model: CustomResource) -> dict[Subject, str]:
    match model:
        case Tenant():
            return exposed_host(model) | page_host(model)
        case Branch():
            numbers = map(model.spec.read_dialled, model.spec.phone_numbers)
            return {Subject(SubjectKind.NUMBER, number): "" for number in numbers if number}
    return {}


def exposed_host(tenant: Tenant) -> dict[Subject, str]:
    """Return the tenant's own host to which the spec directs senders, with the path as scope; empty without an own host."""
    exposure = tenant.spec.exposure
    if exposure is None or exposure.host is None:
        return {}
    return {Subject(SubjectKind.HOST, exposure.host): exposure.path_prefix or ""}


def page_host(tenant: Tenant) -> dict[Subject, str]:
    """Return the host at which the spec has the page published, with the scope "" (all paths); empty without a published page."""
    page = tenant.spec.page
    return {Subject(SubjectKind.HOST, page.host): ""} if page is not None and page.host is not None else {}


def used_host(model: CustomResource | None) -> dict[Subject, str]:
    """Return the host of the URL that senders have now, with its path as scope, from the status; empty before the first URL."""
    url = urlsplit((model.status.get("webhookUrls") or {}).get("retell") or "") if isinstance(model, Tenant) else None
    if url is None or not url.hostname:
        return {}
    return {Subject(SubjectKind.HOST, url.hostname): url.path.removesuffix("/webhooks/retell")}


def former_host(model: CustomResource | None) -> dict[Subject, str]:
    """Return the host of the senders' former URL, with its path as scope, while the status says that it is still served."""
    url = urlsplit(model.status.get("formerUrl") or "") if isinstance(model, Tenant) else None
    return {Subject(SubjectKind.HOST, url.hostname): url.path} if url is not None and url.hostname else {}


def route_names(tenant: str) -> tuple[str, str]:
    """Return the two names of a tenant's routes. No tenant can have the second as its name, since a Tenant's name has no dot.

    A new URL gets the unused name, so that the former URL is served until senders have the new one.
    """
    return tenant, f"{tenant}.alternate"


def page_route_name(tenant: str) -> str:
    """Return the name of the route of a tenant's page. Its dot keeps it from being the name of any tenant."""
    return f"{tenant}.page"
