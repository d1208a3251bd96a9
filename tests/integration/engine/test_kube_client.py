"""The API client: writes only what changed, repairs what others changed, and finishes what it began."""

import asyncio
import base64
import dataclasses
from typing import Any

import pytest

from askproai_core.kube import ApiError
from askproai_operator.engine import FINALIZER, EventRecord, Key, kube, resources
from askproai_sandbox.cluster import KubeClient
from tests.worlds.waiting import eventually

OURS = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": "salon-mueller"}


def config_map(rig: Any, **data: str) -> dict[str, Any]:
    meta = {"name": "t-config", "namespace": rig.namespace, "labels": dict(OURS)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def deployment(rig: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "none", "command": ["true"]}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    meta = {"name": "t-web", "namespace": rig.namespace, "labels": dict(OURS)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def service(rig: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"name": "public", "port": 8080, "targetPort": 8080}]}
    meta = {"name": "t-web", "namespace": rig.namespace, "labels": dict(OURS)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def path(rig: Any, resource: resources.ApiResource, name: str) -> str:
    return resource.path(rig.namespace, name)


class TestApply:
    async def test_the_same_manifest_again_sends_nothing(self, rig):
        """Quiet: no write when nothing changed."""
        first = await rig.kube.apply(config_map(rig, a="1"))
        again = await rig.kube.apply(config_map(rig, a="1"))
        assert first == again
        assert len(rig.sent) == 1

    async def test_a_changed_manifest_is_sent_and_fields_that_it_no_longer_names_are_removed(self, rig):
        await rig.kube.apply(config_map(rig, a="1", b="2"))
        await rig.kube.apply(config_map(rig, a="3"))
        live = await rig.kube.get(resources.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "3"}
        assert len(rig.sent) == 2

    async def test_there_is_exactly_one_manager(self, rig):
        await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(resources.CONFIG_MAPS, rig.namespace, "t-config")
        assert [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]] == [
            ("askproai-operator", "Apply")
        ]

    async def test_a_child_edited_by_hand_is_repaired(self, rig, kube_client: KubeClient):
        await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.merge(path(rig, resources.CONFIG_MAPS, "t-config"), {"data": {"a": "by hand"}})
        await rig.observe_newest(resources.CONFIG_MAPS, "t-config")
        assert rig.enqueued == [Key("Tenant", rig.namespace, "salon-mueller")]
        await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(resources.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "1"}

    async def test_a_deleted_child_is_created_again(self, rig, kube_client: KubeClient):
        child = await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.delete(path(rig, resources.CONFIG_MAPS, "t-config"))
        rig.sink.forget(resources.CONFIG_MAPS, rig.namespace, "t-config", child.uid)
        again = await rig.kube.apply(config_map(rig, a="1"))
        assert again.uid != child.uid

    async def test_fields_that_others_add_stay_and_cost_one_request(self, rig, kube_client: KubeClient):
        await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.merge(path(rig, resources.CONFIG_MAPS, "t-config"), {"data": {"z": "theirs"}})
        await rig.observe_newest(resources.CONFIG_MAPS, "t-config")
        for _ in range(3):
            child = await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(resources.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "1", "z": "theirs"}
        assert str(child.version) == live["metadata"]["resourceVersion"], "a no-op apply does not bump it"
        assert len(rig.sent) == 2

    async def test_an_edited_port_of_a_service_is_repaired(self, rig, kube_client: KubeClient):
        """Apply merges ports by number: ours came beside the edited one, under the same name, and was refused (422) for ever."""
        await rig.kube.apply(service(rig))
        edited = {"spec": {"ports": [{"name": "public", "port": 9999, "targetPort": 8080}]}}
        await kube_client.merge(path(rig, resources.SERVICES, "t-web"), edited)
        await rig.observe_newest(resources.SERVICES, "t-web")
        await rig.kube.apply(service(rig))
        live = await rig.kube.get(resources.SERVICES, rig.namespace, "t-web")
        assert [(port["name"], port["port"]) for port in live["spec"]["ports"]] == [("public", 8080)]
        managers = [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]]
        assert managers == [("askproai-operator", "Apply")]

    async def test_an_invalid_manifest_is_refused(self, rig):
        await rig.kube.apply(service(rig))
        before = await rig.kube.get(resources.SERVICES, rig.namespace, "t-web")
        wrong = service(rig)
        wrong["spec"]["ports"].append({"name": "public", "port": 1, "targetPort": 1})
        with pytest.raises(ApiError, match="Duplicate"):
            await rig.kube.apply(wrong)
        assert await rig.kube.get(resources.SERVICES, rig.namespace, "t-web") == before

    async def test_a_deployments_status_and_its_controllers_annotations_cause_no_write(
        self, rig, kube_client: KubeClient
    ):
        await rig.kube.apply(deployment(rig))

        async def controlled() -> bool:
            live = await rig.kube.get(resources.DEPLOYMENTS, rig.namespace, "t-web")
            return "deployment.kubernetes.io/revision" in live["metadata"].get("annotations", {})

        await eventually(controlled, 20, "the Deployment's controller")

        async def settle() -> None:
            await rig.observe_newest(resources.DEPLOYMENTS, "t-web")
            await rig.kube.apply(deployment(rig))

        await settle()
        await settle()
        sent = len(rig.sent)
        status = {"status": {"replicas": 0, "observedGeneration": 1, "conditions": []}}
        await rig.kube.patch(resources.DEPLOYMENTS, rig.namespace, "t-web", status, subresource="status")
        await settle()
        assert rig.sent[sent:] == [("PATCH", path(rig, resources.DEPLOYMENTS, "t-web") + "/status")]

    async def test_a_secret_is_watched_by_the_label_of_users_secrets_and_its_content_is_not_cached(self, rig):
        meta = {"name": "t-runtime", "namespace": rig.namespace, "labels": dict(OURS)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"k": "geheim"}}
        await rig.kube.apply(secret)
        await rig.kube.apply(secret)
        assert len(rig.sent) == 1
        cached = rig.cache.secret(rig.namespace, "t-runtime")
        assert cached.labels["askproai.de/watch"] == "true"
        assert "geheim" not in repr(cached)
        assert base64.b64encode(b"geheim").decode() not in repr(cached)

    async def test_an_object_of_our_own_kinds_is_applied_once_and_enqueues_its_dependents(self, rig):
        """Such as the default service of a Branch."""
        await rig.make("Branch")
        service = {
            "apiVersion": "askproai.de/v1alpha1",
            "kind": "ServiceOffering",
            "metadata": {"name": "mitte-standardberatung", "namespace": rig.namespace},
            "spec": {"branchRef": {"name": "mitte"}, "displayName": "Standardberatung", "durationMinutes": 30},
        }
        rig.sent.clear()
        await rig.kube.apply(service)
        await rig.kube.apply(service)
        assert len(rig.sent) == 1
        assert Key("ServiceOffering", rig.namespace, "mitte-standardberatung") in rig.enqueued
        assert Key("Branch", rig.namespace, "mitte") in rig.enqueued


class TestFinalizers:
    async def test_it_is_added_once_and_removed(self, rig):
        tenant = await rig.make("Tenant")
        rig.sent.clear()
        assert await rig.kube.add_finalizer(tenant)
        assert await rig.kube.add_finalizer(tenant)
        assert len(rig.sent) == 1
        assert rig.cache.get(tenant.key).metadata.finalizers == (FINALIZER,)
        await rig.kube.remove_finalizer(tenant)
        live = await rig.kube.get(resources.TENANTS, rig.namespace, tenant.key.name)
        assert "finalizers" not in live["metadata"]

    async def test_finalizers_of_others_stay(self, rig):
        tenant = await rig.make("Tenant", finalizers=["example.com/theirs"])
        await rig.kube.add_finalizer(tenant)
        await rig.kube.remove_finalizer(tenant)
        live = await rig.kube.get(resources.TENANTS, rig.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/theirs"]

    async def test_a_write_in_between_is_met_by_another_attempt(self, rig, kube_client: KubeClient):
        """KEDA #7950: a conflict here must not wait for a backoff."""
        tenant = await rig.make("Tenant")
        await rig.kube.add_finalizer(tenant)
        get_same, races = rig.kube._get_same, 0

        async def overtaken(obj: Any) -> Any:
            nonlocal races
            raw = await get_same(obj)
            if races < 2:
                races += 1
                finalizers = {"metadata": {"finalizers": [FINALIZER, f"example.com/{races}"]}}
                await kube_client.merge(path(rig, resources.TENANTS, tenant.key.name), finalizers)
            return raw

        rig.kube._get_same = overtaken
        await rig.kube.remove_finalizer(tenant)
        live = await rig.kube.get(resources.TENANTS, rig.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/2"]

    async def test_nothing_is_begun_on_an_object_that_is_being_deleted(self, rig):
        tenant = await rig.make("Tenant", finalizers=["example.com/theirs"])
        await rig.kube.delete(resources.TENANTS, rig.namespace, tenant.key.name, uid=tenant.metadata.uid)
        assert not await rig.kube.add_finalizer(tenant)

    async def test_without_its_last_finalizer_the_object_goes_and_the_cache_forgets_it(self, rig):
        tenant = await rig.make("Tenant")
        await rig.kube.add_finalizer(tenant)
        await rig.kube.delete(resources.TENANTS, rig.namespace, tenant.key.name)
        await rig.kube.remove_finalizer(tenant)
        assert await rig.kube.get(resources.TENANTS, rig.namespace, tenant.key.name) is None
        assert rig.cache.get(tenant.key) is None
        await rig.kube.remove_finalizer(tenant)  # again: nothing to do

    async def test_a_namesakes_finalizer_is_not_touched(self, rig):
        first = await rig.make("Tenant")
        await rig.kube.delete(resources.TENANTS, rig.namespace, first.key.name)
        second = await rig.make("Tenant")
        await rig.kube.add_finalizer(second)
        await rig.kube.remove_finalizer(first)
        live = await rig.kube.get(resources.TENANTS, rig.namespace, first.key.name)
        assert live["metadata"]["finalizers"] == [FINALIZER]


class TestStatus:
    async def test_it_is_merged_and_the_cache_has_it_at_once(self, rig):
        agent = await rig.make("RetellAgent")
        assert await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert await rig.kube.patch_status(agent, {"llmId": "llm_1"})
        status = rig.cache.get(agent.key).status
        assert (status["agentId"], status["llmId"]) == ("agent_1", "llm_1")

    async def test_our_own_write_of_an_agents_id_enqueues_the_tenant(self, rig):
        """The watch reports the same version again, so the write itself must enqueue."""
        tenant, agent = await rig.make("Tenant"), await rig.make("RetellAgent", name="hotline")
        await rig.make("Branch")
        await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.enqueued == [tenant.key]
        await rig.observe_newest(resources.AGENTS, "hotline")
        assert rig.enqueued == [tenant.key]

    async def test_a_namesakes_status_is_not_written(self, rig):
        first = await rig.make("RetellAgent")
        await rig.kube.delete(resources.AGENTS, rig.namespace, first.key.name)
        second = await rig.kube.create(
            {
                "apiVersion": "askproai.de/v1alpha1",
                "kind": "RetellAgent",
                "metadata": {"name": first.key.name, "namespace": rig.namespace},
                "spec": first.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
        )
        assert not await rig.kube.patch_status(first, {"agentId": "agent_1"}), "the cache still shows the first one"
        live = await rig.kube.get(resources.AGENTS, rig.namespace, first.key.name)
        assert live["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    async def test_a_persons_change_that_the_watch_has_not_reported_does_not_stop_it(
        self, rig, kube_client: KubeClient
    ):
        agent = await rig.make("RetellAgent")
        await kube_client.merge(path(rig, resources.AGENTS, agent.key.name), {"spec": {"displayName": "Neu"}})
        assert await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.cache.get(agent.key).status["agentId"] == "agent_1"
        assert agent.key in rig.enqueued, "a change that was found on the way is acted on"

    async def test_a_gone_object_is_forgotten(self, rig):
        agent = await rig.make("RetellAgent")
        await rig.kube.delete(resources.AGENTS, rig.namespace, agent.key.name)
        assert not await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.cache.get(agent.key) is None


class TestEvents:
    async def test_they_are_in_the_namespace_of_their_object(self, rig):
        tenant = await rig.make("Tenant")
        await rig.kube.record_event(tenant, EventRecord("CredentialsInvalid", "the key is refused"))
        (event,) = await rig.kube.list(resources.EVENTS, rig.namespace)
        assert event["involvedObject"]["uid"] == tenant.metadata.uid
        assert (event["type"], event["reason"], event["message"]) == (
            "Warning",
            "CredentialsInvalid",
            "the key is refused",
        )

    async def test_of_a_namespace_that_is_being_deleted_they_are_in_the_operators(self, rig, kube_client: KubeClient):
        """A terminating namespace takes no new objects."""
        tenant = await rig.make("Tenant", finalizers=["example.com/hold"])
        await kube_client.delete(f"/api/v1/namespaces/{rig.namespace}")
        await rig.kube.record_event(
            tenant, EventRecord("SecretNotFound", "went with the namespace", outlives_object=False)
        )
        await rig.kube.record_event(tenant, EventRecord("LeftOver", "an agent is left"))
        events = [
            event
            for event in await rig.kube.list(resources.EVENTS, "default")
            if (event.get("related") or {}).get("uid") == tenant.metadata.uid
        ]
        assert [event["message"] for event in events] == [f"Tenant {rig.namespace}/salon-mueller: an agent is left"]
        gone = {"metadata": {"finalizers": None}}
        await kube_client.merge(path(rig, resources.TENANTS, tenant.key.name), gone)


async def test_lists_come_in_chunks_and_each_item_has_its_kind(rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kube, "_CHUNK", 2)
    for n in range(5):
        await rig.kube.create(
            {**config_map(rig), "metadata": {"name": f"c{n}", "namespace": rig.namespace, "labels": OURS}}
        )
    found = await rig.kube.list(resources.CONFIG_MAPS, rig.namespace, resources.MANAGED_SELECTOR)
    assert sorted(item["metadata"]["name"] for item in found) == [f"c{n}" for n in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}


async def test_a_rotated_token_is_read_again(rig):
    transport, logins = rig.kube._transport, 0
    current = transport._access

    def login() -> Any:
        nonlocal logins
        logins += 1
        return current

    transport._login = login
    transport._access = dataclasses.replace(current, authorization=lambda: "Bearer outdated")
    found = await asyncio.gather(*(rig.kube.get(resources.NAMESPACES, "", "kube-system") for _ in range(5)))
    assert all(found)
    assert logins == 1, "once for all requests that were refused"


async def test_a_deletion_that_no_watch_reported_is_found(rig):
    """Kopf loses deletions across a 410."""
    branch = await rig.make("Branch")
    assert await rig.kube.refresh(branch)
    await rig.kube.delete(resources.BRANCHES, rig.namespace, branch.key.name)
    assert not await rig.kube.refresh(branch)
    assert rig.cache.get(branch.key) is None
