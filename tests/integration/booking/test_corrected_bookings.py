"""Corrections of a booking: the customer's row, the calendar, and the state after a failure. `test_names.yaml` has the rest."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import CallerVerification
from askproai_runtime.book.store import transactions
from askproai_runtime.calls.store import find_known_caller
from askproai_runtime.conversation import corrections
from askproai_runtime.conversation.corrections import _Correction
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import MORNING, NOW, Salon, call, choosing
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

DICTATED = "+4917139201746"
FULL_NAME = "Wie ist bitte der volle Name, mit Vor- und Nachname?"


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
            salon.store.tenant, str(number),
        )  # fmt: skip


async def test_questions_about_names_are_asked_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        booked = await salon.book(name="Maier")
        again = await salon.book(name="Mayer")
        asked = await salon.book(name="Schmidt")
    assert booked.message.endswith(" It is under the name Maier. What is the full name, please, first and last?")
    assert again.message.endswith(" I have changed the name: Mayer.")
    assert asked.message.endswith("Shall I change the name to Schmidt, or is this a second appointment for Schmidt?")


async def test_unreported_renaming_tells_callers_of_outdated_calendar(env) -> None:
    salon = env.salon
    await salon.book(name="Maier")
    await fill_messages(salon)
    again = await salon.book(name="Mayer")
    assert again.message.endswith(" Den Namen habe ich geändert: Mayer. Im Kalender steht noch der bisherige Stand.")


async def test_corrected_name_reaches_row_and_next_greeting(salon: Salon) -> None:
    await salon.book(name="Maier")
    await salon.book(name="Mayer")
    assert (await names(salon), await customers(salon)) == (["Mayer"], ["Mayer"])
    await salon.book(MORNING, name="Otto Lange", another=True)
    asked = await salon.book(name="Schmidt")
    await salon.book(name="Schmidt", choice="rename", by=choosing(asked))
    assert (sorted(await names(salon)), await customers(salon)) == (["Otto Lange", "Schmidt"], ["Schmidt"])
    known = await find_known_caller(salon.pool, salon.booking.config(), "+4915112345678", NOW)
    assert known is not None
    assert known.name == "Schmidt"


async def test_companions_corrected_name_leaves_the_customer(salon: Salon) -> None:
    await salon.book(name="Petra Lange", companions=[{"customer_name": "Otto Lange"}])
    asked = await salon.book(name="Petra Lange", companions=[{"customer_name": "Heinz Lange"}])
    group = {"companions": [{"customer_name": "Heinz Lange"}], "choice": "rename"}
    await salon.book(name="Petra Lange", by=choosing(asked), **group)
    assert (sorted(await names(salon)), await customers(salon)) == (["Heinz Lange", "Petra Lange"], ["Petra Lange"])


async def test_other_name_leaves_an_earlier_customer(salon: Salon) -> None:
    """The row may be a relative's, who shares the telephone."""
    await salon.book(MORNING, name="Peter Lange", by=call("before"))
    await salon.book(name="Peter Lange")
    asked = await salon.book(name="Petra Lange")
    await salon.book(name="Petra Lange", choice="rename", by=choosing(asked))
    assert (await names(salon), await customers(salon)) == (["Peter Lange", "Petra Lange"], ["Peter Lange"])


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
    "phone": ({"phone": DICTATED}, " Die Telefonnummer habe ich eingetragen: 0 1 7 1, 3 9 2, 0 1 7, 4 6."),
    "email": ({"email": EMAIL}, " Die E-Mail-Adresse habe ich eingetragen. Eine E-Mail verschicke ich nicht."),
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


async def test_unconfirmed_renaming_tells_callers_of_outdated_calendar(env, monkeypatch: pytest.MonkeyPatch) -> None:
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
async def test_correction_of_a_locked_appointment_reports_it_booked(salon: Salon, said, success, ending) -> None:
    await salon.book(name="Maier", staff="anna")
    async with salon.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM appointments FOR UPDATE")
        again = await salon.book(name=said)
    assert (again.success, again.message.endswith(ending)) == (success, True), again.message


async def test_correction_within_the_booking_call_skips_birth_date(new_salon) -> None:
    salon: Salon = await new_salon(caller_verification=CallerVerification.NAME_AND_BIRTH_DATE)
    first = await salon.book(name="Maier", birth_date="12.3.1985")
    args = {"appointment_id": first.fields["appointment_id"], "customer_name": "Petra Maier"}
    answer = await salon.booking.book_appointment(call(), args)
    assert (answer.success, await names(salon)) == (True, ["Petra Maier"]), answer.message
    await salon.booking.book_appointment(call("call_later"), args | {"customer_name": "Schmidt"})
    assert await names(salon) == ["Petra Maier"]


async def test_correction_overwrites_no_details_it_omits(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request renames the appointment after this request has read it, and before it has the lock."""
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


@pytest.mark.parametrize(
    ("name", "said", "booked"),
    [
        ("Hollmann", "Petra", "Petra Hollmann"),
        ("Hollmann", "Hollmann", "Hollmann"),
        ("Hollmann", "Petra Kurz", "Petra Kurz"),
        ("Petra", "Hollmann", "Petra Hollmann"),
        ("P. Hollmann", "Petra", "Petra Hollmann"),
    ],
)
async def test_calendar_without_renaming_asks_for_full_name_first(env: CalcomEnvironment, name, said, booked) -> None:
    spoken = replace(call(), said=f"{name}, um drei.", said_since=f"{name}, um drei.", replies={})
    first = await env.salon.book(name=name, by=spoken)
    assert (first.success, first.message, await names(env.salon)) == (False, FULL_NAME, [])
    answered = replace(spoken, said_since=f"{said}.", asked_unclear=frozenset({first.fields["unclear"]}))
    second = await env.salon.book(name=said, by=answered)
    assert (second.success, FULL_NAME in second.message, await names(env.salon)) == (True, False, [booked])
