"""Grants: which Tenant or Branch has a host and path, a phone number or a provider's key. Pure.

A name in a manifest is only a request. A grant is the answer: a ConfigMap in the operator's namespace, one for each subject, whose
annotation lists the holders. It is taken by `controllers/grant/take.py` and released by `controllers/grant/reconcile.py`, so that
nobody takes over what works for another by naming it, however old the manifest is (docs/decisions/0031-grants.md).
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
    CALCOM_KEY = "calcom-key"


ROUTED_PATHS: Final = ("/webhooks", "/retell", "/health")  # below a host's scope; all else on port 8080 is a 404
PAGE_PATH: Final = "/"  # on the page's own host: port 8082 serves the page and nothing else
# The annotations of `T-teardown` with the keyed hashes of the keys that it holds.
KEY_ANNOTATIONS: Final = {
    SubjectKind.RETELL_KEY: "askproai.de/retell-key",
    SubjectKind.CALCOM_KEY: "askproai.de/calcom-key",
}
OWN_KEYS_ANNOTATION: Final = (
    "askproai.de/own-calcom-keys"  # beside them: of staff members' own keys, separated by commas
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a grant: a host, a dialled number in E.164, or the keyed hash of a provider's key (never the key)."""

    kind: SubjectKind
    value: str

    @property
    def name(self) -> str:
        """Return the name of the ConfigMap."""
        return f"askproai-grant-{self.kind}-{hashlib.sha256(self.value.encode()).hexdigest()[:32]}"

    @property
    def queue_key(self) -> Key:
        return queue_key(self.name)


def recorded_keys(annotations: Mapping[str, str]) -> list[Subject]:
    """Return the keys that the annotations of `T-teardown` name."""
    found = [Subject(kind, annotations[name]) for kind, name in KEY_ANNOTATIONS.items() if name in annotations]
    own = annotations.get(OWN_KEYS_ANNOTATION, "").split(",")
    return [*found, *(Subject(SubjectKind.CALCOM_KEY, value) for value in own if value)]


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A custom resource that has a subject. `scope` is the path prefix of a host; another holder's must not overlap it.

    `absent_since` is when the operator first missed the object without having seen its deletion, or the use of a key.
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
    """The content of a grant's annotation."""

    kind: SubjectKind
    value: str
    holders: tuple[Holder, ...]

    @property
    def subject(self) -> Subject:
        return Subject(self.kind, self.value)


def queue_key(name: str) -> Key:
    """Return the key by which the grant of a ConfigMap is reviewed."""
    return Key(QUEUE_KIND, "", name)


def holder_of(model: CustomResource, scope: str = "") -> Holder:
    return Holder(*model.key, model.metadata.uid, scope)


def read_grant(annotations: Mapping[str, str] | None) -> Grant | None:
    """Return the grant of a ConfigMap's annotations; None if a person made it unreadable."""
    try:
        return msgspec.json.decode((annotations or {}).get(ANNOTATION, ""), type=Grant)
    except msgspec.DecodeError:  # ValidationError among them
        return None


def grant_annotations(subject: Subject, holders: Iterable[Holder]) -> dict[str, str]:
    content = Grant(subject.kind, subject.value, tuple(sorted(holders, key=lambda holder: (holder.key, holder.scope))))
    return {ANNOTATION: msgspec.json.encode(content).decode()}


def grant_manifest(namespace: str, subject: Subject, holders: Iterable[Holder]) -> dict[str, Any]:
    """Return the ConfigMap. Its label `managed-by` makes the informer watch it with the other ConfigMaps."""
    labels = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/managed-by": MANAGER, LABEL: subject.kind.value}
    annotations = grant_annotations(subject, holders)
    metadata = {"name": subject.name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return {
        "apiVersion": resources.CONFIG_MAPS.api_version,
        "kind": resources.CONFIG_MAPS.kind,
        "metadata": metadata,
    }


def find_other(holders: Iterable[Holder], wanted: Holder) -> Holder | None:
    """Return the holder that has what `wanted` asks for, or a path around or within it; None if it is free or its own.

    A namesake's entry is its own: of one name there is one object, so the other UID is that of a former one.
    """
    for holder in holders:
        shorter, longer = sorted((f"{holder.scope}/", f"{wanted.scope}/"), key=len)
        if holder.key != wanted.key and longer.startswith(shorter):
            return holder
    return None


def requested_subjects(model: CustomResource | None) -> dict[Subject, str]:
    """Return the host or the numbers that a spec names, with their scope. Keys are in Secrets, which the spec only names.

    Both the declared spec and the one in effect of a paused object count: a claim still in use is not released, and a route that
    was restored for the declared spec is found.
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
    """Return the host of its own at which the spec wants senders to arrive, with its scope."""
    exposure = tenant.spec.exposure
    if exposure is None or exposure.host is None:
        return {}
    return {Subject(SubjectKind.HOST, exposure.host): exposure.path_prefix or ""}


def page_host(tenant: Tenant) -> dict[Subject, str]:
    """Return the host at which the spec wants the page published: all of it."""
    page = tenant.spec.page
    return {Subject(SubjectKind.HOST, page.host): ""} if page is not None and page.host is not None else {}


def used_host(model: CustomResource | None) -> dict[Subject, str]:
    """Return the host and path of the URL that senders have, from the status. The Tenant keeps both until senders have another."""
    url = urlsplit((model.status.get("webhookUrls") or {}).get("retell") or "") if isinstance(model, Tenant) else None
    if url is None or not url.hostname:
        return {}
    return {Subject(SubjectKind.HOST, url.hostname): url.path.removesuffix("/webhooks/retell")}


def former_host(model: CustomResource | None) -> dict[Subject, str]:
    """Return the host and path of the URL that senders had before, from the status, while it is still served."""
    url = urlsplit(model.status.get("formerUrl") or "") if isinstance(model, Tenant) else None
    return {Subject(SubjectKind.HOST, url.hostname): url.path} if url is not None and url.hostname else {}


def route_names(tenant: str) -> tuple[str, str]:
    """Return the names of a tenant's routes. The second one is no tenant's name, since a Tenant's name has no dot.

    A new URL gets the name that is free, so that the former one is served until senders have the new one.
    """
    return tenant, f"{tenant}.alternate"


def page_route_name(tenant: str) -> str:
    """Return the name of the route of a tenant's page, which is no tenant's name, either."""
    return f"{tenant}.page"
