"""A booking repeated under another name is corrected or asked about, and the answer claims nothing more."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import CallerVerification
from askproai_runtime.book.store import transactions
from askproai_runtime.conversation import corrections
from askproai_runtime.conversation.corrections import _Correction
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, AskedChoice, CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call

pytestmark = pytest.mark.nightly

DICTATED, OTHER_DICTATED = "+4917139201746", "+4916284017352"
ANOTHER = {"another": True}


def asked_for_name(booked: Answer, name: str, call_id: str = "call_1") -> CallContext:
    """Return the call after the question whether the name of an appointment is to be corrected."""
    asked = AskedChoice(booked.fields["appointment_id"], frozenset({"rename", "further"}), name)
    return replace(call(call_id), replies={}, asked_choices=(asked,))


async def names(salon: Salon) -> list[str]:
    return [row["customer_name"] for row in await salon.live()]


async def customers(salon: Salon) -> list[str]:
    return sorted(row["name"] for row in await salon.rows("SELECT name FROM customers"))


async def fill_messages(salon: Salon) -> None:
    """Note as many messages as a call may leave."""
    for number in range(3):
        await salon.pool.execute(
            """INSERT INTO messages (tenant, call_id, key, name, text, correlation_id)
               VALUES ($1, 'call_1', $2, 'x', 'x', 'x')""",
            salon.store.tenant,
            str(number),
        )


async def phones(salon: Salon) -> dict[str, str | None]:
    rows = await salon.rows(
        "SELECT a.customer_name, c.phone FROM appointments a LEFT JOIN customers c ON c.id = a.customer_id"
    )
    return {row["customer_name"]: row["phone"] for row in rows}


@pytest.mark.parametrize(
    ("booked", "said", "kept"),
    [
        ("Maier", "Mayer", "Mayer"),
        ("Thomas Maier", "Thomas Mayer", "Thomas Mayer"),
        ("Thomas Maier", "Mayer", "Thomas Mayer"),
        ("Frau Maier", "Mayer", "Frau Mayer"),
        ("Müller", "Petra Müller", "Petra Müller"),
        ("Philip Meier", "Philipp Meier", "Philipp Meier"),
        ("Hans Peter Kurz", "Hans-Peter Kurz", "Hans-Peter Kurz"),
        ("Mueller", "Müller", "Müller"),
    ],
)
async def test_respelled_name_is_corrected(salon: Salon, booked: str, said: str, kept: str) -> None:
    first = await salon.book(name=booked)
    again = await salon.book(name=said)
    assert (again.success, again.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    assert again.message.endswith(f" Den Namen habe ich geändert: {kept}."), again.message
    assert await names(salon) == [kept]
    assert [row["name"] for row in await salon.rows("SELECT name FROM customers")] == [kept]


@pytest.mark.parametrize("said", ["Petra Müller", "petra müller", "Müller", "P. Müller", "Frau Müller", "Petra"])
async def test_repeated_or_shortened_name_changes_nothing(salon: Salon, said: str) -> None:
    await salon.book(name="Petra Müller")
    again = await salon.book(name=said)
    assert again.success
    assert "geändert" not in again.message
    assert await names(salon) == ["Petra Müller"]


async def test_strangers_appointment_keeps_its_name(salon: Salon) -> None:
    first = await salon.book(name="Maier")
    named = {"appointment_id": first.fields["appointment_id"]}
    stranger = call("call_2", "+4915199999999")
    await salon.book(name="Schmidt", by=stranger, **named)
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


async def test_second_person_renames_no_appointment(salon: Salon) -> None:
    first = await salon.book(name="Maier")
    named = {"appointment_id": first.fields["appointment_id"], "another": True}
    await salon.book(name="Schmidt", **named)
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


@pytest.mark.parametrize("said", ["Mayer", "Ute Mayer"])
@pytest.mark.parametrize("first", ["booked", "moved", "in a group"])
async def test_similar_name_of_another_person_renames_nobody(salon: Salon, first: str, said: str) -> None:
    """Of twins one is booked for, moved to this time, or comes along, and then the other."""
    if first == "moved":
        booked = await salon.book(MORNING, name="Ute Maier")
        await salon.booking.reschedule_appointment(
            call(), {"appointment_id": booked.fields["appointment_id"], "start": HALF_PAST_TWO}
        )
    else:
        more = {"companions": [{"customer_name": "Jan Kurz"}]} if first == "in a group" else {}
        await salon.book(name="Ute Maier", **more)
    already = await names(salon)
    await salon.book(name=said, **ANOTHER)
    assert {"Ute Maier"} <= set(await names(salon))
    assert set(await names(salon)) - {said} == set(already)


async def test_id_with_another_time_renames_no_appointment(salon: Salon) -> None:
    first = await salon.book(MORNING, name="Maier")
    named = {"appointment_id": first.fields["appointment_id"]}
    await salon.book(HALF_PAST_TWO, name="Schmidt", **named)
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


async def test_repeated_booking_stores_its_new_details(salon: Salon) -> None:
    await salon.book(notes="mit Hund")
    more = booking_args(notes="Rollstuhl", phone=DICTATED)
    again = await salon.booking.book_appointment(call(), more)
    assert again.message.endswith(
        " Die Telefonnummer habe ich geändert: 0 1 7 1, 3 9 2, 0 1 7, 4 6. Ihren Hinweis habe ich notiert."
    )
    repeated = await salon.booking.book_appointment(call(), more)
    assert repeated.message.endswith(" Als Telefonnummer habe ich notiert: 0 1 7 1, 3 9 2, 0 1 7, 4 6.")
    (row,) = await salon.rows("SELECT a.notes, c.phone FROM appointments a JOIN customers c ON c.id = a.customer_id")
    assert (row["notes"], row["phone"]) == ("mit Hund; Rollstuhl", DICTATED)


@pytest.mark.parametrize("said", ["Mehmet", "nicht Anna", "egal, nur nicht Anna"])
async def test_repeating_with_another_staff_member_prompts_a_question(salon: Salon, said: str) -> None:
    await salon.book(staff="anna")
    asked = await salon.book(staff=said)
    assert not asked.success
    assert asked.message.endswith("bei Anna. Soll ich ihn absagen und bei Mehmet einen neuen suchen?"), asked.message


async def test_name_correction_is_said_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        await salon.book(name="Maier")
        again = await salon.book(name="Mayer")
        assert again.message.endswith(" I have changed the name: Mayer.")
        asked = await salon.book(name="Schmidt")
    assert asked.message.endswith("Shall I change the name to Schmidt, or is this a second appointment for Schmidt?")


async def test_renaming_without_room_for_messages_admits_outdated_calendar(env) -> None:
    salon = env.salon
    await salon.book(name="Maier")
    await fill_messages(salon)
    again = await salon.book(name="Mayer")
    assert again.message.endswith(" Den Namen habe ich geändert: Mayer. Im Kalender steht noch der bisherige Stand.")


@pytest.mark.parametrize("said", ["Petra Müller", "Müller", "petra müller"])
async def test_exact_name_matches_the_appointment_with_equal_name(salon: Salon, said: str) -> None:
    await salon.book(name="Müller")
    await salon.book(name="Petra Müller", **ANOTHER)
    again = await salon.book(name=said)
    assert again.success, again.message
    assert "geändert" not in again.message
    assert await names(salon) == ["Müller", "Petra Müller"]


@pytest.mark.parametrize("said", ["Petra Müler", "Schmidt"])
async def test_name_matching_several_appointments_is_asked_about(salon: Salon, said: str) -> None:
    await salon.book(name="Müller")
    second = await salon.book(name="Petra Müller", **ANOTHER)
    asked = await salon.book(name=said)
    assert not asked.success
    question = f"Welchen davon soll ich ändern, oder ist das ein weiterer Termin für {said}?"
    assert asked.message.endswith(f" schon Termine für Müller und Petra Müller eingetragen. {question}"), asked.message
    further = replace(
        call(), replies={}, asked_choices=(AskedChoice("None", frozenset(asked.fields["choices"]), said),)
    )
    third = await salon.book(name=said, choice="further", by=further)
    assert "weiterer Termin für" not in third.message
    meant = asked.fields["appointments"][1]
    assert meant == {"appointment_id": second.fields["appointment_id"], "customer_name": "Petra Müller"}
    await salon.book(name=said, phone=DICTATED, choice="rename", by=asked_for_name(second, said))
    assert await names(salon) == ["Müller", said]
    assert await phones(salon) == {"Müller": "+4915112345678", said: DICTATED}


@pytest.mark.parametrize(
    ("booked", "said", "kept"),
    [
        (("Müller", "Petra Müller"), ("Petra Müller", "Müller"), {"Müller", "Petra Müller"}),
        (("Petra Müller", "Müller"), ("Müller", "Petra Müller"), {"Müller", "Petra Müller"}),
        (("Müller", "Petra Müller"), ("Petra Müller", "Müler"), {"Müler", "Petra Müller"}),
        (("Jan Meier", "Ute Meier"), ("Meier", "Ute Mayer"), {"Jan Meier", "Ute Mayer"}),
    ],
)
async def test_names_within_a_group_are_never_swapped(
    salon: Salon, booked: tuple[str, str], said: tuple[str, str], kept: set[str]
) -> None:
    for first, second in (booked, said):
        answer = await salon.book(name=first, companions=[{"customer_name": second}])
        assert answer.success, answer.message
    assert set(await names(salon)) == kept


async def test_phone_number_of_another_booking_corrects_no_appointment(salon: Salon) -> None:
    withheld = call(caller=None)
    await salon.book(name="Anna Kurz", phone=DICTATED, by=withheld)
    await salon.book(name="Ben Lang", phone=OTHER_DICTATED, by=withheld, **ANOTHER)
    for more in (ANOTHER, {}):
        again = await salon.book(name="Ben Lang", by=withheld, **more)
        assert again.success, again.message
        assert "geändert" not in again.message
    assert await phones(salon) == {"Anna Kurz": DICTATED, "Ben Lang": OTHER_DICTATED}


async def test_renamed_appointment_does_not_rename_the_customer(salon: Salon) -> None:
    first = await salon.book(name="Maier")
    await salon.book(name="Schmidt", choice="rename", by=asked_for_name(first, "Schmidt"))
    assert (await names(salon), await customers(salon)) == (["Schmidt"], ["Maier"])


async def test_later_name_correction_does_not_rename_the_customer(salon: Salon) -> None:
    await salon.book(MORNING, name="Maier", by=call("before"))
    await salon.book(name="Maier")
    await salon.book(name="Mayer")
    assert (await names(salon), await customers(salon)) == (["Maier", "Mayer"], ["Maier"])


async def test_aged_customer_is_not_renamed(salon: Salon) -> None:
    """The appointments of a regular customer may be deleted already, and the customer is not."""
    await salon.pool.execute(
        """INSERT INTO customers (tenant, phone, name, created_at)
           VALUES ($1, '+4915112345678', 'Maier', clock_timestamp() - interval '1 year')""",
        salon.store.tenant,
    )
    await salon.book(name="Maier")
    await salon.book(name="Mayer")
    assert (await names(salon), await customers(salon)) == (["Mayer"], ["Maier"])


EMAIL = "petra@example.de"
CORRECTIONS: dict[str, tuple[dict[str, Any], str]] = {  # the fields of a request that are details of an appointment
    "service": ({"staff": "Mehmet"}, " Soll ich ihn absagen und bei Mehmet einen neuen suchen?"),
    "name": ({"name": "Petra Mueler"}, " Den Namen habe ich geändert: Petra Mueler."),
    "phone": ({"phone": DICTATED}, " Die Telefonnummer habe ich geändert: 0 1 7 1, 3 9 2, 0 1 7, 4 6."),
    "email": ({"email": EMAIL}, " Die E-Mail-Adresse habe ich geändert."),
    "notes": ({"notes": "mit Hund"}, " Ihren Hinweis habe ich notiert."),
    "birth_date": ({"birth_date": "13.3.1985"}, " Das Geburtsdatum habe ich geändert."),
}
NO_DETAILS = {
    "start",
    "another",
    "companions",
    "actor",
    "doubts",
    "offered",
    "language",
    "offered_staff",
    "was_offered",
    "names_customer",
    "short_names",
    "moves",
    "leaves_out",
    "said_phone",
    "replaces",
    "replaces_afterwards",
    "renames",
}


def test_each_booking_field_is_correctable_or_excluded() -> None:
    assert {each.name for each in fields(SpokenBooking)} == CORRECTIONS.keys() | NO_DETAILS


@pytest.mark.parametrize("detail", CORRECTIONS)
async def test_each_correction_is_stored_or_refused_in_words(new_salon, detail: str) -> None:
    salon: Salon = await new_salon(caller_verification=CallerVerification.NAME_AND_BIRTH_DATE)
    caller = replace(call(), replies={EMAIL: Reply.YES})
    booked = {"staff": "anna", "birth_date": "12.3.1985"}
    await salon.book(by=caller, **booked)
    correction, sentence = CORRECTIONS[detail]
    corrected = await salon.book(by=caller, **{**booked, **correction})
    assert corrected.message.endswith(sentence), corrected.message
    again = await salon.book(by=caller, **{**booked, **correction})
    assert again.message.endswith(sentence) == (detail == "service")


async def test_birth_date_is_corrected_only_within_its_call(new_salon) -> None:
    salon: Salon = await new_salon(caller_verification=CallerVerification.NAME_AND_BIRTH_DATE)
    first = await salon.book(birth_date="12.3.1985")
    corrected = await salon.book(birth_date="13.3.1985")
    assert corrected.message.endswith(" Das Geburtsdatum habe ich geändert.")
    later, right = call("later"), {"customer_name": "Petra Müller", "birth_date": "13.3.1985"}
    assert (await salon.booking.find_appointments(later, right)).success
    named = {"appointment_id": first.fields["appointment_id"]}
    refused = await salon.book(birth_date="14.3.1985", by=later, **named)
    assert not refused.success
    assert refused.message.endswith(" Das Geburtsdatum kann ich hier nicht mehr ändern, das kann nur das Team.")
    assert [row["birth_date"] for row in await salon.live()] == [date(1985, 3, 13)]


async def test_name_changed_back_is_reported_to_the_team(env) -> None:
    for name in ("Maier", "Mayer", "Maier", "Mayer"):
        answer = await env.salon.book(name=name)
    assert answer.message.endswith(
        " Den Namen habe ich geändert: Mayer. Im Kalender ändert das Team es noch, ich habe es ihm ausgerichtet."
    )
    rows = await env.salon.rows("SELECT text FROM messages ORDER BY created_at")
    changes = ["Name: Mayer (bisher Maier)", "Name: Maier (bisher Mayer)", "Name: Mayer (bisher Maier)"]
    assert [change in row["text"] for change, row in zip(changes, rows, strict=True)] == [True] * 3


async def test_caller_hears_that_calcom_lacks_an_overlong_note(env) -> None:
    await env.salon.book(notes="mit Hund")
    again = await env.salon.book(notes="x" * 490)
    assert again.message.endswith(" Ihren Hinweis habe ich notiert. Im Kalender steht noch der bisherige Stand.")


async def test_renaming_with_lost_commit_answer_admits_outdated_calendar(env, monkeypatch: pytest.MonkeyPatch) -> None:
    salon = env.salon
    await salon.book(name="Maier")
    await fill_messages(salon)
    run_once = transactions._run_once

    async def lose_answer(pool: Any, work: Any) -> Any:
        result = await run_once(pool, work)
        if isinstance(result, _Correction):
            monkeypatch.setattr(transactions, "_run_once", run_once)
            raise transactions._CommitUnanswered
        return result

    monkeypatch.setattr(transactions, "_run_once", lose_answer)
    again = await salon.book(name="Mayer")
    assert again.message.endswith(" Den Namen habe ich geändert: Mayer. Im Kalender steht noch der bisherige Stand.")


@pytest.mark.parametrize(
    ("said", "success", "ending"),
    [
        ("Maier", True, "bei Anna."),
        (
            "Mayer",
            False,
            "bei Anna für Maier. Die Änderung konnte ich gerade nicht eintragen. Soll ich es noch einmal versuchen?",
        ),
    ],
)
async def test_correction_of_a_locked_appointment_reports_it_booked(
    salon: Salon, said: str, success: bool, ending: str
) -> None:
    await salon.book(name="Maier", staff="anna")
    async with salon.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM appointments FOR UPDATE")
        again = await salon.book(name=said)
    assert (again.success, again.message.endswith(ending)) == (success, True), again.message


@pytest.mark.parametrize("call_id", ["call_1", "call_later"])
@pytest.mark.parametrize(
    ("details", "ending"),
    [
        ({"customer_name": "Petra Maier"}, "Den Namen habe ich geändert: Petra Maier."),
        ({"customer_name": "Schmidt"}, "in Schmidt ändern, oder ist das ein zweiter Termin für Schmidt?"),
        ({"phone": DICTATED}, "Die Telefonnummer habe ich geändert: 0 1 7 1, 3 9 2, 0 1 7, 4 6."),
        ({"phone": "die, von der ich anrufe"}, " Notiert ist dazu die Nummer, von der Sie anrufen."),
        ({"notes": "mit Hund", "service": "Haarschnitt"}, "Ihren Hinweis habe ich notiert."),
        ({"staff": "Mehmet"}, " Soll ich ihn absagen und bei Mehmet einen neuen suchen?"),
        ({}, "Haarschnitt bei Anna."),
    ],
)
async def test_correction_by_appointment_id_needs_no_time(
    salon: Salon, call_id: str, details: dict[str, str], ending: str
) -> None:
    first = await salon.book(name="Maier", staff="anna")
    named = {"appointment_id": first.fields["appointment_id"]}
    answer = await salon.booking.book_appointment(call(call_id), named | details)
    assert answer.message.endswith(ending), answer.message
    assert (answer.fields.get("appointment_id"), len(await salon.live())) == (named["appointment_id"], 1)


async def test_email_correction_by_appointment_id_needs_no_time(salon: Salon) -> None:
    first = await salon.book()
    args = {"appointment_id": first.fields["appointment_id"], "email": EMAIL}
    asked = await salon.booking.book_appointment(replace(call(), replies={}), args)
    assert asked.fields["needs_confirmation"] is True
    answer = await salon.booking.book_appointment(replace(call(), replies={EMAIL: Reply.YES}), args)
    assert answer.message == "Die E-Mail-Adresse habe ich geändert."


@pytest.mark.parametrize("details", [{}, {"phone": DICTATED}, {"notes": "mit Hund"}])
async def test_single_appointment_is_corrected_without_its_id(salon: Salon, details: dict[str, str]) -> None:
    await salon.book(name="Maier")
    answer = await salon.booking.book_appointment(call(), details | {"customer_name": "Petra Maier"})
    assert (answer.success, await names(salon)) == (True, ["Petra Maier"]), answer.message


@pytest.mark.parametrize(
    "args",
    [{"customer_name": "Maier"}, {"customer_name": "Schmidt"}, {"customer_name": "Petra Maier", "another": True}],
)
async def test_further_booking_still_needs_a_time(salon: Salon, args: dict[str, Any]) -> None:
    await salon.book(name="Maier")
    asked = await salon.booking.book_appointment(call(), args)
    assert (asked.success, await names(salon)) == (False, ["Maier"])
    assert asked.message.startswith("Für welchen Tag")


async def test_strangers_cannot_correct_appointment_details(salon: Salon) -> None:
    first = await salon.book(name="Maier")
    args = {"appointment_id": first.fields["appointment_id"], "customer_name": "Schmidt"}
    asked = await salon.booking.book_appointment(call("call_2", "+4915199999999"), args)
    assert (asked.success, await names(salon)) == (False, ["Maier"])


async def test_cancelled_appointments_details_stay(salon: Salon) -> None:
    first = await salon.book(name="Maier")
    await salon.cancel(first.fields["appointment_id"])
    args = {"appointment_id": first.fields["appointment_id"], "customer_name": "Petra Maier"}
    asked = await salon.booking.book_appointment(call(), args)
    assert (asked.success, await names(salon)) == (False, [])


async def test_correction_within_the_booking_call_skips_birth_date(new_salon) -> None:
    salon: Salon = await new_salon(caller_verification=CallerVerification.NAME_AND_BIRTH_DATE)
    first = await salon.book(name="Maier", birth_date="12.3.1985")
    args = {"appointment_id": first.fields["appointment_id"], "customer_name": "Petra Maier"}
    answer = await salon.booking.book_appointment(call(), args)
    assert (answer.success, await names(salon)) == (True, ["Petra Maier"]), answer.message
    await salon.booking.book_appointment(call("call_later"), args | {"customer_name": "Schmidt"})
    assert await names(salon) == ["Petra Maier"]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("choice", "booked"), [("rename", {"Schmidt"}), ("further", {"Maier", "Schmidt"})])
async def test_chosen_name_correction_is_carried_out(salon: Salon, named: bool, choice: str, booked: set[str]) -> None:
    """The same arguments again, with the id of the question or without it, do what the caller has chosen."""
    first = await salon.book(name="Maier")
    args = booking_args(name="Schmidt") | ({"appointment_id": first.fields["appointment_id"]} if named else {})
    asked = await salon.booking.book_appointment(replace(call(), replies={}), args)
    assert asked.fields["choices"] == ["rename", "further"]
    for _ in range(2):
        answer = await salon.booking.book_appointment(asked_for_name(first, "Schmidt"), args | {"choice": choice})
        assert answer.success, answer.message
        assert set(await names(salon)) == booked


@pytest.mark.parametrize("call_id", ["call_1", "call_later"])
@pytest.mark.parametrize("time", [{}, booking_args()])
@pytest.mark.parametrize("has_transcript", [True, False])
async def test_another_name_with_the_id_asks_before_renaming(
    salon: Salon, call_id: str, time: dict[str, Any], has_transcript: bool
) -> None:
    first = await salon.book(name="Petra Lange")
    appointment_id = first.fields["appointment_id"]
    args = time | {"appointment_id": appointment_id, "customer_name": "Otto Kurz", "phone": DICTATED}
    caller = replace(call(call_id), replies={} if has_transcript else None)
    for _ in range(2):
        asked = await salon.booking.book_appointment(caller, args)
        assert asked.message.startswith("Dieser Termin ist für Petra Lange eingetragen. Soll ich "), asked.message
        assert (asked.fields["choices"], asked.fields["appointment_id"]) == (["rename", "further"], appointment_id)
        assert (await names(salon), DICTATED in (await phones(salon)).values()) == (["Petra Lange"], False)
    agreed = asked_for_name(first, "Otto Kurz", call_id) if has_transcript else caller
    assert (await salon.booking.book_appointment(agreed, args | {"choice": "rename"})).success
    assert await names(salon) == ["Otto Kurz"]


async def test_correction_overwrites_no_details_it_omits(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request renames the appointment between the reading of this one and its lock."""
    first = await salon.book(name="Petra Lange")
    args = {"appointment_id": first.fields["appointment_id"]}
    lock = corrections.lock_resources_of

    async def rename_first(*key: Any) -> None:
        monkeypatch.setattr(corrections, "lock_resources_of", lock)
        await salon.pool.execute("UPDATE appointments SET customer_name = 'Petra Lang'")
        await lock(*key)

    monkeypatch.setattr(corrections, "lock_resources_of", rename_first)
    assert (await salon.booking.book_appointment(call(), args | {"notes": "mit Hund"})).success
    assert await names(salon) == ["Petra Lang"]
