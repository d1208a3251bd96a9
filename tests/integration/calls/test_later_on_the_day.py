"""After an offer, "lieber später" means a later time of the offered day."""

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
async def test_another_hour_stays_on_the_offered_day(call: SpokenCall, words: dict[str, str], function: str) -> None:
    day = next_friday(call.pod, 10, 2).date().isoformat()
    call.say("Am Freitag um zwei?")
    await call.ask(CHECK, {"service": CUT, "date": day, "time": "14 Uhr"})
    call.say("Lieber zu einer anderen Zeit.")
    name = {"customer_name": "Otto Kurz"} if function == BOOK else {}
    answer = await call.ask(function, {"service": CUT, **words, **name})
    slots = answer["slots"] if function == CHECK else answer["candidates"]
    assert {each["start"][:10] for each in slots} == {day}, answer
    assert ("refused" in answer, await call.live()) == (False, [])


@pytest.mark.parametrize(
    ("words", "is_later"), [("danach", True), ("davor", False), ("after that", True), ("before", False)]
)
@pytest.mark.parametrize("with_day", [True, False])
async def test_earlier_or_later_counts_from_the_refused_time(
    call: SpokenCall, words: str, is_later: bool, with_day: bool
) -> None:
    day = next_friday(call.pod, 10, 2).date().isoformat()
    at = {"service": CUT, "date": day, "time": "11 Uhr", "staff": "Anna"}
    assert (await SpokenCall(call.pod).ask(BOOK, at | {"customer_name": "Otto Kurz"}))["success"]
    refused = await call.ask(CHECK, at)
    call.say("Und wann sonst?")
    found = await call.ask(CHECK, at | {"time": words, "date": day if with_day else None})
    starts, named = ({each["start"] for each in answer["slots"]} for answer in (found, refused))
    assert {start[:10] for start in starts} == {day}, found
    assert {start > refused["refused_start"] for start in starts} == {is_later}, found
    assert starts & named, found


async def test_spoken_danach_searches_after_the_last_offered_hour(call: SpokenCall) -> None:
    day = next_friday(call.pod, 10, 2).date().isoformat()
    offered = await call.ask(CHECK, {"service": CUT, "date": day, "time": "vormittags"})
    call.say("Und danach?")
    found = await call.ask(CHECK, {"service": CUT, "time": "danach"})
    assert min(each["start"] for each in found["slots"]) > max(each["start"] for each in offered["slots"]), found


@pytest.mark.parametrize(
    "time", ["nach der Schule, so halb vier", "halb vier, wenn die Schule aus ist", "after school, at 15:30"]
)
async def test_time_with_additional_words_is_searched_and_confirmed(call: SpokenCall, time: str) -> None:
    """It is searched, and asked about before a booking."""
    wish = {"service": CUT, "date": next_friday(call.pod, 10, 2).date().isoformat(), "time": time}
    found = await call.ask(CHECK, wish)
    assert [found["success"], *(each["start"][11:16] for each in found["slots"])] == [True, "15:30"], found
    asked = await SpokenCall(call.pod).ask(BOOK, wish | {"customer_name": "Otto Kurz"})
    assert [each["start"][11:16] for each in asked["candidates"]] == ["15:30"], asked


@pytest.mark.parametrize(
    "time", ["nicht um drei, um vier", "mein Bus kommt um drei, also um vier", "um vier, Mittwoch", "vier, nein"]
)
async def test_text_with_two_clock_times_books_nothing(call: SpokenCall, time: str) -> None:
    wish = {"service": CUT, "date": next_friday(call.pod, 10, 2).date().isoformat(), "time": time}
    assert not (await call.ask(BOOK, wish | {"customer_name": "Otto Kurz"}))["success"]


async def test_spoken_spaeter_without_an_offer_is_not_understood(call: SpokenCall) -> None:
    call.say("Lieber später.")
    assert (await call.ask(CHECK, {"service": CUT, "time": "später"}))["refused"] == "not_understood"
