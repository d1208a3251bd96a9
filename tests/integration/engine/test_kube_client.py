"""The API client: writes only what changed, repairs what others changed, and ends what it began."""

import asyncio
import base64
import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from askproai_operator.engine import FINALIZER, EventRecord, Key, kube, refs
from askproai_operator.engine.errors import ApiError
from askproai_sandbox.cluster import KubeClient, eventually

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


def path(rig: Any, ref: refs.Ref, name: str) -> str:
    return ref.path(rig.namespace, name)


class TestApply:
    async def test_the_same_manifest_again_sends_nothing(self, rig):
        """Quiet: no write when nothing changed."""
        first = await rig.kube.apply(config_map(rig, a="1"))
        again = await rig.kube.apply(config_map(rig, a="1"))
        assert first == again
        assert len(rig.sent) == 1

    async def test_a_changed_manifest_is_sent_and_what_it_names_no_more_goes(self, rig):
        await rig.kube.apply(config_map(rig, a="1", b="2"))
        await rig.kube.apply(config_map(rig, a="3"))
        live = await rig.kube.get(refs.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "3"}
        assert len(rig.sent) == 2

    async def test_there_is_exactly_one_manager(self, rig):
        """Checklist 5."""
        await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(refs.CONFIG_MAPS, rig.namespace, "t-config")
        assert [(one["manager"], one["operation"]) for one in live["metadata"]["managedFields"]] == [
            ("askproai-operator", "Apply")
        ]

    async def test_a_child_edited_by_hand_is_repaired(self, rig, kube_client: KubeClient):
        """Checklist 7."""
        await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.merge(path(rig, refs.CONFIG_MAPS, "t-config"), {"data": {"a": "by hand"}})
        await rig.observe_newest(refs.CONFIG_MAPS, "t-config")
        assert rig.enqueued == [Key("Tenant", rig.namespace, "salon-mueller")]
        await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(refs.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "1"}

    async def test_a_deleted_child_is_made_again(self, rig, kube_client: KubeClient):
        child = await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.delete(path(rig, refs.CONFIG_MAPS, "t-config"))
        rig.sink.forget(refs.CONFIG_MAPS, rig.namespace, "t-config", child.uid)
        again = await rig.kube.apply(config_map(rig, a="1"))
        assert again.uid != child.uid

    async def test_what_others_add_stays_and_costs_one_look(self, rig, kube_client: KubeClient):
        await rig.kube.apply(config_map(rig, a="1"))
        await kube_client.merge(path(rig, refs.CONFIG_MAPS, "t-config"), {"data": {"z": "theirs"}})
        await rig.observe_newest(refs.CONFIG_MAPS, "t-config")
        for _ in range(3):
            child = await rig.kube.apply(config_map(rig, a="1"))
        live = await rig.kube.get(refs.CONFIG_MAPS, rig.namespace, "t-config")
        assert live["data"] == {"a": "1", "z": "theirs"}
        assert str(child.version) == live["metadata"]["resourceVersion"], "a no-op apply does not bump it"
        assert len(rig.sent) == 2

    async def test_an_edited_port_of_a_service_is_repaired(self, rig, kube_client: KubeClient):
        """Checklist 7: apply merges ports by number, so ours came beside the edited one, under the same name: 422 for ever."""
        await rig.kube.apply(service(rig))
        edited = {"spec": {"ports": [{"name": "public", "port": 9999, "targetPort": 8080}]}}
        await kube_client.merge(path(rig, refs.SERVICES, "t-web"), edited)
        await rig.observe_newest(refs.SERVICES, "t-web")
        await rig.kube.apply(service(rig))
        live = await rig.kube.get(refs.SERVICES, rig.namespace, "t-web")
        assert [(one["name"], one["port"]) for one in live["spec"]["ports"]] == [("public", 8080)]
        managers = [(one["manager"], one["operation"]) for one in live["metadata"]["managedFields"]]
        assert managers == [("askproai-operator", "Apply")]

    async def test_a_manifest_that_is_wrong_itself_is_refused(self, rig):
        await rig.kube.apply(service(rig))
        before = await rig.kube.get(refs.SERVICES, rig.namespace, "t-web")
        wrong = service(rig)
        wrong["spec"]["ports"].append({"name": "public", "port": 1, "targetPort": 1})
        with pytest.raises(ApiError, match="Duplicate"):
            await rig.kube.apply(wrong)
        assert await rig.kube.get(refs.SERVICES, rig.namespace, "t-web") == before

    async def test_a_deployments_status_and_its_controllers_marks_cause_no_write(self, rig, kube_client: KubeClient):
        await rig.kube.apply(deployment(rig))

        async def controlled() -> bool:
            live = await rig.kube.get(refs.DEPLOYMENTS, rig.namespace, "t-web")
            return "deployment.kubernetes.io/revision" in live["metadata"].get("annotations", {})

        await eventually(controlled, timedelta(seconds=20), "the Deployment's controller")

        async def settle() -> None:
            await rig.observe_newest(refs.DEPLOYMENTS, "t-web")
            await rig.kube.apply(deployment(rig))

        await settle()
        await settle()
        sent = len(rig.sent)
        status = {"status": {"replicas": 0, "observedGeneration": 1, "conditions": []}}
        await rig.kube.patch(refs.DEPLOYMENTS, rig.namespace, "t-web", status, subresource="status")
        await settle()
        assert rig.sent[sent:] == [("PATCH", path(rig, refs.DEPLOYMENTS, "t-web") + "/status")]

    async def test_a_secret_is_watched_by_the_label_of_users_secrets_and_not_kept(self, rig):
        meta = {"name": "t-runtime", "namespace": rig.namespace, "labels": dict(OURS)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"k": "geheim"}}
        await rig.kube.apply(secret)
        await rig.kube.apply(secret)
        assert len(rig.sent) == 1
        kept = rig.cache.secret(rig.namespace, "t-runtime")
        assert kept.labels["askproai.de/watch"] == "true"
        assert "geheim" not in repr(kept)
        assert base64.b64encode(b"geheim").decode() not in repr(kept)

    async def test_one_of_our_own_kinds_is_applied_once_and_wakes_its_relatives(self, rig):
        """The default service of a Branch (P2)."""
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
        live = await rig.kube.get(refs.TENANTS, rig.namespace, tenant.key.name)
        assert "finalizers" not in live["metadata"]

    async def test_finalizers_of_others_stay(self, rig):
        tenant = await rig.make("Tenant", finalizers=["example.com/theirs"])
        await rig.kube.add_finalizer(tenant)
        await rig.kube.remove_finalizer(tenant)
        live = await rig.kube.get(refs.TENANTS, rig.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/theirs"]

    async def test_a_write_in_between_is_met_by_another_try(self, rig, kube_client: KubeClient):
        """KEDA #7950: a conflict here must not wait for a backoff."""
        tenant = await rig.make("Tenant")
        await rig.kube.add_finalizer(tenant)
        same, raced = rig.kube._same, 0

        async def overtaken(who: Any) -> Any:
            nonlocal raced
            seen = await same(who)
            if raced < 2:
                raced += 1
                mine = {"metadata": {"finalizers": [FINALIZER, f"example.com/{raced}"]}}
                await kube_client.merge(path(rig, refs.TENANTS, tenant.key.name), mine)
            return seen

        rig.kube._same = overtaken
        await rig.kube.remove_finalizer(tenant)
        live = await rig.kube.get(refs.TENANTS, rig.namespace, tenant.key.name)
        assert live["metadata"]["finalizers"] == ["example.com/2"]

    async def test_nothing_is_begun_on_an_object_that_goes(self, rig):
        tenant = await rig.make("Tenant", finalizers=["example.com/theirs"])
        await rig.kube.delete(refs.TENANTS, rig.namespace, tenant.key.name, uid=tenant.metadata.uid)
        assert not await rig.kube.add_finalizer(tenant)

    async def test_the_last_finalizer_lets_the_object_go_and_the_cache_forgets_it(self, rig):
        tenant = await rig.make("Tenant")
        await rig.kube.add_finalizer(tenant)
        await rig.kube.delete(refs.TENANTS, rig.namespace, tenant.key.name)
        await rig.kube.remove_finalizer(tenant)
        assert await rig.kube.get(refs.TENANTS, rig.namespace, tenant.key.name) is None
        assert rig.cache.get(tenant.key) is None
        await rig.kube.remove_finalizer(tenant)  # again: nothing to do

    async def test_a_namesakes_finalizer_is_not_touched(self, rig):
        first = await rig.make("Tenant")
        await rig.kube.delete(refs.TENANTS, rig.namespace, first.key.name)
        second = await rig.make("Tenant")
        await rig.kube.add_finalizer(second)
        await rig.kube.remove_finalizer(first)
        live = await rig.kube.get(refs.TENANTS, rig.namespace, first.key.name)
        assert live["metadata"]["finalizers"] == [FINALIZER]


class TestStatus:
    async def test_it_is_merged_and_the_answer_is_known_at_once(self, rig):
        agent = await rig.make("RetellAgent")
        assert await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert await rig.kube.patch_status(agent, {"llmId": "llm_1"})
        status = rig.cache.get(agent.key).status
        assert (status["agentId"], status["llmId"]) == ("agent_1", "llm_1")

    async def test_the_tenant_hears_of_an_agents_id_through_our_own_write(self, rig):
        """The watch tells the same version again, so the write itself must wake."""
        tenant, agent = await rig.make("Tenant"), await rig.make("RetellAgent", name="hotline")
        await rig.make("Branch")
        await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.enqueued == [tenant.key]
        await rig.observe_newest(refs.AGENTS, "hotline")
        assert rig.enqueued == [tenant.key]

    async def test_a_namesakes_status_is_not_written(self, rig):
        first = await rig.make("RetellAgent")
        await rig.kube.delete(refs.AGENTS, rig.namespace, first.key.name)
        second = await rig.kube.create(
            {
                "apiVersion": "askproai.de/v1alpha1",
                "kind": "RetellAgent",
                "metadata": {"name": first.key.name, "namespace": rig.namespace},
                "spec": first.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
        )
        assert not await rig.kube.patch_status(first, {"agentId": "agent_1"}), "the cache still shows the first one"
        live = await rig.kube.get(refs.AGENTS, rig.namespace, first.key.name)
        assert live["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    async def test_a_persons_change_that_we_did_not_see_yet_does_not_stop_it(self, rig, kube_client: KubeClient):
        agent = await rig.make("RetellAgent")
        await kube_client.merge(path(rig, refs.AGENTS, agent.key.name), {"spec": {"displayName": "Neu"}})
        assert await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.cache.get(agent.key).status["agentId"] == "agent_1"
        assert agent.key in rig.enqueued, "what was found on the way is acted on"

    async def test_a_gone_object_is_forgotten(self, rig):
        agent = await rig.make("RetellAgent")
        await rig.kube.delete(refs.AGENTS, rig.namespace, agent.key.name)
        assert not await rig.kube.patch_status(agent, {"agentId": "agent_1"})
        assert rig.cache.get(agent.key) is None


class TestEvents:
    async def test_they_stand_beside_their_object(self, rig):
        tenant = await rig.make("Tenant")
        await rig.kube.event(tenant, EventRecord("CredentialsInvalid", "the key is refused"))
        (event,) = await rig.kube.list(refs.EVENTS, rig.namespace)
        assert event["involvedObject"]["uid"] == tenant.metadata.uid
        assert (event["type"], event["reason"], event["message"]) == (
            "Warning",
            "CredentialsInvalid",
            "the key is refused",
        )

    async def test_of_a_namespace_that_goes_they_stand_in_the_operators(self, rig, kube_client: KubeClient):
        """Design §2.6: a terminating namespace takes no new objects."""
        tenant = await rig.make("Tenant", finalizers=["example.com/hold"])
        await kube_client.delete(f"/api/v1/namespaces/{rig.namespace}")
        await rig.kube.event(tenant, EventRecord("SecretNotFound", "went with the namespace", outlives_object=False))
        await rig.kube.event(tenant, EventRecord("LeftOver", "an agent is left"))
        events = [
            one
            for one in await rig.kube.list(refs.EVENTS, "default")
            if (one.get("related") or {}).get("uid") == tenant.metadata.uid
        ]
        assert [one["message"] for one in events] == [f"Tenant {rig.namespace}/salon-mueller: an agent is left"]
        gone = {"metadata": {"finalizers": None}}
        await kube_client.merge(path(rig, refs.TENANTS, tenant.key.name), gone)


async def test_lists_come_in_chunks_and_say_their_kind(rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kube, "_CHUNK", 2)
    for n in range(5):
        await rig.kube.create(
            {**config_map(rig), "metadata": {"name": f"c{n}", "namespace": rig.namespace, "labels": OURS}}
        )
    found = await rig.kube.list(refs.CONFIG_MAPS, rig.namespace, refs.MANAGED_SELECTOR)
    assert sorted(one["metadata"]["name"] for one in found) == [f"c{n}" for n in range(5)]
    assert {(one["apiVersion"], one["kind"]) for one in found} == {("v1", "ConfigMap")}


async def test_a_rotated_token_is_read_again(rig):
    good, logins = rig.kube._wire.login(), 0

    def login() -> Any:
        nonlocal logins
        logins += 1
        return good

    rig.kube._wire.login = login
    rig.kube._wire._info = dataclasses.replace(good, token="outdated")
    found = await asyncio.gather(*(rig.kube.get(refs.NAMESPACES, "", "kube-system") for _ in range(5)))
    assert all(found)
    assert logins == 1, "once for all who were refused"


async def test_a_deletion_that_no_watch_told_is_found_out(rig):
    """Kopf loses deletions across a 410."""
    branch = await rig.make("Branch")
    assert await rig.kube.still_there(branch)
    await rig.kube.delete(refs.BRANCHES, rig.namespace, branch.key.name)
    assert not await rig.kube.still_there(branch)
    assert rig.cache.get(branch.key) is None
