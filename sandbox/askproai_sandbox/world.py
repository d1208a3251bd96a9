"""The test world, once for unit tests, integration tests and the demo: the salon of `examples/salon.yaml`.

Whoever needs its manifests, its models, its compiled config or what it has at the providers takes it from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml

from askproai_core.tenant_config import CalendarConfig, CalendarProvider, TenantConfig
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.controllers.tenant import compile_config

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TENANT = "salon-mueller.salon-mueller"
AGENT_ID = "agent_test"
NUMBER = "+49301234567"
RESOURCE_IDS: Mapping[str, tuple[int, ...]] = {"anna": (1,), "mehmet": (2,)}


@dataclass(frozen=True, slots=True)
class Salon:
    """What `examples/salon.yaml` names, and the simulators must know."""

    namespace: str = "salon-mueller"
    tenant: str = TENANT
    number: str = NUMBER
    retell_key: str = "key_demo_salon"
    calcom_key: str = "cal_demo_salon"
    event_types: tuple[tuple[int, str], ...] = ((1001, "anna"), (1002, "mehmet"))  # Cal.com's id, and whose it is


SALON = Salon()


def manifests(example: str = "salon.yaml") -> dict[str, list[dict[str, Any]]]:
    """Give the objects of an example, by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for document in yaml.safe_load_all((EXAMPLES / example).read_text(encoding="utf-8")):
        found.setdefault(document["kind"], []).append(document)
    return found


def compiled(
    example: str, *, resource_ids: Mapping[tuple[str, str, int], int], agent_id: str = AGENT_ID, **changes: Any
) -> TenantConfig:
    """Give an example's config as the operator compiles it, with a local calendar; `changes` replace fields of it.

    `resource_ids` maps each (branch, staff, unit) to its row in `resources`.
    """
    objects = manifests(example)
    config = compile_config(
        Tenant.from_raw(objects["Tenant"][0]),
        [Branch.from_raw(raw) for raw in objects["Branch"]],
        [ServiceOffering.from_raw(raw) for raw in objects["ServiceOffering"]],
        [RetellAgent.from_raw(raw | {"status": {"agentId": agent_id}}) for raw in objects["RetellAgent"]],
        resource_ids=resource_ids,
        foreign_numbers={},
        path_prefix="/salon-mueller/salon-mueller",
        installation_id="installation-test",
        calendar_base_url="",
    )
    local = CalendarConfig(provider=CalendarProvider.LOCAL, attendee_email_domain=config.calendar.attendee_email_domain)
    return msgspec.structs.replace(config, **{"calendar": local, **changes})


def salon_config(*, resource_ids: Mapping[str, tuple[int, ...]] = RESOURCE_IDS, **changes: Any) -> TenantConfig:
    """Give the salon's config; `resource_ids` maps each person to the row in `resources`."""
    rows = {("mitte", person, 1): ids[0] for person, ids in resource_ids.items()}
    return compiled("salon.yaml", resource_ids=rows, **changes)


async def seed_simulators(retell_url: str, calcom_url: str, salon: Salon = SALON) -> None:
    """Make at the providers what a salon has there before us: an imported number, and an event type for each person."""
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        number = {"phone_number": salon.number, "termination_uri": "salon.sip.example", "nickname": "Salon Müller"}
        bearer = {"Authorization": f"Bearer {salon.retell_key}"}
        async with session.post(f"{retell_url}/import-phone-number", json=number, headers=bearer):
            pass
        for event_type_id, host in salon.event_types:
            event_type = {
                "key": salon.calcom_key,
                "id": event_type_id,
                "host": host,
                "title": f"Haarschnitt bei {host.capitalize()}",
                "slug": f"haarschnitt-{host}",
                "lengthInMinutes": 45,
                "afterEventBuffer": 10,
                "slotInterval": 15,
            }
            async with session.post(f"{calcom_url}/_sim/event-types", json=event_type):
                pass
