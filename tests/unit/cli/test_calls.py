"""Calls and a timeline as people see them: nothing is cut, at any width."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_cli.calls import content_lines, timeline_lines
from askproai_cli.output import parse_since

CALL_ID, APPOINTMENT = "call_def0b28aae2e8325872f97d38466", "e311b064-bcd1-4c81-b3d7-c9672b00240a"
CALL = {
    "call_id": CALL_ID, "started_at": "2026-11-20T13:27:00+01:00", "seconds": 42, "from_number": "+4915112345678",
    "branch": "mitte", "outcome": "nothing",
}  # fmt: skip


def moment(what: str, name: str, outcome: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("duration_ms", "detail", "arguments", "answer", "appointment_id", "starts_at", "next_try_at")
    )
    return empty | {"at": "2026-11-20T13:27:39+01:00", "what": what, "name": name, "outcome": outcome,
                    "correlation_id": "c0ffee"} | values  # fmt: skip


TIMELINE = {
    "call": CALL,
    "moments": [
        moment(
            "function", "check_availability", "closed_day", duration_ms=31, answer="Da ist nicht geöffnet. " * 8,
            arguments={"service": "Haarschnitt", "date": "am Sonntag", "another": True},
        ),
        moment("function", "check_availability", "failed", detail="NotImplementedError at hours.py:40 > hours.py:46"),
        moment(
            "appointment", "haarschnitt · anna", "pending_sync", appointment_id=APPOINTMENT,
            starts_at="2026-11-27T10:00:00+01:00",
        ),
        moment("action", "book", "done", appointment_id=APPOINTMENT),
        moment("job", "calendar-sync", "ready", next_try_at="2026-11-20T13:32:39+01:00", appointment_id=APPOINTMENT),
        moment("provider", "calcom POST /v2/bookings/{uid}/reschedule", "confirmed 201", duration_ms=5),
    ],
    "zone": "Europe/Berlin",
    "transcript": "Agent: Guten Tag\nUser: Einen Haarschnitt am Sonntag um zehn",
}  # fmt: skip


def test_undecryptable_text_is_reported() -> None:
    lost = moment("function", "book_appointment", "booked", not_readable=True)
    text = "\n".join(timeline_lines({**TIMELINE, "transcript": None, "not_readable": True, "moments": [lost]}, 100))
    assert text.count("Not readable: the key with which it was encrypted is gone.") == 2
    content = {"call": CALL, "transcript": None, "further": {}, "zone": "Europe/Berlin", "not_readable": True}
    content |= dict.fromkeys(("summary", "sentiment", "successful", "recording_url"))
    assert "\n".join(content_lines(content, 100)).endswith("Not readable: the key with which it was encrypted is gone.")


@pytest.mark.parametrize("width", [20, 40])
def test_copyable_text_is_unbroken_in_narrow_terminals(width: int) -> None:
    said = f"User: {APPOINTMENT} an erika.mustermann-schmidt@salon-mueller.example"
    text = "\n".join(timeline_lines({**TIMELINE, "transcript": said}, width))
    assert text.count(APPOINTMENT) == 1 + "\n".join(timeline_lines({**TIMELINE, "transcript": None}, width)).count(
        APPOINTMENT
    )
    assert "erika.mustermann-schmidt@salon-mueller.example" in text
    assert CALL_ID in text


def test_a_timeline_says_how_the_call_ended() -> None:
    closed = {**TIMELINE, "call": {**CALL, "disconnection_reason": "NOT_FOUND_AT_RETELL"}}
    assert "nothing, end: NOT_FOUND_AT_RETELL" in "\n".join(timeline_lines(closed, 80))


@pytest.mark.parametrize("width", [80, 120])
def test_timeline_has_arguments_outcomes_and_next_job_attempts(width: int) -> None:
    lines = list(timeline_lines(TIMELINE, width))
    text = "\n".join(lines)
    for part in (
        CALL_ID, APPOINTMENT, "from +4915112345678, mitte, 42 s, nothing", "date: am Sonntag, another: true", "31 ms",
        "correlation id c0ffee", "NotImplementedError at hours.py:40", "at Fri 27 Nov 2026 10:00 CET",
        "next try Fri 20 Nov 2026 13:32:39 CET", "Fri 20 Nov 2026 13:27:00 CET, from +4915112345678",
        "calcom POST /v2/bookings/{uid}/reschedule  confirmed 201", "  User: Einen Haarschnitt am Sonntag um zehn",
    ):  # fmt: skip
        assert part in text
    assert "…" not in text
    assert "action " not in text, "the functions say it"
    assert [line for line in lines if len(line) > width and "{uid}" not in line] == [], (
        "only a long path of a provider is longer"
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2h", "2026-11-20T10:00:00+00:00"), ("90m", "2026-11-20T10:30:00+00:00"), ("3d", "2026-11-17T12:00:00+00:00"),
        ("2026-11-20", "2026-11-20"), ("gestern", "gestern"),
    ],
)  # fmt: skip
def test_since_argument_converts_an_age_to_a_time(text: str, instant: str) -> None:
    assert parse_since(text, datetime(2026, 11, 20, 12, tzinfo=UTC)) == instant


def test_timeline_uses_the_tenants_zone_and_notation() -> None:
    start = "2026-11-27T10:00:00+01:00"
    book = moment("function", "book_appointment", "booked", arguments={"start": start}, answer=f"Gebucht: {start}")
    text = "\n".join(timeline_lines({**TIMELINE, "moments": [book], "transcript": None}, 120))
    assert (text.count("Fri 27 Nov 2026 10:00 CET"), "UTC" in text) == (2, False), text


def test_call_shows_analysis_recording_and_transcript() -> None:
    url = "https://api.retellai.example/a-long-path/" + "x" * 80
    content = {
        "call": CALL, "zone": "Europe/Berlin", "transcript": "Agent: Guten Tag\nUser: \x1b[2JHallo",
        "transcript_truncated": True, "summary": "Fragt nach Farbe.", "sentiment": "Positive", "successful": False,
        "recording_url": url, "further": {"in_voicemail": False},
    }  # fmt: skip
    text = "\n".join(content_lines(content, 60))
    for shown in (
        CALL_ID,
        "summary: Fragt nach Farbe.",
        "successful: false",
        url,
        "in voicemail: false",
        "User:",
        "is cut",
    ):
        assert shown in text
    assert "\x1b" not in text
    bare = dict.fromkeys(content) | {"call": CALL, "further": {}}
    assert "No transcript is kept" in "\n".join(content_lines(bare, 60))
    notice = {"ai_notice": "heard", "agent_version": 4, "retell_keeps": "everything", "deleted_at_retell": None}
    refused = bare | {"notice": notice | {"refused_at": "2026-11-24T10:00:00+01:00"}}
    said = "\n".join(content_lines(refused, 60))
    assert ("no text of it is kept" in said.replace("\n  ", " "), "No transcript" in said) == (True, False), said


@pytest.mark.parametrize(
    ("notice", "shown"),
    [
        ({"ai_notice": "heard", "agent_version": 4, "retell_keeps": "everything"},
         "given (transcript), version 4; Retell keeps: everything"),
        ({"ai_notice": "not_known", "agent_version": None, "retell_keeps": None}, "AI notice: not known; Retell keeps: not known"),
    ],
)  # fmt: skip
def test_call_shows_whether_the_notice_was_heard(notice: dict[str, Any], shown: str) -> None:
    answer = {
        "call": CALL,
        "zone": "Europe/Berlin",
        "notice": {**notice, "refused_at": None, "deleted_at_retell": None},
    }
    bare = dict.fromkeys(("transcript", "summary", "sentiment", "successful", "recording_url"))
    assert shown in "\n".join(content_lines({**bare, "further": {}, **answer}, 200))
    assert shown in "\n".join(timeline_lines({**TIMELINE, **answer}, 200))


def test_refused_call_shows_whether_retell_has_it() -> None:
    at = "2026-11-27T10:00:00+01:00"
    notice = {
        "ai_notice": "heard",
        "agent_version": 4,
        "retell_keeps": "everything",
        "refused_at": at,
        "deleted_at_retell": None,
    }
    left = "\n".join(timeline_lines({**TIMELINE, "zone": "Europe/Berlin", "notice": notice}, 400))
    assert "refused to be recorded Fri 27 Nov 2026 10:00 CET" in left
    assert "at Retell not deleted yet" in left
    gone = "\n".join(
        timeline_lines({**TIMELINE, "zone": "Europe/Berlin", "notice": {**notice, "deleted_at_retell": at}}, 400)
    )
    assert "deleted at Retell Fri 27 Nov 2026 10:00 CET" in gone
