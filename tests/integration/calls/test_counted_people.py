"""A request for two people names only one: the caller is asked for the other, or hears that one is booked."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import SpokenCall, friday_at

CHECK, BOOK = "check_availability", "book_appointment"
ASKED = say().name_of_companion + say().or_alone
COUNTED: list[dict[str, Any]] = [{"quantity": 2}, {"party_size": 2}, {"anzahl": "2"}, {"notes": "für zwei Personen"}]
MIA = {"customer_name": "Mia Lange"}


@pytest.mark.parametrize("counted", COUNTED)
async def test_party_size_of_two_asks_for_the_companion(call: SpokenCall, counted: dict[str, Any]) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, **counted)))["message"] == ASKED
    assert await call.live() == []
    call.say("Mia Lange.")
    done = await call.ask(BOOK, friday_at(call.pod, **counted, companions=[MIA]))
    assert (done["success"], sorted(each[3] for each in await call.live())) == (True, ["Mia Lange", "Petra Lange"])


@pytest.mark.parametrize("counted", COUNTED)
async def test_caller_coming_alone_is_asked_once(call: SpokenCall, counted: dict[str, Any]) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, **counted)))["message"] == ASKED
    call.say("Ich komme allein.")
    done = await call.ask(BOOK, friday_at(call.pod, **counted))
    assert (done["success"], say().rest_noted_of_one in done["message"]) == (True, True), done


async def test_search_with_party_size_two_offers_two_staff(call: SpokenCall) -> None:
    found = await call.ask(CHECK, friday_at(call.pod, party_size=2))
    assert (found["success"], "Anna und Mehmet" in found["message"]) == (True, True), found


NOTED = (
    "mit Tochter Mia auch schneiden", "Mann möchte auch", "also for my son", "für mich und meinen Mann", "mein Sohn kommt mit",
    "auch für Otto", "zwei Kinder", "für die ganze Familie", "wir sind zwei",
)  # fmt: skip


@pytest.mark.parametrize("notes", NOTED)
async def test_companion_in_the_notes_is_asked_for(call: SpokenCall, notes: str) -> None:
    call.say("Am Freitag um zwei.")
    assert (await call.ask(BOOK, friday_at(call.pod, notes=notes)))["message"] == ASKED
    call.say("Mia Lange.")
    done = await call.ask(BOOK, friday_at(call.pod, notes=notes, companions=[MIA]))
    assert (done["success"], sorted(each[3] for each in await call.live())) == (True, ["Mia Lange", "Petra Lange"])


@pytest.mark.parametrize("notes", NOTED)
async def test_booking_with_companion_in_notes_names_its_customer(call: SpokenCall, notes: str) -> None:
    call.say("Am Freitag um zwei.")
    await call.ask(BOOK, friday_at(call.pod, notes=notes))
    call.say("Ich komme allein.")
    done = await call.ask(BOOK, friday_at(call.pod, notes=notes))
    assert (done["success"], "Er ist auf den Namen Petra Lange." in done["message"]) == (True, True), done
    assert [each[3] for each in await call.live()] == ["Petra Lange"]


@pytest.mark.parametrize(
    "notes",
    ["Termin für meinen Sohn, bitte mit Waschen", "auch Bart trimmen", "beide Seiten kurz", "Gutschein vom Mann"],
)
async def test_notes_without_companions_are_booked_directly(call: SpokenCall, notes: str) -> None:
    call.say("Am Freitag um zwei.")
    done = await call.ask(BOOK, friday_at(call.pod, notes=notes))
    assert done["success"], done


@pytest.mark.parametrize(
    "more", [{}, {"quantity": 1}, {"notes": ""}, {"notes": "Haarschnitt"}, {"notes": "bitte leise"}]
)
async def test_request_for_one_person_is_booked_directly(call: SpokenCall, more: dict[str, Any]) -> None:
    done = await call.ask(BOOK, friday_at(call.pod, **more))
    assert (done["success"], say().rest_noted_of_one in done["message"]) == (True, False), done
