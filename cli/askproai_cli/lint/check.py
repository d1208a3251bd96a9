"""Check manifests and return findings: refusals that the API server would make, and warnings about mistakes that it accepts
but the operator or the pods do not, such as a wrong country, time zone or number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askproai_cli.lint.documents import Document, FieldPath
from askproai_cli.lint.findings import Finding, Identity, Severity, find, identity_of, warn
from askproai_cli.lint.judge import check_metadata, judge, suggest_time_zone
from askproai_cli.lint.manifest import Manifest
from askproai_cli.lint.neighbours import check_neighbours
from askproai_cli.lint.secrets import check_secret, check_secrets, is_secret
from askproai_cli.lint.services import check_event_types, check_services
from askproai_cli.lint.structural import Fault
from askproai_core.api_resource import GROUP
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.time_zones import is_known_time_zone
from askproai_operator.api import Branch, Hours
from askproai_operator.resources import NAMESPACES
from askproai_operator.services import overlap

_NAME: FieldPath = ("metadata", "name")
_REPEATED = "written {} times ({}): the last one counts"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one run. `unchecked` counts manifests of kinds that lint does not know."""

    manifests: int
    unchecked: int
    refused: int  # manifests
    findings: tuple[Finding, ...]

    @property
    def mistakes(self) -> int:
        """Return the number of errors. Each is in a manifest that the API server would refuse."""
        return sum(finding.severity is Severity.REFUSED for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.mistakes

    @property
    def services_unchecked(self) -> bool:
        """Return True if a Branch is refused, so that services were not checked against its opening hours and staff."""
        return any(
            finding.severity is Severity.REFUSED and finding.name.startswith("Branch/") for finding in self.findings
        )


def lint(documents: Iterable[Document]) -> Report:
    """Check manifests together. A second manifest of the same object is an update of the first. Other kinds than ours are not
    checked, except Secrets and Namespaces.

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
    findings += [finding for manifest in manifests for finding in _check_values(manifest)]
    findings += [*check_neighbours(manifests), *check_services(manifests), *check_event_types(manifests)]
    findings += check_secrets(manifests, all_documents)
    findings += _find_repeated(all_documents)
    return Report(len(all_documents), unchecked, refused, _in_order(findings, all_documents))


def find_refusals(document: Document) -> list[Finding]:
    """Return why the API server would refuse a manifest as a new object. Raises `CelMissing`."""
    faults = judge(document.value).faults if is_ours(document.value) else _check_other(document.value)
    return [find(document, fault) for fault in faults]


def _find_repeated(documents: Iterable[Document]) -> Iterator[Finding]:
    """Warn of each key, and each object, that is written differently several times: kubectl silently applies the last one."""
    same = defaultdict[tuple[Path, str, Identity], list[Document]](list)  # folders may be for several clusters
    for document in documents:
        for path, lines in document.repeated.items():
            yield warn(document, path, _REPEATED.format(len(lines), "lines " + ", ".join(map(str, lines))))
        if _is_object(document.value) and (identity := identity_of(document.value)).name != "?":
            group = document.value["apiVersion"].rpartition("/")[0]
            same[Path(document.file).parent, group, identity].append(document)
    for copies in same.values():
        if any(each.value != copies[-1].value for each in copies):
            places = ", ".join(f"{each.file}:{each.line_of(_NAME)}" for each in copies)
            yield warn(copies[-1], _NAME, _REPEATED.format(len(copies), places))


def is_ours(value: Any) -> bool:
    """Return True if a manifest is of our API group."""
    return _is_object(value) and value["apiVersion"].partition("/")[0] == GROUP


def _check_other(value: Any) -> list[Fault]:
    """Return the faults of a manifest whose kind is not of our API group."""
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
    """Return the findings without duplicates, ordered by file as given, then by line."""
    files = {file: index for index, file in enumerate(dict.fromkeys(document.file for document in documents))}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: (files[finding.file], finding.line)))


def _check_values(manifest: Manifest) -> Iterator[Finding]:
    """Warn of values in a single manifest that the operator would report as a problem."""
    yield from _check_holidays(manifest)
    yield from _check_time_zone(manifest)
    yield from _check_numbers(manifest)
    yield from _check_working_hours(manifest)


def _check_holidays(manifest: Manifest) -> Iterator[Finding]:
    holidays = manifest.part("holidays")
    country, subdivision = holidays.get("country"), holidays.get("subdivision")
    if not isinstance(country, str) or manifest.is_refused("spec", "holidays", "country"):
        return
    from askproai_core.public_holidays import find_holiday_problem  # a fifth of the start-up

    if manifest.is_refused("spec", "holidays", "subdivision"):
        subdivision = None
    if problem := find_holiday_problem(country, subdivision):
        yield warn(manifest.document, ("spec", "holidays", problem.field), problem.message)


def _check_time_zone(manifest: Manifest) -> Iterator[Finding]:
    zone = manifest.spec.get("timeZone")
    if isinstance(zone, str) and not manifest.is_refused("spec", "timeZone") and not is_known_time_zone(zone):
        message = f"the pods do not know {zone}: {suggest_time_zone(zone)}"
        yield warn(manifest.document, ("spec", "timeZone"), message)


def _check_working_hours(manifest: Manifest) -> Iterator[Finding]:
    """Warn of a staff member's working hours that are entirely outside the opening hours: nothing can be booked in them."""
    if not isinstance(manifest.model, Branch) or manifest.judged.faults:
        return
    spec = manifest.model.spec
    yield from _check_overlaps(manifest, ("spec", "openingHours"), spec.opening_hours)
    for index, member in enumerate(spec.staff):
        yield from _check_overlaps(manifest, ("spec", "staff", index, "workingHours"), member.working_hours or ())
    for index, member in enumerate(spec.staff if spec.opening_hours else ()):
        for number, hours in enumerate(member.working_hours or ()):
            if not overlap(spec.opening_hours, [hours]):
                path = ("spec", "staff", index, "workingHours", number)
                text = "lies outside openingHours, so nothing is offered then: correct it, or openingHours"
                yield warn(manifest.document, path, text)


def _check_overlaps(manifest: Manifest, path: FieldPath, ranges: Sequence[Hours]) -> Iterator[Finding]:
    """Warn of overlapping ranges in one list of hours. They count as one range: a mistyped time can remove a lunch break."""
    for later in range(1, len(ranges)):
        for earlier in range(later):
            if overlap([ranges[earlier]], [ranges[later]]):
                text = f"overlaps with entry {earlier}, and both count as one range: correct one of them, or join them"
                yield warn(manifest.document, (*path, later), text)
                break


def _check_numbers(manifest: Manifest) -> Iterator[Finding]:
    for index, entry in manifest.items("phoneNumbers"):
        for field in ("number", "did"):
            path = ("spec", "phoneNumbers", index, field)
            if isinstance(entry.get(field), str) and not manifest.is_refused(*path):
                try:
                    read = to_e164(entry[field], manifest.region)
                except InvalidNumber as error:
                    yield warn(manifest.document, path, f"{error}; it would not ring")
                    continue
                written = entry[field].strip()
                if written[:1].isdigit() and not written.startswith("0"):
                    text = (
                        f"begins with no 0 and no +, and is read as {read}: write it so, or with its area code, such as"
                        f" 0221 {written}"
                    )
                    yield warn(manifest.document, path, text)
