"""A staff member named in a note is booked only after a yes, or after the caller names that person."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK = "book_appointment"


async def asked(call: SpokenCall) -> dict[str, str]:
    call.say("Am Freitag um zwei, bei Mehmet bitte, Petra Lange.")
    wanted = friday_at(call.pod, notes="bei Mehmet bitte")
    assert (await call.ask(BOOK, wanted))["message"] == "Soll der Termin bei Mehmet sein?"
    return wanted


@pytest.mark.parametrize(
    ("said", "staff"),
    [
        ("Ja.", "mehmet"), ("Ja, Mehmet.", "mehmet"), ("Mehmet.", "mehmet"), ("Genau, bei Mehmet bitte.", "mehmet"),
        ("Anna.", "anna"), ("Doch lieber Anna.", "anna"), ("Anna wäre besser.", "anna"), ("Lieber zu Anna.", "anna"),
        ("Ja, aber lieber Anna.", "anna"),
    ],
)  # fmt: skip
async def test_noted_staff_member_is_booked_after_agreement(call: SpokenCall, said: str, staff: str) -> None:
    wanted = await asked(call)
    call.say(said)
    assert (await call.ask(BOOK, wanted))["success"]
    assert [each[2] for each in await call.live()] == [staff]


@pytest.mark.parametrize("said", ["Moment.", "Was kostet das?", "Wie bitte?"])
async def test_unclear_answer_repeats_the_staff_question(call: SpokenCall, said: str) -> None:
    wanted = await asked(call)
    call.say(said)
    assert (await call.ask(BOOK, wanted))["message"] == "Soll der Termin bei Mehmet sein?"
    call.say("Ja.")
    assert (await call.ask(BOOK, wanted))["success"]
    assert [each[2] for each in await call.live()] == ["mehmet"]


@pytest.mark.parametrize("said", ["Egal.", "Egal, wer Zeit hat."])
async def test_spoken_indifference_ends_the_question_about_staff(call: SpokenCall, said: str) -> None:
    wanted = await asked(call)
    call.say(said)
    answer = await call.ask(BOOK, wanted)
    assert answer["success"], answer


async def test_agreed_staff_member_applies_after_another_question(call: SpokenCall) -> None:
    wanted = await asked(call) | {"email": "petra at example punkt de"}
    call.say("Ja.")
    answer = await call.ask(BOOK, wanted)
    call.say("Ja, stimmt.")
    answer = answer if answer["success"] else await call.ask(BOOK, wanted)
    assert (answer["success"], [each[2] for each in await call.live()]) == (True, ["mehmet"]), answer
