"""Check Secrets among the files: whether a named Secret exists, permits its use, and has the named keys.

A value is compared, never shown. Objects that create Secrets in the cluster (ExternalSecret, SealedSecret, …) are not read: if
one is among the files, a missing Secret of its namespace may come from it.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from askproai_cli.lint.documents import Document, FieldPath
from askproai_cli.lint.findings import Finding, Identity, identity_of, warn
from askproai_cli.lint.judge import check_metadata
from askproai_cli.lint.manifest import Manifest
from askproai_cli.lint.structural import Fault, wrong_type
from askproai_core.provider_names import CalendarProvider
from askproai_operator.resources import SECRETS, USE_LABEL

_ENCRYPTED: Final = "ENC["  # a value that SOPS has encrypted
_TRUNK_KEYS: Final = ("username", "password")  # that `sip.authSecretRef` needs, as every kubernetes.io/basic-auth
_PROVIDER_KEYS: Final = {
    "Retell": ("retell", "apiKeySecretRef"),
    **{each.label: ("calendar", each.field, "apiKeySecretRef") for each in CalendarProvider if each.is_remote},
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a spec that names a Secret, and the keys that it needs from that Secret."""

    path: FieldPath
    name: str
    keys: tuple[str, ...]
    key_path: FieldPath


@dataclass(slots=True)
class Secrets:
    """The Secrets among lint's files by namespace and name, and namespaces where other objects create Secrets."""

    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    made_elsewhere: set[str] = field(default_factory=set)


def is_secret(value: Any) -> bool:
    """Return True if a manifest declares a Secret of Kubernetes."""
    return isinstance(value, dict) and (value.get("apiVersion"), value.get("kind")) == ("v1", SECRETS.kind)


def check_secret(value: dict[str, Any]) -> Iterator[Fault]:
    """Yield the faults in a Secret that the API server refuses, most often YAML's true, false and numbers."""
    yield from check_metadata(value.get("metadata"))
    for part in ("stringData", "data"):
        entries = value.get(part)
        if not (entries is None or isinstance(entries, dict)):
            yield Fault((part,), "must be an object of texts, such as {retell-api-key: …}")
            continue
        for key, content in (entries or {}).items():
            if not (content is None or isinstance(content, str)):
                yield wrong_type((part, key), content, "string")
            elif part == "data" and content and not content.startswith(_ENCRYPTED) and _decode(content) is None:
                yield Fault((part, key), "must be base64; write plain values under stringData")


def check_secrets(manifests: Sequence[Manifest], documents: Sequence[Document]) -> Iterator[Finding]:
    """Warn of Secrets that are missing, lack a key or do not permit their use, and of provider keys that two tenants share."""
    secrets = collect_secrets(documents)
    for manifest in manifests:
        for reference in find_references(manifest.spec):
            yield from _check_reference(manifest, reference, secrets)
    yield from _check_shared_keys(manifests, secrets)


def collect_secrets(documents: Iterable[Document]) -> Secrets:
    """Return the Secrets among the manifests, and the namespaces where something else makes Secrets."""
    found = Secrets()
    for document in documents:
        kind, namespace, name = identity_of(document.value)
        if is_secret(document.value) and not name.startswith(_ENCRYPTED):
            found.documents[namespace, name] = document
        elif "Secret" in kind or kind == "Kustomization":
            found.made_elsewhere.add(namespace)
    return found


def find_references(value: Any, path: FieldPath = ("spec",)) -> Iterator[Reference]:
    """Yield the places in a spec that name a Secret whose values the operator uses. `path` is the path of `value` in the spec."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name.endswith("SecretRef"):
                yield from _reference(inner, (*path, name))
            elif name.endswith("SecretRefs") and isinstance(inner, list):
                for index, item in enumerate(inner):
                    yield from _reference(item, (*path, name, index))
            else:
                yield from find_references(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_references(inner, (*path, index))


def _reference(value: Any, path: FieldPath) -> Iterator[Reference]:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        return
    key = value.get("key")
    if isinstance(key, str):
        yield Reference(path, value["name"], (key,), (*path, "key"))
    else:
        is_trunk = path[-1] == "authSecretRef"
        yield Reference(path, value["name"], _TRUNK_KEYS if is_trunk else (), (*path, "name"))


def _check_reference(manifest: Manifest, reference: Reference, secrets: Secrets) -> Iterator[Finding]:
    kind, namespace, name = manifest.identity
    document = secrets.documents.get((namespace, reference.name))
    if document is None:
        others = sorted(other for space, other in secrets.documents if space == namespace)
        if others and namespace not in secrets.made_elsewhere:
            has = ", ".join(others)
            message = f"Secret {reference.name!r} is not among these files, which have {has}; it must be in the cluster"
            yield warn(manifest.document, (*reference.path, "name"), message)
        return
    keys = keys_of(document.value)
    for key in reference.keys:
        if key not in keys:
            has = f"it has {', '.join(keys)}" if keys else "it has none"
            message = f"Secret {reference.name!r} in {document.file} has no key {key!r}; {has}"
            yield warn(manifest.document, reference.key_path, message)
    if not permits_use(document.value):
        message = f'{kind}/{name} names this Secret, and the operator does not use it without {USE_LABEL}: "true"'
        yield warn(document, ("metadata", "labels"), message)


def permits_use(secret: Mapping[str, Any]) -> bool:
    """Return True if a Secret has the label that allows the operator to use it, or if that label is encrypted."""
    metadata = secret.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    label = labels.get(USE_LABEL) if isinstance(labels, dict) else None
    return label == "true" or str(label).startswith(_ENCRYPTED)


def keys_of(secret: Mapping[str, Any]) -> list[str]:
    """Return the sorted names of the keys in a Secret's `data` and `stringData`."""
    parts = (secret.get(part) for part in ("data", "stringData"))
    return sorted({key for part in parts if isinstance(part, dict) for key in part})


def _check_shared_keys(manifests: Sequence[Manifest], secrets: Secrets) -> Iterator[Finding]:
    """Warn of a provider's key that an earlier tenant uses too, from the same Secret or as an equal value of another Secret."""
    latest = {manifest.identity: manifest for manifest in manifests if manifest.identity.kind == "Tenant"}
    for provider, path in _PROVIDER_KEYS.items():
        holders: dict[object, Identity] = {}
        for identity, manifest in latest.items():
            reference = manifest.part(*path)
            name, key = reference.get("name"), reference.get("key")
            if not (isinstance(name, str) and isinstance(key, str)):
                continue
            document = secrets.documents.get((identity.namespace, name))
            value = _value(document.value, key) if document else None
            # Two keys whose values are unknown are equal if Secret and name are.
            holder = holders.setdefault(value or (identity.namespace, name, key), identity)
            if holder != identity:
                other = f"Tenant {holder.namespace}/{holder.name}" if holder.namespace else f"Tenant {holder.name}"
                message = (
                    f"{other} has this {provider} key, too; the second is refused, so give each an account of its own"
                )
                yield warn(manifest.document, ("spec", *path), message)


def _value(secret: dict[str, Any], key: str) -> str | None:
    """Return the plain value of a Secret's key; None if it is absent, empty or encrypted (SOPS)."""
    plain, encoded = secret.get("stringData"), secret.get("data")
    value = plain.get(key) if isinstance(plain, dict) else None
    if value is None and isinstance(encoded, dict) and isinstance(encoded.get(key), str):
        value = _decode(encoded[key])
    return value if isinstance(value, str) and value and not value.startswith(_ENCRYPTED) else None


def _decode(content: str) -> str | None:
    """Return the decoded text of a base64 text; None if it is not valid base64."""
    try:
        return b64decode("".join(content.split()), validate=True).decode(errors="replace")
    except ValueError:  # binascii.Error among them
        return None
