"""The findings of lint, and the names of manifests in them."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from askproai_cli.lint.documents import Document
from askproai_cli.lint.structural import Fault


class Severity(StrEnum):
    REFUSED = "refused"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault at one path of a manifest. `name` is the manifest's `Kind/name`, `line` counts from 1."""

    severity: Severity
    file: str
    line: int
    name: str
    path: str
    message: str
    namespace: str = ""  # as written in the manifest

    def __str__(self) -> str:
        where = f"{self.name} {self.path}".rstrip()
        return f"{self.file}:{self.line}: {self.severity}: {where}: {self.message}"


class Identity(NamedTuple):
    """The identity of the object that a manifest declares. An absent namespace is empty, an absent kind or name is `?`."""

    kind: str
    namespace: str
    name: str


def identity_of(value: Any) -> Identity:
    """Return kind, namespace and name of a manifest, however malformed it is."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    kind = str(value.get("kind", "?")) if isinstance(value, dict) else "?"
    return Identity(kind, _text(metadata.get("namespace") or ""), _text(metadata.get("name", "?")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def find(document: Document, fault: Fault, severity: Severity = Severity.REFUSED) -> Finding:
    """Return the finding for a fault in a document."""
    kind, namespace, name = identity_of(document.value)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.path).lstrip(".")
    message = f"{fault.message}; {fault.hint}" if fault.hint else fault.message
    return Finding(severity, document.file, document.line_of(fault.path), f"{kind}/{name}", path, message, namespace)


def warn(document: Document, path: tuple[str | int, ...], message: str) -> Finding:
    """Return a warning about a value that the API server accepts, but that does not have the effect that its author expects."""
    return find(document, Fault(path, message), Severity.WARNING)
