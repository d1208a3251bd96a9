"""Kopf as our informer: what it reports arrives in cache and queue, filtered by the server, and it writes nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from askproai_operator.engine import Key, resources
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.login import kopf_login
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.waiting import eventually

SOON = 15.0  # seconds
OURS = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": "salon-mueller"}


@pytest.fixture
async def informer(rig: Any, control_plane: ControlPlane) -> AsyncIterator[Informer]:
    """An informer that is primed and watches."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    informer = Informer(rig.sink, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))
    await informer.prime()
    rig.sent.clear()

    def remove_signal_handlers() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    running = asyncio.create_task(informer.run(stop, remove_signal_handlers))
    await asyncio.wait_for(informer.ready.wait(), 10)
    yield informer
    stop.set()
    await running


def secret(rig: Any, name: str, labels: dict[str, str], value: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": rig.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"retell-api-key": value}}


async def test_objects_from_before_the_start_are_cached_and_enqueue_nothing(
    rig, kube_client: KubeClient, control_plane: ControlPlane
):
    tenant = await rig.make("Tenant")
    rig.remove_from_cache(tenant)
    informer = Informer(rig.sink, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))
    await informer.prime()
    assert rig.cache.get(tenant.key) is not None
    assert not rig.enqueued, "main queues the primed objects, with the priority of a resync"


async def test_creation_change_and_deletion_arrive(rig, informer: Informer, kube_client: KubeClient):
    tenant = await rig.make("Tenant")
    rig.remove_from_cache(tenant)
    await kube_client.merge(
        resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"labels": {"a": "b"}}}
    )

    def labelled() -> bool:
        seen = rig.cache.get(tenant.key)
        return seen is not None and seen.metadata.labels == {"a": "b"}

    await eventually(labelled, SOON, "the change")
    assert rig.enqueued[0] == tenant.key
    await kube_client.delete(resources.TENANTS.path(rig.namespace, "salon-mueller"))
    await eventually(lambda: rig.cache.get(tenant.key) is None, SOON, "the deletion")


async def test_only_our_children_and_labelled_secrets_are_watched(rig, informer: Informer):
    await rig.make("Tenant")
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    await rig.kube.create({**config, "metadata": {"name": "foreign", "namespace": rig.namespace}})
    await rig.kube.create(secret(rig, "foreign", {}, "geheim"))
    await rig.kube.create({**config, "metadata": {"name": "ours", "namespace": rig.namespace, "labels": OURS}})
    await rig.kube.create(secret(rig, "providers", {"askproai.de/watch": "true"}, "geheim"))
    await eventually(lambda: rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "ours"), SOON, "our ConfigMap")
    await eventually(lambda: rig.cache.secret(rig.namespace, "providers"), SOON, "the user's Secret")
    assert rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "foreign") is None
    assert rig.cache.secret(rig.namespace, "foreign") is None


async def test_a_rotated_key_makes_its_tenant_due(rig, informer: Informer, kube_client: KubeClient):
    tenant = await rig.make("Tenant")
    await rig.kube.create(secret(rig, "providers", {"askproai.de/watch": "true"}, "key_old"))
    await eventually(lambda: rig.cache.secret(rig.namespace, "providers"), SOON, "the Secret")
    rig.enqueued.clear()
    new = {"stringData": {"retell-api-key": "key_new"}}
    await kube_client.merge(resources.SECRETS.path(rig.namespace, "providers"), new)
    await eventually(
        lambda: Key("Tenant", rig.namespace, "salon-mueller") in rig.enqueued, SOON, "the Tenant to be due"
    )
    assert tenant.key in rig.enqueued


async def test_watching_writes_nothing(rig, informer: Informer, kube_client: KubeClient):
    """The handlers are raw, so Kopf sends no PATCH and removes nobody's finalizer."""
    tenant = await rig.make("Tenant", finalizers=["kopf.zalando.org/KopfFinalizerMarker"])
    await kube_client.merge(
        resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"labels": {"a": "b"}}}
    )
    seen = lambda: rig.cache.get(tenant.key).metadata.labels == {"a": "b"}  # noqa: E731 (one line says it)
    await eventually(seen, SOON, "the change")
    await asyncio.sleep(0.5)  # there is nothing to wait for: a write that must not happen has had the time to
    live = await rig.kube.get(resources.TENANTS, rig.namespace, "salon-mueller")
    assert live["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
    assert "annotations" not in live["metadata"]
    assert live["metadata"]["resourceVersion"] == rig.cache.get(tenant.key).metadata.resource_version
    await kube_client.merge(resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"finalizers": None}})


class TestAudit:
    """Kopf loses deletions across a 410 Gone, so the cache is compared with lists (docs/decisions/0029-kopf-is-the-informer.md)."""

    def informer_of(self, rig: Any, control_plane: ControlPlane) -> Informer:
        return Informer(rig.sink, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))

    async def test_what_was_deleted_and_created_unseen_is_found(
        self, rig, control_plane: ControlPlane, kube_client: KubeClient
    ):
        branch, tenant = await rig.make("Branch"), await rig.make("Tenant")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
        child = await rig.kube.apply(config | {"metadata": {"name": "c", "namespace": rig.namespace, "labels": OURS}})
        for ref, name in ((resources.BRANCHES, branch.key.name), (resources.CONFIG_MAPS, "c")):
            await kube_client.delete(ref.path(rig.namespace, name))
        meta = {"name": "unseen", "namespace": rig.namespace, "labels": OURS}
        await kube_client.create(resources.CONFIG_MAPS.path(rig.namespace), config | {"metadata": meta})
        rig.enqueued.clear()
        await self.informer_of(rig, control_plane).audit()
        assert rig.cache.get(branch.key) is None
        assert rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "c") is None
        assert rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "unseen") is not None
        assert child.uid not in rig.cache.uids(resources.CONFIG_MAPS).values()
        assert tenant.key in rig.enqueued

    async def test_an_object_that_is_created_during_the_list_stays(self, rig, control_plane: ControlPlane, monkeypatch):
        real = rig.kube.list

        async def slow(ref: Any, **more: Any) -> Any:
            found = await real(ref, **more)
            if ref is resources.BRANCHES:
                await rig.make("Branch", "late")
            return found

        monkeypatch.setattr(rig.kube, "list", slow)
        await self.informer_of(rig, control_plane).audit()
        assert rig.cache.get(Key("Branch", rig.namespace, "late")) is not None

    async def test_a_deletion_that_the_watch_lost_is_healed_while_it_runs(
        self, rig, informer: Informer, control_plane: ControlPlane, kube_client: KubeClient, monkeypatch
    ):
        """Kopf goes on watching as after a 410; only the event of the deletion is dropped."""
        tenant, branch = await rig.make("Tenant"), await rig.make("Branch")
        forget, lost = rig.sink.forget, []
        monkeypatch.setattr(rig.sink, "forget", lambda *what: lost.append(what))
        await kube_client.delete(resources.BRANCHES.path(rig.namespace, branch.key.name))
        await eventually(lambda: lost, SOON, "the event that is dropped")
        monkeypatch.setattr(rig.sink, "forget", forget)
        assert rig.cache.get(branch.key) is not None, "a ghost"
        rig.enqueued.clear()
        audits = asyncio.create_task(informer._audits((resources.BRANCHES,), timedelta(milliseconds=100)))
        await eventually(lambda: rig.cache.get(branch.key) is None, SOON, "the audit")
        assert tenant.key in rig.enqueued
        assert rig.metrics.registry.get_sample_value("askproai_missed_deletions_total") >= 1
        audits.cancel()
        await asyncio.gather(audits, return_exceptions=True)

    async def test_an_audit_without_differences_writes_and_enqueues_nothing(self, rig, control_plane: ControlPlane):
        await rig.make("Tenant")
        await rig.make("Branch")
        informer = self.informer_of(rig, control_plane)
        await informer.audit()
        rig.enqueued.clear()
        rig.sent.clear()
        await informer.audit()
        assert (rig.enqueued, rig.sent) == ([], [])

    async def test_an_object_that_is_deleted_during_the_list_does_not_return(
        self, rig, control_plane: ControlPlane, kube_client: KubeClient, monkeypatch
    ):
        """The list was read before the deletion, and is applied after the watch reported it."""
        branch, real = await rig.make("Branch"), rig.kube.list

        async def slow(ref: Any, **more: Any) -> Any:
            found = await real(ref, **more)
            if ref is resources.BRANCHES and rig.cache.get(branch.key) is not None:
                await kube_client.delete(resources.BRANCHES.path(rig.namespace, branch.key.name))
                rig.sink.forget(resources.BRANCHES, rig.namespace, branch.key.name, branch.metadata.uid)
            return found

        monkeypatch.setattr(rig.kube, "list", slow)
        await self.informer_of(rig, control_plane).audit()
        assert rig.cache.get(branch.key) is None
