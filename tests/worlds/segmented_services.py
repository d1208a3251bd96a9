"""Services with a wait in the middle, and the claims of their bookings."""

from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.services import Segment
from askproai_core.tenant_config.vocabulary import SegmentKind
from tests.worlds.booking_environment import Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free

BERLIN = ZoneInfo("Europe/Berlin")

FRIDAY = date(2026, 11, 27)

PARTS = (Segment(30), Segment(30, SegmentKind.WAIT), Segment(45))

ABLE = {"mitte": ("anna",)}

COLOUR = Service(
    name="farbe", display_name="Farbe", duration_minutes=105, buffer_after_minutes=10, segments=PARTS, staff=ABLE
)


def at(clock: str) -> str:
    """Return an ISO time on the Friday, on which Anna works until 18:00, for an argument."""
    return f"{FRIDAY}T{clock}:00+01:00"


async def join(salon: Salon, phone: str, **args: str) -> None:
    """Put somebody on the waiting list of the Friday while nothing is free."""
    async with nothing_free(salon):
        about = args | {"date": str(FRIDAY), "customer_name": "Wanda"}
        answer = await join_waitlist(salon.booking, call(f"call_of_{phone}", phone), about)
    assert answer.success, answer


async def booked_claims(salon: Salon) -> list[tuple[str, str]]:
    """Return the start and end of each booked claim, as local clock times."""
    rows = await salon.rows("SELECT block_start, block_end FROM claims WHERE state = 'booked' ORDER BY block_start")
    return [tuple(f"{each.astimezone(BERLIN):%H:%M}" for each in row.values()) for row in rows]


async def free(salon: Salon, service: Service) -> list[str]:
    found = await salon.booking.list_free_slots("mitte", service.name, FRIDAY)
    return [f"{slot.start.astimezone(BERLIN):%H:%M}" for slot in found.slots]


def with_services(config: TenantConfig, *services: Service) -> TenantConfig:
    return msgspec.structs.replace(config, services=services)
