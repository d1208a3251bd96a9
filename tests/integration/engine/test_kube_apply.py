"""The API client applies children: it writes only changes, and repairs the changes of others."""

import base64
from functools import partial
from typing import Any

import pytest

from askproai_core.kube import ApiError, Conflict
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.engine import UnmanagedObject
from tests.worlds.engine_environment import OURS, EngineEnvironment, config_map, path
from tests.worlds.waiting import until


def deployment(env: EngineEnvironment) -> dict[str, Any]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "none", "command": ["true"]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    meta = {"name": "t-web", "namespace": env.namespace, "labels": dict(OURS)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def secret(env: EngineEnvironment, value: str) -> dict[str, Any]:
    meta = {"name": "t-runtime", "namespace": env.namespace, "labels": dict(OURS)}
    data = {"k": base64.b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}


def service(env: EngineEnvironment) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"name": "public", "port": 8080, "targetPort": 8080}]}
    meta = {"name": "t-web", "namespace": env.namespace, "labels": dict(OURS)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


class TestApply:
    async def test_applying_an_unchanged_manifest_sends_no_request(self, env):
        first = await env.kube.apply(config_map(env, a="1"))
        repeated = await env.kube.apply(config_map(env, a="1"))
        assert first == repeated
        assert len(env.sent) == 1

    @pytest.mark.parametrize("render", [config_map, deployment, service])
    async def test_a_new_child_costs_one_request(self, env, render):
        await env.kube.apply(render(env))
        assert (len(env.sent), env.read) == (1, [])

    @pytest.mark.parametrize("fields", [{}, {"a": "1"}, {"z": "theirs"}])
    async def test_foreign_object_is_left_unchanged(self, env, kube_client, fields):
        foreign = config_map(env, **fields)
        del foreign["metadata"]["labels"]
        before = await kube_client.create(resources.CONFIG_MAPS.path(env.namespace), foreign)
        with pytest.raises(UnmanagedObject, match="ConfigMap t-config that the operator did not make"):
            await env.kube.apply(config_map(env, a="1"))
        assert await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config") == before

    async def test_child_missing_in_the_cache_is_applied(self, env, kube_client):
        """The watch is late, or a person removed the label by which it is watched."""
        child = await env.kube.apply(config_map(env, a="1", b="2"))
        lost = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
        await kube_client.merge(path(env, resources.CONFIG_MAPS, "t-config"), lost)
        env.sink.forget(resources.CONFIG_MAPS, env.namespace, "t-config", child.uid)
        await env.kube.apply(config_map(env, a="3"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        assert (live["metadata"]["uid"], live["data"], live["metadata"]["labels"]) == (child.uid, {"a": "3"}, OURS)

    async def test_children_that_are_applied_together_are_all_tried(self, env, kube_client):
        foreign = config_map(env, z="theirs")
        del foreign["metadata"]["labels"]
        await kube_client.create(resources.CONFIG_MAPS.path(env.namespace), foreign)
        with pytest.raises(UnmanagedObject, match="ConfigMap"):
            await env.kube.apply_all([config_map(env, a="1"), service(env)])
        assert env.cache.child(resources.SERVICES, env.namespace, "t-web") is not None

    async def test_changed_manifest_removes_fields_it_no_longer_names(self, env):
        await env.kube.apply(config_map(env, a="1", b="2"))
        await env.kube.apply(config_map(env, a="3"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        assert live["data"] == {"a": "3"}
        assert len(env.sent) == 2

    async def test_applied_object_has_one_field_manager(self, env):
        await env.kube.apply(config_map(env, a="1"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        (entry,) = live["metadata"]["managedFields"]
        assert (entry["manager"], entry["operation"]) == ("askproai-operator", "Apply")

    async def test_a_child_edited_by_hand_is_repaired(self, env, kube_client):
        await env.kube.apply(config_map(env, a="1"))
        await kube_client.merge(path(env, resources.CONFIG_MAPS, "t-config"), {"data": {"a": "by hand"}})
        await env.observe_newest(resources.CONFIG_MAPS, "t-config")
        assert env.enqueued == [Key("Tenant", env.namespace, "salon-mueller")]
        await env.kube.apply(config_map(env, a="1"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        assert live["data"] == {"a": "1"}

    async def test_a_deleted_child_is_created_again(self, env, kube_client):
        child = await env.kube.apply(config_map(env, a="1"))
        await kube_client.delete(path(env, resources.CONFIG_MAPS, "t-config"))
        env.sink.forget(resources.CONFIG_MAPS, env.namespace, "t-config", child.uid)
        repeated = await env.kube.apply(config_map(env, a="1"))
        assert repeated.uid != child.uid

    @pytest.mark.parametrize("render", [partial(config_map, a="1", b="2"), deployment, service])
    async def test_unchanged_child_costs_no_request_after_restart(self, env, restarted, render):
        child = await env.kube.apply(render(env))
        await restarted.observe_newest(resources.resource_of(render(env)), render(env)["metadata"]["name"])
        assert (await restarted.kube.apply(render(env))).uid == child.uid
        assert restarted.sent == []

    @pytest.mark.parametrize("edit", [{"a": "by hand"}, {"a": None}, {"a": "by hand", "z": "theirs"}])
    async def test_child_edited_before_a_restart_is_repaired(self, env, restarted, kube_client, edit):
        await env.kube.apply(config_map(env, a="1", b="2"))
        await kube_client.merge(path(env, resources.CONFIG_MAPS, "t-config"), {"data": edit})
        await restarted.observe_newest(resources.CONFIG_MAPS, "t-config")
        await restarted.kube.apply(config_map(env, a="1", b="2"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        assert live["data"] == {"a": "1", "b": "2"} | ({"z": "theirs"} if "z" in edit else {})

    async def test_fields_of_other_managers_stay_without_repeated_writes(self, env, kube_client):
        await env.kube.apply(config_map(env, a="1"))
        await kube_client.merge(path(env, resources.CONFIG_MAPS, "t-config"), {"data": {"z": "theirs"}})
        await env.observe_newest(resources.CONFIG_MAPS, "t-config")
        for _ in range(3):
            child = await env.kube.apply(config_map(env, a="1"))
        live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "t-config")
        assert live["data"] == {"a": "1", "z": "theirs"}
        assert str(child.version) == live["metadata"]["resourceVersion"]
        assert len(env.sent) == 1

    async def test_an_edited_port_of_a_service_is_repaired(self, env, kube_client):
        """Apply merges ports by number: ours came beside the edited one, under the same name, and was refused (422) for ever."""
        await env.kube.apply(service(env))
        edited = {"spec": {"ports": [{"name": "public", "port": 9999, "targetPort": 8080}]}}
        await kube_client.merge(path(env, resources.SERVICES, "t-web"), edited)
        await env.observe_newest(resources.SERVICES, "t-web")
        await env.kube.apply(service(env))
        live = await env.kube.get(resources.SERVICES, env.namespace, "t-web")
        assert [(port["name"], port["port"]) for port in live["spec"]["ports"]] == [("public", 8080)]
        managers = [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]]
        assert managers == [("askproai-operator", "Apply")]

    async def test_an_invalid_manifest_is_refused(self, env):
        await env.kube.apply(service(env))
        before = await env.kube.get(resources.SERVICES, env.namespace, "t-web")
        wrong = service(env)
        wrong["spec"]["ports"].append({"name": "public", "port": 1, "targetPort": 1})
        with pytest.raises(ApiError, match="Duplicate"):
            await env.kube.apply(wrong)
        assert await env.kube.get(resources.SERVICES, env.namespace, "t-web") == before

    async def test_deployment_status_and_controllers_annotations_cause_no_write(self, env, kube_client):
        await env.kube.apply(deployment(env))
        await until(
            lambda: env.kube.get(resources.DEPLOYMENTS, env.namespace, "t-web"),
            lambda live: "deployment.kubernetes.io/revision" in live["metadata"].get("annotations", {}),
            "the Deployment's controller",
        )

        async def settle() -> None:
            await env.observe_newest(resources.DEPLOYMENTS, "t-web")
            await env.kube.apply(deployment(env))

        await settle()
        await settle()
        sent = len(env.sent)
        status = {"status": {"replicas": 0, "observedGeneration": 1, "conditions": []}}
        await env.kube.patch(resources.DEPLOYMENTS, env.namespace, "t-web", status, subresource="status")
        await settle()
        assert env.sent[sent:] == [("PATCH", path(env, resources.DEPLOYMENTS, "t-web") + "/status")]

    async def test_secret_is_watched_by_label_without_its_content(self, env):
        meta = {"name": "t-runtime", "namespace": env.namespace, "labels": dict(OURS)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"k": "geheim"}}
        await env.kube.apply(secret)
        await env.kube.apply(secret)
        assert len(env.sent) == 1
        cached = env.cache.secret(env.namespace, "t-runtime")
        assert cached.labels["askproai.de/use"] == "operator"
        assert "geheim" not in repr(cached)
        assert base64.b64encode(b"geheim").decode() not in repr(cached)

    async def test_our_own_secret_is_read_without_a_request(self, env, restarted):
        meta = {"name": "t-runtime", "namespace": env.namespace, "labels": dict(OURS)}
        data = {"k": base64.b64encode(b"geheim").decode()}
        await env.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
        read = await env.kube.get_secret(env.namespace, "t-runtime")
        assert (read["data"], env.read) == (data, [])
        assert (await restarted.kube.get_secret(env.namespace, "t-runtime"))["data"] == data
        assert len(restarted.read) == 1, "its cache has nothing yet"

    @pytest.mark.parametrize("reported", [False, True])
    async def test_existing_secret_is_never_overwritten_by_new_values(self, env, restarted, reported):
        """A run makes a password if the cache knows none; but the watch may be late, or a person removed the label."""
        await env.kube.apply(secret(env, "geheim"))
        assert await restarted.kube.get_secret(env.namespace, "t-runtime", to_apply=True) is None
        assert restarted.read == [], "what does not exist costs nothing"
        if reported:  # between the look and the apply
            await restarted.observe_newest(resources.SECRETS, "t-runtime")
        with pytest.raises(Conflict, match="Secret t-runtime came a moment ago"):
            await restarted.kube.apply(secret(env, "another"))
        read = await restarted.kube.get_secret(env.namespace, "t-runtime", to_apply=True)
        assert read["data"] == secret(env, "geheim")["data"]
        await restarted.kube.apply(secret(env, "changed"))
        live = await env.kube.get(resources.SECRETS, env.namespace, "t-runtime")
        assert live["data"] == secret(env, "changed")["data"]

    @pytest.mark.parametrize("is_reported", [False, True])
    async def test_secret_that_lost_its_label_keeps_its_values(self, env, kube_client, is_reported):
        """The watch reports a deletion then, of the version of the label's change."""
        child = await env.kube.apply(secret(env, "geheim"))
        lost = {"metadata": {"labels": {"askproai.de/use": None}}}
        changed = await kube_client.merge(path(env, resources.SECRETS, "t-runtime"), lost)
        version = int(changed["metadata"]["resourceVersion"]) if is_reported else 0
        env.sink.forget(resources.SECRETS, env.namespace, "t-runtime", child.uid, version)
        assert await env.kube.get_secret(env.namespace, "t-runtime", to_apply=True) is None
        with pytest.raises(Conflict, match="Secret t-runtime came a moment ago"):
            await env.kube.apply(secret(env, "another"))
        assert env.cache.secret(env.namespace, "t-runtime") is not None
        read = await env.kube.get_secret(env.namespace, "t-runtime", to_apply=True)
        assert read["data"] == secret(env, "geheim")["data"]
        await env.kube.apply(secret(env, "changed"))
        live = await env.kube.get(resources.SECRETS, env.namespace, "t-runtime")
        assert live["data"] == secret(env, "changed")["data"]
        assert live["metadata"]["labels"] == OURS | {"askproai.de/use": "operator"}

    async def test_secret_seen_by_another_reader_is_not_overwritten(self, env, restarted):
        """As by an agent's reconcile, between the read and the apply of its Tenant's reconcile."""
        await env.kube.apply(secret(env, "geheim"))
        assert await restarted.kube.get_secret(env.namespace, "t-runtime", to_apply=True) is None
        assert await restarted.kube.get_secret(env.namespace, "t-runtime") is not None
        with pytest.raises(Conflict, match="Secret t-runtime came a moment ago"):
            await restarted.kube.apply(secret(env, "another"))

    async def test_apply_without_request_forgets_the_secrets_earlier_absence(self, env, restarted):
        await env.kube.apply(secret(env, "geheim"))
        assert await restarted.kube.get_secret(env.namespace, "t-runtime", to_apply=True) is None
        await restarted.observe_newest(resources.SECRETS, "t-runtime")
        await restarted.kube.apply(secret(env, "geheim"))
        assert restarted.sent == []
        await restarted.kube.apply(secret(env, "changed"))
        assert len(restarted.sent) == 1

    @pytest.mark.parametrize(
        ("labels", "is_kept"), [({}, False), ({"askproai.de/use": "false"}, False), ({"askproai.de/use": "true"}, True)]
    )
    async def test_persons_secret_data_is_kept_only_with_permission(self, env, kube_client, labels, is_kept):
        body = {"metadata": {"name": "keys", "labels": labels}, "stringData": {"k": "geheim"}}
        await kube_client.create(resources.SECRETS.path(env.namespace), body)
        await env.observe_newest(resources.SECRETS, "keys")
        content = base64.b64encode(b"geheim")
        assert (content in (env.cache.secret(env.namespace, "keys").secret or b"")) == is_kept
        env.read.clear()
        assert (await env.kube.get_secret(env.namespace, "keys"))["data"]["k"] == content.decode()
        assert len(env.read) == (0 if is_kept else 1)
        await kube_client.merge(
            path(env, resources.SECRETS, "keys"), {"metadata": {"labels": {"askproai.de/use": None}}}
        )
        await env.observe_newest(resources.SECRETS, "keys")
        assert env.cache.secret(env.namespace, "keys").secret is None

    async def test_own_kind_is_applied_once_and_enqueues_dependents(self, env):
        """Such as the default service of a Branch."""
        await env.create("Branch")
        metadata = {"name": "mitte-standardberatung", "namespace": env.namespace}
        spec = {"branchRef": {"name": "mitte"}, "displayName": "Standardberatung", "durationMinutes": 30}
        kind = {"apiVersion": "askproai.de/v1alpha1", "kind": "ServiceOffering"}
        service = {**kind, "metadata": metadata, "spec": spec}
        env.sent.clear()
        await env.kube.apply(service)
        await env.kube.apply(service)
        assert len(env.sent) == 1
        assert Key("ServiceOffering", env.namespace, "mitte-standardberatung") in env.enqueued
        assert Key("Branch", env.namespace, "mitte") in env.enqueued
