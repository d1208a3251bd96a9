"""A call's row is the same for every order of its events. Transcripts are cut at 10,000 characters, and marked as cut."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_runtime.caller_identity import CallerKind
from askproai_runtime.calls.payload import RetellCall, parse_milliseconds
from askproai_runtime.calls.store import CallRow
from askproai_runtime.events.call import CallChange, UnroutableCall, read_call_event, read_caller_kind
from askproai_runtime.events.call_row import merge, row_of_event
from askproai_runtime.events.store import ClosingReason
from askproai_runtime.intake import Source, StoredEvent
from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

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


def row(event_type: str, call: dict[str, Any]) -> CallRow:
    return row_of_event(event_type, RetellCall(call_id="call_1", **call), salon_config(), "mitte", RECEIVED)


def test_running_transcript_never_reopens_an_ended_call() -> None:
    """`transcript_updated` has the words of each turn, with the functions between them and without `transcript`."""
    turns = [
        {"role": "agent", "content": "Guten Tag", "words": []},
        {"role": "tool_call_invocation", "tool_call_id": "t", "name": "check_availability", "arguments": "{}"},
        {"role": "tool_call_result", "tool_call_id": "t", "content": "{}"},
        {"role": "user", "content": "Hallo", "words": []},
    ]
    call = {
        "call_id": "call_1",
        "agent_id": "agent_1",
        "to_number": "+49301234567",
        "transcript_with_tool_calls": turns,
    }
    body = json.dumps({"event": "transcript_updated", "call": call | {"call_status": "ongoing"}}).encode()
    change = read_call_event(StoredEvent(Source.RETELL, "transcript_updated", body, "c1", RECEIVED), salon_config())
    assert isinstance(change, CallChange)
    assert (change.reported.status, change.reported.transcript) == ("ongoing", "Agent: Guten Tag\nUser: Hallo\n")
    ended = row("call_ended", {"call_status": "ended", "transcript": "Agent: Guten Tag\nUser: Hallo\nAgent: Gern\n"})
    for merged in (merge(change.reported, ended), merge(ended, change.reported)):
        assert (merged.status, merged.transcript) == ("ended", ended.transcript)


@each_row("order", list(permutations(range(4))))
def test_final_transcript_replaces_a_longer_live_transcript(order: tuple[int, ...]) -> None:
    """Retell transcribes the turns again when the call is over. An end without a transcript removes none."""
    turn, later = (
        row("transcript_updated", {"call_status": "ongoing", "transcript": f"User: Hallo, hallo{said}"})
        for said in ("", "? Ist da wer?")
    )
    ends = row("call_ended", {"call_status": "ended"}), row("call_analyzed", {"transcript": "User: Hallo"})
    events = (turn, later, *ends)
    assert reduce(merge, (events[index] for index in order)).transcript == "User: Hallo"
    assert reduce(merge, (events[index] for index in order if index < 3)).transcript == later.transcript


def test_calls_of_a_closed_branchs_agent_are_recorded() -> None:
    """A deleted Branch leaves its agent, which says that nobody takes appointments there any more."""
    call = {
        "call_id": "call_1",
        "agent_id": "agent_closed",
        "from_number": "+4915112345678",
        "to_number": "+49309999999",
    }
    body = json.dumps({"event": "call_started", "call": call}).encode()
    event = StoredEvent(Source.RETELL, "call_started", body, "c1", RECEIVED)
    config = salon_config()
    with pytest.raises(UnroutableCall):
        read_call_event(event, config)
    change = read_call_event(event, msgspec.structs.replace(config, closed_agents=("agent_closed",)))
    assert isinstance(change, CallChange)
    assert (change.reported.agent_id, change.reported.branch) == ("agent_closed", None)


@each_row("order", list(permutations(range(len(EVENTS)))))
def test_every_event_order_gives_the_same_row(order: tuple[int, ...]) -> None:
    result = reduce(merge, (row(*EVENTS[index]) for index in order), CallRow())
    assert result == CallRow(
        status="ended",
        branch="mitte",
        agent_id="agent_1",
        from_number="+4915112345678",
        started_at=parse_milliseconds(1_000_000),
        ended_at=parse_milliseconds(2_000_000),
        analyzed_at=RECEIVED,
        disconnection_reason="user_hangup",
        transcript="Guten Tag",
        transcript_is_final=True,
        analysis={"call_successful": True},
    )


_LINK, _OTHER = ({"recording_url": f"https://x/{name}"} for name in "ab")
CLOSED = CallRow(status="ended", disconnection_reason=ClosingReason.END_UNKNOWN)


def _possible(row: CallRow) -> CallRow:
    row = row if row.over else replace(row, disconnection_reason=None)
    return row if row.transcript else replace(row, transcript_is_final=False)


texts = st.none() | st.sampled_from(["a", "b", "ab"])
rows = st.builds(
    CallRow,
    status=st.sampled_from(["registered", "ongoing", "not_connected", "ended", "error", "invented"]),
    agent_id=texts,
    disconnection_reason=texts,
    started_at=st.none() | st.sampled_from([RECEIVED, datetime(2026, 1, 1, tzinfo=UTC)]),
    transcript=texts,
    transcript_truncated=st.booleans(),
    transcript_is_final=st.booleans(),
    analysis=st.none()
    | st.sampled_from([{"call_summary": "a"}, {"call_summary": "b"}, {"call_successful": True}, _LINK, _OTHER]),
).map(_possible)


@given(st.lists(rows, min_size=2, max_size=4), st.randoms())
def test_call_row_is_equal_for_every_merge_order(call_rows: list[CallRow], random: Any) -> None:
    shuffled = list(call_rows)
    random.shuffle(shuffled)
    assert reduce(merge, call_rows) == reduce(merge, shuffled)
    assert merge(call_rows[0], call_rows[0]) == call_rows[0]
    after_closing = reduce(merge, call_rows, CLOSED)
    assert after_closing == reduce(merge, shuffled, CLOSED)
    ends = [row for row in call_rows if row.over]
    best = reduce(merge, ends, CallRow()) if ends else CLOSED
    assert (after_closing.status, after_closing.over) == (best.status, True)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_analysis_without_recording_link_keeps_the_earlier_link(order: tuple[int, int]) -> None:
    url = "https://api.retellai.example/recording.wav"
    reported = (
        row("call_ended", {"recording_url": url}),
        row("call_analyzed", {"call_analysis": {"call_summary": "Kurz."}}),
    )
    assert reduce(merge, (reported[index] for index in order)).analysis == {
        "call_summary": "Kurz.",
        "recording_url": url,
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://x", "https://" + "x" * 3000, "", 7, None, {}])
def test_invalid_link_is_not_kept(url: Any) -> None:
    assert row("call_ended", {"recording_url": url}).analysis is None


def test_a_late_call_started_never_reopens_a_call() -> None:
    ended = row("call_ended", {"call_status": "ended"})
    assert merge(ended, row("call_started", {"call_status": "ongoing"})).over


@pytest.mark.parametrize(
    ("event", "reported", "status"),
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
def test_event_name_implies_a_minimum_call_status(event: str, reported: str | None, status: str) -> None:
    assert row(event, {"call_status": reported}).status == status


def test_unknown_disconnection_reason_is_stored() -> None:
    assert row("call_ended", {"disconnection_reason": "invented_2027"}).disconnection_reason == "invented_2027"


@pytest.mark.parametrize(("length", "cut"), [(9_999, False), (10_000, False), (10_001, True), (50_000, True)])
def test_transcripts_are_cut_at_ten_thousand_characters(length: int, cut: bool) -> None:
    result = row("call_ended", {"transcript": "ä" * length})
    assert len(result.transcript or "") == min(length, 10_000)
    assert result.transcript_truncated is cut


def test_partial_transcript_does_not_replace_undecryptable_whole_transcript() -> None:
    """A key comes back by a restore, or a minute later; an event of a turn may come after the end of its call."""
    whole = CallRow(status="ended", unreadable={"encrypted": "AGVuYzE="})
    part = merge(whole, CallRow(status="ongoing", transcript="Agent: Guten Tag", analysis={"a": 1}))
    assert (part.transcript, part.analysis, part.unreadable) == (None, None, whole.unreadable)
    assert merge(whole, CallRow(status="ended", transcript="Guten Tag. Ja.")).transcript == "Guten Tag. Ja."


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ({"from_number": "+4915112345678", "to_number": NUMBER}, CallerKind.IDENTIFIED),
        ({"from_number": "anonymous", "to_number": NUMBER}, CallerKind.WITHHELD),
        ({"from_number": NUMBER, "to_number": NUMBER}, CallerKind.OWN_NUMBER),
        ({"from_number": "+86282452253", "to_number": NUMBER}, CallerKind.MADE_UP),
        ({}, None),  # a web call
        ({"from_number": NUMBER, "to_number": "+4915112345678", "direction": "outbound"}, None),
    ],
)
def test_first_event_decides_the_kind_of_caller(numbers: dict[str, str], kind: CallerKind | None) -> None:
    call = {"call_id": "call_1", "agent_id": "agent_1"} | numbers
    body = json.dumps({"event": "call_started", "call": call}).encode()
    event = StoredEvent(Source.RETELL, "call_started", body, "c1", RECEIVED)
    assert read_caller_kind(event, salon_config()) is kind
    if kind not in {None, CallerKind.IDENTIFIED}:
        assert row("call_started", numbers).from_number is None
