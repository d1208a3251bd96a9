"""The stored data of one caller as a German text for that person, from the private API's answer (`askproai export`)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Final

from askproai_cli.output import find_zone, to_cell, wrap
from askproai_core.languages import Language
from askproai_runtime.sentences import SENTENCES, format_call_back

# German titles. A list, field or value without one is shown by its own name.
_TITLES: Final = {
    "customer": "Kundendaten", "appointments": "Termine", "calls": "Anrufe",
    "requests_in_calls": "Was der Assistent im Anruf abgefragt und geantwortet hat", "messages": "Nachrichten",
    "waiting_list": "Warteliste", "notifications": "Benachrichtigungen", "no_reminders_to": "Keine Erinnerungen an",
    "attempts_to_prove_who_it_is": "Fragen nach Name und Geburtsdatum", "events": "Meldungen der Dienstleister",
}  # fmt: skip
_FIELDS: Final = {
    "name": "Name", "phone": "Telefon", "email": "E-Mail", "since": "seit", "branch": "Filiale", "service": "Leistung",
    "staff": "bei", "starts_at": "Beginn", "ends_at": "Ende", "status": "Stand", "notes": "Notiz",
    "birth_date": "Geburtsdatum", "cancel_reason": "Grund der Absage", "calcom_booking": "Buchung bei Cal.com",
    "booked_at": "gebucht", "for_somebody_else": "für jemand anderen", "direction": "Richtung", "from_number": "von",
    "to_number": "an", "started_at": "Beginn", "ended_at": "Ende", "transcript": "Gespräch", "analysis": "Auswertung",
    "at": "wann", "function": "Abfrage", "arguments": "Angaben", "outcome": "Ergebnis", "answer": "Antwort",
    "for_whom": "für", "text": "Text", "call_back": "Rückruf", "left_at": "hinterlassen", "done_at": "erledigt",
    "note": "Vermerk", "requested": "gewünscht", "until": "bis", "state": "Stand", "joined_at": "eingetragen",
    "kind": "Art", "recipient": "Empfänger", "channel": "Weg", "content": "Inhalt", "created_at": "angelegt",
    "finished_at": "abgeschlossen", "of_appointment_at": "Termin am", "address": "Adresse", "source": "von",
    "event_type": "Meldung", "received_at": "eingegangen", "body": "Inhalt",
    "not_readable": "nicht lesbar, der Schlüssel ist gelöscht", "ai_notice": "Hinweis auf eine KI",
    "retell_keeps": "Retell speichert", "refused_at": "Speicherung abgelehnt",
}  # fmt: skip
# Arguments of the call functions, and what Retell's analysis of a call has, beside names of fields.
_PARTS: Final = {
    "customer_name": "Name", "date": "Tag", "time": "Uhrzeit", "part_of_day": "Tageszeit", "start": "Beginn",
    "appointment_id": "Termin-Kennung", "appointment_date": "Tag des Termins", "appointment_time": "Uhrzeit des Termins",
    "reason": "Grund", "confirmed": "zugesagt", "email_confirmed": "Adresse bestätigt", "another": "noch ein Termin",
    "topic": "Thema", "question": "Frage", "message": "Nachricht", "recipient": "für", "call_summary": "Zusammenfassung",
    "user_sentiment": "Stimmung", "call_successful": "erfolgreich", "in_voicemail": "Anrufbeantworter",
    "recording_url": "Aufnahme", "custom_analysis_data": "Weiteres",
}  # fmt: skip
# Fields with values of closed lists, ours or a provider's.
_NAMED: Final = frozenset(
    {
        "status",
        "state",
        "direction",
        "function",
        "outcome",
        "kind",
        "recipient",
        "channel",
        "event_type",
        "source",
        "ai_notice",
        "retell_keeps",
    }
)
VALUES: Final[Mapping[str, str]] = {
    # appointments, calls and their requests, the waiting list
    "held": "vorgemerkt", "confirmed": "eingetragen", "pending_sync": "eingetragen, noch nicht im Kalender",
    "cancelled": "abgesagt", "no_show": "nicht erschienen", "failed": "fehlgeschlagen", "waiting": "wartet",
    "booked": "gebucht", "removed": "entfernt", "over": "abgelaufen", "inbound": "eingehend", "outbound": "ausgehend",
    "registered": "angemeldet", "ongoing": "läuft", "ended": "beendet", "error": "abgebrochen",
    "not_connected": "nicht zustande gekommen", "check_availability": "freie Zeiten", "book_appointment": "Termin eintragen",
    "find_appointments": "Termine nachsehen", "reschedule_appointment": "Termin verschieben",
    "cancel_appointment": "Termin absagen", "business_information": "Auskunft", "leave_message": "Nachricht hinterlassen",
    "join_waitlist": "auf die Warteliste setzen", "decline_recording": "Speicherung ablehnen",
    "given": "ja", "not_given": "nein", "everything": "alles", "everything_except_pii": "alles ohne persönliche Angaben",
    "basic_attributes_only": "Nummern und Zeiten",
    # outcomes of these requests
    "offered": "angeboten", "found": "gefunden", "answered": "beantwortet", "not_known": "nicht bekannt",
    "none_found": "nichts gefunden", "already_booked": "schon gebucht", "moved": "verschoben",
    "already_moved": "schon verschoben", "noted": "notiert", "kept": "bleibt bestehen",
    "not_kept": "wird nicht gespeichert", "past": "schon vorbei", "too_soon": "zu kurzfristig",
    "too_far": "zu weit im Voraus", "closed_day": "geschlossener Tag", "day_off": "arbeitet an dem Tag nicht",
    "outside_hours": "außerhalb der Zeiten",
    "off_grid": "kein Beginn zu dieser Minute", "taken": "vergeben", "impossible": "kein solcher Tag oder keine solche Uhrzeit",
    "not_understood": "nicht verstanden", "asked_back": "nachgefragt", "unknown_service": "unbekannte Leistung",
    "unknown_staff": "unbekannte Person", "not_bookable": "nicht buchbar", "gone": "nicht mehr da",
    "limited": "Grenze erreicht", "refused": "abgelehnt", "in_flight": "wurde noch bearbeitet", "repeated": "wiederholt",
    "call_over": "Gespräch schon beendet", "busy": "überlastet", "too_slow": "zu langsam",
    # notifications
    "reminder": "Erinnerung", "daily_list": "Tagesliste", "text": "Mitteilung", "offer": "freigewordene Zeit",
    "customer": "Kunde", "business": "Betrieb", "sending": "wird gesendet", "sent": "gesendet", "dropped": "verworfen",
    "dead": "unzustellbar", "Email": "E-Mail", "Webhook": "System des Betriebs",
    # reports of providers
    "retell": "Retell", "calcom": "Cal.com", "received": "eingegangen", "processing": "in Arbeit",
    "processed": "verarbeitet", "call_started": "Anruf begonnen", "call_ended": "Anruf beendet",
    "call_analyzed": "Anruf ausgewertet", "BOOKING_CREATED": "Buchung angelegt", "BOOKING_RESCHEDULED": "Buchung verschoben",
    "BOOKING_CANCELLED": "Buchung abgesagt",
}  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SPEAKERS: Final[Mapping[str, str]] = {"Agent:": "Assistent:", "User:": "Anrufer:"}
_SPEAKER: Final = re.compile(rf"^(?:{'|'.join(_SPEAKERS)})", re.MULTILINE)


def render_document(answer: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of the document, each of at most `width` columns if its words allow it."""
    zone, names = find_zone(answer["zone"]), answer.get("names") or {}
    yield f"Auskunft über gespeicherte Daten zur Rufnummer {answer['caller']}"
    yield f"{answer['business']}, Stand {_write(answer['created_at'], zone)}"
    for name, title in _TITLES.items():
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
            yield from wrap(f"{_FIELDS.get(name, name)}: {first}", width, first="    ", further="      ")
        for line in further:
            yield from wrap(line, width, first="      ", further="      ")


def _name_speakers(transcript: str) -> str:
    """Return a transcript in Retell's format with the names of its speakers in German."""
    return _SPEAKER.sub(lambda match: _SPEAKERS[match[0]], transcript)


def _lines(value: Any, zone: tzinfo | None) -> Sequence[str]:
    if isinstance(value, dict):
        parts = {name: _PARTS.get(name, _FIELDS.get(name, name)) for name in value}
        # A model or a provider has chosen the name, too.
        return [
            f"{to_cell(parts[name])} = {_write(part, zone)}"
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
