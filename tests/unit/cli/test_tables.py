"""The tables of all commands, with realistic values: values that a person copies are whole, at every width."""

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import askproai_cli.output
from askproai_cli.output import to_cell
from tests.unit.cli.conftest import PrivatePort

APPOINTMENT, CALL = "e311b064-bcd1-4c81-b3d7-c9672b00240a", "call_def0b28aae2e8325872f97d38466"
ERROR = "Cal.com refuses the event type 1001: it is gone or another account's; correct spec.calcom of ServiceOffering/haarschnitt"
MOMENT = {"at": "2026-11-20T13:27:39.120000Z", "duration_ms": None, "detail": None, "arguments": None, "answer": None,
          "appointment_id": None, "starts_at": None, "next_try_at": None}  # fmt: skip
MESSAGE = {"id": APPOINTMENT, "created_at": "2026-11-20T13:27:39.120000Z", "call_id": CALL, "branch": "mitte",
           "name": "Karl-Friedrich von Hohenzollern", "phone": "+4915112345678", "recipient": "Doktor Winter",
           "text": "Ich brauche vor der Behandlung am Freitag noch den Kostenvoranschlag für die Krankenkasse, bitte per Post.",
           "call_back": "morgen ab zehn", "call_back_from": "2026-11-21T10:00:00+01:00",
           "call_back_until": "2026-11-22T00:00:00+01:00", "done_at": None, "done_by": None, "note": None}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "appointments": {
        "appointments": [
            {
                "id": APPOINTMENT, "branch": "mitte", "service": "professionelle-zahnreinigung", "staff": "dr-winter",
                "start": "2026-11-27T10:00:00+01:00", "end": "2026-11-27T10:45:00+01:00", "status": "pending_sync",
                "customer_name": "Karl-Friedrich von Hohenzollern", "call_id": CALL, "error": None,
            }
        ],
        "next": None, "zone": "Europe/Berlin",
    },
    "slots": {
        "slots": [
            {"start": f"2026-11-27T{hour:02}:{minute:02}:00+01:00", "end": "2026-11-27T18:00:00+01:00", "staff": "anna"}
            for hour in range(9, 18) for minute in (0, 15, 30, 45)
        ],
        "zone": "Europe/Berlin",
    },
    "calls": {
        "calls": [
            {"call_id": CALL, "started_at": "2026-11-20T13:27:00.5Z", "seconds": 42, "from_number": "+4915112345678",
             "branch": "mitte", "outcome": "cancelled"}
        ],
        "next": None, "zone": "Europe/Berlin",
    },
    f"timeline/{CALL}": {
        "call": None,
        "moments": [
            MOMENT | {"what": "provider", "name": "calcom POST /v2/bookings", "outcome": "confirmed 201", "duration_ms": 5},
            MOMENT | {"what": "appointment", "name": "haarschnitt · anna", "outcome": "confirmed",
                      "appointment_id": APPOINTMENT, "starts_at": "2026-11-27T10:00:00+01:00"},
        ],
        "zone": "Europe/Berlin", "transcript": None,
    },
    "events": {
        "events": [
            {"id": "job:184467", "received_at": "2026-11-20T13:27:39.120000Z", "source": "calendar-sync",
             "type": "calendar-sync", "status": "dead", "attempts": 4, "call_id": CALL, "error": ERROR}
        ],
        "next": None,
    },
    "events/job:184467": {
        "event": {"id": "job:184467", "received_at": "2026-11-20T13:27:39.120000Z", "error": ERROR,
                  "event_id": APPOINTMENT, "correlation_id": CALL},
        "job": {"id": 184467, "run_at": "2026-11-20T13:33:00Z"},
    },
    "messages": {"messages": [MESSAGE], "next": None, "zone": "Europe/Berlin"},
    f"messages/{APPOINTMENT}": {"message": MESSAGE, "zone": "Europe/Berlin"},
    "waitlist": {
        "entries": [
            {"id": APPOINTMENT, "state": "offered", "name": "Karl-Friedrich von Hohenzollern", "phone": "+4915112345678",
             "service": "professionelle-zahnreinigung", "staff": None, "requested": "Freitag, 27. November 2026, Vormittag",
             "offer": {"staff": "dr-winter", "start": "2026-11-27T10:00:00+01:00", "end": "2026-11-27T10:45:00+01:00",
                       "expires_at": "2026-11-20T15:27:00+01:00"}}
        ],
        "next": None, "zone": "Europe/Berlin",
    },
    "circuits": {
        "circuits": [
            {"provider": "calcom", "state": "half_open", "failures": 5, "retry_after_seconds": 27.5, "everywhere": True,
             "shared": True}
        ]
    },
}  # fmt: skip
# Each command, and the values that a person copies from its output.
TABLES = {
    "appointments list": (
        APPOINTMENT,
        CALL,
        "Fri 27 Nov 2026 10:00 CET",
        "professionelle-zahnreinigung",
        "pending_sync",
    ),
    "slots --branch mitte --service haarschnitt --date 2026-11-27": ("Fri 27 Nov 2026, CET", "09:00", "17:45"),
    "calls list": (CALL, "+4915112345678", "Fri 20 Nov 2026 14:27 CET", "cancelled"),
    f"timeline {CALL}": (APPOINTMENT, "calcom POST /v2/bookings", "Fri 20 Nov 2026 CET", "14:27:39"),
    "events list": ("job:184467", "20 Nov 2026", CALL, "ServiceOffering/haarschnitt"),
    "events show job:184467": ("job:184467", APPOINTMENT, CALL),
    "messages list": (
        APPOINTMENT,
        "+4915112345678",
        "Fri 20 Nov 2026 14:27 CET",
        "for Doktor Winter",
        "Kostenvoranschlag",
    ),
    f"messages show {APPOINTMENT}": (APPOINTMENT, CALL, "Sat 21 Nov 2026 10:00 CET", "morgen ab zehn"),
    "waitlist list": (
        APPOINTMENT,
        "+4915112345678",
        "Fri 27 Nov 2026 10:00 CET",
        "Fri 20 Nov 2026 15:27 CET",
        "anybody",
    ),
    "circuits list": ("calcom", "half_open", "in 28 s"),
}

Run = Callable[..., Any]


@pytest.fixture
async def run(port: PrivatePort, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a terminal of a width, or into a pipe (None), against a tenant that has one of everything."""
    port.answers = ANSWERS

    async def run(command: str, width: int | None = None, *options: str) -> str:
        monkeypatch.setattr(askproai_cli.output, "find_width", lambda: width)
        result = await port.run(*command.split(), *options)
        assert result.exit_code == 0, result.output
        return str(result.output)

    return run


@pytest.mark.parametrize("command", TABLES)
async def test_tables_never_cut_ids_on_a_terminal(run: Run, command: str) -> None:
    for width in (80, 120):
        printed = await run(command, width)
        assert [copied for copied in TABLES[command] if copied not in re.sub(r"\n +", " ", printed)] == [], printed
        assert "…" not in printed
        assert max(map(len, printed.splitlines())) <= width, "lines of words break between them"


@pytest.mark.parametrize("command", TABLES)
async def test_piped_table_has_whole_rows_with_one_notation(run: Run, command: str) -> None:
    printed = await run(command)
    assert [copied for copied in TABLES[command] if copied not in re.sub(r"\n +", " ", printed)] == [], printed
    assert "…" not in printed
    assert not re.search(r"\d{4}-\d\d-\d\dT|\+00\b", printed)
    if not command.startswith("timeline "):
        assert not [line for line in printed.splitlines() if line.startswith(" ")]
    iso = await run(command, None, "-o", "json")
    assert not re.search(r"\w{3} \d\d \w{3} \d{4}", iso), "programs get ISO 8601"


async def test_caller_text_cannot_command_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = ANSWERS["appointments"]["appointments"]
    monkeypatch.setitem(entry, "customer_name", "Max\x1b]0;owned\x07\nMuster 9999-99-99T99:99Z")
    printed = await run("appointments list")
    assert not set(printed) & {"\x1b", "\x07"}
    assert "Muster 9999-99-99T99:99Z" in printed.splitlines()[1]


async def test_appointment_list_of_two_branches_has_branch_column(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person of two branches has the same name in both."""
    (entry,) = ANSWERS["appointments"]["appointments"]
    assert "branch" not in (await run("appointments list")).splitlines()[0], "one says nothing"
    monkeypatch.setitem(ANSWERS["appointments"], "appointments", [entry, {**entry, "branch": "markt"}])
    title, first, second = (await run("appointments list")).splitlines()[:3]
    assert title.split()[:3] == ["start", "branch", "with"]
    assert ("mitte" in first, "markt" in second) == (True, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"basis": "calendar", "read_at": "2026-11-20T09:00:00+01:00"}, "in the remote calendar as read"),
        ({"basis": "own_book", "read_at": None}, "Not certain"),
        ({"slots": [], "basis": "calendar", "read_at": "2026-11-20T09:00:00+01:00"}, "Free times there: read"),
    ],
)
async def test_slots_command_shows_the_basis_of_times(
    run: Run, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], said: str
) -> None:
    monkeypatch.setitem(ANSWERS, "slots", ANSWERS["slots"] | fields)
    command = "slots --branch mitte --service haarschnitt --date 2026-11-27"
    assert said in await run(command, 80)
    assert said not in await run(command, 80, "-o", "json"), "the JSON has the fields themselves"
    monkeypatch.setitem(ANSWERS["slots"], "slots", [])
    monkeypatch.setitem(ANSWERS["slots"], "closed", "the day is over")
    assert said not in await run(command, 80), "nothing can be booked, whatever the remote calendar has free"


def test_range_of_hours_is_no_utc_offset() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert to_cell("auf 2026-12-16 08:30-10:00, bitte", berlin) == "auf 2026-12-16 08:30-10:00, bitte"
    assert to_cell("since 2026-12-16T08:30:00-05:00", berlin) == "since Wed 16 Dec 2026 14:30 CET"
    assert to_cell("since 2026-12-16 08:30:00+00", berlin) == "since Wed 16 Dec 2026 09:30 CET"
