"""Kopf as our informer: its reports arrive in cache and queue, filtered by the server, and it writes nothing."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.control_loop.informer import Informer
from askproai_operator.control_loop.login import kopf_login
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.engine_environment import EngineEnvironment
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

OURS = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": "salon-mueller"}


def remove_signal_handlers() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)


def spoil_answers(
    monkeypatch: pytest.MonkeyPatch, path: str, error: aiohttp.ClientError, *, only_the_first: bool = True
) -> list[aiohttp.ClientResponse]:
    """Make the JSON answers at paths with this ending unreadable; return the list of these answers."""
    answers: list[aiohttp.ClientResponse] = []
    read = aiohttp.ClientResponse.json

    async def read_or_fail(response: aiohttp.ClientResponse, **arguments: Any) -> Any:
        if response.url.path.endswith(path):
            answers.append(response)
            if len(answers) == 1 or not only_the_first:
                raise error
        return await read(response, **arguments)

    monkeypatch.setattr(aiohttp.ClientResponse, "json", read_or_fail)
    return answers


async def see_a_change(env: EngineEnvironment, kube_client: KubeClient) -> None:
    """Wait until a watch has reported a change of an object that the cache did not know."""
    tenant = await env.create("Tenant")
    env.remove_from_cache(tenant)
    labelled = {"metadata": {"labels": {"a": "b"}}}
    await kube_client.merge(resources.TENANTS.path(env.namespace, "salon-mueller"), labelled)
    await eventually(lambda: env.cache.get(tenant.key), SOON, "the watch")


@asynccontextmanager
async def running_informer(env: EngineEnvironment, control_plane: ControlPlane) -> AsyncIterator[Informer]:
    stop = asyncio.Event()
    informer = Informer(env.sink, env.kube, env.clock, env.metrics, partial(kopf_login, control_plane.kubeconfig))
    await informer.prime()
    env.sent.clear()

    running = asyncio.create_task(informer.run(stop, remove_signal_handlers))
    await asyncio.wait_for(informer.ready.wait(), SOON)
    yield informer
    stop.set()
    await running


@pytest.fixture
async def informer(env: EngineEnvironment, control_plane: ControlPlane) -> AsyncIterator[Informer]:
    """An informer that is primed and watches."""
    async with running_informer(env, control_plane) as informer:
        yield informer


def secret(env: EngineEnvironment, name: str, labels: dict[str, str], value: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": env.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"retell-api-key": value}}


async def test_objects_from_before_the_start_enqueue_nothing(env, kube_client, control_plane):
    tenant = await env.create("Tenant")
    env.remove_from_cache(tenant)
    informer = Informer(env.sink, env.kube, env.clock, env.metrics, partial(kopf_login, control_plane.kubeconfig))
    await informer.prime()
    assert env.cache.get(tenant.key) is not None
    assert not env.enqueued, "main queues the primed objects, with the priority of a resync"


async def test_informer_reports_creation_change_and_deletion(env, informer, kube_client):
    tenant = await env.create("Tenant")
    env.remove_from_cache(tenant)
    await kube_client.merge(
        resources.TENANTS.path(env.namespace, "salon-mueller"), {"metadata": {"labels": {"a": "b"}}}
    )

    def labelled() -> bool:
        seen = env.cache.get(tenant.key)
        return seen is not None and seen.metadata.labels == {"a": "b"}

    await eventually(labelled, SOON, "the change")
    assert next(key for key in env.enqueued if key.namespace == env.namespace) == tenant.key
    await kube_client.delete(resources.TENANTS.path(env.namespace, "salon-mueller"))
    await eventually(lambda: env.cache.get(tenant.key) is None, SOON, "the deletion")


async def test_lists_are_compared_despite_constantly_restarting_watches(env, kube_client, control_plane, monkeypatch):
    """As behind a proxy that always cuts an answer that only kopf requests. Else no change would be seen, and no alert fire."""
    cut = aiohttp.ClientPayloadError("received 851 of 1457 bytes")
    begun = spoil_answers(monkeypatch, "/apis", cut, only_the_first=False)
    informer = Informer(
        env.sink, env.kube, env.clock, env.metrics, partial(kopf_login, control_plane.kubeconfig),
        audit_every=timedelta(seconds=1.5),
    )  # fmt: skip
    await informer.prime()
    stop = asyncio.Event()
    running = asyncio.create_task(informer.run(stop, remove_signal_handlers))
    tenant = await env.create("Tenant")
    env.remove_from_cache(tenant)
    await eventually(lambda: env.cache.get(tenant.key), SOON, "the list")
    assert len(begun) > 1, "the watches have begun again meanwhile"
    stop.set()
    await running


async def test_each_resource_is_watched_once_after_invalid_json(env, kube_client, control_plane, monkeypatch):
    """Kopf ends at the error of one watch but leaves the others running, which would keep the process from ending."""

    def count_watchers() -> Counter[str]:
        found = Counter(task.get_name() for task in asyncio.all_tasks())
        return Counter({name: count for name, count in found.items() if name.startswith("watcher for")})

    informer = Informer(env.sink, env.kube, env.clock, env.metrics, partial(kopf_login, control_plane.kubeconfig))
    await informer.prime()
    no_json = aiohttp.ContentTypeError(Mock(), (), message="unexpected mimetype: text/html")
    answers = spoil_answers(monkeypatch, "/tenants", no_json)
    stop = asyncio.Event()
    running = asyncio.create_task(informer.run(stop, remove_signal_handlers))
    await eventually(lambda: len(answers) > 1, SOON, "another list of Tenants")
    await see_a_change(env, kube_client)
    assert set(count_watchers().values()) == {1}
    stop.set()
    await running
    assert not count_watchers()


async def test_ended_informer_leaves_no_timer_that_kills(env, kube_client, control_plane):
    """Kopf's own would kill the tests' process in the middle of another test, ten minutes later."""
    async with running_informer(env, control_plane):
        await see_a_change(env, kube_client)
    timers = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert not [timer for timer in timers if signal.SIGKILL in (timer._args or ())]


async def test_only_our_children_and_labelled_secrets_are_watched(env, informer):
    await env.create("Tenant")
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    await env.kube.create({**config, "metadata": {"name": "foreign", "namespace": env.namespace}})
    await env.kube.create(secret(env, "foreign", {}, "geheim"))
    await env.kube.create({**config, "metadata": {"name": "ours", "namespace": env.namespace, "labels": OURS}})
    await env.kube.create(secret(env, "providers", {"askproai.de/use": "true"}, "geheim"))
    await eventually(lambda: env.cache.child(resources.CONFIG_MAPS, env.namespace, "ours"), SOON, "our ConfigMap")
    await eventually(lambda: env.cache.secret(env.namespace, "providers"), SOON, "the user's Secret")
    assert env.cache.child(resources.CONFIG_MAPS, env.namespace, "foreign") is None
    assert env.cache.secret(env.namespace, "foreign") is None


async def test_a_rotated_key_makes_its_tenant_due(env, informer, kube_client):
    tenant = await env.create("Tenant")
    await env.kube.create(secret(env, "providers", {"askproai.de/use": "true"}, "key_old"))
    await eventually(lambda: env.cache.secret(env.namespace, "providers"), SOON, "the Secret")
    env.enqueued.clear()
    new = {"stringData": {"retell-api-key": "key_new"}}
    await kube_client.merge(resources.SECRETS.path(env.namespace, "providers"), new)
    await eventually(
        lambda: Key("Tenant", env.namespace, "salon-mueller") in env.enqueued, SOON, "the Tenant to be due"
    )
    assert tenant.key in env.enqueued


async def test_object_that_lost_its_label_can_return(env, informer, kube_client):
    """The watch reports the loss of the label as a deletion, and the object has the same uid when it is back."""
    tenant = await env.create("Tenant")
    path = resources.SECRETS.path(env.namespace, "providers")
    await env.kube.create(secret(env, "providers", {"askproai.de/use": "true"}, "key_old"))
    await eventually(lambda: env.cache.secret(env.namespace, "providers"), SOON, "the Secret")
    first = env.cache.secret(env.namespace, "providers")
    await kube_client.merge(path, {"metadata": {"labels": {"askproai.de/use": None}}})
    await eventually(lambda: env.cache.secret(env.namespace, "providers") is None, SOON, "the loss of the label")
    env.enqueued.clear()
    await kube_client.merge(path, {"metadata": {"labels": {"askproai.de/use": "true"}}})
    await eventually(lambda: env.cache.secret(env.namespace, "providers"), SOON, "the Secret with its label")
    assert env.cache.secret(env.namespace, "providers").uid == first.uid
    assert tenant.key in env.enqueued


class TestAudit:
    """Kopf loses deletions across a 410 Gone, so the cache is compared with lists (docs/decisions/0029-kopf-is-the-informer.md)."""

    def informer_of(self, env: EngineEnvironment, control_plane: ControlPlane) -> Informer:
        return Informer(env.sink, env.kube, env.clock, env.metrics, partial(kopf_login, control_plane.kubeconfig))

    async def test_unseen_recreation_is_found(self, env, control_plane, kube_client):
        branch, tenant = await env.create("Branch"), await env.create("Tenant")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
        child = await env.kube.apply(config | {"metadata": {"name": "c", "namespace": env.namespace, "labels": OURS}})
        for ref, name in ((resources.BRANCHES, branch.key.name), (resources.CONFIG_MAPS, "c")):
            await kube_client.delete(ref.path(env.namespace, name))
        meta = {"name": "unseen", "namespace": env.namespace, "labels": OURS}
        await kube_client.create(resources.CONFIG_MAPS.path(env.namespace), config | {"metadata": meta})
        env.enqueued.clear()
        await self.informer_of(env, control_plane).audit()
        assert env.cache.get(branch.key) is None
        assert env.cache.child(resources.CONFIG_MAPS, env.namespace, "c") is None
        assert env.cache.child(resources.CONFIG_MAPS, env.namespace, "unseen") is not None
        assert child.uid not in env.cache.uids(resources.CONFIG_MAPS).values()
        assert tenant.key in env.enqueued

    async def test_object_created_during_the_audit_stays_cached(self, env, control_plane, monkeypatch):
        real = env.kube.list_chunks

        async def slow(ref: Any, **more: Any) -> Any:
            async for found in real(ref, **more):
                if ref is resources.BRANCHES:
                    await env.create("Branch", "late")
                yield found

        monkeypatch.setattr(env.kube, "list_chunks", slow)
        await self.informer_of(env, control_plane).audit()
        assert env.cache.get(Key("Branch", env.namespace, "late")) is not None

    async def test_deletion_lost_by_the_watch_is_healed(self, env, informer, control_plane, kube_client, monkeypatch):
        """Kopf goes on watching as after a 410; only the event of the deletion is dropped."""
        tenant, branch = await env.create("Tenant"), await env.create("Branch")
        forget, lost = env.sink.forget, []
        monkeypatch.setattr(env.sink, "forget", lambda *what: lost.append(what))
        await kube_client.delete(resources.BRANCHES.path(env.namespace, branch.key.name))
        # The API server closes a watch when its CRD changes, as it does in other tests: then the watch itself has lost the event.
        with contextlib.suppress(AssertionError):
            await eventually(lambda: lost, 10, "the event that is dropped")
        monkeypatch.setattr(env.sink, "forget", forget)
        assert env.cache.get(branch.key) is not None, "a ghost"
        env.enqueued.clear()
        audits = asyncio.create_task(informer._audits((resources.BRANCHES,), timedelta(milliseconds=100)))
        await eventually(lambda: env.cache.get(branch.key) is None, SOON, "the audit")
        assert tenant.key in env.enqueued
        assert env.metrics.registry.get_sample_value("askproai_missed_deletions_total") >= 1
        audits.cancel()
        await asyncio.gather(audits, return_exceptions=True)

    async def test_an_audit_without_differences_writes_and_enqueues_nothing(self, env, control_plane):
        await env.create("Tenant")
        await env.create("Branch")
        informer = self.informer_of(env, control_plane)
        await informer.audit()
        env.enqueued.clear()
        env.sent.clear()
        await informer.audit()
        # another test's namespace may just be going: the audit looks at all of them
        assert ([key for key in env.enqueued if key.namespace == env.namespace], env.sent) == ([], [])

    async def test_object_deleted_during_the_list_does_not_return(self, env, control_plane, kube_client, monkeypatch):
        """The list was read before the deletion, and is applied after the watch reported it."""
        branch, real = await env.create("Branch"), env.kube.list_chunks

        async def slow(ref: Any, **more: Any) -> Any:
            async for found in real(ref, **more):
                if ref is resources.BRANCHES and env.cache.get(branch.key) is not None:
                    await kube_client.delete(resources.BRANCHES.path(env.namespace, branch.key.name))
                    env.sink.forget(resources.BRANCHES, env.namespace, branch.key.name, branch.metadata.uid)
                yield found

        monkeypatch.setattr(env.kube, "list_chunks", slow)
        await self.informer_of(env, control_plane).audit()
        assert env.cache.get(branch.key) is None
