"""The test world: the salon of contract §1 as a TenantConfig, shared by unit tests, integration tests and simulators."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

import msgspec
from askproai_runtime.config import (
    Absence,
    Address,
    Agent,
    Branch,
    CalendarConfig,
    CalendarProvider,
    EventType,
    Function,
    Holidays,
    Hours,
    PhoneNumber,
    Service,
    Staff,
    TenantConfig,
    Weekday,
)

TENANT = "salon-mueller.salon-mueller"
AGENT_ID = "agent_test"
NUMBER = "+49301234567"
RESOURCE_IDS: Mapping[str, tuple[int, ...]] = {"anna": (1,), "mehmet": (2,)}


def salon_config(*, resource_ids: Mapping[str, tuple[int, ...]] = RESOURCE_IDS, **changes: Any) -> TenantConfig:
    """Give the salon of contract §1; `changes` replace fields of the TenantConfig, `resource_ids` maps staff to rows."""
    weekdays = (Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
    mitte = Branch(
        name="mitte",
        display_name="Salon Müller Mitte",
        phone_numbers=(PhoneNumber(number=NUMBER, did=NUMBER),),
        address=Address(street="Torstraße 1", postal_code="10119", city="Berlin"),
        holidays=Holidays(country="DE", subdivision="BE", closed=(date(2026, 12, 24),)),
        opening_hours=(
            Hours(days=weekdays, opens=time(9), closes=time(18)),
            Hours(days=(Weekday.SAT,), opens=time(9), closes=time(14)),
        ),
        staff=(
            Staff(
                id="anna",
                display_name="Anna",
                skills=("schnitt", "farbe"),
                languages=("de", "en"),
                resource_ids=resource_ids["anna"],
            ),
            Staff(
                id="mehmet",
                display_name="Mehmet",
                skills=("schnitt",),
                working_hours=(Hours(days=(Weekday.THU, Weekday.FRI), opens=time(12), closes=time(18)),),
                absences=(Absence(first=date(2026, 12, 28), last=date(2026, 12, 31)),),
                resource_ids=resource_ids["mehmet"],
            ),
        ),
    )
    haarschnitt = Service(
        name="haarschnitt",
        display_name="Haarschnitt",
        branch="mitte",
        spoken_names=("Schneiden", "Herrenschnitt", "Damenschnitt"),
        duration_minutes=45,
        buffer_after_minutes=10,
        price_amount="39.00",
        minimum_notice_minutes=60,
        staff={"mitte": ("anna", "mehmet")},
        event_types=(EventType(staff="anna", event_type_id=1001), EventType(staff="mehmet", event_type_id=1002)),
    )
    salon = TenantConfig(
        tenant=TENANT,
        display_name="Salon Müller",
        path_prefix="/salon-mueller/salon-mueller",
        installation_id="installation-test",
        calendar=CalendarConfig(provider=CalendarProvider.LOCAL, attendee_email_domain="anrufer.salon-mueller.example"),
        branches=(mitte,),
        services=(haarschnitt,),
        agents=(
            Agent(
                name="mitte",
                branch="mitte",
                agent_id=AGENT_ID,
                functions=(Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT),
            ),
        ),
    )
    return msgspec.structs.replace(salon, **changes)
