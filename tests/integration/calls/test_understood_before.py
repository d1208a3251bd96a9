"""An answer to a question may hold only the missing argument: the others are kept from the earlier request."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import COLOR, CUT, SpokenCall, friday_at

BOOK, INFORM = "book_appointment", "business_information"
ADDRESS = "p.lange@gmx.de"
PETRA = {"customer_name": "Petra Lange"}


def without(call: SpokenCall, *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in friday_at(call.pod, **more).items() if name not in names}


async def addresses(call: SpokenCall) -> list[str]:
    rows = await call.pod.db.fetch("SELECT attendee_email FROM appointments WHERE call_id = $1", call.call_id)
    return [row["attendee_email"] for row in rows]


@pytest.mark.parametrize(
    "answer",
    [{"email_confirmed": True}, {"email": ADDRESS}, PETRA | {"email": ADDRESS, "email_confirmed": True}, PETRA, {}],
)
async def test_confirmed_address_books_the_earlier_request(call: SpokenCall, answer: dict[str, Any]) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, email=ADDRESS, notes="leise")))["needs_confirmation"]
    call.say("Ja, richtig.")
    done = await call.ask(BOOK, answer)
    assert (done["success"], await addresses(call)) == (True, [ADDRESS]), done
    assert await call.pod.db.fetchval("SELECT notes FROM appointments WHERE call_id = $1", call.call_id) == "leise"
    assert [each[:2] for each in await call.live()] == [("haarschnitt", "14:00")]


@pytest.mark.parametrize("email", [ADDRESS, "p lange"])
@pytest.mark.parametrize("answer", [PETRA, PETRA | {"email_confirmed": False}, PETRA | {"email": ""}])
async def test_refused_address_is_not_stored(call: SpokenCall, email: str, answer: dict[str, Any]) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, email=email)))["success"]
    call.say("Nein, lieber ohne.")
    done = await call.ask(BOOK, answer)
    assert (done["success"], ADDRESS in await addresses(call)) == (True, False), done


@pytest.mark.parametrize("said", ["Nein, mit Bindestrich, nicht mit Punkt.", "No, with a dash, not a dot."])
async def test_corrected_address_keeps_the_requested_time(call: SpokenCall, said: str) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, email=ADDRESS)))["success"]
    call.say(said)
    corrected = {"email": ADDRESS.replace(".", "-", 1), "email_confirmed": False}
    assert (await call.ask(BOOK, PETRA | corrected))["needs_confirmation"]
    call.say("Ja, jetzt stimmt sie.")
    done = await call.ask(BOOK, PETRA | {"email_confirmed": "true"})
    assert (done["success"], await addresses(call)) == (True, [corrected["email"]]), done


async def test_second_question_keeps_the_requested_time(call: SpokenCall) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, email="p lange")))["success"]
    call.say("P Punkt Lange bei gmx.")
    assert (await call.ask(BOOK, {"email": ADDRESS}))["needs_confirmation"]
    call.say("Ja.")
    done = await call.ask(BOOK, {"email_confirmed": True})
    assert (done["success"], await addresses(call)) == (True, [ADDRESS]), done


@pytest.mark.parametrize(
    ("missing", "answer"),
    [("customer_name", PETRA), ("service", {"service": CUT}), ("service", PETRA | {"service": CUT})],
)
async def test_supplying_the_missing_argument_completes_the_booking(
    call: SpokenCall, missing: str, answer: dict[str, Any]
) -> None:
    assert not (await call.ask(BOOK, without(call, missing)))["success"]
    call.say("Petra Lange." if missing == "customer_name" else "Einmal schneiden, bitte, für Petra Lange.")
    assert (await call.ask(INFORM, {"topic": "parking"}))["message"]
    done = await call.ask(BOOK, answer)
    assert (done["success"], await call.live()) == (True, [("haarschnitt", "14:00", "anna", "Petra Lange")]), done


@pytest.mark.parametrize(
    "said",
    [
        "Nein, Petra Lange.", "Nein, mit E. Petra Lange.", "Äh, das wäre auf Petra Lange, L wie Ludwig, A, N, G, E, vielen Dank.",
        "Petra Lange, und meine Nummer ist 0171 5566778.", "Ja gern, auf Frau Lange, Petra Lange.",
    ],
)  # fmt: skip
async def test_name_answer_with_extra_words_completes_the_booking(call: SpokenCall, said: str) -> None:
    assert not (await call.ask(BOOK, without(call, "customer_name")))["success"]
    call.say(said)
    assert (await call.ask(BOOK, PETRA))["success"]
    assert await call.live() == [("haarschnitt", "14:00", "anna", "Petra Lange")]


@pytest.mark.parametrize(
    "said",
    [
        "Ach nein, Freitag geht nicht. Petra Lange ist mein Name.", "Moment, da kann ich nicht. Mein Name ist Petra Lange.",
        "Ach, ich überlege es mir noch. Petra Lange.", "Petra Lange, aber um vier.", "Petra Lange, oder doch lieber Samstag.",
        "Ach, da bin ich ja im Urlaub. Petra Lange.", "Petra Lange muss noch schauen", "Petra Lange, but I can't on Friday.",
    ],
)  # fmt: skip
async def test_declined_time_is_asked_for_again(call: SpokenCall, said: str) -> None:
    assert not (await call.ask(BOOK, without(call, "customer_name")))["success"]
    call.say(said)
    asked = await call.ask(BOOK, PETRA)
    assert (asked["success"], await call.live()) == (False, []), asked
    assert asked["message"].startswith("Für welchen Tag und welche Uhrzeit")
    call.say("Am selben Tag um drei.")
    assert (await call.ask(BOOK, without(call, "customer_name", "service", time="15:00")))["success"]
    assert [each[1] for each in await call.live()] == ["15:00"]


async def test_refused_booking_keeps_no_requested_time(call: SpokenCall) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, confirmed=False)))["success"]
    call.say("Nein, den nicht.")
    assert not (await call.ask(BOOK, PETRA))["success"]
    assert await call.live() == []


async def test_corrected_service_replaces_the_first_request(call: SpokenCall) -> None:
    assert not (await call.ask(BOOK, without(call, "customer_name")))["success"]
    call.say("Petra Lange, aber lieber Färben.")
    assert (await call.ask(BOOK, PETRA | {"service": COLOR}))["success"]
    assert [each[:2] for each in await call.live()] == [("faerben", "14:00")]


@pytest.mark.parametrize("other", [{"customer_name": "Otto Kurz"}, {"customer_name": "Otto Kurz", "another": True}])
async def test_booking_for_another_person_inherits_no_arguments(call: SpokenCall, other: dict[str, Any]) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, email=ADDRESS)))["success"]
    call.say("Ach, für Otto Kurz.")
    assert not (await call.ask(BOOK, other))["success"]
    assert await call.live() == []


async def test_completed_booking_passes_no_arguments_on(call: SpokenCall) -> None:
    assert not (await call.ask(BOOK, without(call, "customer_name")))["success"]
    call.say("Petra Lange.")
    assert (await call.ask(BOOK, PETRA))["success"]
    call.say("Noch einen.")
    assert not (await call.ask(BOOK, PETRA | {"another": True}))["success"]
    assert len(await call.live()) == 1


async def test_yes_after_a_taken_time_inherits_no_time(call: SpokenCall) -> None:
    for name in ("Eva Rot", "Ben Blau"):
        assert (await call.ask(BOOK, friday_at(call.pod, customer_name=name, another=True)))["success"]
    assert (await call.ask(BOOK, friday_at(call.pod, another=True)))["alternatives"]
    call.say("Ja.")
    assert "alternatives" not in await call.ask(BOOK, PETRA | {"another": True})
    assert len(await call.live()) == 2


async def test_complete_request_inherits_no_earlier_details(call: SpokenCall) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, email=ADDRESS, notes="leise")))["success"]
    call.say("Nein, nur der Termin.")
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00")))["success"]
    rows = await call.pod.db.fetch("SELECT notes, attendee_email FROM appointments WHERE call_id = $1", call.call_id)
    assert [(row["notes"], row["attendee_email"] == ADDRESS) for row in rows] == [(None, False)]
