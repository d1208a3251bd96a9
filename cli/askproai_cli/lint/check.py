"""Check manifests and return findings. Lint refuses manifests that the API server would refuse; what only we can see is a
warning."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from askproai_cli.lint.documents import Document
from askproai_cli.lint.findings import Finding, Identity, Severity, find, identity_of, warn
from askproai_cli.lint.judge import GROUP, check_metadata, judge
from askproai_cli.lint.manifest import Manifest
from askproai_cli.lint.neighbours import check_neighbours
from askproai_cli.lint.secrets import check_secret, check_secrets, is_secret
from askproai_cli.lint.services import check_event_types, check_services
from askproai_cli.lint.structural import Fault
from askproai_cli.lint.values import check_values
from askproai_operator.resources import NAMESPACES


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one run. `unchecked` counts manifests of kinds that lint does not know."""

    manifests: int
    unchecked: int
    refused: int  # manifests
    findings: tuple[Finding, ...]

    @property
    def mistakes(self) -> int:
        """Return the number of findings that refuse a manifest."""
        return sum(finding.severity is Severity.REFUSED for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.mistakes

    @property
    def services_unchecked(self) -> bool:
        """Return whether services were not compared with openings and people, because a Branch is refused."""
        return any(
            finding.severity is Severity.REFUSED and finding.name.startswith("Branch/") for finding in self.findings
        )


def lint(documents: Iterable[Document]) -> Report:
    """Check manifests together. A second manifest of the same object is an update of the first; other kinds are not checked.

    Raises `CelMissing`.
    """
    all_documents = list(documents)
    previous: dict[Identity, Any] = {}
    manifests: list[Manifest] = []
    refused = unchecked = 0
    findings: list[Finding] = []
    for document in all_documents:
        if is_ours(document.value):
            manifest = Manifest(document, judge(document.value, previous.get(identity_of(document.value))))
            previous[manifest.identity] = document.value
            manifests.append(manifest)
            faults: Sequence[Fault] = manifest.judged.faults
        else:
            faults = _check_other(document.value)
            unchecked += not (faults or is_secret(document.value) or _is_namespace(document.value))
        refused += bool(faults)
        findings += [find(document, fault) for fault in faults]
    findings += [finding for manifest in manifests for finding in check_values(manifest)]
    findings += [*check_neighbours(manifests), *check_services(manifests), *check_event_types(manifests)]
    findings += check_secrets(manifests, all_documents)
    findings += [finding for document in all_documents for finding in find_repeated_keys(document)]
    return Report(len(all_documents), unchecked, refused, _in_order(findings, all_documents))


def find_refusals(document: Document) -> list[Finding]:
    """Return what the API server would refuse in one manifest, as a new object. Raises `CelMissing`."""
    faults = judge(document.value).faults if is_ours(document.value) else _check_other(document.value)
    return [find(document, fault) for fault in faults]


def find_repeated_keys(document: Document) -> list[Finding]:
    """Return a warning for each key that a mapping has more than once: kubectl sends the last one, and says nothing."""
    return [
        warn(document, path, f"written {len(lines)} times (lines {', '.join(map(str, lines))}): the last one counts")
        for path, lines in document.repeated.items()
    ]


def is_ours(value: Any) -> bool:
    """Return whether a manifest is of our API group."""
    return _is_object(value) and value["apiVersion"].partition("/")[0] == GROUP


def _check_other(value: Any) -> list[Fault]:
    """Return what is wrong with a manifest of a kind that is not ours."""
    if not _is_object(value):
        return [Fault((), "no Kubernetes object: apiVersion and kind are required, both texts")]
    if is_secret(value):
        return list(check_secret(value))
    return list(check_metadata(value.get("metadata"))) if _is_namespace(value) else []


def _is_namespace(value: Any) -> bool:
    return _is_object(value) and (value["apiVersion"], value["kind"]) == (NAMESPACES.api_version, NAMESPACES.kind)


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(value.get(field), str) and value[field] for field in ("apiVersion", "kind"))


def _in_order(findings: Iterable[Finding], documents: Iterable[Document]) -> tuple[Finding, ...]:
    """Return the findings in the order of the files and lines, each once."""
    files = {file: index for index, file in enumerate(dict.fromkeys(document.file for document in documents))}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: (files[finding.file], finding.line)))
