"""The transcript shows whether a caller asks for other times than the last ones offered."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.named_times import read_named_times
from askproai_runtime.conversation.types import CallContext

NINE, ONE = "2026-12-10T09:00:00+01:00", "2026-12-10T13:00:00+01:00"
SLOTS = [{"branch": "mitte", "service": "haarschnitt", "staff": "anna", "start": start} for start in (NINE, ONE)]


def asks(*said: str) -> bool:
    transcript = [
        {"role": "tool_call_result", "content": json.dumps({"slots": SLOTS})},
        {"role": "agent", "content": "Frei ist um 9 Uhr und um 13 Uhr."},
        *({"role": "user", "content": words} for words in said),
    ]
    call = msgspec.convert({"call_id": "c", "transcript_with_tool_calls": transcript}, OngoingCall)
    routed = CallContext("c", "", None, datetime(2026, 11, 27, 9, tzinfo=UTC), "")
    found = read_named_times(call, routed).wants_others_than
    assert len(found) in {0, len(SLOTS)}
    return bool(found)


@pytest.mark.parametrize(
    "words",
    [
        "Was gibt es sonst noch?", "Haben Sie noch andere Zeiten?", "Gibt es noch was anderes?", "Noch etwas anderes?",
        "Das passt alles nicht.", "Nein, beides geht nicht. Was haben Sie sonst?", "What else do you have?",
        "Any other times?", "Do you have something else?",
    ],
)  # fmt: skip
def test_request_for_other_times_is_recognized(words: str) -> None:
    assert asks(words)
    assert asks(words, "Hallo?")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("Ja, gerne.",),
        ("Um neun, bitte.",),
        ("Den anderen nehme ich.",),
        ("Um neun kann ich nicht.",),
        ("Moment, ich schaue mal.",),
        ("Das passt, sonst brauche ich nichts.",),
        ("The other one, please.",),
    ],
)
def test_unrelated_words_request_no_other_times(words: tuple[str, ...]) -> None:
    assert not asks(*words)
