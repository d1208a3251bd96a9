"""W5: a call's row is the same for every order of its events. W3: transcripts are cut at 10,000 characters, and said so."""

from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_runtime.calls.payload import FunctionRequest, RetellCall, RetellEvent, instant, read, said
from askproai_runtime.calls.row import CallRow, merge, row_of

RECEIVED = datetime(2026, 11, 20, 9, tzinfo=UTC)
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("call_started", {"call_status": "ongoing", "agent_id": "agent_1", "from_number": "+4915112345678"}),
    (
        "call_ended",
        {
            "call_status": "ended",
            "start_timestamp": 1_000_000,
            "end_timestamp": 2_000_000,
            "disconnection_reason": "user_hangup",
            "transcript": "Guten Tag",
        },
    ),
    ("call_analyzed", {"transcript": "Guten Tag", "call_analysis": {"call_successful": True}}),
    ("call_started", {"call_status": "ongoing", "agent_id": "agent_1"}),
]


def row(name: str, call: dict[str, Any]) -> CallRow:
    return row_of(name, RetellCall(call_id="call_1", **call), "mitte", RECEIVED)


@pytest.mark.parametrize("order", list(permutations(range(len(EVENTS)))))
def test_every_order_of_events_gives_the_same_row(order: tuple[int, ...]) -> None:
    result = reduce(merge, (row(*EVENTS[index]) for index in order), CallRow())
    assert result == CallRow(
        status="ended",
        branch="mitte",
        agent_id="agent_1",
        from_number="+4915112345678",
        started_at=instant(1_000_000),
        ended_at=instant(2_000_000),
        analyzed_at=RECEIVED,
        disconnection_reason="user_hangup",
        transcript="Guten Tag",
        analysis={"call_successful": True},
    )


texts = st.none() | st.sampled_from(["a", "b", "ab"])
rows = st.builds(
    CallRow,
    status=st.sampled_from(["registered", "ongoing", "not_connected", "ended", "error", "invented"]),
    agent_id=texts,
    started_at=st.none() | st.sampled_from([RECEIVED, datetime(2026, 1, 1, tzinfo=UTC)]),
    transcript=texts,
    transcript_truncated=st.booleans(),
)


@given(st.lists(rows, min_size=2, max_size=4), st.randoms())
def test_merging_does_not_depend_on_the_order(given_rows: list[CallRow], random: Any) -> None:
    shuffled = list(given_rows)
    random.shuffle(shuffled)
    assert reduce(merge, given_rows) == reduce(merge, shuffled)
    assert merge(given_rows[0], given_rows[0]) == given_rows[0]


def test_a_late_call_started_never_reopens_a_call() -> None:
    ended = row("call_ended", {"call_status": "ended"})
    assert merge(ended, row("call_started", {"call_status": "ongoing"})).over


@pytest.mark.parametrize(
    ("event", "told", "status"),
    [
        ("call_started", None, "ongoing"),
        ("call_started", "registered", "ongoing"),
        ("call_ended", None, "ended"),
        ("call_ended", "ongoing", "ended"),
        ("call_ended", "error", "error"),
        ("call_ended", "not_connected", "not_connected"),
        ("call_ended", "invented_2027", "ended"),
    ],
)
def test_an_event_says_at_least_its_own_status(event: str, told: str | None, status: str) -> None:
    assert row(event, {"call_status": told}).status == status


@pytest.mark.parametrize(("length", "cut"), [(9_999, False), (10_000, False), (10_001, True), (50_000, True)])
def test_transcripts_are_cut_at_ten_thousand_characters(length: int, cut: bool) -> None:
    result = row("call_ended", {"transcript": "ä" * length})
    assert len(result.transcript or "") == min(length, 10_000)
    assert result.transcript_truncated is cut


def test_what_postgres_cannot_store_is_dropped() -> None:
    event = read(
        b'{"event":"call_ended","call":{"call_id":"c","transcript":"a\\u0000b","call_analysis":{"x":["\\u0000"]}}}',
        RetellEvent,
    )
    assert event.call is not None
    assert event.call.transcript == "ab"
    assert event.call.call_analysis == {"x": [""]}


@pytest.mark.parametrize("told", [float("1e300"), -1e300, None])
def test_times_that_no_calendar_knows_count_as_absent(told: float | None) -> None:
    assert instant(told) is None


@pytest.mark.parametrize(
    ("args", "regular"),
    [
        (None, {}),
        ("morgen", {}),
        ([1], {}),
        ({"service": " Haarschnitt ", "date": "", "time": None, "staff": {"id": 1}}, {"service": "Haarschnitt"}),
        ({"phone": 491512345678, "another": "ja"}, {"phone": "491512345678", "another": True}),
        ({"another": True, "service": True}, {"another": True}),
        ({"another": "vielleicht"}, {"another": False}),
        ({"notes": "x" * 2_000}, {"notes": "x" * 500}),
    ],
)
def test_what_a_model_passes_is_made_regular(args: Any, regular: dict[str, Any]) -> None:
    assert said(args) == regular


def test_a_function_request_needs_no_arguments() -> None:
    assert read(b'{"name":"check_availability","call":{"call_id":"c"}}', FunctionRequest).args is None


@pytest.mark.parametrize("depth", [600, 900])
def test_what_holds_nul_and_is_nested_too_deeply_is_malformed(depth: int) -> None:
    """W3. A function then answers 400, and an event dies at its first try."""
    nested = b"[" * depth + b"]" * depth
    with pytest.raises(msgspec.DecodeError, match="nested too deeply"):
        read(b'{"name":"f","call":{"call_id":"c"},"args":{"a":"\\u0000","b":' + nested + b"}}", FunctionRequest)
