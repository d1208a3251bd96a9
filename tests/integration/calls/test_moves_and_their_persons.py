"""A move keeps its staff member, and changes nothing else, unless the caller agrees to it."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at

BOOK, MOVE, SEARCH, CANCEL = "book_appointment", "reschedule_appointment", "check_availability", "cancel_appointment"
QUESTION = "bei Mehmet sein? Sonst bleibt er bei Anna."


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Petra Lange has a haircut with Anna at 10:00, from an earlier call of this number."""
    assert (await call.ask(BOOK, friday_at(call.pod, "10:00", staff="Anna")))["success"]
    return SpokenCall(call.pod, call.number)


async def live(call: SpokenCall) -> list[tuple[str, str]]:
    return [(at, staff) for _, at, staff, _ in await call.live(of_number=True)]


async def search(call: SpokenCall, staff: str = "Mehmet") -> str:
    day = friday_at(call.pod)["date"]
    offer = await call.ask(SEARCH, {"service": CUT, "date": day, "time": "13:00", "staff": staff})
    return str(offer["slots"][0]["start"])


@pytest.mark.parametrize(
    "said",
    [
        "Nein, ich bleibe bei Anna, aber um eins.",
        "No, keep Anna, same time.",
        "Und meinen Termin auch auf ein Uhr.",
        "Den um eins, bitte verschieben.",
    ],
)
@pytest.mark.parametrize("by_start", [False, True])
@pytest.mark.parametrize(("answer", "staff"), [("Ja.", "mehmet"), ("Nein, bei Anna.", "anna"), ("Bei Anna.", "anna")])
async def test_offered_staff_member_is_confirmed_before_a_move(
    call: SpokenCall, said: str, by_start: bool, answer: str, staff: str
) -> None:
    start = await search(call)
    call.say(said)
    args = {"start": start} if by_start else {"time": "13 Uhr"}
    asked = await call.ask(MOVE, args)
    if asked["success"]:
        assert await live(call) == [("13:00", "anna")], asked
        return
    assert (QUESTION in asked["message"], await live(call)) == (True, [("10:00", "anna")]), asked
    call.say(answer)
    moved = await call.ask(MOVE, args)
    assert (moved["success"], await live(call)) == (True, [("13:00", staff)]), moved


async def test_move_after_booking_the_offer_keeps_staff_member(call: SpokenCall) -> None:
    start = await search(call)
    call.say("Ja, für meine Tochter.")
    booked = await call.ask(
        BOOK, {"service": CUT, "start": start, "staff": "Mehmet", "customer_name": "Mia Lange", "another": True}
    )
    assert booked["success"], booked
    call.say("Und meinen auch auf 13 Uhr.")
    day = friday_at(call.pod)["date"]
    moved = await call.ask(
        MOVE, {"appointment_date": day, "appointment_time": "10:00", "customer_name": "Petra Lange", "time": "13 Uhr"}
    )
    assert (moved["success"], sorted(await live(call))) == (True, [("13:00", "anna"), ("13:00", "mehmet")]), moved


async def test_move_without_transcript_keeps_the_staff_member(call: SpokenCall) -> None:
    plain = {"from_number": call.number}
    day = friday_at(call.pod)["date"]
    offer = {"service": CUT, "date": day, "time": "13:00", "staff": "Mehmet"}
    await call.pod.function(SEARCH, call.call_id, offer, **plain)
    await call.pod.function(MOVE, call.call_id, {"time": "13 Uhr"}, **plain)
    assert await live(call) == [("13:00", "anna")]


async def test_accepted_start_moves_to_offered_staff_member(call: SpokenCall) -> None:
    start = await search(call)
    call.say("Ja, dahin verschieben.")
    assert (await call.ask(MOVE, {"start": start}))["success"]
    assert await live(call) == [("13:00", "mehmet")]


async def test_move_to_offer_of_own_staff_is_direct(call: SpokenCall) -> None:
    await search(call, "Anna")
    call.say("Dann um eins.")
    assert (await call.ask(MOVE, {"time": "13 Uhr"}))["success"]
    assert await live(call) == [("13:00", "anna")]


@pytest.mark.parametrize(
    "args",
    [
        {"time": "11 Uhr"},
        {"time": "eine Stunde später"},
        {"start": "2026-11-27T13:00"},
        {"time": "13 Uhr", "staff": "Mehmet"},
    ],
)
async def test_move_sent_as_unconfirmed_asks_for_agreement(call: SpokenCall, args: dict[str, Any]) -> None:
    call.say("Ginge das auch? Ich weiß noch nicht.")
    asked = await call.ask(MOVE, {**args, "confirmed": False})
    assert (asked["message"], await live(call)) == (say().shall_i_book, [("10:00", "anna")]), asked
    call.say("Ja, bitte.")
    moved = await call.ask(MOVE, args)
    assert moved["success"], moved


async def test_unconfirmed_move_to_a_day_offers_times(call: SpokenCall) -> None:
    offer = await call.ask(MOVE, {"date": friday_at(call.pod)["date"], "confirmed": False})
    assert (bool(offer["alternatives"]), await live(call)) == (True, [("10:00", "anna")]), offer


@pytest.mark.parametrize("note", ["bei Mehmet", "Stammkundin von Mehmet"])
@pytest.mark.parametrize(("answer", "staff"), [("Ja, gerne.", "mehmet"), ("Nein.", "anna")])
async def test_agreed_staff_member_survives_another_question(
    call: SpokenCall, note: str, answer: str, staff: str
) -> None:
    other = SpokenCall(call.pod)
    await call.pod.db.execute("DELETE FROM appointments WHERE tenant = $1", call.pod.store.tenant)
    other.say("Einen Haarschnitt am Freitag um zwei.")
    args = friday_at(call.pod, notes=note, customer_name="Otto Kurz")
    assert not (await other.ask(BOOK, args))["success"]
    other.say(answer)
    asked = await other.ask(BOOK, args | {"phone": "0171"})
    assert (asked["success"], "needs_phone" in asked) == (False, True), asked
    other.say("0171 2345678")
    assert (await other.ask(BOOK, args | {"phone": "0171 2345678"}))["success"]
    assert [each[2] for each in await other.live()] == [staff]


NOTES = [
    "bei Mehmet", "Mehmet", "lieber Mehmet", "mit Mehmet bitte", "gerne bei Mehmet", "nur bei Mehmet", "Wunschfriseur Mehmet",
    "Mehmet soll schneiden", "Stammkundin von Mehmet", "with Mehmet if possible", "Fensterplatz, Wunsch: Mehmet",
]  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize(
    ("answer", "staff"), [("Ja.", "mehmet"), ("Zu Mehmet.", "mehmet"), ("Nein, egal.", "anna"), ("Egal.", "anna")]
)
async def test_staff_member_in_the_notes_is_asked_about(call: SpokenCall, note: str, answer: str, staff: str) -> None:
    other = SpokenCall(call.pod)
    await call.pod.db.execute("DELETE FROM appointments WHERE tenant = $1", call.pod.store.tenant)
    other.say("Einen Haarschnitt am Freitag um zwei bei Mehmet.")
    args = friday_at(call.pod, notes=note, customer_name="Otto Kurz")
    asked = await other.ask(BOOK, args)
    assert (asked["success"], asked["message"]) == (False, "Soll der Termin bei Mehmet sein?"), asked
    other.say(answer)
    assert (await other.ask(BOOK, args))["success"]
    assert [each[2] for each in await other.live()] == [staff]


@pytest.mark.parametrize(
    "note", ["nicht bei Anna", "nicht zu Anna, Fensterplatz", "möchte diesmal nicht zu Anna", "not with Anna"]
)
@pytest.mark.parametrize(
    ("answer", "staff"), [("Nicht bei Anna.", "mehmet"), ("Beides.", "mehmet"), ("Anna ist gut.", "anna")]
)
async def test_excluded_staff_member_in_notes_is_asked_about(
    call: SpokenCall, note: str, answer: str, staff: str
) -> None:
    other = SpokenCall(call.pod)
    await call.pod.db.execute("DELETE FROM appointments WHERE tenant = $1", call.pod.store.tenant)
    other.say("Einen Haarschnitt am Freitag um zwei.")
    args = friday_at(call.pod, notes=note, customer_name="Otto Kurz")
    asked = await other.ask(BOOK, args)
    assert (asked["success"], "Was davon soll gelten?" in asked["message"]) == (False, True), asked
    other.say(answer)
    assert (await other.ask(BOOK, args))["success"]
    assert [each[2] for each in await other.live()] == [staff]


@pytest.mark.parametrize("note", ["Grüße an Mehmet", "kennt Anna vom Sport"])
async def test_staff_name_in_a_remark_needs_agreement(call: SpokenCall, note: str) -> None:
    other = SpokenCall(call.pod)
    other.say("Einen Haarschnitt am Freitag um zwei.")
    args = friday_at(call.pod, notes=note, customer_name="Otto Kurz")
    assert not (await other.ask(BOOK, args))["success"]
    other.say("Das ist nur eine Notiz.")
    booked = await other.ask(BOOK, args)
    assert booked["success"], booked


@pytest.mark.parametrize(
    "more", [{"notes": "von Otto Kurz, Allergie"}, {"notes": "mit Mehmet bitte", "staff": "Mehmet"}, {}]
)
async def test_notes_without_staff_names_book_directly(call: SpokenCall, more: dict[str, str]) -> None:
    other = SpokenCall(call.pod)
    other.say("Einen Haarschnitt am Freitag um zwei.")
    assert (await other.ask(BOOK, friday_at(call.pod, customer_name="Otto Kurz", **more)))["success"]
