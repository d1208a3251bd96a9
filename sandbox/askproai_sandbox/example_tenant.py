"""The tenant of `examples/salon.yaml`, for tests and the demo: its manifests, and its accounts at the simulated providers."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import yaml
from yarl import URL

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OTHERS = ("second-tenant.yaml", "hotline.yaml", "practice.yaml", "english.yaml")  # examples with tenants of their own
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
    """Return the objects of an example, by kind. The returned dictionaries are new, so they may be changed."""
    return deepcopy(_parse_manifests(example))


@cache  # a copy takes a fiftieth of the time, and tests ask for thousands
def _parse_manifests(example: str) -> dict[str, list[dict[str, Any]]]:
    objects: dict[str, list[dict[str, Any]]] = {}
    for document in yaml.safe_load_all((EXAMPLES / example).read_text(encoding="utf-8")):
        objects.setdefault(document["kind"], []).append(document)
    return objects


async def require_known_keys(retell_url: str) -> None:
    """Create the workspaces of all examples at the simulated Retell. From then on it refuses other keys, as Retell does."""
    secrets = [secret for name in ("salon.yaml", *OTHERS) for secret in load_manifests(name).get("Secret", ())]
    for secret in secrets:
        if key := secret.get("stringData", {}).get("retell-api-key"):
            await create_workspace(retell_url, key)
    await _send("POST", f"{retell_url}/_sim/settings", {"any_key": 0.0})


async def create_workspace(retell_url: str, key: str) -> None:
    """Create a workspace for a key at the simulated Retell, unless the key is known there."""
    await _send("POST", f"{retell_url}/_sim/workspaces", {"key": key})


async def import_number(retell_url: str, key: str, number: str, nickname: str = "") -> None:
    """Import a number, in E.164, at the simulated Retell, as its owner does before using AskProAI."""
    body = {"phone_number": number, "termination_uri": "business.sip.example", "nickname": nickname or number}
    await _send("POST", f"{retell_url}/import-phone-number", body, key)


async def find_keys(retell_url: str, number: str) -> list[str]:
    """Return the Retell keys whose workspaces at the simulated Retell have this number (E.164)."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{retell_url}/_sim/state") as answer,
    ):
        workspaces = (await answer.json())["workspaces"]
    return [key for key, workspace in workspaces.items() if number in workspace["numbers"]]


async def remove_number(retell_url: str, key: str, number: str) -> None:
    """Delete a number (E.164) at the simulated Retell, with the key of the workspace that has it."""
    await _send("DELETE", f"{retell_url}/delete-phone-number/{quote(number, safe='')}", key=key)


async def _send(method: str, url: str, body: dict[str, Any] | None = None, key: str | None = None) -> None:
    """Send a request to a simulator. A refusal raises ClientResponseError."""
    headers = {"Authorization": f"Bearer {key}"} if key else None
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.request(method, URL(url, encoded=True), json=body, headers=headers),
    ):
        pass


class NumberError(ValueError):
    """A number is not imported, moved or removed; the message says why, and what to do."""


async def assign_number(retell_url: str, key: str, number: str, *, move: bool) -> None:
    """Import a number (E.164) with a key, created if it does not exist. With `move`, take it from the keys that have it.

    A number exists only once on the telephone line. Raises NumberError if another key has it and `move` is False.
    """
    owners = await find_keys(retell_url, number)
    if owners == [key]:
        raise NumberError(f"{number} has the key {key} already: nothing is to be done")
    if owners and not move:
        raise NumberError(
            f"{number} has a key already, {' and '.join(owners)}, and a number is in one workspace only: use that key in your"
            f' Secret, take the number from it (--move), or remove it (`askproai sandbox number "{number}" --remove`)'
        )
    await create_workspace(retell_url, key)
    await _remove_from(retell_url, [owner for owner in owners if owner != key], number)
    if key not in await find_keys(retell_url, number):
        await import_number(retell_url, key, number)


async def release_number(retell_url: str, key: str | None, number: str) -> None:
    """Remove a number (E.164) from a key's workspace, or from all workspaces. Raises NumberError if none has it."""
    owners = await find_keys(retell_url, number)
    if not owners:
        raise NumberError(f"{number} is not at the simulated Retell")
    if key is not None and key not in owners:
        raise NumberError(
            f"{number} is not at the simulated Retell with the key {key}, but with {' and '.join(owners)}"
        )
    await _remove_from(retell_url, owners if key is None else [key], number)


async def _remove_from(retell_url: str, owners: list[str], number: str) -> None:
    for owner in owners:
        if owner in await find_keys(retell_url, number):  # another key of the same workspace may have removed it
            await remove_number(retell_url, owner, number)


async def seed_simulators(retell_url: str, calcom_url: str, salon: Salon = SALON) -> None:
    """Create the objects that a salon already has at the providers: a number, and an event type for each staff member."""
    await create_workspace(retell_url, salon.retell_key)
    await import_number(retell_url, salon.retell_key, salon.number, "Salon Müller")
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
        await _send("POST", f"{calcom_url}/_sim/event-types", event_type)
