"""The product on a real node, from `helm install` until nothing is left. The steps build on each other, in this order."""

import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import yaml

from askproai_sandbox.example_tenant import EXAMPLES, SALON, import_number
from tests.e2e.node.cluster import SYSTEM, apply, holder, kill, kubectl, lease, objects, pods, restarts, run
from tests.e2e.node.environment import CHART, OTHERS, PLURALS, NodeEnvironment, wait_until_ready
from tests.e2e.node.load import SCHEMA, Load, all_run, free_starts
from tests.worlds.live_changes import seconds_until_hours_count, wait_for_next_leader
from tests.worlds.model_calls import books, searches
from tests.worlds.running_demo import EXPIRED_HOLD, SELECT_THE_HOLD
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.timeout(600)
TAKEOVER_SECONDS = 20  # a coordinator pauses for at least 24 s between two sweeps
WEB = f"{SALON.namespace}-web"
TENANT = ("tenants.askproai.de", SALON.namespace, "-n", SALON.namespace)


async def test_helm_install_starts_two_replicas_with_one_leader(env: NodeEnvironment):
    notes = await env.helm()
    assert "kubectl get askproai -A" in notes
    for component in ("operator", "coordinator"):
        names = {pod["metadata"]["name"] for pod in await pods(SYSTEM, component)}
        assert len(names) == 2
        leader = partial(holder, component)
        await until(leader, lambda found, names=names: found.partition("_")[0] in names, f"a leader of the {component}")


async def test_the_example_becomes_ready_under_restricted_pod_security(env: NodeEnvironment, record_property):
    started = time.monotonic()
    await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await wait_until_ready()
    record_property("Ready after", f"{time.monotonic() - started:.1f} s")
    assert len(await pods(SALON.namespace, "web")) == 2


async def test_a_callers_appointment_is_in_both_calendars(env: NodeEnvironment):
    search = searches(service="Haarschnitt", date="kommenden Freitag", time="halb drei")
    record = await env.play(
        ("Guten Tag, einen Haarschnitt am kommenden Freitag um halb drei, bitte.", search),
        ("Die erste, gern. Mein Name ist Erika Muster.", books("Erika Muster", "Haarschnitt")),
    )
    assert record.errors == []
    assert record.answers("book_appointment")[0]["success"] is True

    async def confirmed() -> bool:
        (row,) = await env.rows("SELECT status, external_id FROM appointments WHERE status <> 'held'")
        return (row["status"], bool(row["external_id"])) == ("confirmed", True)

    # A booking that Cal.com has not answered within four seconds is looked up five minutes later.
    await eventually(confirmed, 360, "the appointment in both calendars", every=0.5)
    await eventually(lambda: _none(env.unfinished), 180, "every event of the call to be processed")


async def test_helm_test_succeeds_and_leaves_no_rights(env: NodeEnvironment, record_property):
    shown = await run("helm", "test", "askproai", "-n", SYSTEM, "--logs", "--timeout", "120s")
    assert "Phase:          Succeeded" in shown
    record_property("helm test", shown.rstrip().splitlines()[-1])
    assert "forbidden" not in shown
    rights = await objects("serviceaccount,role,rolebinding", "-n", SYSTEM)
    rights += await objects("clusterrole,clusterrolebinding")
    left = [each for each in rights if "doctor" in each["metadata"]["name"]]
    assert left == [], "its account exists while it runs only"
    await kubectl("delete", "pod", "-n", SYSTEM, "askproai-doctor")


@pytest.mark.nightly
async def test_other_examples_become_ready_and_are_deleted_completely(env: NodeEnvironment, record_property):
    started = time.monotonic()
    for other in OTHERS:
        await import_number(env.retell, other.key, other.number)
        await kubectl("apply", "-f", str(EXAMPLES / other.file))
    for other in OTHERS:
        await wait_until_ready(other.namespace)
    record_property("Ready after", f"{time.monotonic() - started:.1f} s")
    practice, hotline = OTHERS
    for number, service, branch in (
        (practice.number, "Sprechstunde", {}),
        (hotline.number, "Haarschnitt", {"branch": "Pankow"}),
    ):
        search = searches(service=service, date="kommenden Donnerstag", time="zehn", **branch)
        turns = ("Am Donnerstag um zehn, bitte.", search), ("Die erste.", books("Jonas Köhler", service))
        await env.play(*turns, to=number)
    found = await env.rows("SELECT branch, status FROM appointments WHERE tenant <> $1", SALON.tenant)
    assert {(row["branch"], row["status"]) for row in found} == {("praxis", "confirmed"), ("pankow", "confirmed")}
    await eventually(lambda: _none(env.unfinished), 180, "every event of the calls to be processed")
    await kubectl("delete", "namespace", *(other.namespace for other in OTHERS), "--timeout=180s")
    for other in OTHERS:
        workspace = await env.workspace(other.key)
        assert (workspace["agents"], workspace["llms"]) == ({}, {})


async def test_changed_hours_apply_within_10_seconds_without_restarts(env: NodeEnvironment, record_property):
    """Unless the operator triggers it, a kubelet takes up to 90 s to update a mounted ConfigMap."""
    before = restarts(await pods(SALON.namespace, "web"))
    start = f"{free_starts()[0][:10]}T15:00"
    seconds = await seconds_until_hours_count(kubectl, lambda: _offers(env, start), questions=4, promised=10)
    record_property("last offered after", f"{seconds[-1]:.1f} s")
    assert seconds[-1] < 10, f"who asks later hears the new hours: {seconds}"
    assert restarts(await pods(SALON.namespace, "web")) == before


async def _offers(env: NodeEnvironment, start: str) -> bool:
    """Whether a caller is offered that slot."""
    request = {"service": "Haarschnitt", "date": start[:10], "time": start[11:]}
    record = await env.call("Guten Tag", args=[{"name": "check_availability", "args": request}])
    assert record.errors == []
    return any(slot["start"].startswith(start) for slot in record.answers("check_availability")[0]["slots"])


async def _none(count: Callable[[], Awaitable[int]]) -> bool:
    return await count() == 0


async def test_a_rolling_restart_under_calls_loses_no_request(env: NodeEnvironment, record_property):
    """While every pod is replaced, calls book and twenty events a second are sent: each request is answered with 200, once."""
    old = {pod["metadata"]["name"] for pod in await pods(SALON.namespace, "web")}
    load = Load(env, free_starts()[1:50])
    async with load.running():
        await kubectl("rollout", "restart", f"deployment/{WEB}", "-n", SALON.namespace)
        await kubectl("rollout", "status", f"deployment/{WEB}", "-n", SALON.namespace, "--timeout=240s")
        await eventually(lambda: _are_gone(old), 120, "the old pods to end")
    load.record(record_property)
    await load.assert_nothing_was_lost()
    assert not old & {pod["metadata"]["name"] for pod in await pods(SALON.namespace, "web")}


async def _are_gone(names: set[str]) -> bool:
    found = await objects("pods", "-n", SALON.namespace)
    return not names & {pod["metadata"]["name"] for pod in found}


async def test_killed_operator_is_replaced_within_20_seconds(env: NodeEnvironment, record_property):
    first, token = await holder("operator"), f"after-{time.time_ns()}"
    record_property("by", await kill("operator", first))
    killed = datetime.now(UTC)
    await kubectl("annotate", *TENANT, f"askproai.de/reconcile-at={token}", "--overwrite")

    async def reconciled() -> bool:
        return await kubectl("get", *TENANT, "-o", "jsonpath={.status.lastReconcileToken}") == token

    await _assert_taken_over("operator", first, killed, record_property)
    await eventually(reconciled, SOON, "the next leader to reconcile")


async def _assert_taken_over(component: str, first: str, killed: datetime, record_property) -> None:
    _, seconds = await wait_for_next_leader(partial(lease, component), first, killed)
    record_property("leads after", f"{seconds:.1f} s")
    assert seconds < TAKEOVER_SECONDS


async def test_killed_coordinator_is_replaced_within_20_seconds(env: NodeEnvironment, record_property):
    first = await holder("coordinator")
    record_property("by", await kill("coordinator", first))
    killed = datetime.now(UTC)
    await env.rows(EXPIRED_HOLD, SALON.tenant)

    async def swept() -> bool:
        return await env.rows(SELECT_THE_HOLD) == []

    await _assert_taken_over("coordinator", first, killed, record_property)
    await eventually(swept, TAKEOVER_SECONDS, "the next leader's sweep, sooner than one after its pause")


async def test_operator_and_coordinator_log_no_refusal_or_traceback(env: NodeEnvironment):
    """Everything ran under the chart's roles: a missing permission would be in these logs.

    A refusal in a namespace that is being deleted has nothing to do with permissions.
    """
    for component in ("operator", "coordinator"):
        await kubectl("rollout", "status", f"deployment/askproai-{component}", "-n", SYSTEM, "--timeout=180s")
        logs = ""
        for pod in await pods(SYSTEM, component):
            logs += await kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"])
            if restarts([pod])[f"{pod['metadata']['name']}/{component}"]:
                logs += await kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"], "--previous")
        lines = [line for line in logs.splitlines() if "because it is being terminated" not in line]
        bad = [line for line in lines if "forbidden" in line.lower() or "Traceback" in line]
        assert logs
        assert bad == []


async def test_helm_upgrade_replaces_the_crds(env: NodeEnvironment, tmp_path: Path):
    chart = tmp_path / "askproai"
    shutil.copytree(CHART, chart)
    crd = chart / "templates" / "crds" / "tenants.yaml"
    text = crd.read_text("utf-8")
    crd.write_text(text.replace("    - apt\n", "    - apt\n    - apte2e\n"), "utf-8")
    await env.helm(chart=chart)
    names = "jsonpath={.spec.names.shortNames}"
    assert json.loads(await kubectl("get", "crd", "tenants.askproai.de", "-o", names)) == ["apt", "apte2e"]
    await env.helm()
    assert json.loads(await kubectl("get", "crd", "tenants.askproai.de", "-o", names)) == ["apt"]


@pytest.mark.nightly
@pytest.mark.timeout(1200)
async def test_upgrade_and_rollback_during_calls_fail_no_request(env: NodeEnvironment, record_property):
    """Three tenants are called while the next release comes with a further migration, and while it is taken back."""
    following = os.environ.get("ASKPROAI_E2E_NEXT")
    if not following:
        pytest.skip("ASKPROAI_E2E_NEXT, the image of tests/e2e/node/next_release, is missing")
    env.upstream.clear()  # their Services of before are gone
    for other in OTHERS:
        await kubectl("apply", "-f", str(EXAMPLES / other.file))
    for other in OTHERS:
        await wait_until_ready(other.namespace)
    tenants = (SALON.namespace, *(other.namespace for other in OTHERS))
    (before,) = await env.rows(SCHEMA)
    repository, _, tag = following.rpartition(":")
    load = Load(env, free_starts()[50:], OTHERS, pause=1.5)
    async with load.running():
        for name, image, act in (
            ("upgraded after", following, partial(env.helm, "--set", f"image.repository={repository},image.tag={tag}")),
            ("rolled back after", env.image, partial(run, "helm", "rollback", "askproai", "-n", SYSTEM, "--wait")),
        ):
            started = time.monotonic()
            await act()
            await eventually(lambda image=image: all_run(tenants, image), 400, f"all pods of {image}")
            record_property(name, f"{time.monotonic() - started:.1f} s")
        (after,) = await env.rows(SCHEMA)
        record_property("undone after", await _undo_newest_migration(following))
    load.record(record_property)
    await load.assert_nothing_was_lost()
    assert after["version"] == before["version"] + 1, "the former release runs on the schema of the next one"
    assert await env.rows(SCHEMA) == [before]
    await kubectl("delete", "namespace", *(other.namespace for other in OTHERS), "--timeout=180s")


async def _undo_newest_migration(image: str) -> str:
    """Undo it as docs/install.md says, in the image that brought it, and return how long the pod took."""
    await kubectl("scale", "deployment", "askproai-operator", "-n", SYSTEM, "--replicas=0")
    await eventually(_no_operator_runs, 120, "the operator to end", every=0.5)
    started = time.monotonic()
    pod = yaml.safe_load((EXAMPLES / "pods" / "migrate-down.yaml").read_text("utf-8"))
    pod["spec"]["containers"][0]["image"] = image
    await apply(pod, namespace=SYSTEM)
    succeeded = "--for=jsonpath={.status.phase}=Succeeded"
    await kubectl("wait", "pod/migrate-down", "-n", SYSTEM, succeeded, "--timeout=240s")
    took = f"{time.monotonic() - started:.1f} s"
    await kubectl("delete", "pod", "migrate-down", "-n", SYSTEM)
    await kubectl("scale", "deployment", "askproai-operator", "-n", SYSTEM, "--replicas=2")
    await kubectl("rollout", "status", "deployment/askproai-operator", "-n", SYSTEM, "--timeout=180s")
    return took


async def test_callers_go_on_booking_after_helm_uninstall(env: NodeEnvironment):
    before = restarts(await pods(SALON.namespace, "web"))
    await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait")
    await eventually(_no_operator_runs, SOON, "the operator's pods to be deleted")  # helm waits for its Deployment only
    for plural in PLURALS:
        assert await objects(f"{plural}.askproai.de", "-A") != []
    start = free_starts()[0]
    args = {"service": "Haarschnitt", "start": start, "customer_name": "Olga Oper"}
    record = await env.call("Hallo", from_number="+4915199999999", args=[{"name": "book_appointment", "args": args}])
    assert record.errors == []
    assert record.answers("book_appointment")[0]["success"] is True
    assert restarts(await pods(SALON.namespace, "web")) == before


async def _no_operator_runs() -> bool:
    return await pods(SYSTEM, "operator") == []


async def test_new_install_adopts_kept_tenants_without_retell_writes(env: NodeEnvironment):
    before = {pod["metadata"]["uid"] for pod in await pods(SALON.namespace, "web")}
    agents = await env.workspace()
    await env.helm()
    annotation = f"askproai.de/reconcile-at={time.time_ns()}"
    await kubectl("annotate", "retellagent", "mitte", "-n", SALON.namespace, annotation, "--overwrite")
    token = annotation.partition("=")[2]

    async def reconciled() -> bool:
        agent = json.loads(await kubectl("get", "retellagent", "mitte", "-n", SALON.namespace, "-o", "json"))
        return bool(agent["status"].get("lastReconcileToken") == token)

    await eventually(reconciled, 120, "the new operator to reconcile the agent")
    await wait_until_ready()
    assert {pod["metadata"]["uid"] for pod in await pods(SALON.namespace, "web")} == before
    assert await env.workspace() == agents


async def test_a_deleted_namespace_leaves_nothing_at_the_providers(env: NodeEnvironment):
    await kubectl("delete", "namespace", SALON.namespace, "--timeout=240s")
    workspace = await env.workspace()
    assert (workspace["agents"], workspace["llms"]) == ({}, {})
    assert not workspace["numbers"][SALON.number].get("inbound_agents")
    assert await env.webhooks() == []


async def test_helm_uninstall_without_crds_keep_removes_everything(env: NodeEnvironment):
    await env.helm("--set", "crds.keep=false")
    await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait", "--cascade", "foreground")
    everywhere = "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    names = [item["metadata"]["name"] for item in await objects(everywhere)]
    assert [name for name in names if "askproai" in name] == []
    release = await objects("all,role,rolebinding,pdb,networkpolicy", "-n", SYSTEM)
    assert [f"{item['kind']}/{item['metadata']['name']}" for item in release] == []
