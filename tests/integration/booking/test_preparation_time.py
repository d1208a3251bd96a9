"""A service's preparation is mentioned with the booking, and not with an offer."""

from dataclasses import replace

import msgspec
import pytest

from tests.worlds.booking_environment import Salon, booking_args, call

pytestmark = pytest.mark.nightly

FASTING = "Bitte kommen Sie nüchtern, trinken Sie nur Wasser."
ASKED = {"service": "Haarschnitt", "date": "2026-11-27", "time": "15:00"}


@pytest.fixture
async def salon(new_salon) -> Salon:
    salon = await new_salon()
    (service,) = salon.configs[0].services
    service = msgspec.structs.replace(service, preparation=FASTING)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service,)))
    return salon


@pytest.mark.parametrize("said", ["Haarschnitt am Freitag um drei.", None])
async def test_offer_does_not_mention_the_preparation(salon: Salon, said: str | None) -> None:
    answer = await salon.booking.check_availability(replace(call(), said=said), ASKED)
    assert answer.message.startswith("Frei ist")
    assert FASTING not in answer.message


async def test_booking_mentions_the_preparation(salon: Salon) -> None:
    booked = await salon.book()
    assert booked.message == (
        f"Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
        f" Er ist auf den Namen Petra Müller. {FASTING}"
    )
    group = booking_args("2026-11-27T16:00:00+01:00", name="Rosa Rot", companions=[{"customer_name": "Mia Rot"}])
    assert (await salon.booking.book_appointment(call("call_2"), group)).message.endswith(f" {FASTING}")
