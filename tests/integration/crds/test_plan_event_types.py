"""`askproai plan` names Cal.com event types of another tenant of the cluster, as far as the person's rights permit."""

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from askproai_cli.plan import Change
from askproai_operator.resources import BRANCHES, OFFERINGS, TENANTS, resource_of_kind
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.plan_platform import Platform, person

pytestmark = pytest.mark.nightly


@pytest.fixture
async def event_type(platform: Platform) -> AsyncIterator[int]:
    """Let the practice book at Cal.com; yield the id that its service names, which no other test's services do."""
    number = zlib.crc32(platform.namespace.encode())
    by_kind = {each["kind"]: each for each in platform.manifests}
    keys = {name: {"name": "providers", "key": name} for name in ("calcom-api-key", "calcom-webhook-secret")}
    account = {"apiKeySecretRef": keys["calcom-api-key"], "webhookSecretRef": keys["calcom-webhook-secret"]}
    by_kind["Tenant"]["spec"]["calendar"] = {"provider": "Calcom", "calcom": account}
    entry = {"staff": "dr-weber", "eventTypeId": number}
    by_kind["ServiceOffering"]["spec"]["calcom"] = {"eventTypes": [entry]}
    yield number
    for resource in (OFFERINGS, BRANCHES, TENANTS):  # no later test lists them
        await platform.client.delete(resource.path(platform.namespace))


def salon_objects(platform: Platform, event_type: int) -> list[dict[str, Any]]:
    """Return the manifests of another tenant, whose service of a branch names the event type."""
    found = load_manifests()
    objects = [found[resource.kind][0] for resource in (TENANTS, BRANCHES, OFFERINGS)]
    for manifest in objects:
        manifest["metadata"]["namespace"] = platform.namespace
    objects[-1]["spec"].pop("tenantRef", None)
    objects[-1]["spec"] |= {
        "branchRef": {"name": objects[1]["metadata"]["name"]},
        "calcom": {"eventTypes": [{"staff": "anna", "eventTypeId": event_type}]},
    }
    return objects


async def create_salon(platform: Platform, event_type: int, **status: Any) -> None:
    """Create the other tenant; `status` is that of its service."""
    for manifest in salon_objects(platform, event_type):
        await platform.client.create(resource_of_kind(manifest["kind"]).path(platform.namespace), manifest)
    path = OFFERINGS.path(platform.namespace, manifest["metadata"]["name"])
    await platform.client.merge(f"{path}/status", {"status": status})


async def test_foreign_accounts_event_type_is_in_the_plan(platform: Platform, event_type: int) -> None:
    """The operator would look for it with the practice's own key after the apply, and not find it."""
    await create_salon(platform, event_type, eventTypesInAccount=[{"eventTypeId": event_type}])
    service = (await platform.plan())["ServiceOffering"]
    (claim,) = service.claims
    assert claim.startswith(f"event type {event_type} is in the Cal.com account of another tenant")
    assert "CalendarLinked would be False, EventTypeNotFound" in claim
    assert "salon" not in claim, "the other tenant may belong to somebody else"
    assert service.is_problem


async def test_event_type_of_another_tenant_fails_no_plan(platform: Platform, event_type: int) -> None:
    await create_salon(platform, event_type)
    service = (await platform.plan())["ServiceOffering"]
    (claim,) = service.claims
    assert claim.startswith(f"another tenant names event type {event_type}, too")
    assert not service.is_problem


@pytest.mark.parametrize("why", ["it has another id", "its account does not have it", "it uses another Cal.com"])
async def test_event_type_unused_by_others_is_no_claim(platform: Platform, event_type: int, why: str) -> None:
    not_found = [{"eventTypeId": event_type}] if why == "its account does not have it" else []
    await create_salon(platform, event_type + (why == "it has another id"), eventTypesNotFound=not_found)
    if why == "it uses another Cal.com":
        tenant = next(each for each in platform.manifests if each["kind"] == "Tenant")
        tenant["spec"]["calendar"]["calcom"]["baseUrl"] = "https://api.cal.eu"
    assert (await platform.plan())["ServiceOffering"].claims == ()


async def test_plan_compares_event_types_of_the_files_services(platform: Platform, event_type: int) -> None:
    """The live object may name the event type that the file removes from it."""
    await create_salon(platform, event_type)
    platform.manifests = [*salon_objects(platform, event_type + 1), *platform.manifests]
    assert (await platform.plan())["ServiceOffering"].claims == ()


async def test_event_type_seen_as_own_is_not_searched(platform: Platform, event_type: int, tmp_path: Path) -> None:
    """Else each plan of a running tenant would read the services of all tenants."""
    await create_salon(platform, event_type, eventTypesInAccount=[{"eventTypeId": event_type}])
    platform.manifests = salon_objects(platform, event_type)
    platform.manifests[-1]["spec"]["displayName"] = "Umbenannt"
    service = (await platform.plan(await person(platform, tmp_path, everywhere=False)))["ServiceOffering"]
    assert (service.change, service.claims) == (Change.CHANGED, ())


async def test_plan_without_list_rights_names_the_unchecked_part(platform: Platform, event_type: int, tmp_path) -> None:
    await create_salon(platform, event_type)
    service = (await platform.plan(await person(platform, tmp_path, everywhere=False)))["ServiceOffering"]
    (claim,) = service.claims
    assert claim.startswith(
        f"not looked at: whether another tenant names event type {event_type} (your account may not"
    )
    assert not service.is_problem, "what is not known stops nobody"
