"""Judges one manifest as the API server does. A fault in one part does not prevent the judging of the other parts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from pydantic import ValidationError

from askproai_cli.lint.cel_rules import broken_rules
from askproai_cli.lint.documents import FieldPath
from askproai_cli.lint.structural import Fault, Schema, as_meant, find_faults, overlaps, with_defaults, wrong_type
from askproai_core.api_resource import TENANTS
from askproai_operator.api import KINDS, CustomResource
from askproai_operator.api.crd import root_schema

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_TIME_ZONE: Final = ("spec", "timeZone")
_SUBDIVISION: Final = ("spec", "holidays", "subdivision")
_CODE: Final = re.compile("[A-Z0-9]{1,3}")  # ISO 3166-2 without the country
_NEAR: Final = ("Europe/Berlin", "Europe/Vienna", "Europe/Zurich")
_MISSPELT: Final = 0.86  # difflib's ratio: a zone with a wrong letter is above it, another city (Europe/Munich) below


@dataclass(frozen=True, slots=True)
class Judged:
    """The faults of one manifest, and its well-formed part.

    `spec` has no unknown and no ill-typed fields, except within lists whose items are ill-typed themselves. `model` is None if
    a field that the kind needs is missing.
    """

    faults: tuple[Fault, ...]
    spec: Mapping[str, Any]
    model: CustomResource | None


@cache  # a schema takes up to 20 ms, and a command that judges one kind makes one
def schema_of(kind: str) -> Schema | None:
    """Return the structural schema of a kind; None if the kind is not of our API group."""
    return root_schema(KINDS[kind], described=False) if kind in KINDS else None


def judge(manifest: dict[str, Any], old: dict[str, Any] | None = None) -> Judged:
    """Judge one manifest of our API group: its metadata, its structure, and the CEL rules that read only well-formed parts.

    `old` is the object that it replaces. Raises `CelMissing`.
    """
    schema = schema_of(manifest["kind"])
    if schema is None or manifest["apiVersion"] != TENANTS.api_version:
        message = (
            f"{manifest['apiVersion']} {manifest['kind']} is not known; {TENANTS.api_version} has {', '.join(KINDS)}"
        )
        return Judged((Fault(("kind",), message),), {}, None)
    body = {**schema, "properties": {name: child for name, child in schema["properties"].items() if name != "metadata"}}
    metadata = list(check_metadata(manifest.get("metadata")))
    sent = _without_metadata(_complete(manifest, schema))
    structural = list(find_faults(sent, body, ()))
    meant, written = as_meant(sent, body)
    # A misspelt object may lack a default that its right name has.
    meant = _complete({**meant, "metadata": manifest.get("metadata")}, schema)
    remaining = find_faults(_without_metadata(meant), body, ()) if structural else ()
    unjudged = {fault.path for fault in (*metadata, *remaining) if fault.blocks}
    before = None if old is None else _complete(old, schema)
    rules = [_as_written(fault, written) for fault in broken_rules(meant, before, schema, (), unjudged)]
    # A rule for the name is stricter than the refusals of every kind.
    general = [fault for fault in metadata if all(fault.path != rule.path for rule in rules)]
    faults = tuple(_with_hint(fault, meant) for fault in (*general, *structural, *rules))
    well_formed = _prune(meant, unjudged)
    return Judged(faults, well_formed.get("spec") or {}, _parse(manifest, well_formed))


def check_metadata(metadata: Any) -> Iterator[Fault]:
    """Yield the faults in `metadata` that the API server refuses in every kind: names, labels and annotations."""
    if not isinstance(metadata, dict) or metadata.get("name") is None or metadata["name"] == "":
        yield Fault(("metadata", "name"), "is required", blocks=True)
        return
    name = metadata["name"]
    if not isinstance(name, str):
        yield wrong_type(("metadata", "name"), name, "string")
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:  # noqa: PLR2004  RFC 1123
        yield Fault(
            ("metadata", "name"), "small letters, digits, '-' and '.', beginning and ending with a letter or digit"
        )
    if not isinstance(metadata.get("namespace", ""), str | None):
        yield wrong_type(("metadata", "namespace"), metadata["namespace"], "string")
    for field in ("labels", "annotations"):
        texts = metadata.get(field)
        if not (texts is None or isinstance(texts, dict)):
            yield Fault(("metadata", field), "must be an object of texts, such as {team: front-desk}", blocks=True)
            continue
        for key, value in (texts or {}).items():
            at = ("metadata", field, str(key))
            if not isinstance(value, str):
                yield wrong_type(at, value, "string")
            elif field == "labels" and not (_LABEL_VALUE.fullmatch(value) and len(value) <= 63):  # noqa: PLR2004
                yield Fault(at, "a label has at most 63 letters, digits, '-', '_' and '.'")


def completed(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest of our API group as the API server would store it: with the defaults of its schema."""
    schema = schema_of(manifest["kind"])
    assert schema is not None, "an object of ours"
    return {**with_defaults(manifest, schema), "metadata": manifest["metadata"]}


def _complete(manifest: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the manifest to check: with its schema's defaults, and without a status, which a manifest must not have."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    sent = {key: value for key, value in manifest.items() if key not in {"status", "metadata"}}
    return {**with_defaults(sent, schema), "metadata": {"name": name}}


def _without_metadata(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name != "metadata"}


def _as_written(fault: Fault, written: Mapping[FieldPath, FieldPath]) -> Fault:
    """Return a fault with the field's name as written in the file: a misspelt field was judged under the correct name."""
    path = fault.path
    for meant, as_written in sorted(written.items(), key=lambda item: len(item[0]), reverse=True):
        if path[: len(meant)] == meant:
            path = (*as_written, *path[len(meant) :])
    return replace(fault, path=path)


def _with_hint(fault: Fault, manifest: dict[str, Any]) -> Fault:
    if fault.path == _SUBDIVISION:
        return replace(fault, hint=_suggest_code(manifest["spec"]["holidays"]))
    if fault.path != _TIME_ZONE or fault.blocks:
        return fault
    return replace(fault, hint=suggest_time_zone(str(manifest["spec"]["timeZone"])))


def _suggest_code(holidays: Mapping[str, Any]) -> str:
    """Return the probably intended subdivision code, or a list of valid codes; empty if the country is unknown."""
    from askproai_core.public_holidays import suggest_subdivision  # a fifth of the start-up

    country, written = holidays.get("country"), str(holidays["subdivision"])
    code = written.upper().rpartition("-")[2]
    if _CODE.fullmatch(code):
        return f"write {code}"
    return (suggest_subdivision(country, written) or "") if isinstance(country, str) else ""


@cache
def suggest_time_zone(name: str) -> str:
    """Return the time zone that is probably meant by an unknown name."""
    zones = sorted(available_timezones())
    last_part = re.split(r"[/ ,]", name)[-1].replace(" ", "_").casefold()
    same = [zone for zone in zones if zone.rpartition("/")[2].casefold() == last_part]
    if close := same[:3] or get_close_matches(name, zones, n=1, cutoff=_MISSPELT):
        return f"did you mean {' or '.join(close)}?"
    return f"for Germany, Austria and Switzerland: {', '.join(_NEAR)}"


def _prune(value: Any, unjudged: set[FieldPath], path: FieldPath = ()) -> Any:
    """Return a copy of a value without the fields at the `unjudged` paths. Items of lists keep their indexes."""
    if not any(overlaps(path, each) for each in unjudged):
        return value
    if isinstance(value, dict):
        return {
            name: _prune(field, unjudged, (*path, name))
            for name, field in value.items()
            if (*path, name) not in unjudged
        }
    if isinstance(value, list):
        return [_prune(item, unjudged, (*path, index)) for index, item in enumerate(value)]
    return value


def _parse(manifest: dict[str, Any], well_formed: dict[str, Any]) -> CustomResource | None:
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    known = {name: str(metadata.get(name) or "") for name in ("name", "namespace")}
    try:
        return KINDS[manifest["kind"]].from_raw({**well_formed, "metadata": known})
    except ValidationError:
        return None
