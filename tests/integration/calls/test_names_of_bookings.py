"""The customer of a call's booking need not be its caller: "Und meinen am Freitag um zwei auf zwölf"."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, MOVE = "book_appointment", "reschedule_appointment"


async def book_for_otto(call: SpokenCall, said: str) -> SpokenCall:
    """Book for Petra Lange in one call, and for Otto Kurz in the next one."""
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    assert (await later.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Otto Kurz")))["success"]
    return later


@pytest.mark.parametrize(
    "said", ["Einen Termin für Otto Kurz.", "Hier ist Petra Lange, einen für Otto Kurz.", "Guten Tag."]
)
@pytest.mark.parametrize("picked", [{"appointment_time": "14:00"}, {"appointment_time": "zwei Uhr"}])
async def test_appointment_named_by_time_moves_without_question(
    call: SpokenCall, said: str, picked: dict[str, str]
) -> None:
    later = await book_for_otto(call, said)
    later.say("Und meinen um zwei auf zwölf.")
    moved = await later.ask(MOVE, picked | {"time": "12:00"})
    assert (moved["success"], "für Petra Lange" in moved["message"]) == (True, True), moved


async def test_move_without_time_means_last_named_customer(call: SpokenCall) -> None:
    later = await book_for_otto(call, "Einen Termin für Otto Kurz.")
    later.say("Den doch lieber um fünf.")
    moved = await later.ask(MOVE, {"time": "17:00"})
    assert "für Otto Kurz" in moved["message"], moved
    assert {(at, name) for _, at, _, name in await call.live(of_number=True)} >= {("14:00", "Petra Lange")}


@pytest.mark.parametrize("said", ["Hier ist Otto Kurz.", "Mein Name ist Otto Kurz.", "Otto Kurz am Apparat."])
async def test_move_of_another_persons_appointment_is_confirmed(call: SpokenCall, said: str) -> None:
    later = await book_for_otto(call, said)
    later.say("Und den um zwei auf zwölf.")
    asked = await later.ask(MOVE, {"appointment_time": "14:00", "time": "12:00"})
    assert (asked["success"], "nicht für Otto Kurz" in asked["message"]) == (False, True), asked


async def test_appointment_id_and_start_need_no_service(call: SpokenCall) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod, customer_name="Lange"))
    call.say("Petra Lange.")
    named = {"appointment_id": booked["appointment_id"], "start": booked["start"], "customer_name": "Petra Lange"}
    assert (await call.ask(BOOK, named))["success"]
    assert [row[3] for row in await call.live()] == ["Petra Lange"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Nee, ich heiße Langer, mit R hinten.", "Petra Langer"),
        ("Nein, Langer, nicht Lange.", "Petra Langer"),
        ("Der Name ist falsch, Langner.", "Petra Langner"),
        ("Ich heiße nicht Petra, sondern Peggy.", "Peggy Lange"),
        ("No, it's Langer, with an r.", "Petra Langer"),
        ("Lange mit R, also Langer.", "Petra Langer"),
        ("Das R fehlt. Langer.", "Petra Langer"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"another": True}, {"date": None, "time": None}])
async def test_corrected_name_renames_the_booking(
    call: SpokenCall, said: str, name: str, more: dict[str, bool | None]
) -> None:
    """A model that asks for one more appointment is asked back, and its caller decides."""
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say(said)
    corrected = friday_at(call.pod, customer_name=name) | more
    answer = await call.ask(BOOK, corrected)
    if "another" in more:
        assert (answer["success"], answer["choices"]) == (False, ["rename", "further"]), answer
        call.say("Den Namen ändern.")
        answer = await call.ask(BOOK, corrected | {"choice": "rename"})
    assert (answer["success"], f"Den Namen habe ich geändert: {name}." in answer["message"]) == (True, True), answer
    assert [row[3] for row in await call.live()] == [name]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Und meine Mutter Petra Langer auch.", "Petra Langer"),
        ("Nein danke. Noch einen für Peter Lange.", "Peter Lange"),
        ("Nein, mein Mann Peter Lange.", "Peter Lange"),
        ("Und für Otto Kurz.", "Otto Kurz"),
    ],
)
async def test_another_persons_name_renames_no_booking(call: SpokenCall, said: str, name: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say(said)
    asked = await call.ask(BOOK, friday_at(call.pod, customer_name=name))
    assert (asked["success"], asked.get("choices")) == (False, ["rename", "further"]), asked
    assert (await call.ask(BOOK, friday_at(call.pod, customer_name=name, another=True)))["success"]
    assert sorted(row[3] for row in await call.live()) == sorted(["Petra Lange", name])


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Falsch, Peggy heiße ich, Peggy Lange.", "Peggy Lange"),
        ("Ja, aber Langer.", "Petra Langer"),
        ("Mein Nachname ist Langer.", "Petra Langer"),
        ("I'm called Petra Langer.", "Petra Langer"),
        ("Stimmt, bis auf den Namen.", "Langer"),
        ("Da gehört noch ein R hin.", "Petra Langer"),
    ],
)
async def test_correction_sent_as_one_more_is_asked_about(call: SpokenCall, said: str, name: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say(said)
    asked = await call.ask(BOOK, friday_at(call.pod, customer_name=name, another=True))
    assert (asked["success"], asked["choices"]) == (False, ["rename", "further"]), asked
