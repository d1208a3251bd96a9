"""The tenant of `examples/salon.yaml`, for tests and the demo: its manifests, and its accounts at the simulated providers."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TENANT = "salon-mueller.salon-mueller"
AGENT_ID = "agent_test"
NUMBER = "+49301234567"


@dataclass(frozen=True, slots=True)
class Salon:
    """The names and keys of `examples/salon.yaml` that the simulators must know."""

    namespace: str = "salon-mueller"
    tenant: str = TENANT
    number: str = NUMBER
    retell_key: str = "key_demo_salon"
    calcom_key: str = "cal_demo_salon"
    event_types: tuple[tuple[int, str], ...] = ((1001, "anna"), (1002, "mehmet"))  # Cal.com's id, staff member


SALON = Salon()


def load_manifests(example: str = "salon.yaml") -> dict[str, list[dict[str, Any]]]:
    """Return the objects of an example, by kind; they are the caller's to change."""
    return deepcopy(_parse_manifests(example))


@cache  # a copy takes a fiftieth of the time, and tests ask for thousands
def _parse_manifests(example: str) -> dict[str, list[dict[str, Any]]]:
    objects: dict[str, list[dict[str, Any]]] = {}
    for document in yaml.safe_load_all((EXAMPLES / example).read_text(encoding="utf-8")):
        objects.setdefault(document["kind"], []).append(document)
    return objects


async def require_known_keys(retell_url: str) -> None:
    """Create the workspaces of all examples at the simulated Retell, and let it refuse any other key, as Retell does."""
    names = ("salon.yaml", "second-tenant.yaml", "hotline.yaml", "practice.yaml", "english.yaml")
    secrets = [secret for name in names for secret in load_manifests(name).get("Secret", ())]
    for secret in secrets:
        if key := secret.get("stringData", {}).get("retell-api-key"):
            await create_workspace(retell_url, key)
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(f"{retell_url}/_sim/settings", json={"any_key": 0.0}),
    ):
        pass


async def create_workspace(retell_url: str, key: str) -> None:
    """Let the simulated Retell know a key, if it does not yet."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(f"{retell_url}/_sim/workspaces", json={"key": key}),
    ):
        pass


async def import_number(retell_url: str, key: str, number: str, nickname: str = "") -> None:
    """Import a number, in E.164, at the simulated Retell, as its owner does before using AskProAI."""
    body = {"phone_number": number, "termination_uri": "business.sip.example", "nickname": nickname or number}
    bearer = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(f"{retell_url}/import-phone-number", json=body, headers=bearer),
    ):
        pass


async def seed_simulators(retell_url: str, calcom_url: str, salon: Salon = SALON) -> None:
    """Create what a salon has at the providers before it uses AskProAI: a number, and an event type for each staff member."""
    await create_workspace(retell_url, salon.retell_key)
    await import_number(retell_url, salon.retell_key, salon.number, "Salon Müller")
    async with aiohttp.ClientSession(raise_for_status=True) as session:
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
