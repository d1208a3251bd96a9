"""Relative days and ordinals count from the last requested or offered days of the call."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK, INFORM, WAIT = "check_availability", "book_appointment", "business_information", "join_waitlist"
PETRA = {"service": CUT, "customer_name": "Petra Lange"}
NAMELESS = {"service": CUT, "customer_name": ""}


def friday(call: SpokenCall) -> date:
    """Return a Friday that is not the coming one."""
    return next_friday(call.pod, 10, 2).date()


def days_of(asked: dict[str, Any]) -> list[str]:
    return [each["start"][:10] for each in asked.get("candidates", ())]


@pytest.mark.parametrize("words", ["am zweiten Tag", "den zweiten Tag", "on the second day", "am letzten Tag"])
async def test_ordinal_day_selects_one_of_the_offered_days(call: SpokenCall, words: str) -> None:
    days = [friday(call) - timedelta(days=1), friday(call)]
    await call.ask(CHECK, {"service": CUT, "date": " oder ".join(map(date.isoformat, days))})
    call.say(f"{words} um elf")
    done = await call.ask(BOOK, PETRA | {"date": words, "time": "11 Uhr"})
    assert done.get("start", "")[:13] == f"{days[1]}T11", done


@pytest.mark.parametrize("words", ["am zweiten Freitag", "den zweiten Freitag", "der zweite Freitag"])
async def test_ordinal_weekday_selects_one_of_the_offered_days(call: SpokenCall, words: str) -> None:
    days = [friday(call), friday(call) + timedelta(days=7)]
    await call.ask(CHECK, {"service": CUT, "date": " oder ".join(map(date.isoformat, days))})
    call.say(f"{words} um elf")
    done = await call.ask(BOOK, PETRA | {"date": words, "time": "11 Uhr"})
    assert done.get("start", "")[:13] == f"{days[1]}T11", done


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (BOOK, NAMELESS),
        (BOOK, PETRA | {"staff": "Zacharias"}),
        (BOOK, PETRA | {"email": "p lange"}),
        (CHECK, {"service": "Ohrlochstechen"}),
        (INFORM, {"topic": "hours"}),
    ],
)
async def test_weekday_replacing_a_requested_day_is_asked_about(
    call: SpokenCall, name: str, args: dict[str, Any]
) -> None:
    await call.ask(name, args | {"date": friday(call).isoformat(), "time": "14:00"})
    call.say("Petra Lange, aber doch Donnerstag.")
    asked = await call.ask(BOOK, PETRA | {"date": "Donnerstag", "time": "14:00", "staff": "Anna"})
    before = friday(call) - timedelta(days=1)
    assert before.isoformat() in days_of(asked), asked
    assert len(days_of(asked)) > 1, asked
    call.say("Den späteren.")
    done = await call.ask(BOOK, PETRA | {"date": before.isoformat(), "time": "14:00", "staff": "Anna"})
    assert done.get("start", "")[:13] == f"{before}T14", done


@pytest.mark.parametrize("words", ["nächste Woche Samstag", "in einer Woche", "kommenden Samstag"])
async def test_relative_day_after_offers_is_asked_about(call: SpokenCall, words: str) -> None:
    day = next_friday(call.pod, 10, 3).date() - timedelta(days=1)
    await call.ask(CHECK, {"service": CUT, "date": day.isoformat(), "time": "11 Uhr"})
    call.say(f"Lieber {words}, auch um elf.")
    asked = await call.ask(BOOK, PETRA | {"date": words, "time": "11 Uhr"})
    assert len(days_of(asked)) > 1, asked


@pytest.mark.parametrize("words", ["nächste Woche Donnerstag", "kommenden Donnerstag", "diesen Donnerstag"])
async def test_relative_day_of_the_offer_is_booked_directly(call: SpokenCall, words: str) -> None:
    found = await call.ask(CHECK, {"service": CUT, "date": words, "time": "11 Uhr"})
    call.say("Ja, bitte.")
    done = await call.ask(BOOK, PETRA | {"date": words, "time": "11 Uhr"})
    assert done.get("start") == found["slots"][0]["start"], done


@pytest.mark.parametrize(
    "words",
    [{"time": "15 Uhr"}, {"start": "15 Uhr"}, {"time": "eine Stunde später"}, {"service": CUT, "time": "15:00"}],
)
async def test_new_time_keeps_the_requested_day(call: SpokenCall, words: dict[str, str]) -> None:
    await call.ask(BOOK, NAMELESS | {"date": friday(call).isoformat(), "time": "14:00"})
    call.say("Petra Lange, aber doch um drei.")
    done = await call.ask(BOOK, {"customer_name": "Petra Lange"} | words)
    assert done.get("start", "")[:13] == f"{friday(call)}T15", done


async def test_date_contradicting_the_spoken_weekday_is_asked_about(call: SpokenCall) -> None:
    """A model that counts days wrongly sends the Thursday for "am Freitag"."""
    friday = friday_at(call.pod, "15:00")
    wrong = (date.fromisoformat(friday["date"]) - timedelta(days=1)).isoformat()
    call.say("Haarschnitt am Freitag um drei bitte, Petra Lange.")
    answer = await call.ask("book_appointment", friday | {"date": wrong})
    assert (answer["success"], "Freitag" in answer["message"], await call.live()) == (False, True, []), answer


@pytest.mark.parametrize(
    "said", ["Nach Freitag, also Donnerstag um drei.", "Freitag kann ich nicht.", "Am 26. um drei."]
)
async def test_exact_date_outranks_another_spoken_weekday(call: SpokenCall, said: str) -> None:
    friday = friday_at(call.pod, "15:00")
    day = (date.fromisoformat(friday["date"]) - timedelta(days=1)).isoformat()
    call.say(said)
    assert (await call.ask("book_appointment", friday | {"date": day}))["success"]


async def search_full_saturday(call: SpokenCall, saturday: date) -> dict[str, str]:
    """Search a Saturday by its weekday, from one o'clock, when nothing is free; return the words of the request."""
    args = {"service": CUT, "date": saturday.isoformat(), "time": "13:00", "customer_name": "Otto Kurz"}
    assert (await SpokenCall(call.pod).ask(BOOK, args))["success"]
    call.say("Samstag ab dreizehn Uhr.")
    words = {"date": "Samstag", "time": "ab dreizehn Uhr"}
    offered = await call.ask(CHECK, {"service": CUT, **words})
    assert f"Samstag, den {saturday.day}. November, ab 13 Uhr ist leider nichts" in offered["message"], offered
    return words


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("Ja, bitte.", {}),
        ("Für Samstag auf die Warteliste, Petra Lange.", {"date": "am Samstag"}),
        ("Yes, the waiting list.", {"date": "Saturday", "time": "from 1 pm"}),
    ],
)
async def test_repeated_weekday_joins_the_list_for_searched_day(
    call: SpokenCall, said: str, new: dict[str, str]
) -> None:
    saturday = friday(call) - timedelta(days=13)
    words = await search_full_saturday(call, saturday)
    call.say(said)
    waiting = await call.ask(WAIT, PETRA | words | new)
    assert (waiting["success"], f"Samstag, den {saturday.day}. November" in waiting["message"]) == (True, True), waiting


async def test_repeated_weekday_means_the_searched_date(call: SpokenCall) -> None:
    """The search after an offer of the week after next was for the Saturday of that week."""
    saturday = friday(call) - timedelta(days=6)
    await call.ask(CHECK, {"service": CUT, "date": (saturday - timedelta(days=2)).isoformat()})
    words = await search_full_saturday(call, saturday)
    call.say("Dann bitte auf die Warteliste.")
    assert not (await call.ask(WAIT, NAMELESS | words))["success"]
    call.say("Petra Lange.")
    waiting = await call.ask(WAIT, PETRA | words)
    assert f"Samstag, den {saturday.day}. November" in waiting["message"], waiting


async def test_repeated_weekday_is_not_asked_about_again(call: SpokenCall) -> None:
    saturday = friday(call) - timedelta(days=13)
    words = await search_full_saturday(call, saturday)
    call.say("Trotzdem, Petra Lange.")
    assert days_of(await call.ask(BOOK, PETRA | words)) == [saturday.isoformat()]


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("Dann den Samstag drauf.", {}),
        ("Dann lieber nächste Woche Samstag.", {}),
        ("Und am Samstag um elf?", {"time": "elf Uhr"}),
    ],
)
async def test_next_saturday_after_a_full_one_is_asked(call: SpokenCall, said: str, new: dict[str, str]) -> None:
    saturday = friday(call) - timedelta(days=13)
    words = await search_full_saturday(call, saturday)
    call.say(said)
    asked = await call.ask(BOOK, PETRA | words | new)
    assert days_of(asked) == [str(saturday), str(saturday + timedelta(days=7))], asked
