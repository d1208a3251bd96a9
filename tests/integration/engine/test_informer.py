"""Kopf as our informer: what it tells arrives in cache and queue, filtered by the server, and it writes nothing."""

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
from askproai_sandbox.cluster import ControlPlane, KubeClient, eventually

SOON = timedelta(seconds=15)
OURS = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": "salon-mueller"}


@pytest.fixture
async def informer(rig: Any, control_plane: ControlPlane) -> AsyncIterator[Informer]:
    """An informer that is primed and watches."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    made = Informer(rig.feed, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))
    await made.prime()
    rig.sent.clear()

    def give_signals_back() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    running = asyncio.create_task(made.run(stop, give_signals_back))
    await asyncio.wait_for(made.ready.wait(), 10)
    yield made
    stop.set()
    await running


def secret(rig: Any, name: str, labels: dict[str, str], value: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": rig.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"retell-api-key": value}}


async def test_what_was_there_before_is_known_and_waits_for_nobody(
    rig, kube_client: KubeClient, control_plane: ControlPlane
):
    tenant = await rig.make("Tenant")
    rig.forget_from_cache(tenant)
    made = Informer(rig.feed, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))
    await made.prime()
    assert rig.cache.get(tenant.key) is not None
    assert not rig.woken, "the app queues what was primed, with the urgency of a resync"


async def test_coming_changing_and_going_arrive(rig, informer: Informer, kube_client: KubeClient):
    docs = await rig.make("Tenant")
    rig.forget_from_cache(docs)
    await kube_client.merge(
        resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"labels": {"a": "b"}}}
    )

    def labelled() -> bool:
        seen = rig.cache.tenant(rig.namespace, "salon-mueller")
        return seen is not None and seen.metadata.labels == {"a": "b"}

    await eventually(labelled, SOON, "the change")
    assert rig.woken[0] == docs.key
    await kube_client.delete(resources.TENANTS.path(rig.namespace, "salon-mueller"))
    await eventually(lambda: rig.cache.get(docs.key) is None, SOON, "the deletion")


async def test_only_our_children_and_labelled_secrets_are_watched(rig, informer: Informer):
    """Checklist 17: filtered by the server."""
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


async def test_a_rotated_key_wakes_its_tenant(rig, informer: Informer, kube_client: KubeClient):
    """Checklist 14."""
    tenant = await rig.make("Tenant")
    await rig.kube.create(secret(rig, "providers", {"askproai.de/watch": "true"}, "key_old"))
    await eventually(lambda: rig.cache.secret(rig.namespace, "providers"), SOON, "the Secret")
    rig.woken.clear()
    new = {"stringData": {"retell-api-key": "key_new"}}
    await kube_client.merge(resources.SECRETS.path(rig.namespace, "providers"), new)
    await eventually(lambda: Key("Tenant", rig.namespace, "salon-mueller") in rig.woken, SOON, "the Tenant to be woken")
    assert tenant.key in rig.woken


async def test_watching_writes_nothing(rig, informer: Informer, kube_client: KubeClient):
    """Operators.md §2.3: raw handlers only, so no PATCH; and nobody's finalizer is stripped."""
    tenant = await rig.make("Tenant", finalizers=["kopf.zalando.org/KopfFinalizerMarker"])
    await kube_client.merge(
        resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"labels": {"a": "b"}}}
    )
    seen = lambda: rig.cache.get(tenant.key).metadata.labels == {"a": "b"}  # noqa: E731 (one line says it)
    await eventually(seen, SOON, "the change")
    await asyncio.sleep(0.5)  # nothing to wait for: what must not come has had the time to
    live = await rig.kube.get(resources.TENANTS, rig.namespace, "salon-mueller")
    assert live["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
    assert "annotations" not in live["metadata"]
    assert live["metadata"]["resourceVersion"] == rig.cache.get(tenant.key).metadata.resource_version
    await kube_client.merge(resources.TENANTS.path(rig.namespace, "salon-mueller"), {"metadata": {"finalizers": None}})


class TestAudit:
    """Operators.md §2.6: Kopf loses deletions across a 410, so every cache is audited by a list."""

    def one(self, rig: Any, control_plane: ControlPlane) -> Informer:
        return Informer(rig.feed, rig.kube, rig.clock, rig.metrics, partial(kopf_login, control_plane.kubeconfig))

    async def test_what_went_and_came_unseen_is_found(self, rig, control_plane: ControlPlane, kube_client: KubeClient):
        branch, tenant = await rig.make("Branch"), await rig.make("Tenant")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
        child = await rig.kube.apply(config | {"metadata": {"name": "c", "namespace": rig.namespace, "labels": OURS}})
        for ref, name in ((resources.BRANCHES, branch.key.name), (resources.CONFIG_MAPS, "c")):
            await kube_client.delete(ref.path(rig.namespace, name))
        made = {"name": "unseen", "namespace": rig.namespace, "labels": OURS}
        await kube_client.create(resources.CONFIG_MAPS.path(rig.namespace), config | {"metadata": made})
        rig.woken.clear()
        await self.one(rig, control_plane).audit()
        assert rig.cache.get(branch.key) is None
        assert rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "c") is None
        assert rig.cache.child(resources.CONFIG_MAPS, rig.namespace, "unseen") is not None
        assert child.uid not in rig.cache.uids(resources.CONFIG_MAPS).values()
        assert tenant.key in rig.woken

    async def test_what_comes_while_it_lists_stays(self, rig, control_plane: ControlPlane, monkeypatch):
        real = rig.kube.list

        async def slow(ref: Any, **more: Any) -> Any:
            found = await real(ref, **more)
            if ref is resources.BRANCHES:
                await rig.make("Branch", "late")
            return found

        monkeypatch.setattr(rig.kube, "list", slow)
        await self.one(rig, control_plane).audit()
        assert rig.cache.branch(rig.namespace, "late") is not None

    async def test_a_deletion_that_the_watch_lost_is_healed_while_it_runs(
        self, rig, informer: Informer, control_plane: ControlPlane, kube_client: KubeClient, monkeypatch
    ):
        """Kopf watches on as after a 410; only the deletion's event is dropped."""
        tenant, branch = await rig.make("Tenant"), await rig.make("Branch")
        forget, lost = rig.feed.forget, []
        monkeypatch.setattr(rig.feed, "forget", lambda *what: lost.append(what))
        await kube_client.delete(resources.BRANCHES.path(rig.namespace, branch.key.name))
        await eventually(lambda: lost, SOON, "the event that is dropped")
        monkeypatch.setattr(rig.feed, "forget", forget)
        assert rig.cache.get(branch.key) is not None, "a ghost"
        rig.woken.clear()
        audits = asyncio.create_task(informer._audits((resources.BRANCHES,), timedelta(milliseconds=100)))
        await eventually(lambda: rig.cache.get(branch.key) is None, SOON, "the audit")
        assert tenant.key in rig.woken
        assert rig.metrics.registry.get_sample_value("askproai_missed_deletions_total") >= 1
        audits.cancel()
        await asyncio.gather(audits, return_exceptions=True)

    async def test_an_audit_of_what_is_as_known_writes_and_wakes_nothing(self, rig, control_plane: ControlPlane):
        await rig.make("Tenant")
        await rig.make("Branch")
        made = self.one(rig, control_plane)
        await made.audit()
        rig.woken.clear()
        rig.sent.clear()
        await made.audit()
        assert (rig.woken, rig.sent) == ([], [])

    async def test_what_goes_while_it_lists_does_not_come_back(
        self, rig, control_plane: ControlPlane, kube_client: KubeClient, monkeypatch
    ):
        """The list was read before the deletion, and is taken after it was told."""
        branch, real = await rig.make("Branch"), rig.kube.list

        async def slow(ref: Any, **more: Any) -> Any:
            found = await real(ref, **more)
            if ref is resources.BRANCHES and rig.cache.get(branch.key) is not None:
                await kube_client.delete(resources.BRANCHES.path(rig.namespace, branch.key.name))
                rig.feed.forget(resources.BRANCHES, rig.namespace, branch.key.name, branch.metadata.uid)
            return found

        monkeypatch.setattr(rig.kube, "list", slow)
        await self.one(rig, control_plane).audit()
        assert rig.cache.get(branch.key) is None
