"""The caller agrees to a suggested service or staff member that sounds alike, while the model repeats the misheard words."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

CHECK, BOOK = "check_availability", "book_appointment"
MISHEARD: list[dict[str, Any]] = [{"service": "Haarsnitt"}, {"staff": "Ahna"}]


@pytest.mark.parametrize("yes", ["Ja.", "Ja, genau.", "Ja, {meant}."])
@pytest.mark.parametrize("misheard", MISHEARD)
async def test_yes_confirms_the_suggested_service_or_staff_member(
    call: SpokenCall, misheard: dict[str, Any], yes: str
) -> None:
    named = friday_at(call.pod, **misheard)
    asked = await call.ask(CHECK, named)
    meant = asked["message"].removeprefix("Meinen Sie ").rstrip("?")
    call.say(yes.format(meant=meant))
    assert (await call.ask(CHECK, named))["success"]
    call.say("Nein, lieber um vier.")
    assert (await call.ask(BOOK, named | {"time": "16:00"}))["success"]
    assert [each[:3] for each in await call.live()] == [("haarschnitt", "16:00", "anna")]


@pytest.mark.parametrize("words", ["Nein.", "Was kostet das?", "Ja? Moment.", "Nicht Färben."])
@pytest.mark.parametrize("misheard", MISHEARD)
async def test_misheard_name_is_asked_again_without_a_yes(
    call: SpokenCall, misheard: dict[str, Any], words: str
) -> None:
    named = friday_at(call.pod, **misheard)
    asked = await call.ask(BOOK, named)
    call.say(words)
    assert (await call.ask(BOOK, named))["message"] == asked["message"]
    assert await call.live() == []


@pytest.mark.parametrize("words", ["Färben.", "Nein, Färben bitte."])
async def test_naming_another_service_rejects_the_suggested_service(call: SpokenCall, words: str) -> None:
    named = friday_at(call.pod, service="Haarsnitt")
    await call.ask(BOOK, named)
    call.say(words)
    assert (await call.ask(BOOK, named))["success"]
    assert [each[:3] for each in await call.live()] == [("faerben", "14:00", "anna")]


@pytest.mark.parametrize("misheard", MISHEARD)
async def test_yes_to_another_answer_confirms_no_misheard_name(call: SpokenCall, misheard: dict[str, Any]) -> None:
    named = friday_at(call.pod, **misheard)
    asked = await call.ask(BOOK, named)
    await call.ask(CHECK, friday_at(call.pod, "16:00"))
    call.say("Ja.")
    assert (await call.ask(BOOK, named))["message"] == asked["message"]
