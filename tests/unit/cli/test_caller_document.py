"""The document for a caller is German: times, names instead of ids, and words instead of states."""

from typing import Any

import pytest

from askproai_cli.caller_document import VALUES, render_document
from askproai_core.tenant_config import NotificationChannel
from askproai_runtime.book.appointments import Status
from askproai_runtime.conversation.functions import FUNCTIONS_BY_NAME
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.intake import Source
from askproai_runtime.notifications.types import Kind, Recipient, State

APPOINTMENT = {
    "id": "1", "branch": "gohlis", "service": "krallen+schur", "staff": "vogel", "starts_at": "2026-11-24T13:00:00+01:00",
    "status": "confirmed", "birth_date": "1985-04-03", "notes": "kommt am 2026-11-24", "for_somebody_else": False,
}  # fmt: skip
CALL = {
    "call_id": "call_1", "direction": "inbound", "branch": "gohlis", "status": "ended", "started_at": "2026-11-24T12:00:00Z",
    "transcript": "A\nB", "analysis": {"user_sentiment": "Neutral", "is_good": True},
}  # fmt: skip
NAMES = {
    "branches": {"gohlis": "Pfotenglück Gohlis"}, "services": {"krallen+schur": "Krallenschneiden und Schur"},
    "staff": {"gohlis": {"vogel": "Frau Vogel"}},
}  # fmt: skip
LISTS = (
    "requests_in_calls", "messages", "waiting_list", "notifications", "no_reminders_to", "attempts_to_prove_who_it_is", "events",
)  # fmt: skip


def document(**changes: Any) -> list[str]:
    answer = {
        "caller": "+4915112345678", "business": "Pfotenglück", "created_at": "2026-11-22T08:33:10Z", "zone": "Europe/Berlin",
        "customer": {"name": "Holger Fink", "since": "2026-01-05T10:00:00Z"}, "appointments": [APPOINTMENT], "calls": [CALL],
        **dict.fromkeys(LISTS, ()), "elsewhere": ["Retell"], "names": NAMES,
    }  # fmt: skip
    return list(render_document(answer | changes, 200))


def test_the_document_is_german_throughout() -> None:
    text = document()
    assert text[1] == "Pfotenglück, Stand So, 22. November 2026, 09:33 Uhr"
    assert "    seit: Mo, 5. Januar 2026, 11:00 Uhr" in text
    assert text[text.index("Termine:") + 1 : text.index("Anrufe:") - 1] == [
        "    Filiale: Pfotenglück Gohlis",
        "    Leistung: Krallenschneiden und Schur",
        "    bei: Frau Vogel",
        "    Beginn: Di, 24. November 2026, 13:00 Uhr",
        "    Stand: eingetragen",
        "    Geburtsdatum: 3. April 1985",
        "    Notiz: kommt am 2026-11-24",
    ]
    assert {"    Richtung: eingehend", "    Stand: beendet", "    Beginn: Di, 24. November 2026, 13:00 Uhr"} <= set(
        text
    )
    assert {"    Auswertung: Stimmung = Neutral", "      is_good = ja"} <= set(text)


def test_function_arguments_are_named_too() -> None:
    arguments = {"customer_name": "Rita", "service": "Schur", "start": "2026-11-26T10:00:00+01:00", "own": "x"}
    asked = {"call_id": "c", "at": "2026-11-22T09:05:00Z", "function": "book_appointment", "arguments": arguments}
    text = document(requests_in_calls=[asked])
    first = text.index("    Abfrage: Termin eintragen") + 1
    assert text[first : first + 4] == [
        "    Angaben: Name = Rita",
        "      Leistung = Schur",
        "      Beginn = Do, 26. November 2026, 10:00 Uhr",
        "      own = x",
    ]


def test_argument_name_cannot_inject_terminal_sequences() -> None:
    asked = {"at": "2026-11-22T09:05:00Z", "function": "book_appointment", "arguments": {"own\x1b[2J": "x\x1b[2J"}}
    assert "    Angaben: own\N{REPLACEMENT CHARACTER}[2J = x\N{REPLACEMENT CHARACTER}[2J" in document(
        requests_in_calls=[asked]
    )


@pytest.mark.parametrize("names", [{}, None, {"branches": {}, "services": {}, "staff": {}}])
def test_a_deleted_branch_is_named_by_its_id(names: Any) -> None:
    text = document(names=names)
    assert {"    Filiale: gohlis", "    Leistung: krallen+schur", "    bei: vogel"} <= set(text)


def test_untranslated_value_is_shown_unchanged() -> None:
    message = {"text": "confirmed", "for_whom": "Mia", "call_back": "2026-13-45", "left_at": "2026-11-22T08:33:10Z"}
    text = document(calls=[CALL | {"status": "new_status"}], messages=[message])
    assert {"    Stand: new_status", "    Text: confirmed", "    Rückruf: 2026-13-45"} <= set(text)


def test_callback_time_has_day_and_callers_words() -> None:
    message = {"text": "Rechnung", "call_back": "morgen nach 17 Uhr", "left_at": "2026-11-24T08:33:10Z"}
    times = {"call_back_from": "2026-11-25T16:00:00Z", "call_back_until": "2026-11-25T23:00:00Z"}
    written = "".join(line.strip() + " " for line in document(messages=[message | times]))
    assert "Rückruf: Mittwoch, 25. November 2026, ab 17:00 Uhr („morgen nach 17 Uhr“) " in written
    assert "call_back" not in written
    not_understood = document(messages=[message])
    assert "    Rückruf: morgen nach 17 Uhr" in not_understood


def test_every_stored_state_has_a_german_word() -> None:
    ours = (FunctionOutcome, Status, Kind, Recipient, State, NotificationChannel)
    stored = {str(each) for states in ours for each in states} | set(FUNCTIONS_BY_NAME)
    stored |= {Source.RETELL, Source.CALCOM}  # others send nothing about a caller
    assert not stored - set(VALUES)


def test_transcript_has_german_speakers_and_no_empty_parts() -> None:
    call = {"transcript": "Agent: Guten Tag!\nUser: Ein Agent: der war hier.", "analysis": {"custom_analysis_data": {}}}
    text = document(calls=[call])
    assert [line.strip() for line in text if "Guten Tag" in line or "der war hier" in line] == [
        "Gespräch: Assistent: Guten Tag!",
        "Anrufer: Ein Agent: der war hier.",
    ]
    assert not any("Auswertung" in line or "{}" in line for line in text)
