"""`askproai plan` says which hosts, numbers and keys another tenant has: as the condition would after an apply."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_cli.plan import Change
from askproai_operator.api import Branch, Tenant
from askproai_operator.grants import Holder, Subject, SubjectKind
from askproai_operator.installation_report import DatabaseReport, InstallationReport, report_manifest
from askproai_operator.providers import hash_key
from askproai_operator.resources import BRANCHES, CONFIG_MAPS, CUSTOM, OFFERINGS, SECRETS, TENANTS, resource_of_kind
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.plan_platform import HOST, Platform, person

pytestmark = pytest.mark.nightly

NUMBER = "+492217654321"
LOGIN = {
    "oidc": {
        "issuer": "https://login.example",
        "clientId": "page",
        "clientSecretRef": {"name": "page-login", "key": "client-secret"},
        "roles": {"owner": ["owners"]},
    }
}


async def test_plan_does_not_bind_another_branchs_number(platform: Platform) -> None:
    await platform.grant(Subject(SubjectKind.NUMBER, NUMBER), Holder(Branch.kind, "salon", "mitte", "uid-1"))
    planned = await platform.plan()
    (claim,) = planned["Branch"].claims
    assert claim.startswith(f"NumbersValid would be False, NumberClaimedTwice: {NUMBER}: another branch has it already")
    assert "salon" not in claim, "the other tenant may belong to somebody else"
    assert not any(NUMBER in step for step in planned["RetellAgent"].steps or ())
    assert planned["Tenant"].claims == ()
    assert {kind for kind, each in planned.items() if each.is_problem} == {"Branch"}


async def test_plan_fails_for_a_number_of_another_branch(platform: Platform) -> None:
    """Also without --strict: a pipeline must not apply it."""
    await platform.plan()  # it writes the file
    arguments = ["plan", str(platform.folder / "practice.yaml"), "--kubeconfig", str(platform.plane.kubeconfig)]
    arguments += ["--operator-namespace", platform.namespace]
    assert (await asyncio.to_thread(CliRunner().invoke, app, arguments)).exit_code == 0
    await platform.grant(Subject(SubjectKind.NUMBER, NUMBER), Holder(Branch.kind, "salon", "mitte", "uid-1"))
    found = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert "NumbersValid would be False" in found.output
    assert found.exit_code == 1


async def test_plan_shows_a_path_containing_another_tenants_path(platform: Platform) -> None:
    await platform.grant(
        Subject(SubjectKind.HOST, HOST), Holder(Tenant.kind, "salon", "salon", "uid-1", "/voice/salon")
    )
    (claim,) = (await platform.plan())["Tenant"].claims
    assert claim.startswith(
        f"Exposed would be False, HostClaimedTwice: another tenant has https://{HOST}/voice already"
    )


@pytest.mark.parametrize(
    ("field", "host", "claim"),
    [
        (
            "exposure",
            "fleet.example",
            "Exposed would be False, HostReserved: fleet.example is the host of the fleet's page",
        ),
        (
            "exposure",
            "voice.example",
            "Exposed would be False, HostReserved: voice.example is the platform's shared host",
        ),
        (
            "page",
            "fleet.example",
            "PageReady would be False, HostReserved: fleet.example is the host of the fleet's page",
        ),
    ],
)
async def test_platforms_host_is_in_the_plan(platform: Platform, field: str, host: str, claim: str) -> None:
    """The operator knows its own hosts, and reports them."""
    report = InstallationReport(
        at=datetime(2026, 11, 24, tzinfo=UTC), every_seconds=600, release="0.1.0", shards=1, verify_exposure=True,
        shared_base_url="https://voice.example", fleet_page_host="Fleet.example", database=DatabaseReport(),
    )  # fmt: skip
    await platform.client.create(CONFIG_MAPS.path(platform.namespace), report_manifest(platform.namespace, report))
    tenant = next(each for each in platform.manifests if each["kind"] == "Tenant")
    tenant["spec"][field] = {"host": host, "ingress": {"className": "public"}} | (LOGIN if field == "page" else {})
    planned = (await platform.plan())["Tenant"]
    assert planned.claims[0].startswith(claim)
    assert planned.is_problem


async def test_free_or_own_number_is_no_claim(platform: Platform) -> None:
    await platform.grant(Subject(SubjectKind.HOST, HOST), Holder(Tenant.kind, "salon", "salon", "uid-1", "/salon"))
    own = Holder(Branch.kind, "praxis-weber", "praxis", "uid-before-the-restore")
    await platform.grant(Subject(SubjectKind.NUMBER, NUMBER), own)
    planned = await platform.plan()
    assert {each.claims for each in planned.values()} == {()}
    assert any(NUMBER in step for step in planned["RetellAgent"].steps or ())


async def test_plan_without_grant_rights_names_the_unchecked_part(platform: Platform, tmp_path: Path) -> None:
    planned = await platform.plan(await person(platform, tmp_path))
    for kind, subject in (("Branch", NUMBER), ("Tenant", HOST)):
        (claim,) = planned[kind].claims
        assert claim.startswith(f"not looked at: whether another tenant has {subject}")
        assert f"may not get ConfigMaps in {platform.namespace}" in claim
        assert not planned[kind].is_problem, "what is not known stops nobody"


async def test_namespace_without_an_operator_mentions_no_grants(platform: Platform) -> None:
    (claim,) = (await platform.plan(namespace="default"))["Branch"].claims
    assert "no operator in namespace default: name its own by --operator-namespace" in claim


async def test_another_tenants_retell_key_is_in_the_plan(platform: Platform) -> None:
    """The operator would refuse it only after the apply, which has replaced the good key by then."""
    cluster = (await platform.client.request("GET", "/api/v1/namespaces/kube-system"))["metadata"]["uid"]
    subject = Subject(SubjectKind.RETELL_KEY, hash_key(cluster, "key_of_another"))
    await platform.grant(subject, Holder(Tenant.kind, "salon", "salon", "uid-1"))
    platform.give_key("key_of_another")
    planned = await platform.plan()
    (claim,) = planned["Secret"].claims
    assert claim.startswith(
        "Tenant praxis-weber: CredentialsValid would be False, CredentialsShared: another tenant has this"
    )
    assert planned["Secret"].is_problem
    platform.give_key("key_of_its_own")
    assert (await platform.plan())["Secret"].claims == ()


async def test_changed_key_is_explained_without_failing_the_plan(platform: Platform) -> None:
    for manifest in platform.manifests:
        manifest["metadata"].pop("namespace", None)
    platform.manifests = [each for each in platform.manifests if each["kind"] in {"Tenant", "Secret"}]
    platform.give_key("key_before")
    secret, tenant = (
        next(each for each in platform.manifests if each["kind"] == kind) for kind in ("Secret", "Tenant")
    )
    for manifest, path in ((secret, SECRETS.path(platform.namespace)), (tenant, CUSTOM[0].path(platform.namespace))):
        manifest["metadata"]["namespace"] = platform.namespace
        await platform.client.create(path, manifest)
    platform.give_key("key_after")
    planned = await platform.plan()
    (claim,) = planned["Secret"].claims
    assert "with a key of another workspace the agents are made anew there" in claim
    assert not planned["Secret"].is_problem


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
