"""Retell's JSON: times, arguments that a language model wrote, and texts that PostgreSQL cannot store."""

import json
import time
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from askproai_runtime.calls.payload import (
    FunctionRequest,
    OngoingCall,
    RetellEvent,
    Utterance,
    decode,
    decode_request,
    parse_milliseconds,
)
from askproai_runtime.conversation.full_names import ASKED_NAME
from askproai_runtime.conversation.named_times import read_named_times
from askproai_runtime.conversation.repeated_questions import read_unclear
from askproai_runtime.conversation.transcript import read_asked_choices, read_replies, read_said
from askproai_runtime.conversation.types import AskedChoice, CallContext
from tests.worlds.rows import each_row


def test_nul_which_postgres_cannot_store_is_dropped() -> None:
    event = decode(
        b'{"event":"call_ended","call":{"call_id":"c","transcript":"a\\u0000b","call_analysis":{"x":["\\u0000"]}}}',
        RetellEvent,
    )
    assert event.call is not None
    assert event.call.transcript == "ab"
    assert event.call.call_analysis == {"x": [""]}


@pytest.mark.parametrize("milliseconds", [float("1e300"), -1e300, None])
def test_impossible_timestamps_of_retell_count_as_absent(milliseconds: float | None) -> None:
    assert parse_milliseconds(milliseconds) is None


def test_a_function_request_needs_no_arguments() -> None:
    assert decode(b'{"name":"check_availability","call":{"call_id":"c"}}', FunctionRequest).args is None


@pytest.mark.parametrize("depth", [600, 900, 9_000])
def test_nul_beside_deep_nesting_is_removed(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    body = b'{"name":"f","call":{"call_id":"c"},"args":{"a":"\\u0000","b":' + nested + b"}}"
    assert decode_request(body).args["a"] == ""


_QUESTION = {"role": "tool_call_result", "content": json.dumps({"needs_confirmation": True, "appointment_id": "A"})}
_ADDRESS = {"role": "tool_call_result", "content": json.dumps({"needs_confirmation": True, "email": "a@x.de"})}
_WHICH_ADDRESS = {"role": "tool_call_result", "content": json.dumps({"success": False, "unclear": "email"})}
_NO = {"role": "user", "content": "Nein."}
_PHONE = {"role": "tool_call_result", "content": json.dumps({"success": False, "needs_phone": "missing"})}
_NAME = {
    "role": "tool_call_result",
    "content": json.dumps({"success": True, "needs_name": True, "appointment_id": "A"}),
}
_WORDS = {"role": "user", "content": "Ja."}
_NO_ANSWER = {"role": "tool_call_result", "content": "Error: timeout"}
_OFFER = {
    "role": "tool_call_result",
    "content": json.dumps({"success": True, "message": "Was passt Ihnen?", "slots": []}),
}
_MEANT = {"role": "tool_call_result", "content": json.dumps({"needs_answer": True, "appointment_id": "A"})}
_DETAILS = {
    "role": "tool_call_result",
    "content": json.dumps({"needs_answer": True, "appointment_id": "A", "unclear": "details"}),
}
_CHOICE = {
    "role": "tool_call_result",
    "content": json.dumps({"appointment_id": "A", "customer_name": "Otto Kurz", "choices": ["rename", "further"]}),
}
_ONE_BY_ONE = {"role": "tool_call_result", "content": json.dumps({"success": False, "needs_companions": "one_by_one"})}
_HESITATION = {"role": "user", "content": "Moment, gibt es am Freitag was?"}


def _says(content: str) -> dict[str, str]:
    return {"role": "agent", "content": content}


def _hears(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def test_asked_name_is_forgotten_after_a_booking() -> None:
    """It was misheard where another one is booked: the next customer of the call does not get it."""
    asked = {"success": False, "unclear": f"{ASKED_NAME}Hollmann"}
    booked = {"success": True, "appointment_id": "A", "customer_name": "Petra Kurz"}
    for answers, left in (
        ([asked], {asked["unclear"]}),
        ([asked, booked], set()),
        ([booked, asked], {asked["unclear"]}),
    ):
        transcript = [{"role": "tool_call_result", "content": json.dumps(each)} for each in answers]
        call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": transcript}, OngoingCall)
        assert {each for each in read_unclear(call) if each.startswith(ASKED_NAME)} == left


@each_row(
    ("transcript", "replies"),
    [
        (None, None),
        ([], None),
        ([_WORDS], {}),  # the model calls twice in one turn: the first answer is not in the second one's transcript
        ([_WORDS, _QUESTION], {}),
        ([_NO_ANSWER, _WORDS], None),  # a result that was cut may have been the question
        ([_QUESTION, _WORDS], {"A": "yes"}),
        ([_ADDRESS, _WORDS], {"a@x.de": "yes"}),
        ([_NAME, {"role": "user", "content": "Petra."}], {"name A": "unclear"}),
        ([_PHONE], {}),
        ([_PHONE, {"role": "user", "content": "Nein, lieber nicht."}], {"phone missing": "no"}),
        ([_PHONE, {"role": "user", "content": "Die möchte ich nicht sagen."}], {"phone missing": "unclear"}),
        ([_QUESTION, _WORDS, _NO_ANSWER], {"A": "yes"}),
        ([_QUESTION, _WORDS, _QUESTION], {}),
        ([_QUESTION, {"role": "dtmf", "digit": "1"}], {"A": "unclear"}),
        ([_QUESTION, _WORDS, {"role": "user", "content": "Nein, doch nicht."}], {"A": "no"}),
        ([{**_ADDRESS, "content": _ADDRESS["content"].replace("a@x", "A@X")}, _WORDS], {"a@x.de": "yes"}),
        ([_QUESTION, {"role": "user", "content": "Moment."}, _WORDS], {"A": "yes"}),
        ([_ADDRESS, _WORDS, {"role": "user", "content": "Nein, um elf passt nicht."}], {"a@x.de": "yes"}),
        ([_ADDRESS, _NO, _WHICH_ADDRESS, _WORDS], {}),  # the same one may be the right one: it is read back anew
        # a yes answers what was said last
        ([_QUESTION, _HESITATION, _OFFER, _WORDS], {"A": "no"}),
        ([_QUESTION, _OFFER, _WORDS], {}),
        ([_QUESTION, _WORDS, _OFFER, {"role": "user", "content": "Freitag um zehn."}], {"A": "yes"}),
        ([_QUESTION, _WORDS, _OFFER, {"role": "user", "content": "Nein, doch nicht absagen."}], {"A": "no"}),
        ([_QUESTION, _HESITATION, _OFFER, _QUESTION, _WORDS], {"A": "yes"}),
        ([_MEANT, _HESITATION, _OFFER, _WORDS], {"meant A": "aside"}),
        ([_DETAILS, _WORDS], {"details A": "yes"}),  # not to another question about it
        ([_ONE_BY_ONE, _OFFER, _hears("Ja ja, einzeln ist okay, beide um zwei.")], {"companions one_by_one": "yes"}),
        ([_ONE_BY_ONE, _hears("Nein, meine Tochter kommt doch nicht.")], {"companions one_by_one": "no"}),
        ([_CHOICE, _WORDS], {}),  # a choice is the model's argument
        ([_ADDRESS, _HESITATION, _OFFER, _WORDS], {"a@x.de": "aside"}),
        ([_PHONE, _OFFER, _WORDS], {"phone missing": "yes"}),  # asked once
        ([_QUESTION, _says("Wirklich?"), _WORDS], {"A": "yes"}),
        ([_QUESTION, _HESITATION, _says("Lieber ein anderer Tag?"), _WORDS], {"A": "no"}),
        ([_QUESTION, _HESITATION, _says("Möchten Sie ihn statt abzusagen verschieben?"), _WORDS], {"A": "no"}),
        ([_QUESTION, _HESITATION, _says("Also, soll ich den Termin absagen?"), _WORDS], {"A": "no"}),
        ([_QUESTION, _HESITATION, _says("Verschieben geht. Soll ich den am 10. absagen?"), _WORDS], {"A": "no"}),
        ([_QUESTION, _HESITATION, _says("Den von Otto. Soll ich den absagen?"), _WORDS], {"A": "no"}),
        ([_QUESTION, _HESITATION, _says("Ja, ich warte."), _WORDS], {"A": "yes"}),
    ],
)
def test_question_is_answered_by_the_callers_next_words(transcript: Any, replies: dict[str, str] | None) -> None:
    fields = {} if transcript is None else {"transcript_with_tool_calls": transcript}
    call = msgspec.convert({"call_id": "c", **fields}, OngoingCall)
    assert read_replies(call) == replies


_MOVABLE = {
    "role": "tool_call_result",
    "content": json.dumps({"appointment_id": "B", "customer_name": "Petra Lange", "choices": ["further", "move"]}),
}
_DONE_WITH_A, _DONE_WITH_B = (
    {"role": "tool_call_result", "content": json.dumps({"success": True, "appointment_id": each})} for each in "AB"
)
_BOOKED_FOR_LANGE = {
    "role": "tool_call_result",
    "content": json.dumps({"success": True, "appointment_id": "C", "customer_name": "Frau Lange"}),
}
_OTTO = AskedChoice("A", frozenset({"rename", "further"}), "Otto Kurz")
_PETRA = AskedChoice("B", frozenset({"further", "move"}), "Petra Lange")


@pytest.mark.parametrize(
    ("transcript", "asked"),
    [
        (None, ()),
        ([_WORDS], ()),
        ([_CHOICE], ()),  # nothing was said since
        ([_CHOICE, _says("Ja?")], ()),
        ([_CHOICE, _WORDS], (_OTTO,)),
        ([_CHOICE, {"role": "dtmf", "digit": "1"}], (_OTTO,)),
        ([_CHOICE, _WORDS, _OFFER], (_OTTO,)),
        ([_CHOICE, _WORDS, _CHOICE], ()),
        ([_CHOICE, _WORDS, _DONE_WITH_A, _WORDS], ()),
        ([_NO_ANSWER, _CHOICE, _WORDS], (_OTTO,)),
        ([_CHOICE, _MOVABLE, _WORDS], (_OTTO, _PETRA)),  # of two requests in one turn
        ([_CHOICE, _MOVABLE, _WORDS, _DONE_WITH_A], (_PETRA,)),
        ([_CHOICE, _MOVABLE, _WORDS, _BOOKED_FOR_LANGE], (_OTTO,)),  # a further one for Petra Lange
        ([_CHOICE, _WORDS, _MOVABLE], (_OTTO,)),
        ([_CHOICE, _WORDS, _MOVABLE, _WORDS, _DONE_WITH_B], (_OTTO,)),
    ],
)
def test_choice_is_pending_until_it_is_carried_out(transcript: Any, asked: tuple[AskedChoice, ...]) -> None:
    fields = {} if transcript is None else {"transcript_with_tool_calls": transcript}
    assert read_asked_choices(msgspec.convert({"call_id": "c", **fields}, OngoingCall)) == asked


def test_tomorrow_counts_from_the_call() -> None:
    question = "Soll ich Ihren Termin am Samstag, den 28. November, um 10 Uhr absagen?"
    answer = {"needs_confirmation": True, "appointment_id": "A", "message": question}
    said = {"role": "user", "content": "Ich kann morgen nicht kommen, sagen Sie ab."}
    transcript = [{"role": "tool_call_result", "content": json.dumps(answer)}, said]
    call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": transcript}, OngoingCall)
    found = [read_replies(call, date(2026, 11, day)) for day in (27, 26)]
    assert found == [{"A": "unclear"}, {"A": "no"}]


def test_spoken_text_excludes_function_answers() -> None:
    said = [{"role": "user", "content": "Spitzen, bitte."}, {"role": "agent", "content": "Gern, Haarschnitt also."}]
    call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": [*said, _QUESTION]}, OngoingCall)
    assert read_said(call) == "Spitzen, bitte. Gern, Haarschnitt also."
    long = [{"role": "user", "content": "Haarschnitt"}, *[{"role": "user", "content": "und dann " * 50}] * 20]
    read = read_said(msgspec.convert({"call_id": "c", "transcript_with_tool_calls": long}, OngoingCall))
    assert read is not None
    assert read.endswith("und dann ")
    assert "Haarschnitt" not in read, "each function call reads it, while other callers wait"
    assert read_said(OngoingCall(call_id="c")) is None


def test_the_name_of_the_business_names_no_service() -> None:
    said = [{"role": "agent", "content": "Ergotherapie Lohse."}, {"role": "user", "content": "Kunsttherapie, bitte."}]
    call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": said}, OngoingCall)
    assert read_said(call) == "Kunsttherapie, bitte."


_ROUTED = CallContext("c", "", None, datetime(2026, 11, 20, tzinfo=UTC), "")


def test_declines_are_found_in_the_last_words() -> None:
    """Each function call reads them again, while other callers wait."""
    start = "2026-11-27T10:00:00+01:00"
    answer = json.dumps({"slots": [{"start": start, "branch": "b", "service": "s", "staff": "anna"}]})
    offer, no = (
        Utterance(role="tool_call_result", content=answer),
        Utterance(role="user", content="Nein, da kann ich nicht."),
    )
    more = [Utterance(role="user", content=("nicht dienstag und " * 30)[:500])] * 200

    def declined(*utterances: Utterance) -> bool:
        call = OngoingCall(call_id="c", transcript_with_tool_calls=list(utterances))
        return bool(read_named_times(call, _ROUTED).declined)

    assert declined(offer, no)
    assert declined(offer, *more, no)
    began = time.process_time()
    assert not declined(offer, no, *more)
    assert time.process_time() - began < 0.1


_SLOT = {"start": "2026-11-27T10:00:00+01:00", "branch": "b", "service": "s", "staff": "anna"}


@pytest.mark.parametrize(
    ("slots", "said", "leaves"),
    [
        (2, "Das ist mir egal.", True),
        (2, "Egal, nehmen Sie irgendeinen.", True),
        (2, "Mir gleich.", True),
        (2, "Wie es Ihnen besser passt.", True),
        (2, "Suchen Sie sich was aus.", True),
        (2, "Either is fine.", True),
        (2, "Whatever, you choose.", True),
        (2, "I don't mind.", True),
        (2, "Egal bei wem, aber bitte um zehn.", False),  # speaks of the person
        (2, "Gleich der erste.", False),
        (2, "Um zehn, bitte.", False),
        (2, "", False),
        (1, "Egal.", False),  # there is no choice
        (0, "Egal.", False),
    ],
)
def test_caller_may_leave_the_choice_of_slot(slots: int, said: str, leaves: bool) -> None:
    answer = {"role": "tool_call_result", "content": json.dumps({"slots": [_SLOT] * slots})}
    words = [{"role": "user", "content": said}] if said else []
    transcript = [{"role": "user", "content": "Ist mir egal."}, answer, *words]
    call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": transcript}, OngoingCall)
    assert read_named_times(call, _ROUTED).leaves_choice is leaves
