"""Several people come together: each gets an appointment, simultaneously or consecutively. All are booked, or none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from askproai_core.tenant_config import CallerVerification
from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.conversation.waitlist import join_waitlist
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import companions_key
from askproai_runtime.redis.slot_lock import SlotLock
from askproai_runtime.sentences import say
from tests.worlds.booking_environment import Salon
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.groups import MIA, block, book, book_heard, booked, caller, heard, look, salon, starts_by_name
from tests.worlds.segmented_services import FRIDAY, at, booked_claims

pytestmark = pytest.mark.nightly

__all__ = ["salon"]  # the fixture


async def test_two_people_are_offered_simultaneous_staff_members(salon: Salon) -> None:
    offer = await look(salon, {})
    assert offer.message.startswith("Frei ist Freitag, der 27. November, um 10 Uhr bei Anna und Mehmet.")
    (first, *_) = offer.fields["slots"]
    assert (first["start"], first["staff"]) == (at("10:00"), "anna")
    assert [(c["start"], c["staff"]) for c in first["companions"]] == [(at("10:00"), "mehmet")]
    other = await look(salon, number=2)
    assert other.fields["slots"][0]["start"] != at("10:00"), "both staff members are held while the caller considers"
    answer = await book(salon, "10:00", MIA)
    assert answer.message == (
        "Die Termine sind eingetragen: Freitag, den 27. November, um 10 Uhr, Haarschnitt bei Anna für Rosa Rot."
        " Und Freitag, den 27. November, um 10 Uhr, Haarschnitt bei Mehmet für Mia Rot."
    )
    assert await booked(salon) == [("09:00", "anna", "Rosa Rot"), ("09:00", "mehmet", "Mia Rot")]
    assert len({each["appointment_id"] for each in answer.fields["appointments"]}) == 2
    await salon.assert_claims_match()


async def test_group_without_simultaneous_staff_is_offered_consecutively(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    offer = await look(salon, {})
    assert "um 10 Uhr bei Anna und um 10 Uhr 40 bei " in offer.message
    answer = await book(salon, "10:00", MIA)
    assert answer.success, answer
    starts = {name: start for start, _, name in await booked(salon)}
    assert starts == {"Fremd": "09:00", "Rosa Rot": "09:00", "Mia Rot": "09:40"}
    await salon.assert_claims_match()


async def test_simultaneous_times_of_a_day_are_offered_first(salon: Salon) -> None:
    await block(salon, "mehmet", "09:00")
    offer = await look(salon, {}, time=None, part_of_day="vormittags")
    starts = {(each["start"], *(c["start"] for c in each["companions"])) for each in offer.fields["slots"]}
    assert starts
    assert all(len(set(each)) == 1 for each in starts), starts


async def test_each_companion_may_choose_service_and_staff_member(salon: Salon) -> None:
    offer = await look(salon, {"service": "Färben"})
    assert "um 10 Uhr Haarschnitt bei Mehmet und Färben bei Anna" in offer.message, "Anna alone colours"
    both = await look(salon, {"staff": "Anna"}, staff="Anna")
    assert "um 10 Uhr bei Anna und um 10 Uhr 40 bei Anna" in both.message
    answer = await book(salon, "10:00", {"service": "Färben", **MIA})
    assert answer.success
    assert [row[1:] for row in await booked(salon)] == [("anna", "Mia Rot"), ("mehmet", "Rosa Rot")]


async def test_first_booking_request_mentions_no_earlier_offer(salon: Salon) -> None:
    answer = await book(salon, "10:00", {**MIA, "staff": "Anna"}, staff="Anna")
    assert (answer.success, say().group_offer_gone in answer.message) == (False, False), answer.message


@pytest.mark.parametrize("said", ["same as me", "the same", "wie ich", "auch bei ihr", "derselbe"])
async def test_companion_gets_the_callers_staff_member(salon: Salon, said: str) -> None:
    offer = await look(salon, {"staff": said}, staff="Anna")
    (first, *_) = offer.fields["slots"]
    assert (first["staff"], first["companions"][0]["staff"]) == ("anna", "anna")


async def test_offered_group_plan_is_booked_despite_better_plans(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    await look(salon, {})
    (row,) = await salon.rows("SELECT id FROM appointments WHERE customer_name = 'Fremd'")
    await salon.cancel(str(row["id"]))
    answer = await book(salon, "10:00", MIA)
    assert "um 10 Uhr 40" in answer.message, "the caller has agreed to one after the other"


async def test_each_consecutive_group_offer_can_be_booked(salon: Salon) -> None:
    with_anna = {"staff": "Anna"}
    offer = await look(salon, with_anna, staff="Anna", time=None, part_of_day="vormittags")
    clocks = [each["start"][11:16] for each in offer.fields["slots"]]
    assert len(clocks) > 1
    answer = await book_heard(salon, heard(offer), clocks[-1], staff="Anna", companions=[{**MIA, **with_anna}])
    assert answer.success, (clocks, answer.message)
    agreed = offer.fields["slots"][-1]
    booked_starts = [each["start"] for each in answer.fields["appointments"]]
    assert booked_starts == [agreed["start"], agreed["companions"][0]["start"]]


async def test_group_offer_is_booked_without_a_transcript(salon: Salon) -> None:
    with_anna = {"staff": "Anna"}
    offer = await look(salon, with_anna, staff="Anna", time=None, part_of_day="vormittags")
    agreed = offer.fields["slots"][-1]
    answer = await book(salon, agreed["start"][11:16], MIA)
    assert answer.success
    for made, offered in zip(answer.fields["appointments"], (agreed, *agreed["companions"]), strict=True):
        assert (made["staff"], made["start"]) == (offered["staff"], offered["start"])


async def test_group_offer_is_booked_during_competing_requests(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    await block(salon, "mehmet", "10:00")
    offer = await look(salon, {})
    assert "um 10 Uhr bei Anna und um 10 Uhr 40" in offer.message

    @asynccontextmanager
    async def hold_second(_: SlotLock, *__: object, on_retry: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        await on_retry()  # another call has the lock: is the time still free?
        yield

    monkeypatch.setattr(SlotLock, "hold", hold_second)
    answer = await book(salon, "10:00", MIA)
    assert answer.success, answer.message


async def test_caller_coming_alone_after_all_is_booked_alone(salon: Salon) -> None:
    offer = await look(salon, {})
    assert (await book_heard(salon, heard(offer), "10:00", companions=[])).success
    assert list(await starts_by_name(salon)) == ["Rosa Rot"]
    together = await look(salon, {}, number=2, time="14 Uhr")
    alone = await look(salon, number=2, time="14 Uhr")
    answer = await book_heard(salon, heard(together, alone, number=2), "14:00")
    assert answer.success, "the last offer was for one person"


async def test_appointment_at_another_time_is_outside_the_group(salon: Salon) -> None:
    assert (await book(salon, "11:00")).success
    answer = await book(salon, "10:00", MIA, another=True)
    assert (answer.outcome, len(await salon.live())) == (FunctionOutcome.BOOKED, 3), answer.message
    earlier = await book(salon, "09:00", MIA)
    assert earlier.outcome == FunctionOutcome.ASKED_BACK, "instead of the one at ten, or besides?"


async def test_unagreed_group_times_are_offered_before_booking(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    unasked = await book(salon, "10:00", MIA)
    assert (unasked.success, unasked.outcome) == (False, FunctionOutcome.TAKEN)
    assert unasked.message.startswith(
        "Freitag, den 27. November, um 10 Uhr ist leider nicht für alle 2 Personen zugleich frei."
        " Frei ist zum Beispiel Freitag, der 27. November, um 9 Uhr 20 bei Anna und Mehmet, "
    )
    assert len(await booked(salon)) == 1


async def test_group_is_booked_whole_or_not_at_all(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    await block(salon, "anna", "10:40", number=91)
    await block(salon, "mehmet", "10:40", number=92)
    before = await booked(salon)
    answer = await book(salon, "10:00", MIA)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.TAKEN)
    assert "um 10 Uhr ist leider nicht für alle 2 Personen zugleich frei." in answer.message
    assert answer.fields["alternatives"], answer
    assert await booked(salon) == before


async def test_repeated_group_booking_is_the_same_group(salon: Salon) -> None:
    first = await book(salon, "10:00", MIA)
    answers = await asyncio.gather(*(book(salon, "10:00", MIA) for _ in range(3)))
    assert {a.outcome for a in answers} == {FunctionOutcome.ALREADY_BOOKED}
    assert answers[0].message.startswith("Die Termine stehen schon: Freitag")
    assert answers[0].fields["appointment_id"] == first.fields["appointment_id"]
    alone = await book(salon, "10:00")
    assert (alone.outcome, len(await salon.live())) == (FunctionOutcome.ALREADY_BOOKED, 2)
    args = {"service": "Haarschnitt", "start": at("10:00"), "customer_name": "Mia Rot", "another": True}
    mia = await salon.booking.book_appointment(caller(), args)
    assert (mia.outcome, len(await salon.live())) == (FunctionOutcome.ALREADY_BOOKED, 2)


async def test_concurrent_requests_of_a_call_book_one_group(salon: Salon) -> None:
    answers = await asyncio.gather(*(book(salon, "10:00", MIA) for _ in range(5)))
    assert sum(a.outcome == FunctionOutcome.BOOKED for a in answers) == 1
    assert len(await salon.live()) == 2


async def test_groups_and_single_callers_never_share_a_slot(salon: Salon) -> None:
    """Twelve callers want ten o'clock, half of them with a companion: each confirmed booking is complete."""
    answers = await asyncio.gather(
        *(book(salon, "10:00", *([{"customer_name": f"Mia {n}"}] if n % 2 else []), number=n, customer_name=f"Rosa {n}")
          for n in range(12))
    )  # fmt: skip
    names = Counter(name for _, _, name in await booked(salon))
    expected = [n for n, answer in enumerate(answers) if answer.success]
    assert expected
    assert names == Counter([*(f"Rosa {n}" for n in expected), *(f"Mia {n}" for n in expected if n % 2)])
    await salon.assert_claims_match()


async def test_already_booked_member_of_a_group_is_mentioned(salon: Salon) -> None:
    assert (await book(salon, "10:00")).success
    answer = await book(salon, "10:00", MIA)
    assert not answer.success
    assert answer.message.startswith("Für Rosa Rot habe ich zu dieser Zeit schon einen Termin eingetragen.")
    assert answer.message.endswith(" Soll ich den für Mia Rot einzeln eintragen?")
    assert len(await salon.live()) == 1
    (then,) = answer.fields["next_requests"]
    assert (await salon.booking.book_appointment(caller(1), then)).success
    assert sorted(name for _, _, name in await booked(salon)) == ["Mia Rot", "Rosa Rot"]


async def test_missing_companion_names_are_asked_for(salon: Salon) -> None:
    for companions in ([{}], [MIA, {}], [{"service": "Haarschnitt"}]):
        said = {"service": "Haarschnitt", "start": at("10:00"), "customer_name": "Rosa", "companions": companions}
        answer = await salon.booking.book_appointment(caller(), said)
        alone = "" if MIA in companions else " Oder kommen Sie allein?"
        assert answer.message == f"Auf welchen Namen darf ich den anderen Termin eintragen?{alone}"
    four = await look(salon, {}, {}, {}, {})
    assert four.message == "Zusammen trage ich höchstens 4 Personen ein. Für wie viele soll ich suchen?"
    config = salon.configs[-1]
    salon.apply_config(msgspec.structs.replace(config, booking_limits=BookingLimits(per_call=1)))
    limited = await look(salon, {})
    assert (limited.outcome, limited.success) == (FunctionOutcome.LIMITED, False)
    salon.apply_config(msgspec.structs.replace(config, caller_verification=CallerVerification.NAME_AND_BIRTH_DATE))
    verified = await look(salon, {})
    assert verified.message.startswith("Ich brauche von jeder Person das Geburtsdatum")
    assert await salon.live() == []


@pytest.mark.parametrize("words", ["wir sind zu zweit", "8 Jahre", "Otto Lange um 11", "vielleicht Otto", "mein Hund"])
async def test_unclear_companion_words_book_nobody(salon: Salon, words: str) -> None:
    for ask in (look, lambda salon, each: book(salon, "10:00", each)):
        answer = await ask(salon, {"customer_name": words})
        assert (answer.success, answer.fields.get("unclear")) == (False, "companions"), answer
    assert await salon.live() == []


async def test_group_appointments_are_moved_and_cancelled_separately(salon: Salon) -> None:
    answer = await book(salon, "10:00", MIA)
    first, second = answer.fields["appointments"]
    args = {"appointment_id": second["appointment_id"], "start": at("12:00")}
    assert (await salon.booking.reschedule_appointment(caller(), args)).success
    assert (await salon.booking.cancel_appointment(caller(), {"appointment_id": first["appointment_id"]})).success
    assert [name for _, _, name in await booked(salon)] == ["Mia Rot"]
    assert await booked_claims(salon) == [("12:00", "12:40")]


async def test_group_at_calcom_is_booked_one_by_one(env: CalcomEnvironment) -> None:
    args = {"service": "Haarschnitt", "date": "2026-11-27", "time": "10 Uhr", "companions": [{}]}
    answer = await env.salon.booking.check_availability(caller(), args)
    assert answer.message.startswith("Unser Kalender nimmt mehrere Termine nicht zusammen an, nur jeden für sich,")
    assert "Zuerst für eine Person: Frei ist Freitag, der 27. November, um 10 Uhr" in answer.message
    assert answer.fields["slots"]
    assert not answer.success
    said = args | {"service": "Haarschnitt, Haarschnitt"}
    assert (await env.salon.booking.check_availability(caller(), said)).message == answer.message


async def test_service_repeated_for_a_companion_adds_nobody(salon: Salon) -> None:
    said = {"service": "Haarschnitt, Haarschnitt", "date": str(FRIDAY), "time": "10 Uhr", "companions": [{}]}
    answer = await salon.booking.check_availability(caller(), said)
    assert (answer.success, len(answer.fields["slots"][0]["companions"])) == (True, 1)


async def test_repeated_group_request_books_each_person_once(env: CalcomEnvironment) -> None:
    """A model may repeat the whole group after each question: none is asked twice, and each is booked once."""
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [MIA]}
    asked = await env.salon.booking.book_appointment(caller(), args)
    assert asked.message.endswith("Soll ich zuerst den für Rosa Rot eintragen?"), asked
    assert asked.fields["needs_companions"] == "one_by_one"
    assert await booked(env.salon) == []
    answered = replace(caller(), replies={companions_key("one_by_one"): Reply.YES})
    first = await env.salon.booking.book_appointment(answered, args)
    assert (first.success, first.message.endswith("Soll ich jetzt den für Mia Rot eintragen?")) == (True, True), first
    (alone,) = first.fields["next_requests"]
    assert (alone["customer_name"], alone["another"]) == ("Mia Rot", True)
    early = await env.salon.booking.book_appointment(replace(answered, said_since=""), args)
    assert (early.message, early.fields["next_requests"]) == ("Soll ich jetzt den für Mia Rot eintragen?", [alone])
    for _ in range(2):
        second = await env.salon.booking.book_appointment(answered, args)
        assert (second.success, second.message.endswith("eintragen?")) == (True, False), second
    assert sorted(name for _, _, name in await booked(env.salon)) == ["Mia Rot", "Rosa Rot"]
    assert len(await booked(env.salon)) == 2


async def test_no_to_the_first_booking_books_nobody(env: CalcomEnvironment) -> None:
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [MIA]}
    before = replace(caller(), said_since="Nein, lieber um halb drei.", replies={})  # to an offer
    asked = await env.salon.booking.book_appointment(before, args)
    assert asked.message.endswith("Soll ich zuerst den für Rosa Rot eintragen?"), asked
    known = {companions_key("one_by_one"): Reply.UNCLEAR}
    refused = replace(caller(), said_since="Nein, dann gar nicht.", replies=known)
    assert not (await env.salon.booking.book_appointment(refused, args)).success
    first = await env.salon.booking.book_appointment(replace(caller(), said_since="Ja.", replies=known), args)
    second = await env.salon.booking.book_appointment(replace(refused, said_since="Nein, Mia doch nicht."), args)
    assert (first.success, second.success) == (True, False)
    assert [name for _, _, name in await booked(env.salon)] == ["Rosa Rot"]


@pytest.mark.parametrize(
    ("words", "is_booked"),
    [
        ("Mia kommt doch nicht mit.", False), ("Danke, das reicht.", False), ("Ich komme doch allein.", False),
        ("Nur für mich.", False), ("Das war's.", False), ("Mia ist krank geworden.", False), ("Lieber Samstag.", False),
        ("Ja, bitte.", True), ("Yes, no problem.", True), ("Mia Rot, genau.", True), ("Für Mia bitte.", True),
        ("Sie heißt Mia Rot.", True),
    ],
)  # fmt: skip
async def test_next_companion_needs_a_yes_or_name(env: CalcomEnvironment, words: str, is_booked: bool) -> None:
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [MIA]}
    asked = replace(caller(), said_since="Ja.", replies={companions_key("one_by_one"): Reply.YES})
    assert (await env.salon.booking.book_appointment(asked, args)).success
    second = await env.salon.booking.book_appointment(replace(asked, said_since=words), args)
    assert (second.success, len(await booked(env.salon))) == (is_booked, 1 + is_booked), second
    again = await env.salon.booking.book_appointment(replace(asked, said_since="Danke."), args)
    assert again.success is is_booked


@pytest.mark.parametrize(
    ("agreed", "words", "is_booked"),
    [
        (Reply.YES, "Rosa Rot und äh Mia Rot.", True), (Reply.UNCLEAR, "Rosa Rot und äh Mia Rot.", True),
        (Reply.YES, "Rosa Maria Rot, mit einem T.", True), (Reply.UNCLEAR, "Rosa Maria Rot, mit einem T.", False),
        (Reply.YES, "Nein, dann gar nicht.", False), (Reply.YES, "Lieber Samstag.", False), (Reply.UNCLEAR, "Nur Mia.", False),
        (Reply.UNCLEAR, "great rosa and mia rot", True), (Reply.UNCLEAR, "great rosa rot", False),
        (Reply.UNCLEAR, "dann eben nur die mädchen um drei und ich komm ein andermal also rosa und mia rot", True),
        (Reply.UNCLEAR, "Rosa ja, aber Mia nicht.", False),
    ],
)  # fmt: skip
async def test_answered_name_question_keeps_the_yes(env: CalcomEnvironment, agreed, words, is_booked) -> None:
    """After the yes to one by one, the booking may ask for a full name: the answer to that is no refusal."""
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [MIA]}
    named = replace(caller(), said_since=words, replies={companions_key("one_by_one"): agreed})
    answer = await env.salon.booking.book_appointment(named, args)
    assert (answer.success, answer.fields.get("unclear")) == (is_booked, None if is_booked else "companions"), answer


async def test_first_person_alone_is_booked_one_by_one(env: CalcomEnvironment) -> None:
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot"}
    told = replace(caller(), replies={companions_key("one_by_one"): Reply.UNCLEAR})
    answer = await env.salon.booking.book_appointment(told, args)
    assert (answer.success, say().only_this_one.strip() in answer.message) == (True, True), answer


async def test_unnamed_companion_is_asked_for_first(env: CalcomEnvironment) -> None:
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [{}]}
    asked = await env.salon.booking.book_appointment(caller(), args)
    assert asked.message == f"{say().name_of_companion}{say().or_alone}", asked
    answered = replace(caller(), replies={companions_key(asked.fields["needs_companions"]): Reply.UNCLEAR})
    begin = await env.salon.booking.book_appointment(answered, args)
    assert begin.message.endswith("Soll ich zuerst den für Rosa Rot eintragen?"), begin
    agrees = replace(answered, replies={**answered.replies, companions_key("one_by_one"): Reply.YES})
    first = await env.salon.booking.book_appointment(agrees, args)
    second = await env.salon.booking.book_appointment(replace(agrees, said_since="Ja, bitte."), args)
    assert (first.success, second.success, "Gast von Rot" in second.message) == (True, True, True), second


async def test_group_joins_the_waiting_list_one_by_one(env: CalcomEnvironment) -> None:
    for staff in ("Anna", "Mehmet"):
        await block(env.salon, staff, "14:30", number=90 + len(staff))
    args = {"service": "Haarschnitt", "start": at("14:30"), "customer_name": "Rosa Rot", "companions": [MIA]}
    answer = await join_waitlist(env.salon.booking, caller(), args)
    assert (answer.success, "Notiert habe ich damit eine Person, Rosa Rot." in answer.message) == (True, True), answer
