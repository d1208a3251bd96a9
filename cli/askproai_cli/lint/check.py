"""Check manifests and return findings. What the API server would refuse is refused; what only we can see is a warning."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from askproai_cli.lint.cel_rules import broken_rules
from askproai_cli.lint.documents import Document
from askproai_cli.lint.structural import Fault, Schema, find_faults, with_defaults
from askproai_core.clock import is_known_time_zone
from askproai_core.public_holidays import find_holiday_problem
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.crd import root_schema
from askproai_operator.engine.resources import USE_LABEL
from askproai_operator.relations import secret_names

GROUP: Final = "askproai.de"
VERSION: Final = f"{GROUP}/v1alpha1"

_KINDS: Final = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}
_SCHEMAS: Final = {name: root_schema(kind) for name, kind in _KINDS.items()}
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_REFERENCES: Final = {"branchRef": "Branch", "tenantRef": "Tenant"}


# By namespace, tenant and staff id: the branches that have it, and the person that each says.
_Staffed = dict[tuple[str, str, str], dict[str, str | None]]


class Severity(StrEnum):
    REFUSED = "refused"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault at one path of a manifest. `name` is `Kind/name`, `line` counts from 1."""

    severity: Severity
    file: str
    line: int
    name: str
    path: str
    message: str


def lint(documents: Iterable[Document]) -> list[Finding]:
    """Check manifests in their order. A second manifest of the same object is an update of the first; foreign kinds pass.

    Raises `CelMissing`.
    """
    all_documents = list(documents)
    known = {_identity(document.value) for document in all_documents if _group(document.value) == GROUP}
    staffed: _Staffed = {}
    secrets = {_identity(document.value): document for document in all_documents if _is_secret(document.value)}
    previous: dict[tuple[str, str, str], Any] = {}
    findings: list[Finding] = []
    for document in all_documents:
        if not _is_object(document.value):
            message = "no Kubernetes object: apiVersion and kind are required, both texts"
            findings.append(_finding(document, Fault((), message)))
        elif _group(document.value) == GROUP:
            identity = _identity(document.value)
            refused = [_finding(document, fault) for fault in check_manifest(document.value, previous.get(identity))]
            findings += refused or [
                *_check_references(document, known),
                *_check_calendar(document),
                *_check_staff(document, staffed),
                *_check_secrets(document, secrets),
            ]
            previous[identity] = document.value
    return findings


def check_manifest(manifest: dict[str, Any], old: dict[str, Any] | None = None) -> list[Fault]:
    """Return what the API server would refuse in one object of ours. `old` is the object that it replaces."""
    schema = _SCHEMAS.get(manifest["kind"])
    if schema is None or manifest["apiVersion"] != VERSION:
        message = f"{manifest['apiVersion']} {manifest['kind']} is not known; {VERSION} has {', '.join(_KINDS)}"
        return [Fault(("kind",), message)]
    completed, body = _complete(manifest, schema), dict(schema)
    found = list(_check_metadata(manifest.get("metadata")))
    own = {name: value for name, value in completed.items() if name != "metadata"}
    body["properties"] = {name: child for name, child in schema["properties"].items() if name != "metadata"}
    found += find_faults(own, body, ())
    if not any(fault.blocks for fault in found):
        found += broken_rules(completed, None if old is None else _complete(old, schema), schema, ())
    return found


def _complete(manifest: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the object as it is checked: with defaults, and without the status, which nobody sends."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    sent = {key: value for key, value in manifest.items() if key not in {"status", "metadata"}}
    return {**with_defaults(sent, schema), "metadata": {"name": name}}


def _check_metadata(metadata: Any) -> Iterator[Fault]:
    if not isinstance(metadata, dict) or not metadata.get("name"):
        yield Fault(("metadata", "name"), "is required", blocks=True)
        return
    name = metadata["name"]
    if not isinstance(name, str):
        yield Fault(("metadata", "name"), "must be a text: put it in quotes", blocks=True)
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:  # noqa: PLR2004  RFC 1123
        yield Fault(
            ("metadata", "name"), "small letters, digits, '-' and '.', beginning and ending with a letter or digit"
        )
    for field in ("labels", "annotations"):
        texts = metadata.get(field)
        if not (texts is None or isinstance(texts, dict)):
            yield Fault(("metadata", field), "must be an object of texts, such as {team: front-desk}", blocks=True)
            continue
        for key, value in (texts or {}).items():
            at = ("metadata", field, str(key))
            if not isinstance(value, str):
                yield Fault(at, "must be a text: put it in quotes", blocks=True)
            elif field == "labels" and not (_LABEL_VALUE.fullmatch(value) and len(value) <= 63):  # noqa: PLR2004
                yield Fault(at, "a label has at most 63 letters, digits, '-', '_' and '.'")


def _check_references(document: Document, known: set[tuple[str, str, str]]) -> Iterator[Finding]:
    """Warn of references to objects that are not among these files: they may exist in the cluster."""
    namespace, spec = _identity(document.value)[1], document.value.get("spec") or {}
    for field, kind in _REFERENCES.items():
        reference = spec.get(field)
        if isinstance(reference, dict) and (kind, namespace, str(reference.get("name"))) not in known:
            message = f"{kind} {reference.get('name')!r} is not among these files; it must be in the cluster, in this namespace"
            yield _finding(document, Fault(("spec", field), message), Severity.WARNING)


def _check_secrets(document: Document, secrets: dict[tuple[str, str, str], Document]) -> Iterator[Finding]:
    """Warn of Secrets among these files that the manifest names and that do not permit it; each of them once."""
    kind, namespace, name = _identity(document.value)
    for secret_name in sorted({*secret_names(document.value.get("spec"))}):
        secret = secrets.get(("Secret", namespace, secret_name))
        metadata = secret.value.get("metadata") if secret is not None else None
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        if secret is not None and not (isinstance(labels, dict) and labels.get(USE_LABEL) == "true"):
            message = f'{kind}/{name} names this Secret, and the operator does not use it without {USE_LABEL}: "true"'
            yield _finding(secret, Fault(("metadata", "labels"), message), Severity.WARNING)


def _check_calendar(document: Document) -> Iterator[Finding]:
    """Warn of a country, state or time zone that the API server accepts and the pods do not know."""
    spec = document.value.get("spec") or {}
    holidays, zone = spec.get("holidays"), spec.get("timeZone")
    if isinstance(holidays, dict) and (
        problem := find_holiday_problem(holidays["country"], holidays.get("subdivision"))
    ):
        yield _finding(document, Fault(("spec", "holidays", problem.field), problem.message), Severity.WARNING)
    if zone is not None and not is_known_time_zone(zone):
        message = f"the pods do not know {zone}; write its usual name, such as Europe/Berlin"
        yield _finding(document, Fault(("spec", "timeZone"), message), Severity.WARNING)


def _check_staff(document: Document, staffed: _Staffed) -> Iterator[Finding]:
    """Warn of a staff id that an earlier manifest's branch of the same tenant has, too, unless both say who that is."""
    value = document.value
    if value["kind"] != "Branch":
        return
    namespace, name, tenant = *_identity(value)[1:], str(value["spec"]["tenantRef"]["name"])
    for number, member in enumerate(value["spec"].get("staff") or []):
        others = staffed.setdefault((namespace, tenant, member["id"]), {})
        ambiguous = [
            branch for branch, person in others.items() if branch != name and not (person and member.get("person"))
        ]
        if ambiguous:
            message = (
                f"{member['id']} is on the staff of {', '.join(ambiguous)}, too, and can be booked in both at the same time:"
                " write the same person at each entry, or different ones for different people"
            )
            yield _finding(document, Fault(("spec", "staff", number, "id"), message), Severity.WARNING)
        others[name] = member.get("person")


def _finding(document: Document, fault: Fault, severity: Severity = Severity.REFUSED) -> Finding:
    kind, _, name = _identity(document.value)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.path).lstrip(".")
    return Finding(severity, document.file, document.line_of(fault.path), f"{kind}/{name}", path, fault.message)


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(value.get(field), str) and value[field] for field in ("apiVersion", "kind"))


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and (value.get("apiVersion"), value.get("kind")) == ("v1", "Secret")


def _group(value: Any) -> str:
    return str(value.get("apiVersion", "")).partition("/")[0] if isinstance(value, dict) else ""


def _identity(value: Any) -> tuple[str, str, str]:
    """Return kind, namespace and name."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    kind = str(value.get("kind", "?")) if isinstance(value, dict) else "?"
    return kind, str(metadata.get("namespace", "")), str(metadata.get("name", "?"))
