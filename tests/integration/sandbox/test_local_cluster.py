"""Pods in the local cluster: they run, are reached through the ingress proxy, and their status says what is wrong."""

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from askproai_sandbox.cluster import KubeClient, Object, eventually
from askproai_sandbox.cluster.processes import ProcessIdentity
from tests.worlds.local_salon import SOON, Salon, is_ready, salon_deployment, web_status

pytestmark = [pytest.mark.usefixtures("pod_runner"), pytest.mark.nightly]


@pytest.fixture
async def salon(kube_client: KubeClient, kube_namespace: str, pod_folder: Path, entrance_url: str) -> Salon:
    return Salon(kube_client, kube_namespace, pod_folder, entrance_url)


async def test_a_deployment_runs_and_is_reached_through_the_ingress_proxy(salon: Salon) -> None:
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


async def test_an_unchanged_pod_causes_no_write(salon: Salon) -> None:
    """The probes run each second, and nothing is written while nothing changes."""
    await salon.deploy(salon_deployment())
    await salon.ready()
    version = (await salon.client.get(f"{salon.base}/pods"))["metadata"]["resourceVersion"]
    seen: list[str] = []
    await salon.client.watch(
        f"{salon.base}/pods", lambda kind, _: seen.append(kind), resourceVersion=version, timeoutSeconds="3"
    )
    assert set(seen) <= {"BOOKMARK"}


async def test_a_killed_container_is_started_again_and_counted(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    pid = salon.recorded_pid(await salon.ready())
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    pod = await salon.pod(lambda pod: web_status(pod)["restartCount"] == 1 and is_ready(pod), "the restart")
    assert web_status(pod)["lastState"]["terminated"]["exitCode"] == 137
    await salon.ready()
    assert (await salon.ask())["pid"] == salon.recorded_pid(pod) != pid


async def test_an_unhealthy_container_is_restarted(salon: Salon) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    await salon.deploy(salon_deployment(livenessProbe=probe))
    pod = await salon.ready()
    async with aiohttp.ClientSession() as session, session.get(f"http://{pod['status']['podIP']}:8080/sick"):
        pass
    await salon.pod(lambda pod: web_status(pod)["restartCount"] >= 1, "the restart")


async def test_a_pod_waits_for_its_secret_and_reports_it(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    await salon.client.delete(f"{salon.base}/secrets/runtime")
    for pod in await salon.pods():
        await salon.client.delete(f"{salon.base}/pods/{pod['metadata']['name']}")
    waiting = await salon.pod(lambda pod: "runtime" in str(web_status(pod)["state"].get("waiting")), "the waiting")
    assert web_status(waiting)["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    secret: Object = {"kind": "Secret", "metadata": {"name": "runtime"}, "stringData": {"key": "k2"}}
    await salon.client.create(f"{salon.base}/secrets", secret)
    await salon.ready()


async def test_unsupported_fields_are_refused_in_the_status(salon: Salon) -> None:
    await salon.deploy(salon_deployment(envFrom=[{"secretRef": {"name": "runtime"}}]))
    pod = await salon.pod(lambda pod: "Unsupported" in str(web_status(pod)["state"]), "the refusal")
    assert "envFrom" in web_status(pod)["state"]["waiting"]["message"]


async def test_a_deleted_namespace_ends_its_processes(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    pod = await salon.ready()
    process = ProcessIdentity.of(salon.recorded_pid(pod) or 0)
    assert process is not None
    await salon.client.delete(f"/api/v1/namespaces/{salon.namespace}")

    async def gone() -> bool:
        namespaces = (await salon.client.get("/api/v1/namespaces"))["items"]
        return salon.namespace not in [namespace["metadata"]["name"] for namespace in namespaces]

    # The controllers collect what is in it one kind after the other, on a busy machine for longer than anything else here.
    await eventually(gone, SOON, "the namespace's end", every=0.2)
    assert not process.alive()
    assert salon.recorded_pid(pod) is None
    assert (await salon.ask())["status"] == 404


@pytest.mark.parametrize("path", ["/admin", "/webhooksx", "/webhooks/../api/v1", "/webhooks/%2e%2e/api", ""])
async def test_only_public_paths_are_routed(salon: Salon, path: str) -> None:
    """Only `/webhooks` and `/retell` are routed from outside."""
    service: Object = {"kind": "Service", "metadata": {"name": "salon-web"}, "spec": {"ports": [{"port": 8080}]}}
    await salon.client.create(f"{salon.base}/services", service)
    host, _, port = salon.url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))  # raw, because a client would normalize the path
    writer.write(f"POST /{salon.namespace}/salon{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 404 ")
    assert "application/problem+json" in answer


async def test_without_a_ready_pod_senders_are_told_to_retry(salon: Salon) -> None:
    await salon.deploy(salon_deployment(command=["sleep", "60"], args=[]))
    answer: Object = await eventually(lambda: answered(salon, 503), SOON, "the Service to be known")
    assert answer["headers"]["Retry-After"] == "1"
    assert (await salon.ask(data=b"x" * (10 << 20)))["status"] == 413


async def answered(salon: Salon, status: int) -> Object | None:
    answer = await salon.ask()
    return answer if answer["status"] == status else None
