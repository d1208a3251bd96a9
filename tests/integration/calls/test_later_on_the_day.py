""" "Lieber später" after an offer is of the offered day."""

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK = "check_availability", "book_appointment"


@pytest.mark.parametrize(
    "words",
    [
        {"time": "später"}, {"time": "lieber früher"}, {"time": "etwas später"}, {"part_of_day": "früher"}, {"time": "earlier"},
        {"date": "etwas später"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", [CHECK, BOOK])
async def test_another_hour_stays_on_the_day(call: SpokenCall, words: dict[str, str], function: str) -> None:
    day = next_friday(call.pod, 10, 2).date().isoformat()
    call.say("Am Freitag um zwei?")
    await call.ask(CHECK, {"service": CUT, "date": day, "time": "14 Uhr"})
    call.say("Lieber zu einer anderen Zeit.")
    name = {"customer_name": "Otto Kurz"} if function == BOOK else {}
    answer = await call.ask(function, {"service": CUT, **words, **name})
    slots = answer["slots"] if function == CHECK else answer["candidates"]
    assert {each["start"][:10] for each in slots} == {day}, answer
    assert ("refused" in answer, await call.live()) == (False, [])


async def test_later_without_an_offer_is_asked(call: SpokenCall) -> None:
    call.say("Lieber später.")
    assert (await call.ask(CHECK, {"service": CUT, "time": "später"}))["refused"] == "not_understood"
