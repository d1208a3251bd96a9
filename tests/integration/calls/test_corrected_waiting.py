"""The caller's words since the call joined the waiting list decide whether a second request corrects the first one."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, JOIN = "book_appointment", "join_waitlist"


async def fill(call: SpokenCall, *clocks: str) -> None:
    """Book both staff members at these times for others."""
    for clock in clocks:
        for staff in ("Anna", "Mehmet"):
            taken = friday_at(call.pod, clock, customer_name="Murat Kurz", staff=staff, another=True)
            assert (await SpokenCall(call.pod).ask(BOOK, taken))["success"]


async def wait(call: SpokenCall, clock: str, **more: str) -> dict[str, Any]:
    body = await call.ask(JOIN, friday_at(call.pod, clock, **more))
    assert body["success"], body
    return body


async def waiting(call: SpokenCall) -> list[str]:
    rows = await call.pod.db.fetch(
        "SELECT name, requested FROM waitlist WHERE call_id = $1 AND state = 'waiting'", call.call_id
    )
    return sorted(f"{row['name']} {row['requested'].rpartition(', ')[2]}" for row in rows)


async def test_caller_corrects_hour_and_name_of_an_entry(call: SpokenCall) -> None:
    await fill(call, "14:00", "15:00")
    call.say("Ich meine Freitag um zwei, auf die Warteliste bitte.")
    await wait(call, "14:00")
    call.say("Was kostet das denn?")
    call.say("Quatsch, um drei meinte ich.")
    moved = await wait(call, "15:00")
    assert moved["message"].startswith("Der Platz auf der Warteliste ist gestrichen: Haarschnitt, Freitag"), moved
    assert await waiting(call) == ["Petra Lange um 15 Uhr"]
    call.say("Nein, Petra Langer mit r.")
    assert (await wait(call, "15:00", customer_name="Petra Langer"))["waitlist_id"] == moved["waitlist_id"]
    assert await waiting(call) == ["Petra Langer um 15 Uhr"]


async def test_words_before_the_first_entry_remove_no_entry(call: SpokenCall) -> None:
    await fill(call, "14:00", "15:00")
    call.say("Quatsch, nicht um zehn, um zwei oder um drei.")
    first, second = await call.ask_at_once(*((JOIN, friday_at(call.pod, clock)) for clock in ("14:00", "15:00")))
    assert (first["success"], second["success"]) == (True, True)
    assert second["message"].endswith("bleibt: Haarschnitt, Freitag, den 27. November, um 14 Uhr."), second
    call.say("Nicht um zwei, nur um drei.")
    await wait(call, "15:00")
    assert await waiting(call) == ["Petra Lange um 15 Uhr"]


async def test_no_to_an_offer_removes_no_entry(call: SpokenCall) -> None:
    await fill(call, "14:00", "15:00")
    call.say("Freitag um zwei oder um drei, auf die Warteliste bitte.")
    first = await call.ask(JOIN, friday_at(call.pod, "14:00"))
    offered = await call.ask(JOIN, friday_at(call.pod, "16:00"))
    assert (first["success"], offered["success"]) == (True, False), offered
    call.say("Nein, Freitag um drei auf die Warteliste.")
    await wait(call, "15:00")
    assert await waiting(call) == ["Petra Lange um 14 Uhr", "Petra Lange um 15 Uhr"]


@pytest.mark.parametrize(
    ("wish", "times", "answer", "requested"),
    [
        ("Immer nach 15 Uhr.", {"time": "nach 15 Uhr"}, "Nein, davon passt nichts.", "so bald wie möglich, ab 15 Uhr"),
        (
            "Vormittags, Tag egal.",
            {"part_of_day": "vormittags"},
            "Davon geht nichts.",
            "so bald wie möglich, Vormittag",
        ),
        ("Any day after three.", {"time": "after 3 pm"}, "No, none of these.", "so bald wie möglich, ab 15 Uhr"),
        ("Egal wann, nur nicht montags.", {"date": "egal"}, "Nein, keiner.", "so bald wie möglich, außer montags"),
    ],
)
async def test_refused_offers_do_not_narrow_the_entry(
    call: SpokenCall, wish: str, times: dict[str, str], answer: str, requested: str
) -> None:
    args = {"service": "Haarschnitt", "customer_name": "Petra Lange", **times}
    call.say(f"Petra Lange, auf die Warteliste bitte, Haarschnitt. {wish}")
    await call.ask(JOIN, args)
    call.say(f"{answer} Bitte auf die Warteliste.")
    joined = await call.ask(JOIN, args)
    assert joined["success"], joined
    assert requested in joined["message"]


async def test_day_named_after_an_offer_is_kept(call: SpokenCall) -> None:
    args = {"service": "Haarschnitt", "customer_name": "Petra Lange", "time": "nach 15 Uhr"}
    call.say("Petra Lange, auf die Warteliste bitte, Haarschnitt. Immer nach 15 Uhr.")
    day = (await call.ask(JOIN, args))["slots"][0]["start"][8:10].lstrip("0")
    call.say(f"Nein, aber den {day}. nehme ich, auf die Warteliste bitte.")
    joined = await call.ask(JOIN, args)
    assert "so bald wie" not in joined["message"], joined
