"""A counter-question or "Moment" does not answer our question: it is asked again, and a later yes counts."""

import pytest

from tests.worlds.spoken_calls import COLOR, SpokenCall, friday_at

BOOK, MOVE, CANCEL, INFO = "book_appointment", "reschedule_appointment", "cancel_appointment", "business_information"
# What is booked before, what the caller asks for, and the arguments: both are asked about.
MOVES = {"customer_name": "Otto Lange"}, "Petra Lange hier, meinen Termin auf fünf.", {"time": "17:00"}
REPLACES = {}, "Färben statt Haarschnitt, um fünf.", {"time": "17:00", "service": COLOR}
ASIDES = ["Was kostet das?", "Moment, ich schaue.", "Sorry?"]


async def book_before(call: SpokenCall, **more: str) -> None:
    """Book in an earlier call of this number."""
    booked = await SpokenCall(call.pod, number=call.number).ask(BOOK, friday_at(call.pod, **more))
    assert booked["success"], booked


@pytest.mark.parametrize("said", ASIDES)
@pytest.mark.parametrize("informs", [False, True])
@pytest.mark.parametrize(("before", "begins", "args"), [MOVES, REPLACES])
async def test_unrelated_words_do_not_refuse_the_move(
    call: SpokenCall, said: str, before: dict[str, str], begins: str, args: dict[str, str], *, informs: bool
) -> None:
    await book_before(call, **before)
    call.say(begins)
    asked = await call.ask(MOVE, args)
    assert (asked["success"], asked["needs_answer"]) == (False, True), asked
    call.say(said)
    if informs:
        await call.ask(INFO, {"topic": "prices"})
        call.say("Ja.")
    assert (again := await call.ask(MOVE, args))["message"] == asked["message"], again
    call.say("Ja.")
    assert (await call.ask(MOVE, args))["success"]


@pytest.mark.parametrize("said", ["Doch, ja.", "Ja, den meine ich.", "Doch, gern."])
async def test_move_question_is_repeated_after_no_then_yes(call: SpokenCall, said: str) -> None:
    await book_before(call, customer_name="Otto Lange")
    call.say("Petra Lange hier, meinen Termin auf fünf.")
    asked = await call.ask(MOVE, {"time": "17:00"})
    call.say("Nein.")
    assert "needs_answer" not in await call.ask(MOVE, {"time": "17:00"})
    call.say(said)
    assert (again := await call.ask(MOVE, {"time": "17:00"}))["message"] == asked["message"], again
    call.say("Ja.")
    assert (await call.ask(MOVE, {"time": "17:00"}))["success"]


@pytest.mark.parametrize("said", ["Nein.", "Nein, danke.", "Moment. Nein.", "No."])
async def test_no_to_the_move_stays_final(call: SpokenCall, said: str) -> None:
    await book_before(call, customer_name="Otto Lange")
    call.say("Petra Lange hier, meinen Termin auf fünf.")
    await call.ask(MOVE, {"time": "17:00"})
    call.say(said)
    for _ in range(2):
        assert "needs_answer" not in await call.ask(MOVE, {"time": "17:00"})


@pytest.mark.parametrize("said", ASIDES)
async def test_unrelated_words_do_not_confirm_the_cancellation(call: SpokenCall, said: str) -> None:
    await book_before(call)
    await call.ask(CANCEL, {})
    call.say(said)
    again = await call.ask(CANCEL, {"confirmed": True})
    assert (again["success"], again["needs_confirmation"]) == (False, True), again
    call.say("Ja.")
    assert (await call.ask(CANCEL, {"confirmed": True}))["success"]


@pytest.mark.parametrize(("said", "staff"), [("Ja, bei Mehmet.", "mehmet"), ("Ja.", "mehmet"), ("Bei Anna.", "anna")])
async def test_unrelated_words_choose_no_staff_member(call: SpokenCall, said: str, staff: str) -> None:
    await book_before(call, staff="Anna")
    call.say("Ginge um vier bei Mehmet?")
    check = friday_at(call.pod, "16:00", staff="Mehmet")
    offered = await call.ask("check_availability", check)
    start = offered["slots"][0]["start"]
    call.say("Dann um vier.")
    asked = await call.ask(MOVE, {"start": start})
    assert asked.get("needs_answer"), asked
    call.say("Bei wem?")
    again = await call.ask(MOVE, {"start": start})
    assert again.get("needs_answer"), again
    call.say(said)
    moved = await call.ask(MOVE, {"start": start})
    assert (moved["success"], [each[2] for each in await call.live(of_number=True)]) == (True, [staff]), moved


@pytest.mark.parametrize(
    "agent",
    [
        "Den am Samstag um zehn. Soll ich den absagen?",
        "Kein Problem. Möchten Sie den Termin absagen?",
        "Okay, Otto also?",
    ],
)
@pytest.mark.parametrize(
    "aside", ["Nein, den von Otto.", "Ich meine den am Samstag.", "Den Samstag.", "Mein Mann kann nicht."]
)
async def test_yes_to_the_agents_own_question_cancels_nothing(call: SpokenCall, aside: str, agent: str) -> None:
    for name in ("Petra Lange", "Otto Lange"):
        assert (await call.ask(BOOK, friday_at(call.pod, customer_name=name, another=True)))["success"]
    later = SpokenCall(call.pod, number=call.number)
    later.say("Den von Petra bitte absagen.")
    asked = await later.ask(CANCEL, {"customer_name": "Petra Lange"})
    assert asked["needs_confirmation"], asked
    later.say(aside)
    later.transcript.append({"role": "agent", "content": agent})
    later.say("Ja, bitte absagen.")
    answer = await later.ask(CANCEL, {"appointment_id": asked["appointment_id"], "confirmed": True})
    assert (answer["success"], len(await call.live())) == (False, 2), answer


@pytest.mark.parametrize(
    ("before", "begins", "wanted", "aside", "agent"),
    [
        (*REPLACES, "Ich meine den von Otto.", "Den von Otto? Soll ich den ändern?"),
        (*REPLACES, "Den Termin will ich behalten.", "Gut, dann bleibt er."),
        (*REPLACES, "Was kostet das Färben?", "Sechzig Euro. Oder wollen Sie beides?"),
        (*MOVES, "Moment, ich schaue.", "Sind Sie noch dran?"),
        (*MOVES, "Moment, ich schaue.", "Soll ich auch eine Nachricht aufnehmen?"),
        (*MOVES, "Äh, wie spät ist es jetzt?", "Sind Sie noch dran?"),
        (*MOVES, "Äh, wie spät ist es jetzt?", "Soll ich auch eine Nachricht aufnehmen?"),
    ],
)
async def test_yes_to_the_agents_own_question_moves_nothing(
    call: SpokenCall, before: dict[str, str], begins: str, wanted: dict[str, str], aside: str, agent: str
) -> None:
    await book_before(call, **before)
    call.say(begins)
    asked = await call.ask(MOVE, wanted)
    call.say(aside)
    call.transcript.append({"role": "agent", "content": agent})
    call.say("Ja.")
    assert (again := await call.ask(MOVE, wanted))["message"] == asked["message"], again
    call.say("Ja.")
    assert (await call.ask(MOVE, wanted))["success"]


async def test_yes_to_our_question_repeated_by_agent_counts(call: SpokenCall) -> None:
    await book_before(call, customer_name="Otto Lange")
    call.say("Petra Lange hier, meinen Termin auf fünf.")
    await call.ask(MOVE, {"time": "17:00"})
    call.say("Wie bitte?")
    call.transcript.append({"role": "agent", "content": "Ich sehe nur einen Termin von Otto Lange. Meinen Sie diesen?"})
    call.say("Ja.")
    assert (await call.ask(MOVE, {"time": "17:00"}))["success"]


@pytest.mark.parametrize("agent", ["Soll ich den Termin dann absagen?", "Okay, dann sage ich den am Samstag ab."])
async def test_agents_own_question_does_not_answer_our_question(call: SpokenCall, agent: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say("Ich muss absagen.")
    assert (await call.ask(CANCEL, {}))["needs_confirmation"]
    call.say("Mein Mann kann nicht.")
    call.transcript.append({"role": "agent", "content": agent})
    call.say("Ja.")
    assert (await call.ask(CANCEL, {"confirmed": True}))["needs_confirmation"]
    call.say("Ja.")
    assert (await call.ask(CANCEL, {"confirmed": True}))["success"]


async def test_yes_after_a_courtesy_cancels_the_appointment(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say("Ich muss absagen.")
    assert (await call.ask(CANCEL, {}))["needs_confirmation"]
    call.say("Moment.")
    call.transcript.append({"role": "agent", "content": "Ja, ich warte."})
    call.say("Ja, absagen.")
    assert (await call.ask(CANCEL, {"confirmed": True}))["success"]
