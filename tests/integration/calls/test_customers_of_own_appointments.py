"""The only appointment of a number may be another person's: its customer is named, and a namesake confirms first."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, FIND, MOVE, CANCEL = "book_appointment", "find_appointments", "reschedule_appointment", "cancel_appointment"
OTTO = "Otto Lange"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Otto Lange has a haircut at 14:00 from an earlier call of the number."""
    earlier = SpokenCall(call.pod, call.number)
    assert (await earlier.ask(BOOK, friday_at(call.pod, customer_name=OTTO)))["success"]
    return call


UNSAID = [
    "Hier Frau Lange.",
    "hier spricht petra lange",
    "Petra Kaiser hier.",
    "Guten Tag, Lange.",
    "Hallo, mein Termin.",
    "Petra Kaiser. Otto Lange ist mein Mann.",
]


@pytest.mark.parametrize("words", [each for each in UNSAID if "Kaiser" not in each])
async def test_move_names_the_appointments_customer(call: SpokenCall, words: str) -> None:
    call.say(words)
    moved = await call.ask(MOVE, {"time": "15 Uhr"})
    assert (moved["success"], moved["message"].count(OTTO)) == (True, 1), moved


@pytest.mark.parametrize("words", [*UNSAID, "Petra Lange hier."])
async def test_cancellation_names_the_appointments_customer(call: SpokenCall, words: str) -> None:
    call.say(words)
    asked = await call.ask(CANCEL, {})
    assert (asked["needs_confirmation"], asked["message"].count(OTTO)) == (True, 1), asked


@pytest.mark.parametrize("words", [*UNSAID, "Petra Lange hier."])
async def test_found_appointments_name_their_customer(call: SpokenCall, words: str) -> None:
    call.say(words)
    assert OTTO in (await call.ask(FIND, {}))["message"]


@pytest.mark.parametrize(
    "words",
    [
        "Petra Lange hier.", "Ich bin die Petra Lange.", "Lange, Petra Lange.", "Guten Tag, Petra Lange.", "It's Petra Lange.",
        "Mein Name: Petra Lange",
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", [{}, {"customer_name": "Frau Lange"}])
async def test_caller_with_the_same_surname_confirms_a_move(
    call: SpokenCall, words: str, named: dict[str, str]
) -> None:
    call.say(words)
    asked = await call.ask(MOVE, named | {"time": "15 Uhr"})
    assert (asked["success"], OTTO in asked["message"]) == (False, True), asked
    call.say("Ja, genau.")
    done = await call.ask(MOVE, named | {"time": "15 Uhr"})
    assert done["success"], done


@pytest.mark.parametrize(
    "words",
    [
        "Petra Kaiser hier.", "Murat Yilmaz hier, ich möchte verschieben.", "Ich bin's, die Petra.", "This is Petra.",
        "Hi, it's Petra, I'd like to move.", "Petra Langer hier.", "Murat Yilmaz, meinen Termin bitte auf drei.",
        "Guten Tag, Kaiser, ich möchte verschieben.", "Lange, Petra. Meinen Termin bitte.", "Otto ist mein Mann, ich bin Petra.",
        "Petra Kaiser", "Kaiser", "Mia.", "Guten Tag Frau Kaiser hier", "Murat Yilmaz ich möchte verschieben",
        "Hi, Miller, I'd like to move.", "Hier ist die Tochter von Otto Lange, Mia.",
        "Den Termin meiner Tochter bitte.", "The appointment for my husband, please.",
        "Petra Kaiser. Otto Lange ist mein Mann. Meinen Termin bitte.", "Otto Lange, no, Petra Kaiser. Otto Lange is my husband.",
    ],
)  # fmt: skip
async def test_caller_with_another_name_confirms_a_move(call: SpokenCall, words: str) -> None:
    call.say(words)
    asked = await call.ask(MOVE, {"time": "15 Uhr"})
    assert (asked["success"], OTTO in asked["message"], await call.live()) == (False, True, []), asked
    call.say("Ja, genau.")
    assert (await call.ask(MOVE, {"time": "15 Uhr"}))["success"]


@pytest.mark.parametrize(
    "words",
    [
        "Otto Lange hier.", "Den Termin meines Mannes Otto.", "Weil mein Sohn Fieber hat, bitte später.", "Grüß Gott Lange hier.",
        "Bin ich da beim Salon Lange? Otto Lange hier.", "Ich bin's, Otto.", "Lange, Otto.",
        "Otto Lange, leider Stau, Entschuldigung.",
        "Guten Morgen. Haarschnitt, Mittwochnachmittag. Später, bitte.", "Egal, Hauptsache später. Tja.",
        "Anna, bitte eine Stunde später!",
        "Lange. Otto Lange.", "Good morning. Sorry, traffic. Later, please.", "Verschieben, bitte. Vielen Dank. Wiederhören.",
    ],
)  # fmt: skip
async def test_customers_own_words_move_without_a_question(call: SpokenCall, words: str) -> None:
    call.say(words)
    assert (await call.ask(MOVE, {"time": "15 Uhr"}))["success"]


async def test_no_to_the_customer_question_moves_nothing(call: SpokenCall) -> None:
    call.say("Petra Lange hier.")
    await call.ask(MOVE, {"time": "15 Uhr"})
    call.say("Nein, nicht den von Otto Lange.")
    done = await call.ask(MOVE, {"time": "15 Uhr"})
    assert (done["success"], "neuen" in done["message"]) == (False, True), done


@pytest.mark.parametrize("words", ["Otto Lange hier.", "Guten Tag, Otto Lange, den Termin bitte auf drei."])
async def test_move_by_the_customer_mentions_no_name(call: SpokenCall, words: str) -> None:
    call.say(words)
    moved = await call.ask(MOVE, {"time": "15 Uhr"})
    assert (moved["success"], OTTO in moved["message"]) == (True, False), moved


@pytest.mark.parametrize(
    "named",
    [
        {"appointment_time": "11 Uhr"}, {"appointment_date": "2026-12-24"},
        {"appointment_date": "Freitag", "appointment_time": "11 Uhr"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", [MOVE, CANCEL])
async def test_wrong_time_with_another_name_changes_no_appointment(
    call: SpokenCall, function: str, named: dict[str, str]
) -> None:
    """A yes to a question about this one could be meant for the one that was asked for."""
    wanted = (
        named | {"customer_name": "Thomas Berger"} | ({"time": "15 Uhr"} if function == MOVE else {"confirmed": True})
    )
    call.say("Ich rufe für meinen Kollegen Thomas Berger an.")
    for words in ("Um elf hat er den Termin.", "Ja, sagen Sie ihn bitte ab.", "Ja."):
        answer = await call.ask(function, wanted)
        assert (answer["success"], "Thomas Berger" in answer["message"]) == (False, True), answer
        assert "needs_confirmation" not in answer
        call.say(words)
    assert [at for _, at, _, _ in await call.live(of_number=True)] == ["14:00"]


async def test_wrong_time_with_the_customers_name_is_confirmed(call: SpokenCall) -> None:
    asked = await call.ask(CANCEL, {"customer_name": OTTO, "appointment_date": "Freitag", "appointment_time": "11 Uhr"})
    assert asked["needs_confirmation"], asked
