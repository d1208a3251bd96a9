"""A visit of several services."""

from typing import Any

from askproai_core.tenant_config import Service
from tests.worlds.booking_environment import BookingService, Salon, call
from tests.worlds.caller_names import surname
from tests.worlds.segmented_services import ABLE, at

WASH = Service(name="waschen", display_name="Waschen", duration_minutes=15, staff=ABLE, price_amount="8.00")

CUT = Service(
    name="schneiden", display_name="Schneiden", spoken_names=("Haarschnitt",), duration_minutes=30, buffer_after_minutes=10,
    staff={"mitte": ("anna", "mehmet")}, price_amount="39.00",
)  # fmt: skip

DRY = Service(name="foehnen", display_name="Föhnen", duration_minutes=20, staff=ABLE, price_amount="18.50")


async def book(
    salon: Salon, services: str, clock: str, number: int = 1, by: BookingService | None = None, **more: Any
) -> Any:
    args = {"service": services, "start": at(clock), "customer_name": f"Rosa {surname(number)}", **more}
    return await (by or salon.booking).book_appointment(call(f"call_{number}", f"+4915{number:08}"), args)
