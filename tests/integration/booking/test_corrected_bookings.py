"""A booking that is requested again with another name: it is corrected, or asked about, and the answer claims no more."""

from dataclasses import replace

import pytest

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call


@pytest.fixture
async def salon(new_salon) -> Salon:
    return await new_salon()


async def names(salon: Salon) -> list[str]:
    return [row["customer_name"] for row in await salon.live()]


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
async def test_a_name_spelled_anew_is_corrected(salon: Salon, booked: str, said: str, kept: str) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name=booked))
    again = await salon.booking.book_appointment(call(), booking_args(name=said))
    assert (again.success, again.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    assert again.message.endswith(f" Den Namen habe ich geändert: {kept}."), again.message
    assert await names(salon) == [kept]
    assert [row["name"] for row in await salon.rows("SELECT name FROM customers")] == [kept]


@pytest.mark.parametrize("said", ["Petra Müller", "petra müller", "Müller", "P. Müller", "Frau Müller", "Petra"])
async def test_a_repeated_or_shortened_name_changes_nothing(salon: Salon, said: str) -> None:
    await salon.booking.book_appointment(call(), booking_args(name="Petra Müller"))
    again = await salon.booking.book_appointment(call(), booking_args(name=said))
    assert again.success
    assert "geändert" not in again.message
    assert await names(salon) == ["Petra Müller"]


async def test_a_clearly_different_name_is_asked_about(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    asked = await salon.booking.book_appointment(call(), booking_args(name="Schmidt"))
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert asked.message.endswith("Soll ich den Namen in Schmidt ändern, oder ist das ein zweiter Termin für Schmidt?")
    assert await names(salon) == ["Maier"]


@pytest.mark.parametrize("call_id", ["call_1", "call_later"])
async def test_an_appointment_named_by_id_gets_another_name(salon: Salon, call_id: str) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    named = {"appointment_id": first.fields["appointment_id"]}
    again = await salon.booking.book_appointment(call(call_id), booking_args(name="Schmidt", **named))
    assert again.success, again.message
    assert again.message.endswith(" Den Namen habe ich geändert: Schmidt.")
    assert await names(salon) == ["Schmidt"]


async def test_a_strangers_appointment_keeps_its_name(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    named = {"appointment_id": first.fields["appointment_id"]}
    stranger = call("call_2", "+4915199999999")
    await salon.booking.book_appointment(stranger, booking_args(name="Schmidt", **named))
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


async def test_a_second_person_renames_nobody(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    named = {"appointment_id": first.fields["appointment_id"], "another": True}
    await salon.booking.book_appointment(call(), booking_args(name="Schmidt", **named))
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


async def test_another_time_with_an_id_renames_nobody(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(MORNING, name="Maier"))
    named = {"appointment_id": first.fields["appointment_id"]}
    await salon.booking.book_appointment(call(), booking_args(HALF_PAST_TWO, name="Schmidt", **named))
    assert sorted(await names(salon)) == ["Maier", "Schmidt"]


async def test_one_of_a_group_is_corrected(salon: Salon) -> None:
    companion = {"companions": [{"customer_name": "Ute Meier"}]}
    await salon.booking.book_appointment(call(), booking_args(name="Jan Meier", **companion))
    companion = {"companions": [{"customer_name": "Ute Mayer"}]}
    again = await salon.booking.book_appointment(call(), booking_args(name="Jan Meier", **companion))
    assert again.success
    assert again.message.endswith(" Den Namen habe ich geändert: Ute Mayer.")
    assert sorted(await names(salon)) == ["Jan Meier", "Ute Mayer"]


async def test_other_details_of_a_repeated_booking_are_kept_too(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), booking_args(notes="mit Hund"))
    more = booking_args(notes="Rollstuhl", phone="0151 99999999")
    again = await salon.booking.book_appointment(call(), more)
    assert again.message.endswith(" Die Telefonnummer habe ich geändert. Ihren Hinweis habe ich notiert.")
    repeated = await salon.booking.book_appointment(call(), more)
    assert "notiert" not in repeated.message
    (row,) = await salon.rows("SELECT a.notes, c.phone FROM appointments a JOIN customers c ON c.id = a.customer_id")
    assert (row["notes"], row["phone"]) == ("mit Hund; Rollstuhl", "+4915199999999")


async def test_another_person_for_a_booked_time_is_no_success(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), booking_args(staff="anna"))
    asked = await salon.booking.book_appointment(call(), booking_args(staff="Mehmet"))
    assert not asked.success
    assert asked.message.endswith("bei Anna. Soll ich ihn absagen und bei Mehmet einen neuen suchen?"), asked.message


async def test_a_correction_is_said_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        await salon.booking.book_appointment(call(), booking_args(name="Maier"))
        again = await salon.booking.book_appointment(call(), booking_args(name="Mayer"))
        assert again.message.endswith(" I have changed the name: Mayer.")
        asked = await salon.booking.book_appointment(call(), booking_args(name="Schmidt"))
    assert asked.message.endswith("Shall I change the name to Schmidt, or is this a second appointment for Schmidt?")


async def test_the_team_is_told_what_cal_com_cannot_change(env) -> None:
    salon = env.salon
    await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    again = await salon.booking.book_appointment(call(), booking_args(name="Mayer"))
    assert again.message.endswith(
        " Den Namen habe ich geändert: Mayer. Im Kalender ändert das Team es noch, ich habe es ihm ausgerichtet."
    )
    (message,) = await salon.rows("SELECT name, text FROM messages")
    assert message["name"] == "Mayer"
    assert "Name: Mayer (bisher Maier)" in message["text"]
    assert await names(salon) == ["Mayer"]


async def test_a_full_message_box_is_not_hidden(env) -> None:
    salon = env.salon
    await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    for number in range(3):
        await salon.pool.execute(
            """INSERT INTO messages (tenant, call_id, key, name, text, correlation_id)
               VALUES ($1, 'call_1', $2, 'x', 'x', 'x')""",
            salon.store.tenant,
            str(number),
        )
    again = await salon.booking.book_appointment(call(), booking_args(name="Mayer"))
    assert again.message.endswith(" Den Namen habe ich geändert: Mayer. Im Kalender steht noch der bisherige Stand.")


async def test_an_older_call_cannot_rename_what_is_over(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), booking_args(name="Maier"))
    await salon.cancel(first.fields["appointment_id"])
    named = {"appointment_id": first.fields["appointment_id"]}
    later = replace(call("call_2"), caller="+4915112345678")
    again = await salon.booking.book_appointment(later, booking_args(name="Schmidt", **named))
    assert "geändert" not in again.message
    assert await names(salon) == ["Schmidt"]
