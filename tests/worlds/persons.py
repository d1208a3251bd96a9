"""One person who works in two branches."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec

from askproai_core.tenant_config import TenantConfig
from askproai_operator.api import Branch, ServiceOffering, Tenant
from askproai_operator.controllers.tenant.tenant_config import persons_of, required_resources
from askproai_operator.store.admin import AdminStore
from askproai_runtime.conversation.types import CallContext
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.booking_environment import Salon
from tests.worlds.compiled_contexts import compile_config
from tests.worlds.opening_salon import BERLIN

# The database's clock decides which claims are still to come, so the day is ahead of it; the salon has no holidays.
TODAY = datetime.now(BERLIN).date()

FRIDAY = TODAY + timedelta(days=7 + (4 - TODAY.weekday()) % 7)


def at(clock: str) -> str:
    return datetime.combine(FRIDAY, time.fromisoformat(clock), BERLIN).isoformat()


START = at("14:30")

META = {"namespace": "salon", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}


def branch(name: str, person: str | None, *, away: bool = False, travel: int | None = None) -> Branch:
    member = {"id": "anna", "displayName": "Anna", **({"person": person} if person else {})}
    if travel:
        member["travelMinutes"] = travel
    if away:
        member["absences"] = [{"from": FRIDAY.isoformat(), "to": FRIDAY.isoformat()}]
    days = ["Mon", "Tue", "Wed", "Thu", "Fri"]
    spec = {
        "tenantRef": {"name": "salon"},
        "displayName": name.capitalize(),
        "openingHours": [{"days": days, "opens": "09:00", "closes": "18:00"}],
        "staff": [member],
    }
    raw = {"kind": "Branch", "metadata": {**META, "name": name}, "spec": spec}
    return Branch.from_raw({"apiVersion": "askproai.de/v1alpha1", **raw})


def offering(
    name: str, branch_name: str | None = None, capacity: int = 1, event_type: int | None = None
) -> ServiceOffering:
    ref = {"branchRef": {"name": branch_name}} if branch_name else {"tenantRef": {"name": "salon"}}
    spec = {**ref, "displayName": name.capitalize(), "durationMinutes": 60, "capacity": capacity}
    if event_type:
        spec["calcom"] = {"eventTypes": [{"staff": "anna", "eventTypeId": event_type}]}
    raw = {"kind": "ServiceOffering", "metadata": {**META, "name": name}, "spec": spec}
    return ServiceOffering.from_raw({"apiVersion": "askproai.de/v1alpha1", **raw})


async def compile_for(
    admin: AdminStore,
    salon: Salon,
    persons: dict[str, str | None],
    *,
    offerings: tuple[ServiceOffering, ...] = (),
    away: str | None = None,
    travel: int | None = None,
) -> TenantConfig:
    """Compile the config as the operator does, for branches whose only staff member is Anna with the given person key."""
    services = offerings or (offering("schnitt"),)
    travels = {"nord": travel}
    branches = [branch(name, each, away=name == away, travel=travels.get(name)) for name, each in persons.items()]
    required = required_resources(branches, services)
    ids = await admin.ensure_resources(salon.store.tenant, required, persons_of(branches))
    config = compile_config(
        Tenant.from_raw(load_manifests()["Tenant"][0]), branches, services, [], resource_ids=ids, foreign_numbers={},
        path_prefix="", installation_id="i", calendar_base_url="", retell_base_url="",
    )  # fmt: skip
    local = salon.configs[0].calendar
    return msgspec.structs.replace(config, tenant=salon.store.tenant, calendar=local)


def caller(number: int, branch_name: str) -> CallContext:
    return CallContext(f"call_{number}", branch_name, f"+4915{number:08}", datetime.now(UTC), f"corr-{number}")


async def book(salon: Salon, number: int, branch_name: str, start: str = START, service: str = "schnitt") -> Any:
    args = {"start": start, "service": service, "customer_name": f"Rosa {number}"}
    return await salon.booking.book_appointment(caller(number, branch_name), args)
