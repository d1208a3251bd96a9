"""The annotations `askproai.de/paused` and `…/plan`: an edit has no effect until it is removed; a real API server, no kubelet."""

import json
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_operator.controllers.agent_plan import CHECKS, gather
from askproai_operator.controllers.agent_plan.render import Desired
from askproai_operator.controllers.conditions import first_failing
from askproai_sandbox.cluster import ProcessError
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.unscheduled_pods import RUNS
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

PAUSE = {"metadata": {"annotations": {"askproai.de/paused": "true"}}}
PLAN = {"metadata": {"annotations": {"askproai.de/plan": "true"}}}
EDITS = {
    "Branch": ("mitte", {"displayName": "Mitte Neu", "holidays": None}),
    "ServiceOffering": ("haarschnitt", {"displayName": "Schnitt Neu", "durationMinutes": 45}),
    "RetellAgent": ("mitte", {"functions": ["CheckAvailability"]}),
}
WITHOUT_WARNINGS: dict[str, dict[str, Any]] = {"Branch": {"phoneNumbers": []}, "ServiceOffering": {"calcom": None}}
PARTS = {"Branch": "branches", "ServiceOffering": "services", "RetellAgent": "agents"}


async def part_of_config(namespace: TenantNamespace, kind: str, name: str) -> dict[str, Any] | None:
    """Return an object's part of the pods' config."""
    parts: list[dict[str, Any]] = (await namespace.config())[PARTS[kind]]
    return next((part for part in parts if part["name"] == name), None)


async def settle(namespace: TenantNamespace, *keys: tuple[str, str]) -> None:
    """Requeue the Tenant and objects, and wait until the reconciles have ended."""
    queue = namespace.operator.queue
    for kind, name in (*keys, ("Tenant", NAME)):
        queue.add(Key(kind, namespace.name, name))
    await eventually(lambda: not len(queue) and not queue._processing, SOON, "the reconciles")


async def create_salon(namespace: TenantNamespace, *kinds: str) -> None:
    await namespace.open_salon(*(kinds or ("Branch", "ServiceOffering", "Tenant")))
    await settle(namespace)


async def wait_for_config(namespace: TenantNamespace, *texts: str) -> None:
    async def has_all() -> bool:
        config = str(await namespace.config())
        return all(text in config for text in texts)

    await eventually(has_all, SOON, f"{texts} in the config")


async def rename_neighbour(namespace: TenantNamespace, to: str) -> None:
    """Edit the Tenant, and wait until the pods get a config that was compiled after it."""
    await namespace.edit({"displayName": to})
    await wait_for_config(namespace, to)


def applied_writes(namespace: TenantNamespace, since: int) -> list[tuple[str, str]]:
    """Return the writes in the namespace that are neither a status nor an event."""
    writes = namespace.operator.writes[since:]
    own = [each for each in writes if namespace.name in each[1]]
    return [each for each in own if "/status" not in each[1] and "/events" not in each[1]]


async def test_paused_tenants_service_condition_says_when_edits_apply(namespace):
    """Its branch is not paused itself, and callers still get the opening hours from before."""
    await create_salon(namespace)
    await namespace.wait_for_condition("OpeningFits", "True", kind="ServiceOffering", name="haarschnitt")
    before = await part_of_config(namespace, "Branch", "mitte")
    await namespace.annotate("paused")
    short = [{"days": ["Mon"], "opens": "09:00", "closes": "09:05"}]
    await namespace.edit({"openingHours": short}, "Branch", "mitte")
    where = {"kind": "ServiceOffering", "name": "haarschnitt"}
    said = await namespace.wait_for_condition("OpeningFits", "False", "NoOpeningLongEnough", **where)
    assert said["message"].startswith("when the Tenant is resumed: ")
    assert await part_of_config(namespace, "Branch", "mitte") == before
    await namespace.annotate("paused", None)

    async def is_in_effect() -> bool:
        conditions = (await namespace.get("ServiceOffering", "haarschnitt"))["status"]["conditions"]
        found = next(condition for condition in conditions if condition["type"] == "OpeningFits")
        return not found["message"].startswith("when the Tenant")

    await eventually(is_in_effect, SOON, "the condition of the resumed Tenant's service")


@pytest.mark.parametrize(
    ("annotation", "holder", "reason"),
    [
        ("paused", "Tenant", "Paused"),
        ("plan", "Tenant", "PlanUnsupported"),
        ("plan", "Branch", "PlanUnsupported"),
        ("plan", "ServiceOffering", "PlanUnsupported"),
    ],
)
async def test_no_edit_is_applied_or_confirmed_while_held(namespace, control_plane, annotation, holder, reason):
    """The config is compiled of all objects of the Tenant. `kubectl wait` compares the generation of the condition with theirs."""

    async def wait_for_ready(kind: str, seconds: int) -> None:
        options = ("--for=condition=Ready", f"--timeout={seconds}s", "-n", namespace.name)
        await control_plane.kubectl("wait", *options, f"{kind.lower()}.askproai.de/{edited[kind]}")

    edited = {"Branch": "west", "ServiceOffering": "bartpflege"}
    shave = {"branchRef": {"name": "west"}, "displayName": "Bartpflege", "calcom": None}
    await namespace.create("Branch", spec={"phoneNumbers": []})
    await namespace.create("Branch", "west", spec={"phoneNumbers": []})
    await namespace.create("ServiceOffering", spec={"calcom": None})
    await namespace.create("ServiceOffering", "bartpflege", spec=shave)
    await namespace.open_salon()
    for kind, name in edited.items():
        await namespace.wait_for_condition("Ready", "True", "AsDeclared", kind=kind, name=name)
    holding = (holder, EDITS[holder][0] if holder in EDITS else NAME)
    await settle(namespace, *edited.items(), holding)
    before, writes = await namespace.config(), len(namespace.operator.writes)
    seen = (await namespace.get(*holding))["status"]["observedGeneration"]

    key, what = f"askproai.de/{annotation}", " ".join(holding)
    edit = {"metadata": {"annotations": {key: "true"}}, "spec": {"displayName": "Umbenannt"}}
    await namespace.client.merge(namespace.path(*holding), edit)
    for kind, name in {("Tenant", NAME), holding}:
        paused = await namespace.wait_for_condition("Paused", "True", reason, kind=kind, name=name)
        assert f"{key} is removed" in paused["message"]
    for kind, name in edited.items():
        edit = {"spec": {"displayName": f"Neu {kind}"}}
        live = await namespace.client.merge(namespace.path(kind, name), edit)
        ready = await namespace.wait_for_condition("Ready", "True", reason, kind=kind, name=name)
        assert (key in ready["message"], what in ready["message"]) == (True, True)
        await settle(namespace, (kind, name), holding)
        status = (await namespace.get(kind, name))["status"]
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        assert ready["observedGeneration"] < live["metadata"]["generation"]
        assert status["observedGeneration"] < live["metadata"]["generation"]
        with pytest.raises(ProcessError, match="timed out"):
            await wait_for_ready(kind, 1)
    assert (await namespace.get(*holding))["status"]["observedGeneration"] == seen
    assert applied_writes(namespace, writes) == []
    for kind in edited:
        await namespace.create(kind, "neu", spec=WITHOUT_WARNINGS[kind] | {"displayName": f"Ganz neu {kind}"})
        await namespace.wait_for_condition("Ready", "Unknown", reason, kind=kind, name="neu")
    assert await namespace.config() == before

    await namespace.annotate(annotation, None, kind=holder, of=holding[1])
    for kind in edited:
        await wait_for_config(namespace, "Umbenannt", f"Neu {kind}", f"Ganz neu {kind}")
        await wait_for_ready(kind, 60)
        await namespace.wait_until_ready(kind, "neu")


@pytest.mark.parametrize("kind", EDITS)
async def test_paused_objects_edit_reaches_pods_on_resuming(namespace, kind):
    await create_salon(namespace, "Branch", "ServiceOffering", "Tenant", "RetellAgent")
    name, edit = EDITS[kind]
    await eventually(lambda: part_of_config(namespace, kind, name), SOON, "the object in the config")
    if kind == "RetellAgent":
        await namespace.wait_for(kind, name, lambda live: "agentId" in live.get("status", {}), "the agent")
    await settle(namespace, (kind, name))
    before = await part_of_config(namespace, kind, name)
    await namespace.client.merge(namespace.path(kind, name), PAUSE | {"spec": edit})
    await namespace.wait_for_condition("Paused", "True", "Paused", kind=kind, name=name)
    await rename_neighbour(namespace, "Salon Neu")
    assert await part_of_config(namespace, kind, name) == before
    await namespace.annotate("paused", None, kind=kind, of=name)
    await until(lambda: part_of_config(namespace, kind, name), lambda found: found != before, "the edit in the config")
    await settle(namespace)
    live = await namespace.get(kind, name)
    if kind != "RetellAgent":
        assert json.loads(live["status"]["appliedSpec"])["displayName"] == live["spec"]["displayName"]


@pytest.mark.parametrize("kind", ["Branch", "ServiceOffering"])
async def test_object_paused_before_applied_is_not_configured(namespace, kind):
    await create_salon(namespace)
    name, spec = "neu", {"displayName": "Ganz neu", "phoneNumbers": []} if kind == "Branch" else {"displayName": "Neu"}
    await namespace.create(kind, name, spec=spec, annotations=PAUSE["metadata"]["annotations"])
    paused = await namespace.wait_for_condition("Ready", "Unknown", "Paused", kind=kind, name=name)
    assert "was paused before it was applied" in paused["message"]
    await rename_neighbour(namespace, "Salon Neu")
    assert await part_of_config(namespace, kind, name) is None
    await namespace.annotate("paused", None, kind=kind, of=name)
    await eventually(lambda: part_of_config(namespace, kind, name), SOON, "the object in the config")


async def test_paused_branch_keeps_dropped_number_until_it_resumes(namespace, other_namespace):
    await create_salon(namespace)
    other_namespace.number = namespace.number
    await other_namespace.create("Branch")
    await other_namespace.wait_for_condition("NumbersValid", "False", "NumberClaimedTwice", kind="Branch", name="mitte")
    await namespace.client.merge(namespace.path("Branch", "mitte"), PAUSE | {"spec": {"phoneNumbers": []}})
    await namespace.wait_for_condition("Paused", "True", kind="Branch", name="mitte")
    await settle(namespace, ("Branch", "mitte"))
    other_namespace.operator.queue.add(Key("Branch", other_namespace.name, "mitte"))
    await rename_neighbour(namespace, "Salon Neu")
    part = await part_of_config(namespace, "Branch", "mitte")
    assert [number["number"] for number in part["phone_numbers"]] == [namespace.number]
    assert not (await other_namespace.get("Branch", "mitte"))["status"]["phoneNumbers"]
    await namespace.annotate("paused", None, kind="Branch", of="mitte")
    await other_namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")


@pytest.mark.parametrize("annotation", ["paused", "plan"])
async def test_new_tenant_with_the_annotation_gets_nothing(namespace, annotation):
    await namespace.write_secret()
    for resumes in (False, True):
        await namespace.create("Tenant", annotations={f"askproai.de/{annotation}": "true"})
        await namespace.wait_for_condition("Paused", "True")
        tenant = await namespace.get("Tenant")
        assert "finalizers" not in tenant["metadata"]
        assert await namespace.config() == {}
        if resumes:
            await namespace.annotate(annotation, None)
            await namespace.wait_until_ready()
        else:
            await namespace.client.delete(namespace.path("Tenant"))
            await namespace.wait_until_gone("Tenant")


@pytest.mark.parametrize(
    ("kind", "name", "edit"),
    [
        ("Tenant", "salon-mueller", {"suspend": True}),
        ("Tenant", "salon-mueller", {"privacy": {"aiNotice": False}, "displayName": "Salon Neu"}),
        ("Branch", "mitte", {"phoneNumbers": [], "staff": []}),
        ("ServiceOffering", "haarschnitt", {"displayName": "Schnitt Neu"}),
    ],
)
async def test_edit_of_a_paused_object_changes_no_agent(namespace, kind, name, edit):
    await namespace.write_secret()
    for each, spec in (("Branch", {}), ("ServiceOffering", {}), ("Tenant", RUNS), ("RetellAgent", {})):
        await namespace.create(each, spec=spec)
    await namespace.wait_for("RetellAgent", "mitte", lambda live: "agentId" in live.get("status", {}), "the agent")
    agent = ("RetellAgent", "mitte")
    await settle(namespace, (kind, name), agent)
    before = await desired_at_retell(namespace)
    assert "## Buchbar" in before.llm["general_prompt"]
    await namespace.client.merge(namespace.path(kind, name), PAUSE | {"spec": edit})
    await namespace.wait_for_condition("Paused", "True", kind=kind, name=name)
    await settle(namespace, agent)
    assert await desired_at_retell(namespace) == before
    await namespace.annotate("paused", None, kind=kind, of=name)
    await namespace.wait_for(kind, name, lambda live: live["status"]["observedGeneration"] > 1, "the end of the pause")
    await settle(namespace, agent)
    assert await desired_at_retell(namespace) != before


async def desired_at_retell(namespace: TenantNamespace) -> Desired:
    """Return what the agent should be at Retell, made from all objects that it depends on."""
    context = namespace.operator.context
    agent = context.relations.agent(namespace.name, "mitte")
    inputs = await gather(agent, context, CHECKS)
    assert inputs.target is not None, first_failing(CHECKS, inputs)
    return inputs.target.desired
