"""A booking after a question about cancelling, and the remaining appointments of a group after a repeated booking."""

from tests.worlds.spoken_calls import SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

BOOK, CANCEL = "book_appointment", "cancel_appointment"


async def book_before(call: SpokenCall) -> str:
    """Book in an earlier call of this number, and return the id."""
    booked = await SpokenCall(call.pod, number=call.number).ask(BOOK, friday_at(call.pod))
    assert booked["success"] is True, booked
    return str(booked["appointment_id"])


async def test_booking_after_cancel_question_offers_a_move(call: SpokenCall) -> None:
    former = await book_before(call)
    call.say("Ich möchte meinen Termin verlegen.")
    await call.ask(CANCEL, {"confirmed": True, "reason": "möchte verlegen"})
    later = friday_at(call.pod, date=next_friday(call.pod, 17).date().isoformat())
    asked = await call.ask(BOOK, later)
    assert (asked["success"], asked["choices"]) == (False, ["further", "move"]), asked
    call.say("Verschieben.")
    moved = await call.ask(BOOK, later | {"choice": "move"})
    assert (moved["success"], moved["appointment_id"]) == (True, former), moved


async def test_booking_for_another_person_needs_no_question(call: SpokenCall) -> None:
    await book_before(call)
    await call.ask(CANCEL, {})
    booked = await call.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Otto Kurz"))
    assert booked["success"] is True, booked


async def test_repeated_booking_without_companion_mentions_their_appointment(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod, companions=[{"customer_name": "Mia Lange"}]))
    call.say("Ach, Mia kann doch nicht, nur ich.")
    again = await call.ask(BOOK, friday_at(call.pod, companions=[]))
    assert again["message"].endswith("um 14 Uhr für Mia Lange, bleibt bestehen."), again
    assert len(await call.live()) == 2


async def test_pending_companion_appointment_is_not_called_existing(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod, companions=[{"customer_name": "Mia Lange"}]))
    await call.pod.db.execute("UPDATE appointments SET status = 'pending_sync' WHERE customer_name = 'Mia Lange'")
    call.say("Nur ich.")
    again = await call.ask(BOOK, friday_at(call.pod, companions=[]))
    assert (again["success"], "Mia Lange" in again["message"]) == (True, False), again


async def test_choice_applies_only_to_its_own_question(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod))
    call.say("Noch einen um vier.")
    later = friday_at(call.pod, "16:00")
    await call.ask(BOOK, later)
    call.say("Ein weiterer.")
    assert (await call.ask(BOOK, later | {"choice": "further"}))["success"] is True
    call.say("Den lieber um fünf.")
    asked = await call.ask(BOOK, friday_at(call.pod, "17:00", choice="move"))
    assert (asked["success"], len(asked["appointments"])) == (False, 2), asked
    assert [row[1] for row in await call.live()] == ["14:00", "16:00"]


async def test_spelling_correction_renames_no_earlier_customer(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod))
    call.say("Und einer für Otto Kurz.")
    otto = friday_at(call.pod, customer_name="Otto Kurz")
    await call.ask(BOOK, otto)
    call.say("Ein zweiter Termin.")
    assert (await call.ask(BOOK, otto | {"choice": "further"}))["success"] is True
    call.say("Er schreibt sich Kurtz.")
    await call.ask(BOOK, friday_at(call.pod, customer_name="Otto Kurtz", choice="rename"))
    assert "Petra Lange" in [row[3] for row in await call.live()]


async def test_booking_sent_as_unconfirmed_is_asked_about_once(call: SpokenCall) -> None:
    call.say("Ich weiß noch nicht. Ist das frei?")
    unsure = friday_at(call.pod, confirmed="false")
    asked = await call.ask(BOOK, unsure)
    assert (asked["success"], asked["unclear"]) == (False, "confirmed"), asked
    call.say("Ja, gern.")
    assert (await call.ask(BOOK, unsure))["success"] is True
