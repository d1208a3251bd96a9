"""What a service needs of a caller is said before the time is chosen, and with the booking."""

from dataclasses import replace

import msgspec
import pytest

from tests.worlds.booking_environment import Salon, booking_args, call

FASTING = "Bitte kommen Sie nüchtern, trinken Sie nur Wasser."
ASKED = {"service": "Haarschnitt", "date": "2026-11-27", "time": "15:00"}


@pytest.fixture
async def salon(new_salon) -> Salon:
    salon = await new_salon()
    (service,) = salon.configs[0].services
    service = msgspec.structs.replace(service, preparation=FASTING)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service,)))
    return salon


@pytest.mark.parametrize(
    ("said", "is_said"),
    [
        ("Haarschnitt am Freitag um drei.", True),
        (f"Haarschnitt. {FASTING} Am Freitag um drei.", False),
        ("Kommen Sie dafür bitte nüchtern, nur Wasser trinken. Am Freitag um drei.", False),  # in the agent's own words
        (None, False),  # a request without a transcript
    ],
)
async def test_an_offer_says_the_preparation_once(salon: Salon, said: str | None, is_said: bool) -> None:
    answer = await salon.booking.check_availability(replace(call(), said=said), ASKED)
    assert answer.message.startswith(f"{FASTING} Frei ist" if is_said else "Frei ist")


async def test_a_booking_says_the_preparation(salon: Salon) -> None:
    booked = await salon.booking.book_appointment(call(), booking_args())
    assert booked.message == (
        f"Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna. {FASTING}"
        " Er ist auf den Namen Petra Müller."
    )
    group = booking_args("2026-11-27T16:00:00+01:00", name="Rosa Rot", companions=[{"customer_name": "Mia Rot"}])
    assert (await salon.booking.book_appointment(call("call_2"), group)).message.endswith(f" {FASTING}")
