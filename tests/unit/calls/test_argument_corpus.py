"""Arguments that models of public projects pass, with the right outcome of each row.

A row of `argument_corpus.jsonl` has the function, its `args`, and what is `right`; `source` names where such values are reported,
and `language` is German without it. `right` is, for a booking, a search or a new time on 26 November 2026 at 10:00, or `at`:

    2026-12-11T10:00         this start; ` with <staff>` where a person was asked for
    2026-12-11, …T10:00-11:00, soon      a search of that day, of these hours, of the next free times
    2026-12-07..12-09 not Tue 15:00-18:00      these hours of several days; `..`: no last day; ` latest`: the last free time
    2026-12-11, ask time     a search of the day that is kept, and the time is not understood
    ask time                 the day is kept, and its time is asked for
    ask day, ask when, ask name, ask service, ask staff, ask which (one of several readings), over, impossible

`A | B`: either is right. Other rows have the arguments that are read, as an object. Rows of people who have not seen the code are
in `tests/integration/calls/held_out_arguments.jsonl`.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from askproai_core.languages import Language
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import parse_time
from askproai_runtime.conversation.spoken_booking import parse_booking_request
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.sentences import say, speaking
from askproai_runtime.spoken_times import Candidate, Understanding
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CORPUS = Path(__file__).with_name("argument_corpus.jsonl")
ROWS: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 26, 9, tzinfo=UTC), "corr")
CONFIG = salon_config()
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def find_outcome(function: str, args: Any, call: CallContext = CALL) -> str:
    """Return the outcome of a booking, a search or a new time in the notation of the rows."""
    values = read_arguments(function, args).values
    try:
        if function == "book_appointment":
            request = parse_booking_request(CONFIG, call, values, ())
            staff = f" with {request.service.staff}" if request.service.staff else ""
            return f"{request.start.astimezone(request.rules.zone):%Y-%m-%dT%H:%M}{staff}"
        service = parse_service_request(CONFIG, call, values)
        return _describe(parse_time(values, call, service))
    except ClarificationNeeded as clarification:
        return _name_question(clarification.answer)


def _describe(understood: Understanding | None) -> str:
    if understood is None or understood.ambiguous:
        return "ask which" if understood else "soon"
    return " + ".join(map(_describe_candidate, understood.candidates)) + (", ask time" if understood.unclear else "")


def _describe_candidate(candidate: Candidate) -> str:
    start, end, daily = candidate.start, candidate.end, candidate.daily
    if end is None:
        return f"{start:%Y-%m-%dT%H:%M}"
    last = end - timedelta(minutes=1)
    until = "" if last.date() == start.date() else f"..{last:%m-%d}" if end - start < timedelta(days=300) else ".."
    left_out = [f" not {day}" for number, day in enumerate(WEEKDAYS) if daily and number not in daily.weekdays]
    opens, closes = (daily.opens, daily.closes or time()) if daily else (start.time(), end.time())
    hours = f"{' ' if until else 'T'}{opens:%H:%M}-{closes:%H:%M}".replace("-00:00", "-24:00")
    hours = "" if hours.endswith("00:00-24:00") else hours
    return f"{start:%Y-%m-%d}{until}{''.join(left_out)}{hours}{' latest' if candidate.latest else ''}"


def _name_question(answer: Answer) -> str:
    words, message = say(), answer.message
    exactly = words.what_time_exactly.format(reading="").strip()
    named = {words.day_not_understood: "ask day", words.whose_name: "ask name", words.when_to_book: "ask when",
             words.time_not_understood: "ask when"}  # fmt: skip
    outcomes = {FunctionOutcome.UNKNOWN_STAFF: "ask staff", FunctionOutcome.UNKNOWN_SERVICE: "ask service",
                FunctionOutcome.PAST: "over", FunctionOutcome.IMPOSSIBLE: "impossible"}  # fmt: skip
    if message in named or answer.outcome in outcomes:
        return named.get(message) or outcomes[answer.outcome]
    if message.endswith(exactly):
        return "ask time"
    return "ask which" if "candidates" in answer.fields else "ask service" if "services" in answer.fields else message


@each_row("row", ROWS)
def test_arguments_of_models_have_the_right_outcome(row: dict[str, Any]) -> None:
    call = replace(CALL, started_at=datetime.fromisoformat(row["at"])) if "at" in row else CALL
    with speaking(Language(row.get("language", "de"))):
        if isinstance(row["right"], str):
            assert find_outcome(row["function"], row["args"], call) in row["right"].split(" | "), row
        else:
            assert read_arguments(row["function"], row["args"]).values == row["right"], row


def test_argument_corpus_has_four_hundred_rows() -> None:
    assert len(ROWS) >= 400
