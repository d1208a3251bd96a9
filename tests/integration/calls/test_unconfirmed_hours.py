"""`confirmed: false` in a request for a time prompts a question, whichever argument holds the hour."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

BOOK, MOVE = "book_appointment", "reschedule_appointment"
UNSURE = "Ginge das auch anders? Ich weiß noch nicht."


def times(call: SpokenCall) -> list[dict[str, str]]:
    day = next_friday(call.pod, 10, 2).date()
    spoken = f"{day.day}.{day.month}."
    return [
        {"date": f"{spoken} um elf"}, {"date": f"{day.isoformat()}T11:00"}, {"time": f"{spoken} um elf"},
        {"date": f"{spoken} 11 Uhr"}, {"date": spoken, "time": "11 Uhr"},
    ]  # fmt: skip


@pytest.mark.parametrize("index", range(5))
async def test_booking_with_confirmed_false_asks_before_booking(call: SpokenCall, index: int) -> None:
    call.say(UNSURE)
    wanted: dict[str, Any] = {"service": "Haarschnitt", "customer_name": "Petra Lange", **times(call)[index]}
    assert (await call.ask(BOOK, wanted | {"confirmed": False})).get("unclear") == "confirmed"
    assert await call.live() == []
    call.say("Ja.")
    assert (await call.ask(BOOK, wanted | {"confirmed": True}))["success"]


@pytest.mark.parametrize("index", range(6))
async def test_move_with_confirmed_false_asks_before_moving(call: SpokenCall, index: int) -> None:
    assert (await SpokenCall(call.pod, call.number).ask(BOOK, friday_at(call.pod)))["success"]
    call.say(UNSURE)
    wanted = [*times(call), {"date": "eine Woche später, gleiche Zeit"}][index]
    assert (await call.ask(MOVE, wanted | {"confirmed": False})).get("unclear") == "confirmed"
    call.say("Ja.")
    assert (await call.ask(MOVE, wanted | {"confirmed": True}))["success"]


@pytest.mark.parametrize("claim", ["noch nicht", "vielleicht", "erst fragen", "denied", "off", "pending"])
@pytest.mark.parametrize("function", [BOOK, MOVE])
async def test_unclear_confirmed_argument_is_asked_about(call: SpokenCall, function: str, claim: str) -> None:
    if function == MOVE:
        assert (await SpokenCall(call.pod, call.number).ask(BOOK, friday_at(call.pod)))["success"]
    call.say(UNSURE)
    wanted = {"service": "Haarschnitt", "customer_name": "Petra Lange"} if function == BOOK else {}
    wanted |= times(call)[-1]
    assert (await call.ask(function, wanted | {"confirmed": claim})).get("unclear") == "confirmed"
    call.say("Ja.")
    assert (await call.ask(function, wanted | {"confirmed": "ja"}))["success"]


@pytest.mark.parametrize("claim", ["null", "N/A", "", "confirmed", True])
async def test_confirmed_or_placeholder_value_needs_no_question(call: SpokenCall, claim: str | bool) -> None:
    call.say("Am Freitag um elf bitte.")
    wanted = {"service": "Haarschnitt", "customer_name": "Petra Lange", **times(call)[-1], "confirmed": claim}
    assert (await call.ask(BOOK, wanted))["success"]


@pytest.mark.parametrize("words", [{"date": "2026-12-04"}, {"date": "Freitag"}])
async def test_unconfirmed_day_without_time_gets_offers(call: SpokenCall, words: dict[str, str]) -> None:
    call.say(UNSURE)
    wanted = {"service": "Haarschnitt", "customer_name": "Petra Lange", **words, "confirmed": False}
    assert "unclear" not in await call.ask(BOOK, wanted)
