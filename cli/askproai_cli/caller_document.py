"""The stored data of one caller as a German text for that person, from the private API's answer (`askproai export`)."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from askproai_cli.output import find_zone, to_cell, wrap
from askproai_core.languages import Language
from askproai_runtime.sentences import SENTENCES, format_call_back

# A list, field or value without a German word is shown by its own name.
_WORDS: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
VALUES: Final = _WORDS["values"]
# Fields with values of closed lists, ours or a provider's.
_NAMED: Final = frozenset({
    "status", "state", "direction", "function", "outcome", "kind", "recipient", "channel", "event_type", "source", "ai_notice",
    "retell_keeps",
})  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SPEAKERS: Final[Mapping[str, str]] = {"Agent:": "Assistent:", "User:": "Anrufer:"}
_SPEAKER: Final = re.compile(rf"^(?:{'|'.join(_SPEAKERS)})", re.MULTILINE)


def render_document(answer: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of the document, each of at most `width` columns if its words allow it."""
    zone, names = find_zone(answer["zone"]), answer.get("names") or {}
    yield f"Auskunft über gespeicherte Daten zur Rufnummer {answer['caller']}"
    yield f"{answer['business']}, Stand {_write(answer['created_at'], zone)}"
    for name, title in _WORDS["titles"].items():
        entries = [answer[name]] if isinstance(answer[name], dict) else answer[name] or []
        yield ""
        yield f"{title}: {'' if entries else 'nichts'}".rstrip()
        for number, entry in enumerate(entries, start=1):
            if len(entries) > 1:
                yield f"  {number}."
            yield from _render_entry(_with_call_back(_with_names(entry, names), zone), zone, width)
    yield ""
    yield "Weitere Stellen, die Daten haben können:"
    for place in answer["elsewhere"]:
        yield from wrap(place, width, first="  - ", further="    ")


def _with_names(entry: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of the document with display names in place of ids. An id that is no longer declared stays as it is."""
    branch, service, staff = entry.get("branch"), entry.get("service"), entry.get("staff")
    known = {
        "branch": names.get("branches", {}).get(branch),
        "service": names.get("services", {}).get(service),
        "staff": names.get("staff", {}).get(branch, {}).get(staff),
    }
    return {**entry, **{field: name for field, name in known.items() if name}}


def _with_call_back(entry: Mapping[str, Any], zone: tzinfo | None) -> Mapping[str, Any]:
    """Return a message with its call-back time as one text: as understood, or else in the caller's own words."""
    times = [entry.get(name) for name in ("call_back_from", "call_back_until")]
    first, until = (at and datetime.fromisoformat(at).astimezone(zone) for at in times)
    rest = {name: value for name, value in entry.items() if name not in {"call_back_from", "call_back_until"}}
    if "call_back" not in rest or first is None:
        return rest
    return {**rest, "call_back": format_call_back(rest["call_back"], first, until, Language.DE)}


def _render_entry(entry: Mapping[str, Any], zone: tzinfo | None, width: int) -> Iterator[str]:
    for name, value in entry.items():
        if value in (None, "", False, {}) or name in {"id", "call_id", "transcript_truncated"}:
            continue
        said = VALUES.get(value, value) if name in _NAMED and isinstance(value, str) else value
        said = _name_speakers(said) if name == "transcript" and isinstance(said, str) else said
        first, *further = _lines(said, zone) or [""]
        if first:
            yield from wrap(f"{_WORDS['fields'].get(name, name)}: {first}", width, first="    ", further="      ")
        for line in further:
            yield from wrap(line, width, first="      ", further="      ")


def _name_speakers(transcript: str) -> str:
    """Return a transcript in Retell's format with the names of its speakers in German."""
    return _SPEAKER.sub(lambda match: _SPEAKERS[match[0]], transcript)


def _lines(value: Any, zone: tzinfo | None) -> Sequence[str]:
    if isinstance(value, dict):
        parts = {**_WORDS["fields"], **_WORDS["parts"]}
        # A model or a provider has chosen the name, too.
        return [
            f"{to_cell(parts.get(name, name))} = {_write(part, zone)}"
            for name, part in value.items()
            if part not in (None, "", {})
        ]
    return [_write(line, zone) for line in ("ja" if value is True else str(value)).splitlines()]


def _write(value: Any, zone: tzinfo | None) -> str:
    """Return a value as text, with instants and days in the usual German form."""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return _write_day(date.fromisoformat(value))
        except ValueError:  # no day of the calendar: what a caller's words became
            return value
    return to_cell(value, zone, write_time=_write_time)


def _write_time(moment: datetime) -> str:
    """Return `Di, 24. November 2026, 13:00 Uhr`."""
    weekday = SENTENCES[Language.DE].weekdays[moment.weekday()]
    return f"{weekday[:2]}, {_write_day(moment)}, {moment:%H:%M} Uhr"


def _write_day(day: date) -> str:
    """Return `24. November 2026`."""
    return f"{day.day}. {SENTENCES[Language.DE].months[day.month - 1]} {day.year}"
