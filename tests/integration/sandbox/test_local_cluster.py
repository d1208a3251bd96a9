"""Pods in the local cluster: they run, are reached through the ingress proxy, see changed mounts, and start again."""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from askproai_sandbox.cluster import KubeClient, eventually
from tests.worlds.local_salon import SOON, Salon, is_ready, salon_deployment, web_status

pytestmark = [pytest.mark.usefixtures("pod_runner"), pytest.mark.nightly]


@pytest.fixture
async def salon(kube_client: KubeClient, kube_namespace: str, pod_folder: Path, entrance_url: str) -> Salon:
    return Salon(kube_client, kube_namespace, pod_folder, entrance_url)


async def test_deployment_is_reached_through_the_ingress_proxy(salon: Salon) -> None:
    """With its own address, a local environment, mounted files, readiness by its probe, and an unchanged path."""
    await salon.deploy(salon_deployment())
    pod = await salon.ready()
    answer = await salon.ask("/webhooks/retell?x=%2F", headers={"X-Forwarded-For": "203.0.113.9"}, data=b"x" * 100_000)
    address = pod["status"]["podIP"]
    assert address.startswith("127.")
    assert answer["path"] == f"/{salon.namespace}/salon/webhooks/retell?x=%2F"
    assert answer["forwarded"] == "203.0.113.9, 127.0.0.1"
    assert (answer["config"], answer["secret"], answer["body"]) == ("first", "k1", 100_000)
    env, name = answer["env"], pod["metadata"]["name"]
    assert (env["POD_ADDRESS"], env["ASKPROAI_BIND_ADDRESS"], env["POD_NAME"]) == (address, address, name)
    assert "PYTEST_CURRENT_TEST" not in env, "the pod does not get the environment of this machine's user"
    assert salon.recorded_pid(pod) == answer["pid"]
    assert salon.recorded_pid(pod, "worker") is not None


async def test_annotated_pods_see_changed_mounts(salon: Salon) -> None:
    """A kubelet looks for changes each minute; an annotation makes it look at once.

    From the annotation to the time of the files: how long the answers take that show it is no promise.
    """
    await salon.deploy(salon_deployment())
    pod = await salon.ready()
    before = await salon.ask()
    await salon.client.merge(f"{salon.base}/configmaps/salon-config", {"data": {"tenant.json": "second"}})
    await salon.client.merge(f"{salon.base}/secrets/providers", {"stringData": {"retell-api-key": "new"}})

    async def seen() -> bool:
        answer = await salon.ask()
        return (answer["config"], answer["secret"], answer["pid"]) == ("second", "new", before["pid"])

    touches = itertools.count()

    async def seen_after_touch() -> bool:  # the pod may be touched before the runner has heard of the changes
        annotations = {"askproai.de/config-touch": str(next(touches))}
        path = f"{salon.base}/pods/{pod['metadata']['name']}"
        await salon.client.merge(path, {"metadata": {"annotations": annotations}})
        return await seen()

    assert not await seen(), "nothing is mounted again yet"
    changed_at = time.time()
    await eventually(seen_after_touch, SOON, "the new files", every=0.1)
    (volumes,) = salon.folder.glob(f"pods/*{pod['metadata']['name']}/volumes")
    for file in ("config/tenant.json", "credentials/api-key"):
        assert (volumes / file).stat().st_mtime - changed_at < 5


async def test_a_killed_container_is_started_again_and_counted(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    pid = salon.recorded_pid(await salon.ready())
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    pod = await salon.pod(lambda pod: web_status(pod)["restartCount"] == 1 and is_ready(pod), "the restart")
    assert web_status(pod)["lastState"]["terminated"]["exitCode"] == 137
    await salon.ready()
    assert (await salon.ask())["pid"] == salon.recorded_pid(pod) != pid
