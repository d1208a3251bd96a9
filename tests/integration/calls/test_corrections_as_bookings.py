"""Corrections that a model sends as bookings: of listed appointments, of one among several, or as notes."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import BEARD, COLOR, CUT, SpokenCall, friday_at

BOOK, FIND, MOVE = "book_appointment", "find_appointments", "reschedule_appointment"
SEARCH = "check_availability"
PETRA = "Petra Lange"


async def times(call: SpokenCall) -> list[str]:
    return [each[1] for each in await call.live(of_number=True)]


@pytest.fixture
async def later(call: SpokenCall) -> SpokenCall:
    """Return a later call of a number for which Petra Lange has a haircut with Anna at 10:00."""
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00", staff="Anna")))["success"]
    return SpokenCall(call.pod, call.number)


@pytest.mark.parametrize(("choice", "left"), [("move", ["16:00"]), ("further", ["10:00", "16:00"])])
@pytest.mark.parametrize("name", [PETRA, "Petra Lang", "Lange", "Frau Lange"])
async def test_new_time_for_listed_appointment_offers_a_move(
    later: SpokenCall, choice: str, left: list[str], name: str
) -> None:
    later.say("Wann ist noch mal mein Termin?")
    assert (await later.ask(FIND, {}))["success"]
    later.say("Bitte auf vier.")
    wanted = friday_at(later.pod, "16:00", customer_name=name)
    asked = await later.ask(BOOK, wanted)
    assert asked["choices"] == ["further", "move"], asked
    assert await times(later) == ["10:00"]
    later.say("So, wie ich es sage.")
    done = await later.ask(BOOK, wanted | {"choice": choice})
    assert done["success"], done
    assert await times(later) == left


@pytest.mark.parametrize(
    "more", [{"another": True}, {"service": COLOR}, {"customer_name": "Otto Kurz"}, {"customer_name": "Mia Lange"}]
)
async def test_booking_unrelated_to_listed_appointment_is_made(later: SpokenCall, more: dict[str, Any]) -> None:
    await later.ask(FIND, {})
    later.say("Und noch einen um vier.")
    booked = await later.ask(BOOK, friday_at(later.pod, "16:00", **more))
    assert booked["success"], booked
    assert await times(later) == ["10:00", "16:00"]


@pytest.mark.parametrize(
    "said",
    [
        "Können wir meinen auf vier legen?", "Ich kann um zehn nicht, lieber um vier.",
        "I can't make it at ten, four would be better.", "Beides schaffe ich nicht, bitte verschieben.", "Um vier wäre besser.",
        "Ich muss auf vier Uhr schieben.", "Zehn schaffe ich leider nicht. Geht auch vier?", "Could I come at four instead?",
        "Lieber um vier.", "Nein, vier Uhr!", "Doch erst um vier.",
    ],
)  # fmt: skip
async def test_argument_another_still_prompts_the_move_question(later: SpokenCall, said: str) -> None:
    """A model sets `another`, whatever the caller says."""
    await later.ask(FIND, {})
    later.say(said)
    asked = await later.ask(BOOK, friday_at(later.pod, "16:00", another=True))
    assert asked["choices"] == ["further", "move"], asked
    assert await times(later) == ["10:00"]


@pytest.mark.parametrize(
    ("said", "finds"),
    [
        ("Färben statt Haarschnitt, um vier.", False),
        ("Ich möchte meinen Termin umbuchen, Färben um vier.", False),
        ("Kann ich das in Färben ändern, um vier?", True),
        ("Färben um vier, bitte.", True),
        ("Coloring instead of the haircut, at four.", False),
    ],
)
@pytest.mark.parametrize("names_it", [True, False])
async def test_different_service_after_a_list_offers_a_move(
    later: SpokenCall, said: str, *, finds: bool, names_it: bool
) -> None:
    later.say(said)
    found = await later.ask(FIND, {}) if finds or names_it else None
    named = {"appointment_id": found["appointments"][0]["appointment_id"]} if found and names_it else {}
    asked = await later.ask(BOOK, friday_at(later.pod, "16:00", service=COLOR, **named))
    assert asked["choices"] == ["further", "move"], asked
    later.say("Den alten brauche ich nicht mehr.")
    done = await later.ask(BOOK, friday_at(later.pod, "16:00", service=COLOR, choice="move"))
    assert (done["success"], await times(later)) == (True, ["16:00"]), done


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("Ach nein, statt Haarschnitt lieber Färben um vier.", True),
        ("Nein, Färben meinte ich, um vier.", True),
        ("No, I meant coloring, at four.", True),
        ("Eigentlich wollte ich Färben, um vier.", True),
        ("Entschuldigung, Färben meine ich.", True),
        ("Sorry, I wanted coloring, at four.", True),
        ("Dann bitte um vier Färben.", True),
        ("Und um vier noch Färben.", True),
        ("Geht auch Färben um vier?", True),
        ("Noch eine Sache: Färben soll es sein, um vier.", True),
        ("Ein zweites Mal überlegt: Färben um vier.", True),
        ("Another thing: coloring, at four.", True),
        ("Und um vier auch noch Färben.", False),
        ("Coloring at four, as well.", False),
        ("Ja, gut.", False),
        ("", False),
    ],
)
async def test_service_correcting_the_calls_booking_offers_a_move(call: SpokenCall, said: str, *, asks: bool) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    if said:
        call.say(said)
    done = await call.ask(BOOK, friday_at(call.pod, "16:00", service=COLOR))
    assert ("choices" in done, done["success"]) == (asks, not asks), done


@pytest.mark.parametrize("said", ["Ach nein, Färben wollte ich, nicht schneiden.", "Not a haircut, coloring please."])
async def test_service_correction_before_a_search_offers_a_move(call: SpokenCall, said: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    call.say(said)
    wanted = friday_at(call.pod, "16:00", service=COLOR)
    assert (await call.ask(SEARCH, wanted))["success"]
    call.say("Ja, um vier.")
    assert (await call.ask(BOOK, wanted))["choices"] == ["further", "move"]
    call.say("Wie bitte?")
    assert "choices" in await call.ask(BOOK, wanted)
    assert await times(call) == ["10:00"]


@pytest.mark.parametrize("said", ["Und um vier brauche ich auch noch Färben.", "And I also need coloring, at four."])
async def test_additional_service_after_a_search_is_booked(call: SpokenCall, said: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    call.say(said)
    wanted = friday_at(call.pod, "16:00", service=COLOR)
    assert (await call.ask(SEARCH, wanted))["success"]
    call.say("Ja, um vier.")
    assert (await call.ask(BOOK, wanted))["success"]


@pytest.mark.parametrize("said", ["Verschieben Sie ihn bitte auf vier.", "Um vier, nicht um zwölf.", "Um vier bitte."])
async def test_further_time_for_moved_appointment_offers_a_move(later: SpokenCall, said: str) -> None:
    later.say("Meinen Termin bitte auf zwölf.")
    moved = await later.ask(MOVE, {"new_date": friday_at(later.pod, "12:00")["date"], "new_time": "12:00"})
    assert moved["success"], moved
    later.say(said)
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00"))
    assert await times(later) == ["12:00"]


async def test_booking_after_refused_move_offers_a_move(later: SpokenCall) -> None:
    day = friday_at(later.pod, "12:00")["date"]
    later.say("Geht mein Termin auch am Sonntag?")
    await later.ask(MOVE, {"new_date": "Sonntag", "new_time": "12:00"})
    later.say("Dann am Freitag um vier.")
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00", date=day))
    assert await times(later) == ["10:00"]


@pytest.mark.parametrize("in_call", [True, False])
@pytest.mark.parametrize("takes", [True, False])
async def test_moving_to_another_services_offer_prompts_a_question(
    call: SpokenCall, *, in_call: bool, takes: bool
) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    later = call if in_call else SpokenCall(call.pod, call.number)
    later.say("Petra Lange, statt Haarschnitt möchte ich Färben.")
    found = await later.ask(FIND, {})
    offered = await later.ask(SEARCH, friday_at(call.pod, "16:00", service=COLOR))
    later.say("Ja, vier Uhr.")
    start, own = offered["slots"][0]["start"], found["appointments"][0]["appointment_id"]
    asked = await later.ask(MOVE, {"appointment_id": own, "start": start})
    assert (asked["success"], asked["unclear"]) == (False, "service"), asked
    later.say("Ja, genau." if takes else "Nein, nur den Haarschnitt verschieben.")
    assert (await later.ask(MOVE, {"appointment_id": own, "start": start}))["success"]
    kept = [("faerben" if takes else "haarschnitt", "16:00")]
    assert [(each[0], each[1]) for each in await later.live(of_number=True)] == kept


async def test_yes_to_an_offer_renames_no_appointment(call: SpokenCall) -> None:
    otto = await call.ask(BOOK, friday_at(call.pod, "10:00", customer_name="Otto Lange"))
    later = SpokenCall(call.pod, call.number)
    assert (await later.ask(BOOK, friday_at(call.pod, "14:00")))["success"]
    later.say("Für Otto Lange auch, gleiche Zeit.")
    assert "rename" in (await later.ask(BOOK, friday_at(call.pod, "14:00", customer_name="Otto Lange")))["choices"]
    later.say("Nein. Verschieben wir lieber Ottos Termin auf vier.")
    offered = await later.ask(SEARCH, friday_at(call.pod, "16:00"))
    later.say("Ja.")
    moved = {"appointment_id": otto["appointment_id"], "customer_name": "Otto Lange"}
    await later.ask(MOVE, {**moved, "start": offered["slots"][0]["start"]})
    assert [each[3] for each in await later.live(of_number=True) if each[1] == "14:00"] == [PETRA]


async def test_choice_after_a_new_offer_is_asked_again(later: SpokenCall) -> None:
    await later.ask(FIND, {})
    later.say("Haarschnitt um vier.")
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00"))
    later.say("Gar nicht, der bleibt.")
    wanted = friday_at(later.pod, "12:00", service=COLOR)
    await later.ask(SEARCH, wanted)
    later.say("Um zwölf.")
    assert "choices" in await later.ask(BOOK, wanted | {"choice": "move"})
    assert await times(later) == ["10:00"]


@pytest.mark.parametrize("in_call", [True, False])
async def test_moving_one_service_does_not_move_the_second(call: SpokenCall, *, in_call: bool) -> None:
    for at, service in (("10:00", CUT), ("14:00", COLOR)):
        assert (await call.ask(BOOK, friday_at(call.pod, at, service=service, another=True)))["success"]
    later = call if in_call else SpokenCall(call.pod, call.number)
    later.say("Nein, den Haarschnitt lieber um vier verschieben.")
    asked = await later.ask(BOOK, friday_at(call.pod, "16:00"))
    assert ("10 Uhr" in asked["message"], asked["choices"]) == (True, ["further", "move"]), asked
    later.say("Verschieben.")
    assert (await later.ask(BOOK, friday_at(call.pod, "16:00", choice="move")))["success"]
    assert await times(later) == ["14:00", "16:00"]


async def test_replacing_one_of_two_appointments_asks_which_appointment(call: SpokenCall) -> None:
    for at, service in (("10:00", CUT), ("14:00", COLOR)):
        assert (await call.ask(BOOK, friday_at(call.pod, at, service=service, another=True)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say("Statt Haarschnitt lieber Bart, um vier.")
    asked = await later.ask(BOOK, friday_at(call.pod, "16:00", service=BEARD))
    assert [len(asked["appointments"]), asked["choices"]] == [2, ["further", "move"]], asked
    later.say("Den um zehn.")
    one = asked["appointments"][0]["appointment_id"]
    wanted = friday_at(call.pod, "16:00", service=BEARD, choice="move", appointment_id=one)
    assert (await later.ask(BOOK, wanted))["success"]
    assert await times(later) == ["14:00", "16:00"]


@pytest.mark.parametrize("said", ["Wir kommen lieber um vier.", "Unsere Termine bitte auf vier verschieben."])
async def test_group_rebooked_at_another_time_offers_a_move(call: SpokenCall, said: str) -> None:
    both = {"companions": [{"customer_name": "Otto Lange"}]}
    assert (await call.ask(BOOK, friday_at(call.pod, "14:00", **both)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    await later.ask(FIND, {})
    asked = await later.ask(BOOK, friday_at(call.pod, "16:00", **both))
    assert "choices" in asked, asked
    assert await times(later) == ["14:00", "14:00"]


@pytest.mark.parametrize(
    ("filled", "said", "left"),
    [
        ("further", "Verschieben.", ["16:00"]),
        ("further", "Bitte den alten verschieben.", ["10:00"]),  # asked again
        ("move", "Ein weiterer.", ["10:00", "16:00"]),
        ("move", "Nein, den anderen lassen.", ["10:00"]),
        ("move", "Nein, einen zweiten.", ["10:00"]),
        ("further", "Einen neuen Termin.", ["10:00", "16:00"]),
        ("further", "Nein, nicht verschieben.", ["10:00", "16:00"]),
        ("move", "Nein, keinen zweiten.", ["16:00"]),
    ],
)
async def test_choice_sent_before_the_question_is_ignored(
    later: SpokenCall, filled: str, said: str, left: list[str]
) -> None:
    later.say("Ich hätte gern um vier einen Termin.")
    await later.ask(FIND, {})
    wanted = friday_at(later.pod, "16:00", choice=filled)
    asked = await later.ask(BOOK, wanted)
    assert asked["choices"] == ["further", "move"], asked
    later.say(said)
    answer = await later.ask(BOOK, wanted)
    assert (await times(later), "choices" in answer) == (left, left == ["10:00"]), answer


MOVES: list[tuple[str, dict[str, Any]]] = [
    ("Ich möchte meinen Termin auf vier Uhr verlegen.", {}),
    ("Um vier bitte.", {"notes": "Termin verlegen"}),
    ("Um vier bitte.", {"notes": "alten Termin absagen", "another": True}),
    ("Um vier bitte.", {"notes": "alten Termin absagen", "service": COLOR}),
    ("Um vier bitte.", {"notes": "please reschedule", "customer_name": "Otto Lange"}),
    ("Um vier bitte.", {"choice": "move"}),
    ("Petra Lang, meinen Termin auf vier verlegen.", {"customer_name": "Petra Lang"}),
    ("Ich habe am Freitag einen Haarschnitt bei Anna und würde lieber um vier kommen.", {}),
    ("Ich hab schon einen Termin um zehn, besser wäre vier.", {}),
    ("I have a haircut on Friday at ten, I'd rather come at four.", {}),
    ("I've got an appointment with Anna, could I come at four instead?", {}),
]


@pytest.mark.parametrize(("choice", "left"), [("move", ["16:00"]), ("further", ["10:00", "16:00"])])
@pytest.mark.parametrize(("said", "more"), MOVES)
async def test_spoken_move_words_prompt_the_move_question(
    later: SpokenCall, said: str, more: dict[str, Any], choice: str, left: list[str]
) -> None:
    later.say(said)
    wanted = friday_at(later.pod, "16:00", **more)
    asked = await later.ask(BOOK, wanted)
    assert (asked["success"], asked["choices"], await times(later)) == (False, ["further", "move"], ["10:00"]), asked
    later.say("So, wie ich es sage.")
    done = await later.ask(BOOK, wanted | {"choice": choice})
    assert (done["success"], await times(later)) == (True, left), done


async def test_spoken_move_needs_no_choice_argument(later: SpokenCall) -> None:
    later.say("Meinen Termin auf vier verlegen.")
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00"))
    later.say("Nein, kein weiterer, verschieben bitte.")
    assert (await later.ask(BOOK, friday_at(later.pod, "16:00")))["success"]
    assert await times(later) == ["16:00"]


async def test_further_appointment_after_a_move_is_booked(later: SpokenCall) -> None:
    later.say("Meinen Termin auf elf verschieben.")
    assert (await later.ask(MOVE, {"time": "11:00"}))["success"]
    later.say("Und noch einen um vier.")
    assert (await later.ask(BOOK, friday_at(later.pod, "16:00")))["success"]
    assert await times(later) == ["11:00", "16:00"]


@pytest.mark.parametrize("function", [BOOK, MOVE])
@pytest.mark.parametrize("again", [{}, {"choice": "rename"}])
async def test_named_replacement_takes_over_the_appointment(
    later: SpokenCall, function: str, again: dict[str, str]
) -> None:
    later.say("Statt mir kommt meine Tochter Mia.")
    wanted = friday_at(later.pod, "10:00", customer_name="Mia") if function == BOOK else {"customer_name": "Mia"}
    asked = await later.ask(function, wanted)
    assert asked["choices"] == ["rename", "further"], asked
    later.say("Ja, den Namen ändern.")
    done = await later.ask(BOOK if again else MOVE, {"customer_name": "Mia"} | again)
    assert (done["success"], [each[3] for each in await later.live(of_number=True)]) == (True, ["Mia"]), done


async def test_unlisted_appointment_is_only_mentioned(later: SpokenCall) -> None:
    booked = await later.ask(BOOK, friday_at(later.pod, "16:00"))
    assert (booked["success"], "bleibt bestehen" in booked["message"]) == (True, True), booked


async def test_appointment_named_in_a_question_counts_as_listed(later: SpokenCall) -> None:
    assert (await later.ask(BOOK, friday_at(later.pod, "12:00", another=True)))["success"]
    last = SpokenCall(later.pod, later.number)
    assert len((await last.ask(MOVE, {}))["appointments"]) == 2
    last.say("Den um zehn auf vier.")
    assert "choices" in await last.ask(BOOK, friday_at(last.pod, "16:00"))


@pytest.fixture
async def two(call: SpokenCall) -> SpokenCall:
    """Petra Lange has haircuts at 10:00 and 12:00, from this call."""
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    second = await call.ask(BOOK, friday_at(call.pod, "12:00", another=True))
    assert second["success"], second
    return call


async def test_move_choice_with_two_appointments_asks_which_appointment(two: SpokenCall) -> None:
    wanted = friday_at(two.pod, "16:00")
    asked = await two.ask(BOOK, wanted)
    assert all(each in asked["message"] for each in ("10 Uhr", "12 Uhr")), asked
    two.say("Verschieben, den ersten.")
    which = await two.ask(BOOK, wanted | {"choice": "move"})
    assert (which["success"], which["message"][:14]) == (False, "Welchen Termin"), which
    assert await times(two) == ["10:00", "12:00"]
    two.say("Den ersten.")
    first = which["appointments"][0]["appointment_id"]
    assert (await two.ask(BOOK, wanted | {"choice": "move", "appointment_id": first}))["success"]
    assert await times(two) == ["12:00", "16:00"]


async def test_further_appointment_is_booked_despite_two_existing(two: SpokenCall) -> None:
    wanted = friday_at(two.pod, "16:00")
    await two.ask(BOOK, wanted)
    two.say("Ein weiterer.")
    booked = await two.ask(BOOK, wanted | {"choice": "further"})
    assert (booked["success"], "2 andere Termine" in booked["message"]) == (True, True), booked


async def test_only_remaining_appointment_is_moved(two: SpokenCall) -> None:
    wanted = friday_at(two.pod, "16:00")
    asked = await two.ask(BOOK, wanted)
    await two.pod.db.execute(
        "UPDATE appointments SET status = 'cancelled' WHERE id = $1::uuid", asked["appointments"][0]["appointment_id"]
    )
    two.say("Verschieben.")
    assert (await two.ask(BOOK, wanted | {"choice": "move"}))["success"]
    assert await times(two) == ["16:00"]


@pytest.mark.parametrize("said", ["Noch einen um vier.", "Ich brauche zwei, einen um zehn und einen um vier."])
async def test_further_booking_names_the_remaining_appointment(call: SpokenCall, said: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    call.say(said)
    second = await call.ask(BOOK, friday_at(call.pod, "16:00", another=True))
    assert second["message"].endswith("um 10 Uhr, bleibt bestehen."), second
    again = await call.ask(BOOK, friday_at(call.pod, "16:00", another=True))
    assert again["message"].endswith("um 10 Uhr, bleibt bestehen."), again


@pytest.mark.parametrize("first", [{}, {"staff": "Anna"}, {"another": True}])
@pytest.mark.parametrize("again", [{}, {"staff": "Anna"}])
async def test_second_booking_at_same_start_is_not_made(
    call: SpokenCall, first: dict[str, Any], again: dict[str, Any]
) -> None:
    """Mehmet is free then; two appointments under one name are only those of a caller who wants two."""
    assert (await call.ask(BOOK, friday_at(call.pod) | first))["success"]
    call.say("Ja, genau.")
    stands = await call.ask(BOOK, friday_at(call.pod, another=True) | again)
    assert (stands["success"], "steht schon" in stands["message"]) == (True, True), stands
    assert await times(call) == ["14:00"]


@pytest.mark.parametrize(("choice", "left"), [("further", ["anna", "mehmet"]), ("cancel", ["mehmet"])])
@pytest.mark.parametrize("more", [{}, {"another": True}])
async def test_same_start_with_another_staff_member_prompts_question(
    call: SpokenCall, choice: str, left: list[str], more: dict[str, Any]
) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    call.say("Noch einen.")
    wanted = friday_at(call.pod, staff="Mehmet", another=True)
    asked = await call.ask(BOOK, wanted)
    assert (asked["success"], asked["choices"]) == (False, ["cancel", "further"]), asked
    call.say("So, wie ich es sage.")
    chosen = friday_at(call.pod, staff="Mehmet", choice=choice) | more
    for _ in range(2):
        assert (await call.ask(BOOK, chosen))["success"]
        assert sorted(each[2] for each in await call.live()) == left


async def test_two_appointments_of_one_name_need_a_choice(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say("Zwei Termine bitte.")
    stands = await call.ask(BOOK, friday_at(call.pod, another=True))
    assert (stands["success"], stands["choices"]) == (True, ["further"]), stands
    call.say("Nein, noch einen.")
    assert (await call.ask(BOOK, friday_at(call.pod, choice="further")))["success"]
    assert (await call.ask(BOOK, friday_at(call.pod, customer_name="Mia Lange", another=True)))["alternatives"]
    assert await times(call) == ["14:00", "14:00"]


async def test_booking_for_another_person_mentions_no_other_appointment(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    second = await call.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Mia Lange", another=True))
    assert (second["success"], "bleib" in second["message"]) == (True, False), second


OTHERS = [
    "doch lieber 16 Uhr", "statt 14 Uhr 16 Uhr", "lieber 16 Uhr statt 14 Uhr", "nein, um vier", "vormittags",
    "eigentlich lieber am Samstag", "statt Haarschnitt Färben", "Färben statt Haarschnitt", "und Färben dazu", "bei Anna",
    "Fensterplatz, doch um vier", "actually 4 pm", "Kunde möchte doch lieber um 16 Uhr", "prefers to come at 4 pm",
    "Wunschzeit: 16 Uhr",
    "Kundin würde lieber am Samstag kommen", "customer would like 16:00", "möchte zu Anna", "der Kunde kommt doch erst um vier",
    "lieber eine Stunde später", "doch eine Woche später", "one hour later please", "kommt lieber doch eine Stunde früher",
    "nicht zu Mehmet", "Stammkundin von Anna", "Anna statt Mehmet", "Mehmet lieber nicht",
]  # fmt: skip


@pytest.mark.parametrize("note", OTHERS)
async def test_contradicting_note_is_asked_about_once(call: SpokenCall, note: str) -> None:
    call.say("Ja.")
    wanted = friday_at(call.pod, staff="Mehmet", notes=note)
    asked = await call.ask(BOOK, wanted)
    assert (asked["success"], "Was davon soll gelten?" in asked["message"]) == (False, True), asked
    assert await times(call) == []
    call.say("Der erste.")
    assert (await call.ask(BOOK, wanted))["success"]


@pytest.mark.parametrize(
    ("reply", "request_after", "at"),
    [
        ("Ja, den um zehn bitte absagen.", ("cancel_appointment", {"confirmed": True}), ["16:00"]),
        ("Ja.", ("cancel_appointment", {}), ["16:00"]),
        ("Ja.", (BOOK, {"choice": "move"}), ["16:00"]),
        ("Nein.", (BOOK, {"choice": "move"}), ["10:00", "16:00"]),
        ("Nein, danke.", (BOOK, {}), ["10:00", "16:00"]),
    ],
)
@pytest.mark.parametrize("choice", ["move", "Termin verschieben"])
async def test_late_move_choice_asks_to_cancel_former_appointment(
    later: SpokenCall, choice: str, reply: str, request_after: tuple[str, dict[str, str]], at: list[str]
) -> None:
    wanted = friday_at(later.pod, "16:00")
    assert (await later.ask(BOOK, wanted))["success"]
    later.say("Nein, statt dem um zehn.")
    asked = await later.ask(BOOK, wanted | {"choice": choice})
    assert (asked["success"], asked["message"].endswith("um 10 Uhr, Haarschnitt bei Anna, absagen?")) == (
        False,
        True,
    ), asked
    assert await times(later) == ["10:00", "16:00"]
    later.say(reply)
    function, args = request_after
    done = await later.ask(function, wanted | args if function == BOOK else args)
    assert (done["success"], await times(later)) == (True, at), done


@pytest.mark.parametrize("note", [{}, {"notes": "Umbuchung"}, {"notes": "Allergie"}])
@pytest.mark.parametrize("said", ["Verschieben.", "Danke.", ""])
async def test_repeated_move_leaves_the_appointment_unchanged(
    later: SpokenCall, said: str, note: dict[str, str]
) -> None:
    wanted = friday_at(later.pod, "16:00")
    await later.ask("find_appointments", {})
    await later.ask(BOOK, wanted)
    later.say("Verschieben.")
    assert (await later.ask(BOOK, wanted | {"choice": "move"}))["success"]
    for choice in ({"choice": "move"}, {}):
        if said:
            later.say(said)
        again = await later.ask(BOOK, wanted | note | choice)
        assert again["message"].startswith("Der Termin steht schon"), again
        assert (again["success"], await times(later)) == (True, ["16:00"])
    assert await later.pod.db.fetchval("SELECT notes FROM appointments WHERE caller = $1", later.number) == note.get(
        "notes"
    )


@pytest.mark.parametrize("again", [{}, {"choice": "further"}, {"choice": "nicht verschieben"}, {"choice": "move"}])
async def test_further_appointment_stays_after_a_repeated_booking(later: SpokenCall, again: dict[str, str]) -> None:
    wanted = friday_at(later.pod, "16:00", notes="Umbuchung")
    later.say("Um vier.")
    assert (await later.ask(BOOK, wanted))["choices"] == ["further", "move"]
    later.say("Einen weiteren.")
    assert (await later.ask(BOOK, wanted | {"choice": "further"}))["success"]
    later.say("Danke.")
    repeated = await later.ask(BOOK, wanted | again)
    assert (repeated["success"], await times(later)) == (True, ["10:00", "16:00"]), repeated


@pytest.mark.parametrize(
    "note", ["Terminverschiebung von 10 Uhr", "Ersatztermin", "Tausch mit 10 Uhr", "Termin umgebucht"]
)
async def test_note_about_a_move_prompts_a_choice(later: SpokenCall, note: str) -> None:
    asked = await later.ask(BOOK, friday_at(later.pod, "16:00", notes=note))
    assert (asked["success"], asked["choices"], await times(later)) == (False, ["further", "move"], ["10:00"]), asked


@pytest.mark.parametrize("corrected", [{"time": "16:00"}, {"time": "16:00", "notes": "Allergie"}])
async def test_time_corrected_after_the_note_question_is_booked(call: SpokenCall, corrected: dict[str, str]) -> None:
    call.say("Ja.")
    wanted = friday_at(call.pod, notes="doch lieber 16 Uhr")
    await call.ask(BOOK, wanted)
    call.say("Vier Uhr.")
    assert (await call.ask(BOOK, wanted | corrected))["success"]
    assert await times(call) == ["16:00"]


@pytest.mark.parametrize("more", [{"date": None, "time": None}, {}])
async def test_later_contradicting_note_is_asked_about(call: SpokenCall, more: dict[str, None]) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    call.say("Doch lieber um vier.")
    asked = await call.ask(BOOK, friday_at(call.pod, notes="doch lieber um vier") | more)
    assert (asked["success"], asked["unclear"]) == (False, "note doch lieber um vier"), asked


@pytest.mark.parametrize(
    "note",
    [
        "kommt 5 Minuten später, muss um 15 Uhr weg", "14 Uhr", "Freitag", "nachmittags, Fensterplatz", CUT, "nur Haarschnitt",
        "statt Färben Haarschnitt", "ohne Färben", "hat am 12. Dezember Hochzeit", "Färben war beim letzten Mal zu dunkel",
        "Rückruf ab 15 Uhr", "2", "Maschine 3, 6 mm", "Mehmet", "1. Termin", "Allergie gegen Färbemittel", "seit Montag krank",
        "möchte diesmal lieber 3 mm", "sitzt lieber am Fenster", "kommt lieber 5 Minuten früher",
        "Kundin möchte doch 14 Uhr behalten", "Grüße an Mehmet", "Sohn ist 5 Jahre später geboren",
    ],
)  # fmt: skip
async def test_unrelated_note_is_stored_as_written(call: SpokenCall, note: str) -> None:
    call.say("Ja.")
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Mehmet", notes=note)))["success"]
    assert await call.pod.db.fetchval("SELECT notes FROM appointments WHERE call_id = $1", call.call_id) == note


@pytest.mark.parametrize(
    "agent", ["Soll ich es auf Färben um sechzehn Uhr ändern?", "Ach, Sie wollten Färben. Dann um vier, richtig?"]
)
async def test_yes_to_agents_own_correction_prompts_a_choice(call: SpokenCall, agent: str) -> None:
    """The correction is in the agent's own words, and the caller only agrees to it."""
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    call.say("Ja.")
    call.transcript.append({"role": "agent", "content": agent})
    call.say("Ja, bitte.")
    assert "choices" in await call.ask(BOOK, friday_at(call.pod, "16:00", service=COLOR))
    assert await times(call) == ["10:00"]


async def test_yes_to_agents_further_booking_question_books_it(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00")))["success"]
    call.say("Danke.")
    call.transcript.append({"role": "agent", "content": "Soll ich das Färben um vier auch noch eintragen?"})
    call.say("Ja, gern.")
    assert (await call.ask(BOOK, friday_at(call.pod, "16:00", service=COLOR)))["success"]


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("Der bleibt. Färben um fünf zusätzlich.", {"time": "17:00", "service": COLOR}),
        ("Aber Färben hätte ich gern um fünf.", {"time": "17:00", "service": COLOR}),
        ("Der ist für meinen Mann Otto.", {"customer_name": "Otto Lange"}),
        ("Nein, der alte bleibt.", {}),
    ],
)
async def test_move_choice_with_a_changed_request_moves_nothing(
    later: SpokenCall, said: str, changes: dict[str, str]
) -> None:
    later.say("Wann ist mein Termin? Ich brauche Freitag um vier.")
    await later.ask(FIND, {})
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00"))
    later.say(said)
    answer = await later.ask(BOOK, friday_at(later.pod, "16:00") | changes | {"choice": "move"})
    assert (answer["success"], await times(later)) == (False, ["10:00"]), answer


async def test_argument_another_beside_spoken_move_is_asked_about(later: SpokenCall) -> None:
    later.say("Meinen Termin bitte auf vier verschieben.")
    await later.ask(FIND, {})
    assert "choices" in await later.ask(BOOK, friday_at(later.pod, "16:00", another=True))
    later.say("Nein, noch einen.")
    assert (await later.ask(BOOK, friday_at(later.pod, "16:00", another=True)))["success"]
