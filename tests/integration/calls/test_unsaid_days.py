"""A day that no answer has named, in ambiguous words, is confirmed before anything is booked or moved."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK, MOVE = "check_availability", "book_appointment", "reschedule_appointment"
OTTO = {"service": CUT, "customer_name": "Otto Kurz"}


def friday(call: SpokenCall) -> date:
    """The Friday of the week after next."""
    return next_friday(call.pod, 10, 2).date()


async def offered(call: SpokenCall, day: date, clock: str = "11 Uhr") -> None:
    call.say("Haben Sie da etwas frei?")
    answer = await call.ask(CHECK, {"service": CUT, "date": day.isoformat(), "time": clock})
    assert answer["success"], answer


def starts(asked: dict[str, Any]) -> list[str]:
    return [each["start"] for each in asked["candidates"]]


async def booked_days(call: SpokenCall) -> list[str]:
    rows = await call.pod.db.fetch(
        "SELECT starts_at FROM appointments WHERE call_id = $1 AND status = 'confirmed'", call.call_id
    )
    return [str(row["starts_at"].date()) for row in rows]


async def moved(call: SpokenCall) -> None:
    earlier = SpokenCall(call.pod, call.number)
    args = OTTO | {"date": (friday(call) + timedelta(days=1)).isoformat(), "time": "10 Uhr"}
    assert (await earlier.ask(BOOK, args))["success"]


@pytest.mark.parametrize("function", [BOOK, MOVE])
@pytest.mark.parametrize(
    "words",
    [
        {"date": "in drei Wochen", "time": "11 Uhr"}, {"date": "Mittwoch danach", "time": "11 Uhr"},
        {"date": "nächste Woche Donnerstag um elf"}, {"date": "diesen Donnerstag", "time": "11 Uhr"},
        {"date": "gleich am zweiten Tag", "time": "11 Uhr"}, {"date": "den zweiten um elf"},
    ],
)  # fmt: skip
async def test_unnamed_day_is_confirmed_before_booking(call: SpokenCall, function: str, words: dict[str, str]) -> None:
    if function == MOVE:
        await moved(call)
    before = await booked_days(call)
    await offered(call, friday(call))
    call.say("Nein, lieber an einem anderen Tag.")
    wanted = words if function == MOVE else OTTO | words
    asked = await call.ask(function, wanted)
    assert (asked["success"], bool(asked.get("candidates"))) == (False, True), asked
    assert await booked_days(call) == before
    if len(asked["candidates"]) == 1:
        call.say("Ja, genau.")
        done = await call.ask(function, wanted)
        assert (done["success"], done["start"]) == (True, asked["candidates"][0]["start"]), done


@pytest.mark.parametrize("clock", ["gleiche Zeit", "zur selben Zeit", "same time"])
@pytest.mark.parametrize("day_words", ["2026-12-03", "Donnerstag", "am 3. Dezember", "Thursday"])
@pytest.mark.parametrize("apart", [True, False])
async def test_same_time_applies_to_the_named_day(call: SpokenCall, clock: str, day_words: str, *, apart: bool) -> None:
    await offered(call, friday(call))
    call.say("Freitag geht nicht. Am Donnerstag zur gleichen Zeit, Otto Kurz.")
    day = friday(call) - timedelta(days=1)
    words = {"date": day_words, "time": clock} if apart else {"date": f"{clock} {day_words}"}
    answer = await call.ask(BOOK, OTTO | words)
    starts = [answer["start"]] if answer["success"] else [each["start"] for each in answer["candidates"]]
    assert f"{day}T11" in {start[:13] for start in starts}, answer
    assert friday(call).isoformat() not in await booked_days(call)


@pytest.mark.parametrize(
    "words",
    [
        {"date": "Freitag", "time": "12 Uhr"}, {"time": "12 Uhr"}, {"date": "heute in drei Wochen", "time": "12 Uhr"},
        {"date": "morgen", "time": "12 Uhr"},
    ],
)  # fmt: skip
async def test_day_with_one_reading_needs_no_question(call: SpokenCall, words: dict[str, str]) -> None:
    await offered(call, friday(call))
    call.say("Um zwölf bitte, Otto Kurz.")
    assert (await call.ask(BOOK, OTTO | words))["success"]


async def test_exact_date_needs_no_question(call: SpokenCall) -> None:
    await offered(call, friday(call))
    day = friday(call) - timedelta(days=1)
    call.say("Nein, den Tag davor um zwölf.")
    assert (answer := await call.ask(BOOK, OTTO | {"date": f"{day.day}.{day.month}.", "time": "12 Uhr"}))["success"], (
        answer
    )


@pytest.mark.parametrize("clock", ["11 Uhr", "der Termin um elf"])
async def test_hour_of_an_earlier_offer_asks_the_day(call: SpokenCall, clock: str) -> None:
    """Two days were compared, and the hour is that of the first."""
    await offered(call, friday(call))
    await offered(call, friday(call) + timedelta(days=4), "15 Uhr")
    call.say("Dann den um elf, Otto Kurz.")
    asked = await call.ask(BOOK, OTTO | {"time": clock})
    days = [friday(call), friday(call) + timedelta(days=4)]
    assert [each["start"][:13] for each in asked["candidates"]] == [f"{day}T11" for day in days], asked
    call.say("Den am Freitag.")
    assert (await call.ask(BOOK, OTTO | {"date": "Freitag", "time": clock}))["start"][:13] == f"{days[0]}T11"


@pytest.mark.parametrize("words", [{"date": "2026-12-03"}, {"date": "am 3. Dezember"}])
async def test_same_time_with_two_meanings_is_asked_about(call: SpokenCall, words: dict[str, str]) -> None:
    await moved(call)
    await offered(call, friday(call), "14 Uhr")
    call.say("Lieber am Donnerstag, gleiche Zeit.")
    asked = await call.ask(MOVE, words | {"time": "gleiche Zeit"})
    assert {each["start"][11:13] for each in asked["candidates"]} == {"10", "14"}, asked
    call.say("Wie bitte?")
    assert len((await call.ask(MOVE, words | {"time": "gleiche Zeit"}))["candidates"]) == 2
    call.say("Um vierzehn Uhr.")
    assert (await call.ask(MOVE, words | {"time": "gleiche Zeit"}))["start"][11:13] == "14"


async def test_day_requested_before_needs_no_question(call: SpokenCall) -> None:
    call.say("Mittwoch um sieben abends, sonst Warteliste.")
    refused = await call.ask("join_waitlist", OTTO | {"date": "Mittwoch", "time": "19 Uhr"})
    assert (refused["success"], bool(refused["slots"])) == (False, True), refused
    call.say("Mittwoch um 17 Uhr geht auch.")
    assert (await call.ask(BOOK, OTTO | {"date": "Mittwoch", "time": "17 Uhr"}))["success"]


@pytest.mark.parametrize(
    "words",
    [
        {"date": "am nächsten Tag"},
        {"date": "am Samstag darauf"},
        {"date": "eine Woche später"},
        {"date": "am Tag davor"},
    ],
)
@pytest.mark.parametrize("said", ["Ja.", "Ja, den Tag.", "Den meine ich."])
@pytest.mark.parametrize("function", [BOOK, MOVE])
async def test_yes_accepts_the_asked_day(call: SpokenCall, function: str, words: dict[str, str], said: str) -> None:
    if function == MOVE:
        await moved(call)
    await offered(call, friday(call) - timedelta(days=1))
    call.say("Lieber an einem anderen Tag um elf.")
    wanted = words | {"time": "11 Uhr"} | (OTTO if function == BOOK else {})
    asked = await call.ask(function, wanted)
    if asked["success"]:
        return
    assert len(asked["candidates"]) == 1, asked
    call.say("Moment.")
    assert starts(await call.ask(function, wanted)) == starts(asked)
    call.say(said)
    done = await call.ask(function, wanted)
    assert done["start"] == asked["candidates"][0]["start"], done
    call.say("Danke.")
    assert (await call.ask(function, wanted))["start"] == done["start"]


@pytest.mark.parametrize("said", ["Nein.", "Nein, an einem anderen Tag.", "Lieber am Dienstag."])
async def test_no_does_not_accept_the_asked_day(call: SpokenCall, said: str) -> None:
    await offered(call, friday(call) - timedelta(days=1))
    call.say("Lieber am nächsten Tag um elf.")
    wanted = OTTO | {"date": "am nächsten Tag", "time": "11 Uhr"}
    assert len((await call.ask(BOOK, wanted))["candidates"]) == 1
    call.say(said)
    assert not (await call.ask(BOOK, wanted))["success"]


@pytest.mark.parametrize("day", ["Dienstag danach", "den Dienstag darauf", "am Tag danach", "Tuesday after that"])
@pytest.mark.parametrize("said", ["Ja.", "Genau.", "Nicht den ersten.", "Hm."])
async def test_yes_to_question_about_days_selects_no_day(call: SpokenCall, day: str, said: str) -> None:
    """The asked days hold the offered Tuesday, on which the words can mean it."""
    tuesday = friday(call) + timedelta(days=4)
    call.say("Am Montag um elf?")
    closed = {"service": CUT, "date": (tuesday - timedelta(days=1)).isoformat(), "time": "11 Uhr"}
    assert not (await call.ask(CHECK, closed))["success"]
    call.say("Dann an dem Tag danach.")
    wanted = OTTO | {"date": day, "time": "11 Uhr"}
    asked = await call.ask(BOOK, wanted)
    assert asked["candidates"][0]["start"][:10] == tuesday.isoformat(), asked
    assert len(asked["candidates"]) > 1
    call.say(said)
    again = await call.ask(BOOK, wanted)
    assert starts(again) == starts(asked)
    assert again["message"] != asked["message"]
    call.say("Die frühere.")
    assert (await call.ask(BOOK, wanted))["start"][:10] == tuesday.isoformat()


@pytest.mark.parametrize("said", ["Die spätere.", "Das zweite.", "Um vierzehn Uhr."])
async def test_ordinal_selects_a_time_from_the_agents_question(call: SpokenCall, said: str) -> None:
    await moved(call)
    await offered(call, friday(call), "14 Uhr")
    call.say("Lieber am Donnerstag, gleiche Zeit.")
    wanted = {"date": (friday(call) - timedelta(days=1)).isoformat(), "time": "gleiche Zeit"}
    assert len((await call.ask(MOVE, wanted))["candidates"]) == 2
    call.say(said)
    assert (await call.ask(MOVE, wanted))["start"][11:13] == "14"


@pytest.mark.parametrize("words", ["diesen Freitag", "an diesem Freitag", "genau diesen Freitag", "Ja, diesen Freitag"])
@pytest.mark.parametrize("function", [BOOK, MOVE])
async def test_this_weekday_means_the_offered_day(call: SpokenCall, function: str, words: str) -> None:
    if function == MOVE:
        await moved(call)
    await offered(call, friday(call))
    call.say("Ja, diesen Freitag.")
    wanted = {"date": words, "time": "11 Uhr"} | (OTTO if function == BOOK else {})
    for _ in range(2):
        done = await call.ask(function, wanted)
        assert done.get("start", "")[:10] == friday(call).isoformat(), done
        call.say("Danke.")


async def test_same_time_question_includes_the_nearest_weekday(call: SpokenCall) -> None:
    await moved(call)
    await offered(call, friday(call), "14 Uhr")
    call.say("Lieber Donnerstag, gleiche Zeit.")
    asked = await call.ask(MOVE, {"date": "Donnerstag", "time": "gleiche Zeit"})
    near = f"{friday(call) - timedelta(days=1)}T14"
    assert near in {each["start"][:13] for each in asked["candidates"]}, asked


@pytest.mark.parametrize("day", ["am Tag danach", "einen Tag später", "den Tag drauf"])
async def test_repeated_day_without_transcript_is_accepted(call: SpokenCall, day: str) -> None:
    async def ask(function: str, args: dict[str, str]) -> dict[str, Any]:
        await call.pod.let_two_seconds_pass(call.call_id)
        body: dict[str, Any] = (await call.pod.function(function, call.call_id, args, from_number=call.number)).body
        return body

    thursday = (friday(call) - timedelta(days=1)).isoformat()
    assert (await ask(CHECK, {"service": CUT, "date": thursday, "time": "11 Uhr"}))["success"]
    wanted = OTTO | {"date": day, "time": "11 Uhr"}
    assert len((await ask(BOOK, wanted))["candidates"]) == 1
    assert (await ask(BOOK, wanted))["start"][:10] == friday(call).isoformat()


@pytest.mark.parametrize(
    "words",
    [{"time": "eine Stunde später"}, {"time": "eine Stunde früher"}, {"date": "am Tag danach", "time": "14 Uhr"}],
)
@pytest.mark.parametrize("said", ["Ja, gerne.", "Ja, um die Zeit."])
async def test_offered_relative_time_is_not_shifted_again(call: SpokenCall, words: dict[str, str], said: str) -> None:
    await offered(call, friday(call) - timedelta(days=1), "14 Uhr")
    call.say("Geht auch etwas anderes?")
    found = await call.ask(CHECK, {"service": CUT} | words)
    assert len(found["slots"]) == 1, found
    call.say(said)
    assert (await call.ask(BOOK, OTTO | words))["start"] == found["slots"][0]["start"]


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ({"time": "eine Stunde später"}, {}),
        ({"time": "an hour earlier"}, {}),
        ({"date": "am nächsten Tag"}, {"time": "14 Uhr"}),
        ({"date": "am Tag danach", "time": "14 Uhr"}, {}),
    ],
)
async def test_relative_time_is_applied_once_without_a_transcript(
    call: SpokenCall, words: dict[str, str], chosen: dict[str, str]
) -> None:
    async def ask(function: str, args: dict[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = (await call.pod.function(function, call.call_id, args, from_number=call.number)).body
        return body

    thursday = friday(call) - timedelta(days=1)
    await ask(CHECK, {"service": CUT, "date": thursday.isoformat(), "time": "14 Uhr"})
    found = await ask(CHECK, {"service": CUT} | words)
    booked = await ask(BOOK, OTTO | words | chosen)
    assert booked["start"][:10] == found["slots"][0]["start"][:10], booked
    assert chosen or booked["start"] == found["slots"][0]["start"]


@pytest.mark.parametrize("said", ["Ja, aber um zwölf.", "Genau, nur lieber um zwölf.", "Yes, but at twelve."])
@pytest.mark.parametrize("words", [{"date": "am nächsten Tag"}, {}])
async def test_spoken_hour_differing_from_request_is_asked_about(
    call: SpokenCall, said: str, words: dict[str, str]
) -> None:
    """Another hour in the words than in the request is asked about."""
    await offered(call, friday(call) - timedelta(days=1))
    call.say("Am nächsten Tag um elf.")
    asked = await call.ask(BOOK, OTTO | {"date": "am nächsten Tag", "time": "elf"})
    assert [each["start"][:16] for each in asked["candidates"]] == [f"{friday(call)}T11:00"], asked
    call.say(said)
    asked = await call.ask(BOOK, OTTO | {"date": "am nächsten Tag", "time": "elf"})
    assert [each["start"][11:16] for each in asked["candidates"]] == ["11:00", "12:00"], asked
    call.say("Zwölf.")
    done = await call.ask(BOOK, OTTO | words | {"time": "zwölf"})
    assert done["start"][:16] == f"{friday(call)}T12:00", done


@pytest.mark.parametrize("words", [{"date": "am nächsten Tag"}, {}])
async def test_yes_with_another_hour_books_the_suggested_day(call: SpokenCall, words: dict[str, str]) -> None:
    await offered(call, friday(call) - timedelta(days=1))
    call.say("Am nächsten Tag um elf.")
    await call.ask(BOOK, OTTO | {"date": "am nächsten Tag", "time": "elf"})
    call.say("Ja, aber um zwölf.")
    done = await call.ask(BOOK, OTTO | words | {"time": "zwölf"})
    assert done["start"][:16] == f"{friday(call)}T12:00", done


async def test_relative_time_is_applied_again_on_request(call: SpokenCall) -> None:
    await offered(call, friday(call) - timedelta(days=1), "14 Uhr")
    call.say("Geht auch eine Stunde später?")
    found = await call.ask(CHECK, {"service": CUT, "time": "eine Stunde später"})
    call.say("Nein, noch eine Stunde später.")
    done = await call.ask(BOOK, OTTO | {"time": "eine Stunde später"})
    assert done["start"] > found["slots"][0]["start"]


async def test_weekday_matches_an_earlier_offered_day(call: SpokenCall) -> None:
    """Two days were compared."""
    await offered(call, friday(call))
    await offered(call, friday(call) + timedelta(days=4), "15 Uhr")
    call.say("Dann Freitag um elf.")
    answer = await call.ask(BOOK, OTTO | {"date": "Freitag", "time": "11 Uhr"})
    assert answer.get("start", "")[:10] == friday(call).isoformat(), answer


@pytest.mark.parametrize("function", [BOOK, MOVE])
@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("Was haben Sie denn Mitte Januar?", "am 23."),
        ("I'd like to come in January. What do you have in mid January?", "the 23rd"),
    ],
)
async def test_month_named_before_a_day_is_asked_about(call: SpokenCall, function: str, said: str, day: str) -> None:
    if function == MOVE:
        await moved(call)
    before = await booked_days(call)
    call.say(said)
    await call.ask("business_information", {"topic": "Öffnungszeiten"})
    call.say(f"Gut, {day} um elf.")
    asked = await call.ask(function, {"date": day, "time": "11:00"} | ({} if function == MOVE else OTTO))
    asked_days = [each["start"][5:10] for each in asked["candidates"]]
    assert (asked["success"], asked_days[-1], await booked_days(call)) == (False, "01-23", before), asked


@pytest.mark.parametrize("function", [BOOK, MOVE])
@pytest.mark.parametrize(
    "said",
    [
        "Haben Sie übernächste Woche offen?", "Ich hätte gern in zwei Wochen einen Termin.", "Geht es in vierzehn Tagen?",
        "Ich bin erst übernächste Woche wieder da.", "Do you have anything in two weeks?",
    ],
)  # fmt: skip
async def test_week_named_before_a_weekday_is_asked_about(call: SpokenCall, function: str, said: str) -> None:
    if function == MOVE:
        await moved(call)
    before = await booked_days(call)
    call.say(said)
    await call.ask("business_information", {"topic": "Öffnungszeiten"})
    call.say("Dann am Mittwoch um elf.")
    words = {"date": "Mittwoch", "time": "elf Uhr"} | ({} if function == MOVE else OTTO)
    asked = await call.ask(function, words)
    coming, later = [date.fromisoformat(each["start"][:10]) for each in asked["candidates"]]
    assert (asked["success"], later - coming, await booked_days(call)) == (False, timedelta(weeks=1), before), asked
    call.say("Übernächste Woche am Mittwoch.")
    done = await call.ask(function, words | {"date": "Mittwoch übernächste Woche"})
    assert (done["success"], done["start"][:10]) == (True, later.isoformat()), done


@pytest.mark.parametrize(
    "said",
    [
        "Haben Sie unter der Woche offen?", "Übernächste Woche kann ich nicht.", "Haben Sie am Wochenende offen?",
        "Haben Sie übernächste Woche offen? Nein, schon morgen.", "Ich war vor zwei Wochen schon da.",
    ],
)  # fmt: skip
async def test_remark_about_weeks_prompts_no_question_about_days(call: SpokenCall, said: str) -> None:
    call.say(said)
    await call.ask("business_information", {"topic": "Öffnungszeiten"})
    call.say("Dann am Mittwoch um elf.")
    done = await call.ask(BOOK, OTTO | {"date": "Mittwoch", "time": "elf Uhr"})
    assert done["success"], done


@pytest.mark.parametrize(
    ("said", "is_agreed"),
    [
        ("Ja, mittags.", True), ("Yes, noon. Otto Kurz.", True), ("Um zwölf.", True),
        ("Nein, um eins.", False), ("Um eins.", False), ("Mittags?", False), ("Ja, aber am Samstag.", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", [CHECK, BOOK])
async def test_agreed_noon_is_asked_about_once(call: SpokenCall, function: str, said: str, is_agreed: bool) -> None:
    """The agent names the day in other words in its second request, and repeats "12:00 AM"."""
    call.say("Am Freitag in zwei Wochen, um zwölf.")
    asked = await call.ask(CHECK, {"service": CUT, "date": f"{friday(call):%d.%m.}", "time": "12:00 AM"})
    assert [each[:16] for each in starts(asked)] == [f"{friday(call)}T12:00"], asked
    call.say(said)
    done = await call.ask(function, OTTO | {"date": friday(call).isoformat(), "time": "12:00 AM"})
    start = done.get("start") or next((each["start"] for each in done.get("slots", ())), "")
    assert (done["success"], start[:16] == f"{friday(call)}T12:00") == (is_agreed, is_agreed), done
