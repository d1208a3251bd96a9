"""An ordinal after several offered days, with an hour or other words, is no day of the month."""

from datetime import date, timedelta

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK, MOVE = "check_availability", "book_appointment", "reschedule_appointment"
OTTO = {"service": CUT, "customer_name": "Otto Kurz"}


def tuesday(call: SpokenCall) -> date:
    return next_friday(call.pod, 10, 2).date() + timedelta(days=4)


async def offered(call: SpokenCall, *later: int) -> None:
    """Offer a Tuesday and so many days after it, all at eleven."""
    days = [tuesday(call) + timedelta(days=each) for each in (0, *later)]
    call.say("Ginge es da um elf?")
    answer = await call.ask(CHECK, {"service": CUT, "date": " oder ".join(map(date.isoformat, days)), "time": "11 Uhr"})
    assert [each["start"][:10] for each in answer["slots"]] == [day.isoformat() for day in days], answer


WORDS = [
    {"date": "am zweiten Tag um elf"}, {"date": "gleich am zweiten Tag", "time": "11 Uhr"}, {"date": "am 2. Tag", "time": "11 Uhr"},
    {"date": "den zweiten Tag, 11 Uhr"}, {"time": "am zweiten Tag um elf"}, {"date": "ja, am zweiten Tag", "time": "11 Uhr"},
    {"date": "am zweiten Tag (Mittwoch)", "time": "11 Uhr"}, {"date": "on the second day at eleven"},
    {"date": "direkt am zweiten Tag", "time": "elf"}, {"date": "am zweiten der Tage", "time": "elf"}, {"date": "der zweite davon"},
    {"date": "am zweiten möglichen Tag", "time": "11"},
]  # fmt: skip


@pytest.mark.parametrize("function", [BOOK, MOVE])
@pytest.mark.parametrize("words", WORDS)
async def test_ordinal_day_means_the_offered_day(call: SpokenCall, function: str, words: dict[str, str]) -> None:
    if function == MOVE:
        own = OTTO | {"date": (tuesday(call) - timedelta(days=4)).isoformat(), "time": "10 Uhr"}
        assert (await SpokenCall(call.pod, call.number).ask(BOOK, own))["success"]
    await offered(call, 1, 2)
    call.say("Am zweiten Tag.")
    done = await call.ask(function, words if function == MOVE else OTTO | words)
    assert (done["success"], done["start"][:13]) == (True, f"{tuesday(call) + timedelta(days=1)}T11"), done


@pytest.mark.parametrize(
    "words", [{"date": "am ersten Dienstag um elf"}, {"date": "ja, der erste Dienstag", "time": "11"}]
)
async def test_first_tuesday_means_the_offered_tuesday(call: SpokenCall, words: dict[str, str]) -> None:
    await offered(call, 7)
    call.say("Am ersten Dienstag.")
    done = await call.ask(BOOK, OTTO | words)
    assert (done["success"], done["start"][:13]) == (True, f"{tuesday(call)}T11"), done


@pytest.mark.parametrize(
    "words", [{"date": "am 2.", "time": "11 Uhr"}, {"date": "am zweiten, um elf"}, {"time": "den zweiten um elf"}]
)
async def test_ambiguous_ordinal_or_date_is_asked_about(call: SpokenCall, words: dict[str, str]) -> None:
    await offered(call, 1, 2)
    call.say("Am zweiten.")
    asked = await call.ask(BOOK, OTTO | words)
    days = {each["start"][:10] for each in asked.get("candidates", ())}
    assert (f"{tuesday(call) + timedelta(days=1)}" in days, len(days)) == (True, 2), asked
    assert await call.live() == []


@pytest.mark.parametrize("words", ["10. Dezember um elf", "am zehnten um elf", "Donnerstag um elf"])
async def test_plain_day_is_booked_without_a_question(call: SpokenCall, words: str) -> None:
    await offered(call, 1, 2)
    call.say("Ja.")
    done = await call.ask(BOOK, OTTO | {"date": words})
    assert (done["success"], done["start"][:10]) == (True, "2026-12-10"), done
