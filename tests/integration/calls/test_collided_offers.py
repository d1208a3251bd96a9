"""Several offers of the same start: each service, visit and group is booked as it was offered."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import BEARD, COLOR, CUT, SpokenCall, friday_at

BOOK, CHECK = "book_appointment", "check_availability"
PETRA, OTTO = "Petra Lange", "Otto Kurz"
BOTH, MIXED = f"{CUT} und {BEARD}", f"{CUT} mit Bart"
VISIT = "haarschnitt+bart"
IDS = {CUT: "haarschnitt", BEARD: "bart"}


async def offer(call: SpokenCall, **wish: Any) -> str:
    """Search on Friday at two, and return the start that is offered."""
    found = await call.ask(CHECK, friday_at(call.pod, **wish))
    assert found["success"], found
    (slot,) = found["slots"]
    return str(slot["start"])


def booking(start: str, **more: Any) -> dict[str, Any]:
    return {"service": CUT, "start": start, "customer_name": PETRA, **more}


@pytest.mark.parametrize(("service", "staff"), [(COLOR, "mehmet"), (CUT, "anna")])
async def test_each_service_keeps_its_offered_staff_member(call: SpokenCall, service: str, staff: str) -> None:
    start = await offer(call, service=COLOR, staff="Mehmet")
    assert await offer(call, service=CUT, staff="Anna") == start
    assert (await call.ask(BOOK, booking(start, service=service)))["success"]
    assert [each[2:] for each in await call.live()] == [(staff, PETRA)]


@pytest.mark.parametrize(("more", "is_said"), [({}, True), ({"staff": "Mehmet"}, False)])
async def test_replacement_of_the_offered_staff_is_announced(
    call: SpokenCall, more: dict[str, str], is_said: bool
) -> None:
    start = await offer(call, service=CUT, staff="Anna")
    await call.pod.db.execute("UPDATE claims SET expires_at = now() WHERE state = 'held'")
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, booking(start, staff="Anna", customer_name=OTTO)))["success"]
    booked = await call.ask(BOOK, booking(start, **more))
    assert (booked["success"], "Bei Anna ging es leider nicht." in booked["message"]) == (True, is_said), booked
    assert [each[2:] for each in await call.live()] == [("mehmet", PETRA)]


async def lose_hold(call: SpokenCall, clock: str) -> None:
    """Have a hold expire, and give way to a booking of Otto Kurz at Anna's on that Friday."""
    await call.pod.db.execute("UPDATE claims SET expires_at = now() WHERE state = 'held'")
    other = await SpokenCall(call.pod).ask(BOOK, friday_at(call.pod, clock, staff="Anna", customer_name=OTTO))
    assert other["success"], other
    assert await call.pod.db.fetchval("SELECT count(*) FROM appointments WHERE status = 'held'") == 0


async def book_without_transcript(call: SpokenCall, start: str, **more: Any) -> str:
    """Book as Retell asks without a transcript, and return what the caller hears."""
    reply = await call.pod.function(BOOK, call.call_id, booking(start, **more), from_number=call.number)
    assert reply.body["success"], reply.body
    return str(reply.body["message"])


@pytest.mark.parametrize("more", [{}, {"staff": "egal"}, {"phone": "0151 22334455"}])
async def test_lost_offer_is_announced_without_a_transcript(call: SpokenCall, more: dict[str, str]) -> None:
    start = await offer(call, service=CUT, staff="Anna")
    await lose_hold(call, "14:00")
    message = await book_without_transcript(call, start, **more)
    assert "Bei Anna ging es leider nicht." in message
    assert [each[2:] for each in await call.live()] == [("mehmet", PETRA)]


async def test_offer_stays_bookable_after_its_hold_expires(call: SpokenCall) -> None:
    """Her time is free again: she is booked as offered, though another person has less to do."""
    start = await offer(call, service=CUT, staff="Anna")
    await lose_hold(call, "10:00")
    assert "ging es leider nicht" not in await book_without_transcript(call, start)
    assert [each[2:] for each in await call.live()] == [("anna", PETRA)]


@pytest.mark.parametrize("staff", ["Anna", "Mehmet"])
async def test_named_staff_member_outranks_a_lost_offer(call: SpokenCall, staff: str) -> None:
    start = await offer(call, service=CUT, staff="Anna")
    await lose_hold(call, "10:00")
    assert "ging es leider nicht" not in await book_without_transcript(call, start, staff=staff)
    assert [each[2:] for each in await call.live()] == [(staff.lower(), PETRA)]


@pytest.mark.parametrize("service", [CUT, COLOR])
async def test_companion_does_not_get_the_callers_offered_staff(call: SpokenCall, service: str) -> None:
    start = await offer(call, staff="Mehmet")
    companion = {"customer_name": OTTO, "service": service}
    assert (await call.ask(BOOK, booking(start, companions=[companion])))["success"]
    assert {name: staff for _, _, staff, name in await call.live()} == {PETRA: "mehmet", OTTO: "anna"}


async def test_companion_gets_staff_member_offered_for_their_service(call: SpokenCall) -> None:
    start = await offer(call, service=COLOR, staff="Anna")
    await offer(call, service=BEARD)
    companion = {"customer_name": OTTO, "service": COLOR}
    assert (await call.ask(BOOK, booking(start, companions=[companion])))["success"]
    assert {name: staff for _, _, staff, name in await call.live()} == {PETRA: "mehmet", OTTO: "anna"}


@pytest.mark.parametrize("companion", [{"staff": "Mehmet"}, {}])
@pytest.mark.parametrize("named", [{}, {"date": None, "time": None, "start": "{first}"}])
async def test_accepted_sequence_of_a_refusal_is_booked(
    call: SpokenCall, companion: dict[str, str], named: dict[str, str | None]
) -> None:
    """The refusal offers one start twice: one after the other with Mehmet, and together with Anna, too."""
    group = friday_at(call.pod, "12:00", staff="Mehmet", companions=[{"customer_name": OTTO, "staff": "Mehmet"}])
    refused = await call.ask(BOOK, group)
    first = refused["alternatives"][0]["start"]
    assert [each["start"] for each in refused["alternatives"]].count(first) == 2, refused["message"]
    call.say("Ja, nacheinander ist gut.")
    again = {name: value and value.format(first=first) for name, value in named.items()}
    booked = await call.ask(BOOK, group | again | {"companions": [{"customer_name": OTTO} | companion]})
    assert booked["success"], booked
    assert sorted((at, staff) for _, at, staff, _ in await call.live()) == [("12:00", "mehmet"), ("13:00", "mehmet")]


@pytest.mark.parametrize(
    "said",
    [
        "Nein, wir wollen beide um zwölf.", "No, at the same time, please.", "Geht das denn?", "Schade, dann nicht.",
        "Hintereinander ist blöd.", "Nacheinander geht nicht.", "Moment, ich frage meinen Mann.", "Beide um zwölf, bitte.",
        "Dann lieber nächste Woche.",
    ],
)  # fmt: skip
async def test_a_sequence_that_is_not_accepted_books_nothing(call: SpokenCall, said: str) -> None:
    group = friday_at(call.pod, "12:00", staff="Mehmet", companions=[{"customer_name": OTTO, "staff": "Mehmet"}])
    refused = await call.ask(BOOK, group)
    call.say(said)
    again = await call.ask(BOOK, group)
    assert (again["success"], again["message"].endswith(refused["message"])) == (False, True), again


@pytest.mark.parametrize("said", [BOTH, MIXED])
async def test_companions_service_is_no_part_of_the_visit(call: SpokenCall, said: str) -> None:
    companion = {"customer_name": OTTO, "service": CUT}
    booked = await call.ask(BOOK, friday_at(call.pod, service=said, companions=[companion]))
    assert booked["success"], booked
    assert {name: service for service, _, _, name in await call.live()} == {PETRA: VISIT, OTTO: "haarschnitt"}


@pytest.mark.parametrize(("whole", "part"), [("Schnitt und Bart", "Schnitt"), ("Haare und Bart", "Haare")])
async def test_part_of_an_offered_text_is_asked_about(call: SpokenCall, whole: str, part: str) -> None:
    await call.ask(CHECK, friday_at(call.pod, service=whole))
    call.say("Ja.")
    start = (await call.ask(CHECK, friday_at(call.pod, service=whole)))["slots"][0]["start"]
    call.say(f"Ach, lassen wir den Bart weg, nur {part}.")
    assert not (await call.ask(BOOK, booking(start, service=part)))["success"]
    assert await call.live() == []


async def test_visit_named_in_other_words_is_offered(call: SpokenCall) -> None:
    found = await call.ask(CHECK, friday_at(call.pod, service=MIXED))
    assert f"{CUT} und {BEARD} dauern zusammen" in found["message"]
    call.say("Ja.")
    booked = await call.ask(BOOK, booking(found["slots"][0]["start"], service=MIXED))
    assert booked["success"], booked
    assert f"{CUT} und {BEARD}" in booked["message"]
    assert [each[0] for each in await call.live()] == [VISIT]


@pytest.mark.parametrize("named", [CUT, BEARD])
@pytest.mark.parametrize(("answer", "booked"), [(BOTH, VISIT), (None, None)])
async def test_booking_part_of_an_offered_visit_needs_confirmation(
    call: SpokenCall, named: str, answer: str | None, booked: str | None
) -> None:
    start = await offer(call, service=MIXED, staff="Mehmet")
    asked = await call.ask(BOOK, booking(start, service=named))
    assert (asked["success"], asked["message"]) == (False, f"Nur {named}, oder {CUT} und {BEARD}?")
    assert await call.live() == []
    done = await call.ask(BOOK, booking(start, service=answer or named))
    assert done["success"], done
    assert [(each[0], each[2]) for each in await call.live()] == [(booked or IDS[named], "mehmet")]


async def test_separately_offered_part_of_a_visit_is_booked(call: SpokenCall) -> None:
    start = await offer(call, service=BOTH)
    await offer(call, service=CUT)
    assert (await call.ask(BOOK, booking(start)))["success"]
    assert [each[0] for each in await call.live()] == ["haarschnitt"]


async def test_booked_visit_does_not_affect_another_persons_booking(call: SpokenCall) -> None:
    start = await offer(call, service=BOTH)
    assert (await call.ask(BOOK, booking(start, service=BOTH)))["success"]
    other = await call.ask(BOOK, booking(start, customer_name=OTTO, another=True))
    assert other["success"], other


@pytest.mark.parametrize("suffix", ["Z", ".000Z", "+00:00"])
@pytest.mark.parametrize(("words", "hour"), [("Um zehn.", 10), ("Ja, gern.", 11)])
async def test_spoken_hour_decides_whether_z_means_utc(call: SpokenCall, suffix: str, words: str, hour: int) -> None:
    """Eleven was offered; "T10:00Z" is eleven o'clock, or ten o'clock with a suffix that a model has added."""
    wanted = friday_at(call.pod, "11:00")
    assert (await call.ask(CHECK, wanted))["success"]
    call.say(words)
    said = {name: each for name, each in wanted.items() if name not in {"date", "time"}}
    booked = await call.ask(BOOK, said | {"start": f"{wanted['date']}T10:00:00{suffix}"})
    assert (booked["success"], booked.get("start", "")[11:13]) == (True, str(hour)), booked
