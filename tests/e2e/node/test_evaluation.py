"""An evaluation on a real node, as docs/evaluation.md says: one `helm install` alone. The steps build on each other."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.e2e.node.cluster import SYSTEM, CommandFailed, api_server_port, apply, kubectl, objects, run
from tests.e2e.node.environment import CHART, OTHERS, RESTRICTED, missing, remove_everything, wait_until_ready
from tests.e2e.node.reach import API, reached, remove_bystanders, start_bystanders
from tests.worlds.network_reach import API_SERVER, MONITORING, PRACTICE, REACH, SOURCES
from tests.worlds.waiting import eventually

pytestmark = [pytest.mark.timeout(600), pytest.mark.nightly]
IMAGES = ("ASKPROAI_E2E_IMAGE", "ASKPROAI_E2E_SIMULATORS", "ASKPROAI_E2E_STORES")
STORES = ("postgres", "valkey")


async def call(*say: str) -> dict[str, Any]:
    """Play a call from the simulators' pod, as the page says; return its record. Raises CommandFailed on an error."""
    sentences = [argument for sentence in say for argument in ("--say", sentence)]
    command = ("askproai", "call", "--to", SALON.number, *sentences, "--output", "json")
    return dict(json.loads(await kubectl("exec", "-n", SYSTEM, "deploy/askproai-simulators", "--", *command)))


async def appointments() -> list[dict[str, Any]]:
    listed = await run("askproai", "appointments", "list", "-t", SALON.tenant, "--output", "json")
    return list(json.loads(listed)["appointments"])


async def install(*options: str) -> str:
    image, simulators, stores = (os.environ[name] for name in IMAGES)
    repository, _, tag = image.rpartition(":")
    values = {
        "image.repository": repository, "image.tag": tag, "evaluation.enabled": "true", "evaluation.simulators": "true",
        "evaluation.simulatorsImage": simulators, "evaluation.postgresImage": stores, "evaluation.valkeyImage": stores,
        "networkPolicy.enabled": "true", "networkPolicy.egressPorts": f"{{443,5432,6379,9090,{await api_server_port()}}}",
        "operator.env.ASKPROAI_MONITORING_NAMESPACES": MONITORING,
    }  # fmt: skip
    settings = [argument for name, value in values.items() for argument in ("--set", f"{name}={value}")]
    command = ("helm", "upgrade", "--install", "askproai", str(CHART), "-n", SYSTEM, *settings, *options)
    return await run(*command, "--wait", "--timeout", "300s")


@pytest.fixture(scope="module")
async def disks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """An empty namespace, and where the cluster has no storage of its own, two folders of this machine as disks."""
    if reason := missing(("KUBECONFIG", *IMAGES)):
        pytest.skip(reason)
    await remove_everything()
    meta = {"name": SYSTEM, "labels": RESTRICTED}
    await apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    stores = () if await objects("storageclasses") else STORES
    volumes = [_volume(tmp_path_factory.mktemp(name), name) for name in stores]
    if volumes:
        await apply(*volumes)
    yield
    await remove_everything()
    if volumes:
        await kubectl("delete", "pv", *(volume["metadata"]["name"] for volume in volumes), "--ignore-not-found")


def _volume(folder: Path, name: str) -> dict[str, Any]:
    for each in (folder, *folder.parents[:2]):  # pytest's folders are for their owner only
        each.chmod(0o755)
    shutil.chown(folder, 999, 999)
    claim = {"namespace": SYSTEM, "name": f"data-askproai-{name}-0"}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": str(folder)}}
    more = {"claimRef": claim, "persistentVolumeReclaimPolicy": "Retain"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"e2e-{name}"}, "spec": spec | more}


async def test_one_command_installs_the_chart_with_evaluation_warning(disks: None, record_property):
    started = time.monotonic()
    notes = await install()
    record_property("installed after", f"{time.monotonic() - started:.1f} s")
    assert "EVALUATION" in notes
    assert "helm uninstall" in notes


async def test_example_tenant_books_a_call_after_evaluation_install(disks: None, record_property):
    started = time.monotonic()
    await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await wait_until_ready()
    record_property("Ready after", f"{time.monotonic() - started:.1f} s")
    await call(
        "Einen Haarschnitt am kommenden Freitag um halb drei, bitte.", "Die erste, gern. Mein Name ist Erika Muster."
    )

    async def confirmed() -> bool:
        (appointment,) = await appointments()
        return (appointment["status"], appointment["customer_name"]) == ("confirmed", "Erika Muster")

    # A booking that Cal.com has not answered within four seconds is looked up five minutes later.
    await eventually(confirmed, 360, "the appointment to be at Cal.com", every=1)


@pytest.fixture
async def second_tenant_and_bystanders(disks: None) -> AsyncIterator[None]:
    """Other users of a cluster: another tenant, the monitoring, a namespace that nobody names."""
    try:
        await kubectl("apply", "-f", str(EXAMPLES / OTHERS[0].file))
        await start_bystanders(os.environ["ASKPROAI_E2E_IMAGE"])
        await wait_until_ready(PRACTICE)
        yield
    finally:
        await kubectl("delete", "namespace", PRACTICE, "--ignore-not-found", "--timeout=240s")
        await remove_bystanders()


async def test_each_port_is_reached_only_by_its_clients(second_tenant_and_bystanders: None, record_property):
    """Where the cluster's network enforces policies; where it does not, every port of the table is open."""
    expected = {(source, target, port) for target, port, sources in REACH for source in sources - {target}}
    expected |= {(source, *API) for source in API_SERVER}
    targets = {API, *((target, port) for target, port, _ in REACH)}
    everything = {(source, *target) for source in SOURCES for target in targets if target[0] != source}
    found, is_enforced = set[tuple[str, str, int]](), bool(os.environ.get("ASKPROAI_E2E_ENFORCED"))

    async def as_expected() -> bool:
        nonlocal found
        found = await reached()
        return found == expected or (found == everything and not is_enforced)

    with suppress(AssertionError):  # a plugin learns of new pods some seconds later; differences are named below
        await eventually(as_expected, 120, "the policies to be in force", every=1)
    if found == everything and not is_enforced:
        record_property("open", len(found))
        pytest.skip("this cluster's network enforces no NetworkPolicy")
    assert {"open": found - expected, "closed": expected - found} == {"open": set(), "closed": set()}
    record_property("open", len(expected))
    record_property("closed", len(everything - expected))


async def test_bookings_outlive_upgrade_and_lost_stores(disks: None, record_property):
    (secret,) = [
        each for each in await objects("secrets", "-n", SYSTEM) if each["metadata"]["name"] == "askproai-evaluation"
    ]
    upgrade, steps = asyncio.create_task(install("--set", "settings.logLevel=DEBUG")), list[dict[str, Any]]()
    try:
        while not upgrade.done():
            steps += (await call("Haben Sie am Freitag noch etwas frei?"))["steps"]
    finally:
        await upgrade  # the next test must not meet it
    requests = [step for step in steps if step["kind"] in {"tool", "webhook"}]
    record_property(
        "during the upgrade", f"{sum('error' in step for step in requests)} of {len(requests)} requests failed"
    )
    assert requests
    assert [step["error"] for step in requests if "error" in step] == []
    (after,) = [
        each for each in await objects("secrets", "-n", SYSTEM) if each["metadata"]["name"] == "askproai-evaluation"
    ]
    assert after["data"] == secret["data"], "new passwords would lock everybody out"
    for store in STORES:
        await kubectl("delete", "pod", f"askproai-{store}-0", "-n", SYSTEM, "--grace-period=0", "--force")
        await kubectl("rollout", "status", f"statefulset/askproai-{store}", "-n", SYSTEM, "--timeout=120s")

    async def books() -> bool:
        with suppress(CommandFailed):  # the pods connect anew
            record = await call(
                "Einen Haarschnitt am kommenden Donnerstag um halb drei, bitte.",
                "Die erste, gern. Mein Name ist Ida Winter.",
            )
            return any("eingetragen" in str(step) for step in record["steps"])
        return False

    await eventually(books, 120, "a booking after both stores were lost")
    customers = {each["customer_name"] for each in await appointments()}
    assert customers == {"Erika Muster", "Ida Winter"}
    await wait_until_ready()


async def test_uninstalling_leaves_nothing_of_the_evaluation(disks: None):
    await kubectl("delete", "namespace", SALON.namespace, "--timeout=240s")
    await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait", "--cascade", "foreground")

    async def is_gone() -> bool:
        left = await objects("statefulsets,persistentvolumeclaims,pods,services", "-n", SYSTEM)
        return not left and "askproai-evaluation" not in await kubectl("get", "secrets", "-n", SYSTEM, "-o", "name")

    await eventually(is_gone, 120, "the evaluation to be gone, with its data")
