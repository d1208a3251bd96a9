"""Another name for one member of a group: the caller chooses a correction or a further person."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK = "book_appointment"
PETRA, OTTO, OSKAR = "Petra Lange", "Otto Kurz", "Oskar Kurz"


def group(call: SpokenCall, name: str = PETRA, companion: str = OTTO, **more: Any) -> dict[str, Any]:
    return friday_at(call.pod, customer_name=name, companions=[{"customer_name": companion}]) | more


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Petra Lange and Otto Kurz have a haircut at 14:00."""
    assert (await call.ask(BOOK, group(call)))["success"]
    return call


async def names(call: SpokenCall) -> dict[str, str]:
    return {staff: name for _, _, staff, name in await call.live()}


@pytest.mark.parametrize("as_group", [True, False])
@pytest.mark.parametrize(("changed", "at"), [({"companion": OSKAR}, "mehmet"), ({"name": "Paula Lange"}, "anna")])
async def test_rename_choice_changes_one_customer_of_a_group(
    call: SpokenCall, changed: dict[str, str], at: str, as_group: bool
) -> None:
    request = group(call, **changed)
    asked = await call.ask(BOOK, request)
    (renamed,) = changed.values()
    assert (asked["success"], asked["choices"], asked["customer_name"]) == (False, ["rename", "further"], renamed)
    call.say("Ja, den Namen bitte ändern.")
    again = request if as_group else friday_at(call.pod, customer_name=renamed)
    done = await call.ask(BOOK, again | {"choice": "rename"})
    assert (done["success"], renamed in done["message"]) == (True, True), done
    assert await names(call) == {"anna": PETRA, "mehmet": OTTO} | {at: renamed}


async def test_further_companion_gets_a_separate_request(call: SpokenCall) -> None:
    request = group(call, companion=OSKAR)
    await call.ask(BOOK, request)
    call.say("Nein, der kommt auch noch.")
    asked = await call.ask(BOOK, request | {"choice": "further"})
    assert [each["customer_name"] for each in asked["next_requests"]] == [OSKAR]
    assert await names(call) == {"anna": PETRA, "mehmet": OTTO}


async def test_unanswered_question_renames_nobody(call: SpokenCall) -> None:
    for _ in range(2):
        await call.ask(BOOK, group(call, companion=OSKAR, choice="rename"))
    assert await names(call) == {"anna": PETRA, "mehmet": OTTO}
