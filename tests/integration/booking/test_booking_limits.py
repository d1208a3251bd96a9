"""The limits of bookings by telephone: per call, per number and day, and per hour for all anonymous callers together."""

import asyncio
from dataclasses import replace

import asyncpg
import msgspec
import pytest

from askproai_core.tenant_config import Function
from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.conversation.types import Answer
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import Salon, booking_args, call, second_process
from tests.worlds.databases import Database

FEW = BookingLimits(per_call=2, per_caller_and_day=3, anonymous_per_hour=4)


async def book(
    salon: Salon, hour: int, call_id: str = "call_1", caller: str | None = "+4915112345678", **more
) -> Answer:
    args = booking_args(f"2026-11-27T{hour:02}:00:00+01:00", **more)
    return await salon.booking.book_appointment(call(call_id, caller), args)


async def pass_time(database: Database, salon: Salon, interval: str) -> None:
    """Make all bookings older. Needs a superuser: a tenant's role cannot change creation times."""
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        await connection.execute(
            "UPDATE appointments SET created_at = created_at - $2::text::interval WHERE tenant = $1",
            salon.store.tenant, interval,
        )  # fmt: skip
    finally:
        await connection.close()


async def test_call_books_only_a_limited_number_of_appointments(new_salon) -> None:
    salon = await new_salon(booking_limits=FEW)
    assert (await book(salon, 10)).success
    assert (await book(salon, 11, another=True)).success
    refused = await book(salon, 12, another=True)
    assert not refused.success
    assert offer_instead(refused, Function.BOOK_APPOINTMENT, AgentFunctions()).message == (
        "In einem Gespräch kann ich nicht mehr als 2 Termine eintragen, diesen habe ich also nicht gebucht."
        " Kann ich sonst etwas für Sie tun?"
    )
    assert len(await salon.live()) == 2
    assert salon.metrics.bookings == ["confirmed", "confirmed", "limited"]
    # The call's bookings are still confirmed, and nothing is left of the refused one.
    assert (await book(salon, 11)).message.startswith("Der Termin steht schon")
    await salon.assert_claims_match()


async def test_cancelling_does_not_reset_the_booking_limit(new_salon) -> None:
    salon = await new_salon(booking_limits=FEW)
    for hour in (10, 11):
        answer = await book(salon, hour)
        await salon.cancel(answer.fields["appointment_id"])
    assert not (await book(salon, 12)).success


async def test_number_books_a_limited_number_of_appointments_daily(new_salon, module_database) -> None:
    salon = await new_salon(booking_limits=FEW)
    for hour in (10, 11, 12):
        assert (await book(salon, hour, f"call_{hour}")).success
    refused = await book(salon, 13, "call_13")
    assert "heute keine weiteren" in refused.message
    assert (await book(salon, 13, "call_14", "+4915199999999")).success, "another number is not concerned"
    await pass_time(module_database, salon, "25 hours")
    assert (await book(salon, 14, "call_15")).success


async def test_anonymous_callers_share_a_limit_of_their_own(new_salon, module_database) -> None:
    salon = await new_salon(booking_limits=FEW)
    for hour in (10, 11, 12, 13):
        assert (await book(salon, hour, f"call_{hour}", None)).success
    refused = await book(salon, 14, "call_14", None)
    assert not refused.success
    assert "sichtbarer Rufnummer" in refused.message
    offered = offer_instead(refused, Function.BOOK_APPOINTMENT, AgentFunctions(transfers=True))
    assert offered.message.endswith("noch einmal an. Soll ich Sie mit dem Team verbinden?")
    assert (await book(salon, 14, "call_15")).success
    await pass_time(module_database, salon, "2 hours")
    assert (await book(salon, 15, "call_16", None)).success


@pytest.mark.parametrize("round_", range(3))
async def test_two_pods_together_exceed_no_limit(salon: Salon, round_: int) -> None:
    """The two bookings share only the resource that every booking locks.

    That resource is the same for pods with different configs: the second pod's staff lacks Anna.
    """
    config = salon.configs[-1]
    unnamed = msgspec.structs.replace(config.services[0], spoken_names=())
    of_anna, of_mehmet = (
        msgspec.structs.replace(unnamed, name=name, display_name=name, staff={"mitte": (name,)})
        for name in ("anna", "mehmet")
    )
    config = msgspec.structs.replace(config, services=(of_anna, of_mehmet), booking_limits=BookingLimits(per_call=1))
    salon.apply_config(config)
    async with second_process(salon) as other:
        place = msgspec.structs.replace(config.branches[0], staff=(config.branches[0].staff[1],))
        newer = msgspec.structs.replace(config, branches=(place,), services=(of_mehmet,))
        object.__setattr__(other, "config", lambda: newer)
        answers = await asyncio.gather(
            *(
                process.book_appointment(call(), booking_args(f"2026-11-27T1{4 + n}:00:00+01:00", service=service))
                for n in range(2)
                for process, service in ((salon.booking, "anna"), (other, "mehmet"))
            )
        )
    assert sum(answer.success for answer in answers) == 1
    assert len(await salon.live()) == 1


async def test_new_email_address_does_not_replace_the_customers(salon: Salon) -> None:
    """Otherwise a caller with a forged number could redirect the customer's mails. Only this appointment has the new address."""
    for hour, email in ((10, "petra@example.de"), (11, "thief@example.de")):
        confirmed = replace(call(f"call_{hour}"), replies={email: Reply.YES})
        args = booking_args(f"2026-11-27T{hour:02}:00:00+01:00", email=email)
        assert (await salon.booking.book_appointment(confirmed, args)).success
    assert [row["email"] for row in await salon.rows("SELECT email FROM customers")] == ["petra@example.de"]
    made = await salon.rows("SELECT attendee_email FROM appointments ORDER BY created_at")
    assert [row["attendee_email"] for row in made] == ["petra@example.de", "thief@example.de"]
