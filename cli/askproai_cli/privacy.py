"""`askproai export` and `askproai erase`: the rights of one caller (Art. 15, 17 and 20 GDPR)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Any, Final

import typer

from askproai_cli.changes import RequestOption, YesOption, change, confirm
from askproai_cli.client import RequestFailed, TenantOption, UrlOption, connect, name_user, request
from askproai_cli.output import Output, OutputOption, find_zone, line_width, print_json, print_rows, to_cell, wrap

EXPORT_EXAMPLE: Final = "Example: `askproai export --caller +4915112345678 -t salon-mueller.salon-mueller > export.txt`"
ERASE_EXAMPLE: Final = "Example: `askproai erase --caller +4915112345678 -t salon-mueller.salon-mueller`"

CallerOption = Annotated[str, typer.Option("--caller", help="The caller's phone number.", metavar="NUMBER")]

# What the document for the person calls things; a field that is absent here is shown by its own name.
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
}  # fmt: skip


def export(
    caller: CallerOption, tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT
) -> None:
    """Print all that is stored of one caller: as a German text for that person, with `-o json` as one document for programs.

    Calls with what was said, appointments, messages, the waiting list, notifications, and who else has data. The audit log says
    that it was exported, and by whom. A withheld number is not found; several people may share one: whose it is, you judge.
    """
    try:
        with connect(tenant, url) as client:
            answer = client.request("POST", "callers/export", json={"caller": caller, "by": name_user()})
    except RequestFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json(answer)
        return
    for line in _document(answer, line_width()):
        typer.echo(line)


def erase(
    caller: CallerOption,
    tenant: TenantOption,
    cancel: Annotated[
        bool, typer.Option("--cancel-appointments", help="Also cancel the appointments to come, here and at Cal.com.")
    ] = False,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Erase one caller: here at once, at Retell within minutes. Appointments keep their times, and name nobody.

    Refused while the caller is on the telephone, and while an appointment is to come: cancel it with `--cancel-appointments`, and
    inform the customer. Cal.com's API removes nobody from a booking: what keeps the name there is listed. It cannot be undone.
    """
    confirm(f"Erase everything about {caller} at {tenant}? It cannot be undone.", yes=yes)
    body = {"caller": caller, "cancel_appointments": cancel}
    answer = change(tenant, url, "callers/erase", body, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    erasure = answer["erasure"]
    rows = sorted(erasure["evidence"].items())
    typer.echo(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in rows) or "nothing is stored here")
    if answer["cancelled"]:
        typer.echo(f"cancelled: {answer['cancelled']} appointments to come; tell the customer")
    for uid in answer["at_calcom"]:
        typer.echo(f"Cal.com keeps name and address in booking {uid}: ask Cal.com to erase the attendee")
    typer.echo(f"erasure {erasure['id']} is {erasure['state']}; `askproai erasures -t {tenant}` shows how it goes on")


def erasures(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """List erasures of callers, newest first: whether they are done, what was erased, and what they wait for. They name nobody."""
    answer = request(tenant, url, "GET", "erasures")
    rows = [{**each, "erased": _counts(each["evidence"])} for each in answer["erasures"]]
    columns = {
        "requested_at": "when", "state": "state", "finished_at": "done", "erased": "erased", "waits_for": "waits for",
        "id": "id",
    }  # fmt: skip
    print_rows(output, answer, rows, columns, "nobody was erased")


def _counts(evidence: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in sorted(evidence.items()))


def _document(answer: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of the document for the person."""
    zone = find_zone(answer["zone"])
    yield f"Auskunft über gespeicherte Daten zur Rufnummer {answer['caller']}"
    yield f"{answer['business']}, Stand {to_cell(answer['created_at'], zone)}"
    for name, title in _TITLES.items():
        entries = [answer[name]] if isinstance(answer[name], dict) else answer[name] or []
        yield ""
        yield f"{title}: {'' if entries else 'nichts'}".rstrip()
        for number, entry in enumerate(entries, start=1):
            if len(entries) > 1:
                yield f"  {number}."
            yield from _entry(entry, zone, width)
    yield ""
    yield "Weitere Stellen, die Daten haben können:"
    for place in answer["elsewhere"]:
        yield from wrap(place, width, first="  - ", further="    ")


def _entry(entry: Mapping[str, Any], zone: tzinfo | None, width: int) -> Iterator[str]:
    for name, value in entry.items():
        if value in (None, "", False, {}) or name in {"id", "call_id", "transcript_truncated"}:
            continue
        label = _FIELDS.get(name, name)
        for line in _lines(value, zone):
            yield from wrap(f"{label}: {line}", width, first="    ", further="      ")
            label = "…"


def _lines(value: Any, zone: tzinfo | None) -> Sequence[str]:
    if value is True:
        return ["ja"]
    if isinstance(value, dict):
        return [f"{name} = {part}" for name, part in value.items()]
    return [to_cell(line, zone) for line in str(value).splitlines()]
