"""Values of one manifest that the API server accepts, but the operator or the pods do not: countries, zones, numbers."""

from collections.abc import Iterator, Sequence

from askproai_cli.lint.documents import FieldPath
from askproai_cli.lint.findings import Finding, warn
from askproai_cli.lint.judge import suggest_time_zone
from askproai_cli.lint.manifest import Manifest
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.time_zones import is_known_time_zone
from askproai_operator.api import Branch, Hours
from askproai_operator.services import overlap


def check_values(manifest: Manifest) -> Iterator[Finding]:
    """Warn of problems that the operator would report of a single manifest."""
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
    """Warn of working hours at which the branch is never open: they are cut to the opening hours, and nothing is left."""
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
    """Warn of ranges of one list that overlap: they count as one, so that a lunch break is lost by a mistyped time."""
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
