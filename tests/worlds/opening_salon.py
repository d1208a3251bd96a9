"""A branch that is open from nine to six each day, with Anna and Mehmet, for computations without a database."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.availability.slots import BusySpan, ServiceRules

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = tuple(Weekday)


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def hours(opens: str, closes: str, *days: Weekday) -> Hours:
    return Hours(days=days or EVERY_DAY, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))


ANNA = Staff(id="anna", display_name="Anna", resource_ids=(1,))
MEHMET = Staff(id="mehmet", display_name="Mehmet", resource_ids=(2,))


NINE_TO_SIX = (hours("09:00", "18:00"),)


def rules(*staff_members: Staff, opening=NINE_TO_SIX, holidays=None, zone=BERLIN, **service) -> ServiceRules:
    service = {"name": "schnitt", "display_name": "Schnitt", "duration_minutes": 60, "slot_step_minutes": 60} | service
    branch = Branch(
        name="mitte", display_name="Mitte", opening_hours=opening, holidays=holidays, staff=staff_members or (ANNA,)
    )
    return ServiceRules(zone, branch, Service(**service), staff_members or (ANNA,))


def span(day: str, a: str, b: str) -> BusySpan:
    return BusySpan(local(f"{day}T{a}"), local(f"{day}T{b}"))


DAY = "2026-11-27"  # a Friday
