"""An unanswered question is asked twice. Then the caller is offered a next step, and nothing is changed."""

from collections import Counter
from typing import Any

import pytest

from tests.worlds.spoken_calls import BEARD, COLOR, SpokenCall, friday_at
from tests.worlds.tenant_pod import TenantPod, next_friday

pytestmark = pytest.mark.nightly

CHECK, BOOK, MOVE = "check_availability", "book_appointment", "reschedule_appointment"
CANCEL, NOTE, WAIT = "cancel_appointment", "leave_message", "join_waitlist"
LEADS_ON = "Das kann ich hier leider nicht klären, es bleibt alles, wie es ist. Soll ich "
STAYS = "bleibt bestehen."  # the answer to a no, which asks nothing
AN_ID = "5a2f8e1a-b37c-4f0a-9c61-000000000000"


# The argument that `ask_unclear` asks about, or what a function asks, and a request that it asks so.
UNCLEAR: dict[str, tuple[str, dict[str, Any]]] = {
    "several": (BOOK, {"service": "Haarschnitt", "args": [{"time": "10:00"}, {"time": "11:00"}]}),
    "service": (CHECK, {"service": {"a": 1, "b": 2}}),
    "companions": (BOOK, {"companions": ["jemand"]}),
    "date": (BOOK, {"date": "vendredi prochain"}),
    "time": (BOOK, {"time": "irgendwann"}),
    "customer_name": (BOOK, {"customer_name": "Ehepaar Lange"}),
    "no name": (BOOK, {"customer_name": ""}),
    "unknown service": (BOOK, {"service": "Ganzkörpermassage"}),
    "unknown staff": (BOOK, {"staff": "Svetlana"}),
    "past": (BOOK, {"date": "gestern"}),
    "impossible": (BOOK, {"date": "31. Februar"}),
    "email": (BOOK, {"email": "petra punkt lange"}),
    "no message": (NOTE, {"message": ""}),
    "waiting": (WAIT, {"service": "Ganzkörpermassage"}),
    "phone": (BOOK, {"phone": "0171 55"}),
}
BOOKED: dict[str, tuple[str, dict[str, Any]]] = {
    "renamed": (BOOK, {"customer_name": "Otto Kurz"}),
    "renamed by id": (BOOK, {"customer_name": "Otto Kurz", "appointment_id": AN_ID}),
    "replaced": (BOOK, {"service": COLOR}),
    "further": (BOOK, {"time": "16:00"}),
    "overlapping": (BOOK, {"time": "14:15", "service": BEARD}),
    "another stylist": (BOOK, {"staff": "Mehmet"}),
    "no new time": (MOVE, {}),
    "cancellation": (CANCEL, {}),
    "unknown id": (CANCEL, {"appointment_id": AN_ID}),
    "another day": (MOVE, {"appointment_date": "2027-01-07", "time": "15:00"}),
    "another customer": (CANCEL, {"customer_name": "Otto Kurz"}),
    "notes": (BOOK, {"notes": "für meinen Mann auch"}),
}


async def ask_four_times(call: SpokenCall, name: str, args: dict[str, Any], words: str) -> list[str]:
    """Return the messages of the answers that have done and offered nothing, and ask."""
    messages = []
    for _ in range(4):
        answer = await call.ask(name, args)
        if not (answer["success"] or answer.get("slots") or answer["message"].endswith(STAYS)):
            messages.append(answer["message"])
        call.say(words)
    return messages


def merged(pod: TenantPod, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a booking with changes; only the changes of anything else."""
    if name in {MOVE, CANCEL, NOTE}:
        date = {"date": next_friday(pod, 10).date().isoformat()} if "time" in changes else {}
        return changes | date
    return friday_at(pod) | changes


@pytest.mark.parametrize("words", ["Äh, na ja.", "Ja.", "Nein."])
@pytest.mark.parametrize("kind", UNCLEAR)
async def test_no_question_is_asked_three_times(call: SpokenCall, kind: str, words: str) -> None:
    name, changes = UNCLEAR[kind]
    messages = await ask_four_times(call, name, merged(call.pod, name, changes), words)
    assert 0 < max(Counter(messages).values()) < 3, messages


@pytest.mark.parametrize("words", ["Äh, na ja.", "Ja.", "Nein."])
@pytest.mark.parametrize("kind", BOOKED)
async def test_no_booking_question_is_asked_three_times(call: SpokenCall, kind: str, words: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    name, changes = BOOKED[kind]
    before = await call.live()
    messages = await ask_four_times(call, name, merged(call.pod, name, changes), words)
    assert 0 < max(Counter(messages).values()) < 3, messages
    if any(each.startswith(LEADS_ON) for each in messages):
        assert await call.live() == before


async def test_question_asked_three_times_refers_to_the_team(call: SpokenCall) -> None:
    asked = friday_at(call.pod, customer_name="")
    *questions, led, again = await ask_four_times(call, BOOK, asked, "Äh.")
    assert questions[0] == questions[1]
    assert led == again
    assert led.startswith(LEADS_ON)
    assert await call.live() == []


async def test_corrected_request_is_no_unanswered_question(call: SpokenCall) -> None:
    """The caller has heard none of the questions that the model itself followed with another request."""
    notes = ["a", "b", "c", "c", "c"]
    messages = [(await call.ask(BOOK, friday_at(call.pod, customer_name="", notes=each)))["message"] for each in notes]
    assert [each.startswith(LEADS_ON) for each in messages] == [False, False, False, False, True], messages


async def test_later_booking_restarts_the_question_count(call: SpokenCall) -> None:
    nameless = friday_at(call.pod, customer_name="")
    first = [(await call.ask(BOOK, nameless))["message"] for _ in range(2)]
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    later = await call.ask(BOOK, friday_at(call.pod, "16:00", customer_name="", another=True))
    assert later["message"] == first[0], "the first booking is made: its question is over"
