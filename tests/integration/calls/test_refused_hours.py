"""A time without a day after offers is taken if only one day can be meant. Otherwise the caller is asked.

The day can be that of the appointment which is moved, those on which just this time was offered, and that of the refused start.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, empty_book, friday_at
from tests.worlds.tenant_pod import TenantPod, next_friday

CHECK, BOOK, MOVE = "check_availability", "book_appointment", "reschedule_appointment"
INFO = "business_information"


@pytest.fixture
async def refused(spoken_salon: TenantPod) -> tuple[SpokenCall, dict[str, Any]]:
    """Return a call whose move to ten was refused, with offers of other hours and of ten on Saturday; and the refusal."""
    await empty_book(spoken_salon)
    call = SpokenCall(spoken_salon)
    await call.ask(BOOK, friday_at(spoken_salon, staff="Anna"))
    await SpokenCall(spoken_salon).ask(BOOK, friday_at(spoken_salon, "10:00", staff="Anna", customer_name="Kim Kurz"))
    call.say("Meinen Termin bitte auf zehn.")
    answer = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (answer["success"], [each["start"][11:13] for each in answer["alternatives"]].count("10")) == (False, 1), (
        answer
    )
    return call, answer


@pytest.mark.parametrize("words", ["Wirklich nicht um zehn?", "Moment bitte.", "Ich hätte gern zehn.", "I wanted ten."])
async def test_repeated_refused_hour_is_asked_about(refused: tuple[SpokenCall, dict[str, Any]], words: str) -> None:
    call, _ = refused
    call.say(words)
    asked = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (asked["success"], [each[1] for each in await call.live()]) == (False, ["14:00"]), asked
    assert len(asked["candidates"]) == 1
    call.say("Ja.")
    moved = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (moved["success"], moved["start"]) == (True, asked["candidates"][0]["start"])


async def test_offered_hour_with_its_day_moves_the_appointment(refused: tuple[SpokenCall, dict[str, Any]]) -> None:
    call, answer = refused
    (ten,) = [each["start"] for each in answer["alternatives"] if each["start"][11:13] == "10"]
    call.say("Dann Samstag um zehn.")
    assert (await call.ask(MOVE, {"time": "zehn Uhr"}))["start"] == ten


@pytest.mark.parametrize(
    "words",
    [
        "Samstag kann ich nicht. Geht wirklich nicht um zehn?",
        "Nein, Samstag nicht. Um zehn bitte.",
        "Nein, Freitag um zehn.",
    ],
)
async def test_hour_of_a_rejected_day_stays_refused(refused: tuple[SpokenCall, dict[str, Any]], words: str) -> None:
    call, before = refused
    call.say(words)
    again = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (again["success"], again["refused_start"]) == (False, before["refused_start"]), again
    assert [each[1] for each in await call.live()] == ["14:00"]


@pytest.mark.parametrize(
    "words",
    [
        "Also nur Samstag?",
        "Freitag wäre mir lieber als Samstag, um zehn.",
        "Wenn Samstag frei ist, um zehn.",
        "Samstags hat mein Sohn Fußball, zehn wäre gut.",
    ],
)
async def test_hour_after_an_uncertain_day_is_confirmed(refused: tuple[SpokenCall, dict[str, Any]], words: str) -> None:
    call, _ = refused
    call.say(words)
    asked = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (len(asked["candidates"]), [each[1] for each in await call.live()]) == (1, ["14:00"]), asked


@pytest.mark.parametrize("words", ["Dann um elf.", "Gut, elf Uhr.", "Eleven, please."])
async def test_another_hour_after_a_refusal_keeps_the_day(
    refused: tuple[SpokenCall, dict[str, Any]], words: str
) -> None:
    call, before = refused
    call.say(words)
    moved = await call.ask(MOVE, {"time": "elf Uhr"})
    assert (moved["success"], moved["start"]) == (True, before["refused_start"].replace("T10", "T11")), moved


@pytest.fixture
async def searched(spoken_salon: TenantPod) -> tuple[SpokenCall, str, str]:
    """Return a later call with an appointment on Friday at two that was offered Thursday at four; and both days."""
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    own = await first.ask(BOOK, friday_at(spoken_salon, staff="Anna"))
    call = SpokenCall(spoken_salon, number=first.number)
    other = (datetime.fromisoformat(own["start"]) - timedelta(days=1)).date().isoformat()
    call.say("Geht auch Donnerstag um vier?")
    assert (await call.ask(CHECK, {"service": CUT, "staff": "Anna", "date": other, "time": "16 Uhr"}))["success"]
    return call, own["start"][:10], other


@pytest.mark.parametrize("hour", ["vier", "fünf"])
@pytest.mark.parametrize(
    "words",
    [
        "Nein, Donnerstag doch nicht. Der Tag bleibt, nur um {}.",
        "Nein, am Freitag um {}.",
        "Donnerstag kann ich nicht, um {}.",
    ],
)
async def test_declined_day_moves_within_the_appointments_day(
    searched: tuple[SpokenCall, str, str], words: str, hour: str
) -> None:
    call, own, _ = searched
    call.say(words.format(hour))
    moved = await call.ask(MOVE, {"appointment_date": "Freitag", "date": "", "time": f"{hour} Uhr"})
    assert (moved["success"], moved["start"][:10]) == (True, own), moved


@pytest.mark.parametrize(
    "words", ["Der Tag bleibt, aber um fünf.", "Hm, dann lieber um fünf.", "Keep my day, but at five."]
)
@pytest.mark.parametrize("answer", ["Freitag.", "Am Donnerstag bitte."])
async def test_hour_possible_on_two_days_asks_which_day(
    searched: tuple[SpokenCall, str, str], words: str, answer: str
) -> None:
    call, own, other = searched
    call.say(words)
    asked = await call.ask(MOVE, {"time": "fünf Uhr"})
    assert [each["start"][:13] for each in asked["alternatives"]] == [f"{other}T17", f"{own}T17"], asked
    call.say(answer)
    moved = await call.ask(MOVE, {"time": "fünf Uhr"})
    assert (moved["success"], moved["start"][:10]) == (True, own if answer == "Freitag." else other), moved


@pytest.mark.parametrize(
    "words",
    ["Nein, ich lasse den Tag. Um vier.", "Den Tag behalten, um vier.", "Nein, das passt ihm nicht. Meinen auf vier."],
)
@pytest.mark.parametrize("answer", [{"time": "vier Uhr"}, {"date": "Freitag", "time": "vier Uhr"}])
async def test_offered_hour_with_a_no_asks_the_day(
    searched: tuple[SpokenCall, str, str], words: str, answer: dict[str, str]
) -> None:
    call, own, other = searched
    call.say(words)
    asked = await call.ask(MOVE, {"time": "vier Uhr"})
    assert [each["start"][:13] for each in asked["candidates"]] == [f"{other}T16", f"{own}T16"], asked
    call.say("Freitag.")
    moved = await call.ask(MOVE, answer)
    assert (moved["success"], moved["start"][:10]) == (True, own), moved


@pytest.mark.parametrize(
    "words", ["Ja, um vier.", "Gern.", "Kein Problem, um vier.", "Am Donnerstag um vier passt gut."]
)
async def test_agreed_offer_moves_the_appointment(searched: tuple[SpokenCall, str, str], words: str) -> None:
    call, _, other = searched
    call.say(words)
    moved = await call.ask(MOVE, {"time": "vier Uhr"})
    assert (moved["success"], moved["start"][:10]) == (True, other), moved


@pytest.mark.parametrize("words", ["Wirklich nicht um zehn?", "Hm, zehn wäre schön.", "Moment bitte.", ""])
@pytest.mark.parametrize("function", [MOVE, BOOK])
async def test_hour_refused_in_a_search_is_not_booked(spoken_salon: TenantPod, function: str, words: str) -> None:
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    await first.ask(BOOK, friday_at(spoken_salon, staff="Anna"))
    taken = await SpokenCall(spoken_salon).ask(
        BOOK, friday_at(spoken_salon, "10:00", staff="Anna", customer_name="Kim Kurz")
    )
    call = SpokenCall(spoken_salon, number=first.number if function == MOVE else "+4915112345678")
    call.say("Am Freitag um zehn.")
    search = {"service": CUT, "staff": "Anna", "date": taken["start"][:10], "time": "zehn Uhr"}
    assert (await call.ask(CHECK, search))["refused_start"] == taken["start"]
    if words:
        call.say(words)
    more = {} if function == MOVE else {"service": CUT, "staff": "Anna", "customer_name": "Otto Kurz"}
    asked = await call.ask(function, {"time": "zehn Uhr"} | more)
    assert (asked["success"], len(asked["candidates"])) == (False, 1), asked
    call.say("Nein!")
    again = await call.ask(function, {"time": "zehn Uhr"} | more)
    assert (again["success"], again["refused_start"]) == (False, taken["start"]), again
    call.say("Dann um elf.")
    done = await call.ask(function, {"time": "elf Uhr"} | more)
    assert (done["success"], done["start"]) == (True, taken["start"].replace("T10", "T11")), done


@pytest.mark.parametrize("words", ["Wirklich nicht um zehn?", "Samstag geht nicht. Um zehn!", "Zehn, bitte."])
async def test_hour_refused_on_one_day_is_not_booked(spoken_salon: TenantPod, words: str) -> None:
    await empty_book(spoken_salon)
    await SpokenCall(spoken_salon).ask(BOOK, friday_at(spoken_salon, "10:00", staff="Anna", customer_name="Kim Kurz"))
    call = SpokenCall(spoken_salon)
    call.say("Freitag um zehn bei Anna.")
    assert not (await call.ask(BOOK, friday_at(spoken_salon, "10:00", staff="Anna")))["success"]
    call.say(words)
    args = {"service": CUT, "staff": "Anna", "customer_name": "Petra Lange"}
    assert not (await call.ask(BOOK, args | {"time": "10:00"}))["success"]
    assert await call.live() == []


@pytest.mark.parametrize("words", ["Nein, doch Freitag um elf.", "Am Freitag um elf.", "Dann Freitag, elf Uhr."])
async def test_weekday_of_earlier_offers_is_booked(spoken_salon: TenantPod, words: str) -> None:
    await empty_book(spoken_salon)
    call, friday = SpokenCall(spoken_salon), next_friday(spoken_salon, 10).date()
    for day in (friday, friday - timedelta(days=1)):
        call.say("Und dann?")
        await call.ask(CHECK, {"service": CUT, "date": day.isoformat(), "part_of_day": "vormittags"})
    call.say(words)
    booked = await call.ask(BOOK, {"service": CUT, "time": "elf Uhr", "customer_name": "Petra Lange"})
    assert (booked["success"], booked["start"][:10]) == (True, friday.isoformat()), booked


@pytest.mark.parametrize(
    "words", ["Nein, lieber Montag um {}.", "Donnerstag passt mir nicht, um {}.", "Ginge auch Montag? Um {}."]
)
@pytest.mark.parametrize("hour", ["elf", "zwei"])
async def test_spoken_day_differing_from_offers_is_asked_about(spoken_salon: TenantPod, words: str, hour: str) -> None:
    await empty_book(spoken_salon)
    call, thursday = SpokenCall(spoken_salon), next_friday(spoken_salon, 10).date() - timedelta(days=1)
    call.say("Am Donnerstag?")
    await call.ask(CHECK, {"service": CUT, "date": thursday.isoformat(), "part_of_day": "vormittags"})
    call.say(words.format(hour))
    args = {"service": CUT, "time": f"{hour} Uhr", "customer_name": "Petra Lange"}
    asked = await call.ask(BOOK, args)
    assert [each["start"][:10] for each in asked["candidates"]] == [thursday.isoformat()], asked
    call.say("Ja, Donnerstag.")
    booked = await call.ask(BOOK, args)
    assert (booked["success"], booked["start"][:10]) == (True, thursday.isoformat()), booked


@pytest.mark.parametrize("date", ["den Donnerstag", "Donnerstag", "am Donnerstag"])
async def test_weekday_asked_about_earlier_is_the_moves_day(spoken_salon: TenantPod, date: str) -> None:
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    await first.ask(BOOK, friday_at(spoken_salon, staff="Anna"))
    day = next_friday(spoken_salon, 10, 2).date() - timedelta(days=1)
    call = SpokenCall(spoken_salon, number=first.number)
    call.say("Haben Sie da offen?")
    await call.ask(INFO, {"topic": "opening_hours", "question": "Haben Sie da offen?", "date": day.isoformat()})
    call.say("Dann meinen Termin bitte auf den Donnerstag um vier.")
    moved = await call.ask(MOVE, {"date": date, "time": "vier Uhr"})
    assert (moved["success"], moved["start"][:13]) == (True, f"{day}T16"), moved


async def test_same_time_after_a_refusal_moves_nothing(refused: tuple[SpokenCall, dict[str, Any]]) -> None:
    call, _ = refused
    call.say("Nein, dann bleibt es bei der alten Zeit.")
    await call.ask(MOVE, {"time": "gleiche Zeit"})
    assert [each[1] for each in await call.live()] == ["14:00"]


@pytest.mark.parametrize("name", ["Petra Lang", "Petra Kurz", "Petra Langer"])
async def test_similar_name_at_the_same_time_prompts_choice(spoken_salon: TenantPod, name: str) -> None:
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    await first.ask(BOOK, friday_at(spoken_salon))
    later = SpokenCall(spoken_salon, number=first.number)
    later.say("Steht das, Freitag um zwei?")
    asked = await later.ask(BOOK, friday_at(spoken_salon, customer_name=name))
    assert (asked["success"], "further" in asked["choices"]) == (False, True), asked
    plain = friday_at(spoken_salon, customer_name="Otto Kurz")
    assert (await later.ask(BOOK, plain))["success"]
