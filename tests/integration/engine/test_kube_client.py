"""The API client handles finalizers, statuses, events, and lists of any length."""

import asyncio
import dataclasses
from typing import Any

from askproai_operator import resources
from askproai_operator.engine import EventRecord, kube
from askproai_operator.resources import FINALIZER
from tests.worlds.engine_environment import OURS, config_map, path


class TestFinalizers:
    async def test_finalizer_is_added_once_and_removed(self, env):
        tenant = await env.create("Tenant")
        env.sent.clear()
        env.read.clear()
        assert await env.kube.add_finalizer(tenant)
        assert await env.kube.add_finalizer(tenant)
        assert (len(env.sent), env.read) == (1, [])
        assert env.cache.get(tenant.key).metadata.finalizers == (FINALIZER,)
        await env.kube.remove_finalizer(tenant)
        live = await env.kube.get(resources.TENANTS, env.namespace, tenant.key.name)
        assert "finalizers" not in live["metadata"]

    async def test_finalizer_is_added_despite_a_concurrent_change(self, env, kube_client):
        tenant = await env.create("Tenant")
        theirs = {"metadata": {"finalizers": ["example.com/theirs"]}}
        await kube_client.merge(path(env, resources.TENANTS, tenant.key.name), theirs)
        assert await env.kube.add_finalizer(tenant)
        live = await env.kube.get(resources.TENANTS, env.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/theirs", FINALIZER]

    async def test_finalizer_is_not_added_to_a_recreated_object(self, env):
        first = await env.create("Tenant")
        await env.kube.delete(resources.TENANTS, env.namespace, first.key.name)
        second = await env.create("Tenant")
        assert not await env.kube.add_finalizer(first)
        live = await env.kube.get(resources.TENANTS, env.namespace, second.key.name)
        assert "finalizers" not in live["metadata"]

    async def test_conflicting_write_is_retried_at_once(self, env, kube_client):
        """KEDA #7950: a conflict here must not wait for a backoff."""
        tenant = await env.create("Tenant")
        await env.kube.add_finalizer(tenant)
        get_same, races = env.kube._get_same, 0

        async def overtaken(obj: Any) -> Any:
            nonlocal races
            raw = await get_same(obj)
            if races < 2:
                races += 1
                finalizers = {"metadata": {"finalizers": [FINALIZER, f"example.com/{races}"]}}
                await kube_client.merge(path(env, resources.TENANTS, tenant.key.name), finalizers)
            return raw

        env.kube._get_same = overtaken
        await env.kube.remove_finalizer(tenant)
        live = await env.kube.get(resources.TENANTS, env.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/2"]

    async def test_object_in_deletion_gets_no_finalizer(self, env):
        tenant = await env.create("Tenant", finalizers=["example.com/theirs"])
        await env.kube.delete(resources.TENANTS, env.namespace, tenant.key.name, uid=tenant.metadata.uid)
        assert not await env.kube.add_finalizer(tenant)

    async def test_object_without_finalizers_leaves_the_cache(self, env):
        tenant = await env.create("Tenant")
        await env.kube.add_finalizer(tenant)
        await env.kube.delete(resources.TENANTS, env.namespace, tenant.key.name)
        await env.kube.remove_finalizer(tenant)
        assert await env.kube.get(resources.TENANTS, env.namespace, tenant.key.name) is None
        assert env.cache.get(tenant.key) is None
        await env.kube.remove_finalizer(tenant)  # again: nothing to do

    async def test_finalizer_of_a_recreated_object_stays(self, env):
        first = await env.create("Tenant")
        await env.kube.delete(resources.TENANTS, env.namespace, first.key.name)
        second = await env.create("Tenant")
        await env.kube.add_finalizer(second)
        await env.kube.remove_finalizer(first)
        live = await env.kube.get(resources.TENANTS, env.namespace, first.key.name)
        assert live["metadata"]["finalizers"] == [FINALIZER]


class TestStatus:
    async def test_status_patch_is_merged_and_cached_at_once(self, env):
        agent = await env.create("RetellAgent")
        assert await env.kube.patch_status(agent, {"agentId": "agent_1"})
        assert await env.kube.patch_status(agent, {"llmId": "llm_1"})
        status = env.cache.get(agent.key).status
        assert (status["agentId"], status["llmId"]) == ("agent_1", "llm_1")

    async def test_agents_id_write_enqueues_tenant_and_branch(self, env):
        """The watch reports the same version again, so the write itself must enqueue."""
        tenant, agent = await env.create("Tenant"), await env.create("RetellAgent", name="hotline")
        branch = await env.create("Branch")
        await env.kube.patch_status(agent, {"agentId": "agent_1", "phoneNumbers": ["+49301234567"]})
        due = sorted([tenant.key, branch.key])
        assert sorted(env.enqueued) == due
        await env.observe_newest(resources.AGENTS, "hotline")
        assert sorted(env.enqueued) == due

    async def test_status_of_a_recreated_object_is_not_written(self, env):
        first = await env.create("RetellAgent")
        await env.kube.delete(resources.AGENTS, env.namespace, first.key.name)
        second = await env.kube.create(
            {
                "apiVersion": "askproai.de/v1alpha1",
                "kind": "RetellAgent",
                "metadata": {"name": first.key.name, "namespace": env.namespace},
                "spec": first.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
        )
        assert not await env.kube.patch_status(first, {"agentId": "agent_1"}), "the cache still shows the first one"
        live = await env.kube.get(resources.AGENTS, env.namespace, first.key.name)
        assert live["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    async def test_unreported_manual_change_does_not_stop_status_write(self, env, kube_client):
        agent = await env.create("RetellAgent")
        await kube_client.merge(path(env, resources.AGENTS, agent.key.name), {"spec": {"displayName": "Neu"}})
        assert await env.kube.patch_status(agent, {"agentId": "agent_1"})
        assert env.cache.get(agent.key).status["agentId"] == "agent_1"
        assert agent.key in env.enqueued, "a change that was found on the way is acted on"

    async def test_object_missing_at_a_status_write_leaves_cache(self, env):
        agent = await env.create("RetellAgent")
        await env.kube.delete(resources.AGENTS, env.namespace, agent.key.name)
        assert not await env.kube.patch_status(agent, {"agentId": "agent_1"})
        assert env.cache.get(agent.key) is None


class TestEvents:
    async def test_events_are_in_their_objects_namespace(self, env):
        tenant = await env.create("Tenant")
        await env.kube.record_event(tenant, EventRecord("CredentialsInvalid", "the key is refused"))
        (event,) = await env.kube.list(resources.EVENTS, env.namespace)
        assert event["involvedObject"]["uid"] == tenant.metadata.uid
        assert (event["type"], event["reason"]) == ("Warning", "CredentialsInvalid")
        assert event["message"] == "the key is refused"

    async def test_terminating_namespaces_events_go_to_operators_namespace(self, env, kube_client):
        tenant = await env.create("Tenant", finalizers=["example.com/hold"])
        await kube_client.delete(f"/api/v1/namespaces/{env.namespace}")
        await env.kube.record_event(
            tenant, EventRecord("SecretNotFound", "went with the namespace", outlives_object=False)
        )
        await env.kube.record_event(tenant, EventRecord("LeftOver", "an agent is left"))
        events = [
            event
            for event in await env.kube.list(resources.EVENTS, "default")
            if (event.get("related") or {}).get("uid") == tenant.metadata.uid
        ]
        assert [event["message"] for event in events] == [f"Tenant {env.namespace}/salon-mueller: an agent is left"]
        gone = {"metadata": {"finalizers": None}}
        await kube_client.merge(path(env, resources.TENANTS, tenant.key.name), gone)


async def test_lists_come_in_chunks_with_each_items_kind(env, monkeypatch):
    monkeypatch.setattr(kube, "_CHUNK", 2)
    for n in range(5):
        metadata = {"name": f"c{n}", "namespace": env.namespace, "labels": OURS}
        await env.kube.create({**config_map(env), "metadata": metadata})
    found = await env.kube.list(resources.CONFIG_MAPS, env.namespace, resources.MANAGED_SELECTOR)
    assert sorted(item["metadata"]["name"] for item in found) == [f"c{n}" for n in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}


async def test_a_rotated_token_is_read_again(env):
    transport, logins = env.kube._transport, 0
    current = transport._access

    def login() -> Any:
        nonlocal logins
        logins += 1
        return current

    transport._login = login
    transport._access = dataclasses.replace(current, authorization=lambda: "Bearer outdated")
    found = await asyncio.gather(*(env.kube.get(resources.NAMESPACES, "", "kube-system") for _ in range(5)))
    assert all(found)
    assert logins == 1, "once for all requests that were refused"


async def test_a_deletion_that_no_watch_reported_is_found(env):
    """Kopf loses deletions across a 410."""
    branch = await env.create("Branch")
    assert await env.kube.refresh(branch)
    await env.kube.delete(resources.BRANCHES, env.namespace, branch.key.name)
    assert not await env.kube.refresh(branch)
    assert env.cache.get(branch.key) is None


async def test_listed_objects_have_no_managed_fields(env):
    await env.create("Tenant")
    (listed,) = await env.kube.list(resources.TENANTS, env.namespace)
    assert listed["spec"]
    assert "managedFields" not in listed["metadata"]
