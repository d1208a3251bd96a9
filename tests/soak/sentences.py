"""The promise of an answer to a caller: read from the German sentence itself, not from the product's own idea of it. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from tests.soak.history import Answer, seconds

ZONE = ZoneInfo("Europe/Berlin")
_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_UNCONFIRMED = "was der Kalender noch bestätigen muss"
_SPOKEN = re.compile(rf"\w+, de[nr] (\d+)\. ({'|'.join(_MONTHS)}), um (\d+) Uhr(?: (\d+))?")


class Said(StrEnum):
    """The statement of a sentence about an appointment."""

    THERE = "it is there"
    GONE = "it is gone"
    NOT_DONE = "nothing was done"
    OPEN = "nobody knows yet"
    NOTHING = "nothing about an appointment"
    UNREADABLE = "a sentence that the checker does not know"


# The first that matches decides. A sentence that none matches makes the checker complain: it must never pass unread.
_SENTENCES = tuple(
    (said, re.compile(pattern))
    for said, pattern in (
        (Said.OPEN, r"Einen Augenblick bitte|Einen Moment bitte|gerade nicht an den Kalender|^Ob das geklappt hat, "),
        (Said.GONE, r"^Der Termin ist abgesagt: |wurde gerade abgesagt|wurde abgesagt oder liegt schon zurück"),
        (
            Said.GONE,
            r"lässt sich nicht mehr absagen|^Diesen Termin finde ich nicht|^Unter Ihrer Nummer finde ich keinen",
        ),
        (Said.THERE, r"^Der Termin (ist eingetragen|steht schon|ist verschoben|ist angefragt): |Es bleibt bei "),
        (
            Said.NOT_DONE,
            r"^Frei ist |er ist also nicht gebucht|habe ich also nicht gebucht|leider nichts mehr frei|zu kurzfristig",
        ),
        (Said.NOT_DONE, r"liegt außerhalb der Zeiten|lässt sich leider nicht verschieben: |^Verschieben lässt er sich"),
        (
            Said.NOT_DONE,
            r"Da ist nicht geöffnet|: Da arbeitet |beginnt bei uns kein Termin|^So weit im Voraus|ist schon vorbei",
        ),
        (
            Said.NOT_DONE,
            (
                r"habe ich in diesem Gespräch schon|^(Das kann ich hier leider nicht klären|"
                r"Sagen Sie bitte: |Welchen Termin soll ich|Ein Termin ist schon abgesagt)"
            ),
        ),
        (
            Said.NOT_DONE,
            r"Soll ich (?:Ihren|den) Termin am ",
        ),  # where the tenant has one, its rule for cancellations comes before
    )
)


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as its caller understands it; `start` is the time that the sentence names first, if it says that it is there."""

    said: Said
    start: float | None = None


def read(answer: Answer) -> Reading:
    """Read the answer to a booking, a move or a cancellation."""
    if answer.status != 200:
        return Reading(Said.OPEN)
    said = next((said for said, pattern in _SENTENCES if pattern.search(answer.message)), Said.UNREADABLE)
    return Reading(said, spoken_start(answer.message, answer.answered_at) if said is Said.THERE else None)


def read_list(answer: Answer) -> dict[str, float] | None:
    """Return the starts, by appointment id, that find_appointments named; None if the answer says nothing.

    Ids are only in the fields, so fields and sentence are compared: a time in one of them only makes it unreadable (ValueError).
    """
    if (
        answer.status != 200
        or "appointments" not in answer.body
        or "Ihre Rufnummer sehe ich bei diesem Anruf nicht" in answer.message
    ):
        return None
    listed = {entry["appointment_id"]: seconds(entry["start"]) or 0.0 for entry in answer.body["appointments"]}
    spoken = [_to_seconds(match, answer.answered_at) for match in _SPOKEN.finditer(answer.message)]
    if spoken != sorted(listed.values())[:3] or (not listed and "finde ich keinen" not in answer.message):
        raise ValueError(answer.message)
    return listed


def list_unconfirmed(answer: Answer) -> set[str]:
    """Return the appointments that the calendar has to confirm, as find_appointments said: they may be gone again."""
    return {
        entry["appointment_id"]
        for entry in answer.body.get("appointments", ())
        if _UNCONFIRMED in (spoken := entry.get("spoken", "")) and spoken in answer.message
    }


def spoken_start(message: str, now: float) -> float | None:
    """Return the first time that a sentence names; its year is the next one in which it is to come."""
    match = _SPOKEN.search(message)
    return _to_seconds(match, now) if match else None


def _to_seconds(match: "re.Match[str]", now: float) -> float:
    day, month, hour, minute = match.groups()
    today = datetime.fromtimestamp(now, UTC).astimezone(ZONE)
    values = (_MONTHS.index(month) + 1, int(day), int(hour), int(minute or 0))
    start = datetime(today.year, *values, tzinfo=ZONE)
    return (start if start >= today else start.replace(year=today.year + 1)).timestamp()
