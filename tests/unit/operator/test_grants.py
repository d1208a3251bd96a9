"""Grants at an API server in memory: who gets a host, a number or a key, whatever comes in between."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import kopf
import pytest

from askproai_core.clock import FixedClock
from askproai_core.fault_injection import FaultPoints
from askproai_core.kube import NotLeader
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.adoption import adopt_present_holders
from askproai_operator.controllers.grant import find_holder, grant_keys, reconcile, take
from askproai_operator.controllers.grant.reconcile import RESTORE_TIME, UNUSED_TIME
from askproai_operator.controllers.tenant.inputs import _refused_numbers
from askproai_operator.engine import ApiError, Cache, Conflict, Key, Kube, Result, resources
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.grants import (
    KEY_ANNOTATIONS,
    OWN_KEYS_ANNOTATION,
    Holder,
    Subject,
    SubjectKind,
    find_other,
    read_grant,
)
from askproai_operator.providers import hash_key
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from tests.worlds.memory_api_server import MemoryApiServer, serve_api
from tests.worlds.salon_models import raw as manifest

OPERATOR_NAMESPACE = "askproai-system"
NUMBER = "+49301234567"
NUMBER_SUBJECT = Subject(SubjectKind.NUMBER, NUMBER)
HOST = "salon.example"
HOST_SUBJECT = Subject(SubjectKind.HOST, HOST)
LISTED = {"phoneNumbers": [{"number": NUMBER}]}
ROUTED = {"exposure": {"host": HOST, "ingress": {}}}


@dataclass
class GrantEnvironment:
    """An API server, and the operators that share it."""

    api: MemoryApiServer
    clock: FixedClock
    url: str
    stack: AsyncExitStack
    context: ReconcileContext
    sink: EventSink

    async def operator(self) -> tuple[ReconcileContext, EventSink]:
        """Return a new process, which knows only what is in the cluster now."""
        cache = Cache()
        relations = Relations(cache)
        sink = EventSink(cache, relations, lambda _: None)
        login = kopf.ConnectionInfo(server=self.url, insecure=True)
        kube = await self.stack.enter_async_context(Kube(lambda: login, sink, self.clock, namespace=OPERATOR_NAMESPACE))
        context = ReconcileContext(
            kube=kube,
            cache=cache,
            relations=relations,
            settings=Settings(namespace=OPERATOR_NAMESPACE, shared_base_url="https://voice.example"),
            clock=self.clock,
            faults=FaultPoints(),
            database=SimpleNamespace(),
            providers=SimpleNamespace(),
            installation_id="inst-1",
            fence=lambda: None,
            enqueue=lambda _: None,
        )
        for ref in (*resources.CUSTOM, *resources.CHILDREN):
            for obj in await kube.list(ref):
                sink.prime(ref, obj)
        return context, sink

    async def restart(self) -> None:
        self.context, self.sink = await self.operator()

    def put(self, kind: str, namespace: str, *, age: int = 0, uid: str = "", status: Any = None, **spec: Any) -> Any:
        """Store an object that is `age` days old; the watches report it."""
        created = (self.clock.now() - timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        obj = manifest(kind, **spec)
        name = "mitte" if kind == "Branch" else "salon"
        meta = {"name": name, "namespace": namespace, "creationTimestamp": created, "uid": uid or f"{kind}-{namespace}"}
        ref = resources.resource_of_kind(kind)
        stored = self.api.put(ref, {**obj, "metadata": meta, "status": status or {}})
        self.sink.observe(ref, stored)
        return self.context.cache.get(Key(kind, namespace, name))

    def put_ingress(self, namespace: str, host: str = HOST, prefix: str = "") -> None:
        meta = {"name": "salon", "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": resources.MANAGER}}
        rules = [{"host": host, "http": {"paths": [{"path": f"{prefix}/webhooks"}, {"path": f"{prefix}/retell"}]}}]
        stored = self.api.put(resources.INGRESSES, {"metadata": meta, "spec": {"rules": rules}})
        self.sink.observe(resources.INGRESSES, stored)

    def remove(self, kind: str, namespace: str, name: str = "", *, seen: bool = True) -> None:
        """Remove an object; the watches report it only if it is `seen`."""
        name = name or ("mitte" if kind == "Branch" else "salon")
        gone = self.api.remove((kind, namespace, name))
        if seen:
            self.sink.forget(resources.resource_of_kind(kind), namespace, name, gone["metadata"]["uid"])

    def watch(self) -> None:
        """Report the grants and routes as they are now."""
        for ref in (resources.CONFIG_MAPS, resources.INGRESSES):
            for where, uid in dict(self.context.cache.uids(ref)).items():
                if (ref.kind, *where) not in self.api.objects:
                    self.sink.forget(ref, *where, uid)
            for (kind, _, _), obj in list(self.api.objects.items()):
                if kind == ref.kind:
                    self.sink.observe(ref, obj)

    async def take(self, model: Any, subject: Subject, scope: str = "") -> Holder | None:
        holder = await take(model, subject, self.context, scope)
        self.watch()
        return holder

    async def review(self) -> list[Result]:
        """Review all grants."""
        self.watch()
        results = [await reconcile(key, self.context) for key in grant_keys(self.context)]
        self.watch()
        return results

    def holders(self, subject: Subject) -> list[str]:
        """Return the namespaces and UIDs of the holders, as the API server has them."""
        stored = self.api.objects.get(("ConfigMap", OPERATOR_NAMESPACE, subject.name))
        grant = read_grant(stored["metadata"]["annotations"]) if stored else None
        return [holder.uid for holder in grant.holders] if grant else []


@pytest.fixture
async def env() -> AsyncIterator[GrantEnvironment]:
    clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    api = MemoryApiServer(clock.now)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve_api(api))
        environment = GrantEnvironment(api, clock, url, stack, None, None)  # type: ignore[arg-type]
        await environment.restart()
        yield environment


# Who gets it


async def test_an_older_object_is_refused_what_a_younger_one_has(env):
    old, young = env.put("Branch", "old", age=300, phoneNumbers=[]), env.put("Branch", "young", **LISTED)
    assert await env.take(young, NUMBER_SUBJECT) is None
    old = env.put("Branch", "old", age=300, **LISTED)
    holder = await env.take(old, NUMBER_SUBJECT)
    assert holder is not None
    assert holder.namespace == "young"
    assert await env.take(young, NUMBER_SUBJECT) is None


@pytest.mark.parametrize(
    ("case", "held", "wanted", "refused"),
    [
        ("the same place", "/voice", "/voice", True),
        ("a place within theirs", "/voice", "/voice/a", True),
        ("a place around theirs", "/voice", "", True),
        ("all of the host is theirs", "", "/voice", True),
        ("another path", "/voice", "/voice-2", False),
    ],
)
def test_nobody_gets_a_path_of_another(case, held, wanted, refused):
    other, own = Holder("Tenant", "a", "t", "1", held), Holder("Tenant", "b", "t", "2", wanted)
    assert (find_other([other], own) == other) is refused, case
    assert find_other([Holder("Tenant", "b", "t", "former", held)], own) is None, "a former object of its name"


async def test_two_processes_that_ask_at_once_grant_it_to_one(env):
    """A leader that was replaced may still be in a reconcile: the API server decides."""
    first, second = env.put("Branch", "a", **LISTED), env.put("Branch", "b", **LISTED)
    other_context, _ = await env.operator()
    for _ in range(20):
        env.api.objects.pop(("ConfigMap", OPERATOR_NAMESPACE, NUMBER_SUBJECT.name), None)
        answers = await asyncio.gather(
            take(first, NUMBER_SUBJECT, env.context), take(second, NUMBER_SUBJECT, other_context)
        )
        assert [answer is None for answer in answers].count(True) == 1
        assert len(env.holders(NUMBER_SUBJECT)) == 1


async def test_paths_of_one_host_are_added_without_losing_one(env):
    tenants = [env.put("Tenant", f"n{n}", exposure={"host": HOST, "pathPrefix": f"/p{n}"}) for n in range(4)]
    contexts = [(await env.operator())[0] for _ in tenants]
    answers = await asyncio.gather(
        *(take(t, HOST_SUBJECT, c, f"/p{n}") for n, (t, c) in enumerate(zip(tenants, contexts, strict=True)))
    )
    assert answers == [None] * 4
    assert sorted(env.holders(HOST_SUBJECT)) == [f"Tenant-n{n}" for n in range(4)]


async def test_a_known_answer_costs_no_request(env):
    """A thousand Tenants each minute: neither the holder nor the refused one asks the API server."""
    own, other = env.put("Branch", "a", **LISTED), env.put("Branch", "b", **LISTED)
    await env.take(own, NUMBER_SUBJECT)
    writes, reads = env.api.writes, len(env.api.reads)
    assert await take(own, NUMBER_SUBJECT, env.context) is None
    assert await take(other, NUMBER_SUBJECT, env.context) is not None
    assert await env.review()
    assert (env.api.writes, len(env.api.reads)) == (writes, reads)


async def test_nothing_is_granted_while_the_api_server_refuses_or_to_what_is_gone(env):
    branch = env.put("Branch", "a", **LISTED)
    env.api.forbidden.add("configmaps")
    with pytest.raises(ApiError):
        await take(branch, NUMBER_SUBJECT, env.context)
    env.api.forbidden.clear()
    env.remove("Branch", "a", seen=False)
    with pytest.raises(Conflict):
        await take(branch, NUMBER_SUBJECT, env.context)
    assert env.holders(NUMBER_SUBJECT) == []


async def test_a_process_without_the_lease_grants_nothing(env):
    branch = env.put("Branch", "a", **LISTED)

    def fence() -> None:
        raise NotLeader("the Lease is another's")

    object.__setattr__(env.context, "fence", fence)
    with pytest.raises(NotLeader):
        await take(branch, NUMBER_SUBJECT, env.context)
    assert env.holders(NUMBER_SUBJECT) == []


async def test_a_grant_that_a_person_damaged_opens_it_to_nobody(env):
    branch = env.put("Branch", "a", **LISTED)
    await env.take(branch, NUMBER_SUBJECT)
    stored = env.api.objects["ConfigMap", OPERATOR_NAMESPACE, NUMBER_SUBJECT.name]
    env.api.put(
        resources.CONFIG_MAPS,
        {**stored, "metadata": {**stored["metadata"], "annotations": {"askproai.de/grant-holders": "{"}}},
    )
    env.watch()
    with pytest.raises(ApiError, match="correct its annotation"):
        await take(env.put("Branch", "b", **LISTED), NUMBER_SUBJECT, env.context)
    (result,) = await env.review()
    assert result.requeue_after is not None


def test_the_name_of_a_key_reveals_nothing():
    subject = Subject(SubjectKind.CALCOM_KEY, hash_key("inst-1", "cal_secret"))
    assert "cal_secret" not in subject.name + subject.value
    assert subject != Subject(SubjectKind.CALCOM_KEY, hash_key("inst-2", "cal_secret"))
    assert len(subject.name) <= 63


# Who loses it


async def test_a_number_is_free_when_its_branch_drops_it_or_is_deleted(env):
    first, second = env.put("Branch", "a", **LISTED), env.put("Branch", "b", **LISTED)
    await env.take(first, NUMBER_SUBJECT)
    await env.review()
    assert await env.take(second, NUMBER_SUBJECT) is not None
    env.put("Branch", "a", phoneNumbers=[])
    await env.review()
    assert await env.take(second, NUMBER_SUBJECT) is None
    env.remove("Branch", "b")
    await env.review()
    assert env.holders(NUMBER_SUBJECT) == []
    assert ("ConfigMap", OPERATOR_NAMESPACE, NUMBER_SUBJECT.name) not in env.api.objects


async def test_a_dialled_number_of_another_is_refused_although_its_public_number_was_granted(env):
    """The status is from before the edit, and names the public number only."""
    await env.take(env.put("Branch", "holder", **LISTED), NUMBER_SUBJECT)
    forwarded = {"phoneNumbers": [{"number": "+49307654321", "did": NUMBER}]}
    branch = env.put("Branch", "asks", status={"phoneNumbers": ["+49307654321"]}, **forwarded)
    assert _refused_numbers(branch, env.context) == {NUMBER}


async def test_a_release_beside_a_take_loses_neither(env):
    """The release was decided on an old state: it must not remove the holder that came since."""
    first = env.put("Tenant", "a", exposure={"host": HOST, "pathPrefix": "/a"})
    second = env.put("Tenant", "b", exposure={"host": HOST, "pathPrefix": "/b"})
    await env.take(first, HOST_SUBJECT, "/a")
    env.remove("Tenant", "a")
    await take(second, HOST_SUBJECT, env.context, "/b")  # the watch has not reported it
    with pytest.raises(Conflict):
        await reconcile(HOST_SUBJECT.queue_key, env.context)
    await env.review()
    assert env.holders(HOST_SUBJECT) == ["Tenant-b"]


@pytest.mark.parametrize("change", ["deleted", "moved"])
async def test_a_host_is_kept_until_its_route_is_gone(env, change):
    tenant = env.put("Tenant", "a", **ROUTED)
    await env.take(tenant, HOST_SUBJECT)
    env.put_ingress("a")
    if change == "deleted":
        env.remove("Tenant", "a")
    else:
        env.put("Tenant", "a", exposure={"host": "elsewhere.example", "ingress": {}})
    (result,) = await env.review()
    assert result.requeue
    assert env.holders(HOST_SUBJECT) == ["Tenant-a"]
    if change == "deleted":
        env.remove("Ingress", "a")
    else:
        env.put_ingress("a", "elsewhere.example")
    await env.review()
    assert env.holders(HOST_SUBJECT) == []


async def test_a_tenant_that_gives_up_a_part_of_its_host_keeps_the_rest(env):
    await env.take(env.put("Tenant", "a", **ROUTED), HOST_SUBJECT)
    env.put_ingress("a")
    narrower = env.put("Tenant", "a", exposure={"host": HOST, "pathPrefix": "/a", "ingress": {}})
    assert await env.take(narrower, HOST_SUBJECT, "/a") is None
    await env.review()
    assert len(env.holders(HOST_SUBJECT)) == 2, "its route still has the whole host"
    env.put_ingress("a", prefix="/a")
    (result,) = await env.review()
    assert not result.requeue
    assert len(env.holders(HOST_SUBJECT)) == 1
    other = env.put("Tenant", "b", exposure={"host": HOST, "pathPrefix": "/b"})
    assert await env.take(other, HOST_SUBJECT, "/b") is None


async def test_a_tenant_that_is_being_deleted_keeps_its_host(env):
    tenant = env.put("Tenant", "a", **ROUTED)
    await env.take(tenant, HOST_SUBJECT)
    stored = env.api.edit(("Tenant", "a", "salon"), deletionTimestamp="2026-11-20T09:00:00Z", finalizers=["x"])
    env.sink.observe(resources.TENANTS, stored)
    await env.review()
    assert await env.take(env.put("Tenant", "b", **ROUTED), HOST_SUBJECT) is not None


async def test_the_route_of_a_paused_tenant_without_the_host_is_removed(env):
    """Its own reconcile does not run. What it holds elsewhere stays."""
    holder, loser = env.put("Tenant", "a", **ROUTED), env.put("Tenant", "b", **ROUTED)
    await env.take(holder, HOST_SUBJECT)
    env.put_ingress("a")
    env.put_ingress("b")
    await env.review()
    assert find_holder(loser, HOST_SUBJECT, env.context) is not None
    assert [where[1] for where in env.api.objects if where[0] == "Ingress"] == ["a"]


# Restored from a backup


async def test_after_a_restore_each_takes_its_own_grant_in_any_order(env):
    """New UIDs and new ages. The grants were restored, too; the one that wanted another's number comes first."""
    holder = env.put("Branch", "holder", **LISTED)
    await env.take(holder, NUMBER_SUBJECT)
    env.remove("Branch", "holder", seen=False)
    await env.restart()  # it never saw the former object
    thief = env.put("Branch", "thief", uid="new-1", **LISTED)
    await env.review()
    assert await env.take(thief, NUMBER_SUBJECT) is not None
    env.clock.advance(timedelta(minutes=20))
    await env.review()
    restored = env.put("Branch", "holder", uid="new-2", **LISTED)
    assert await env.take(restored, NUMBER_SUBJECT) is None
    await env.review()
    assert env.holders(NUMBER_SUBJECT) == ["new-2"]
    assert await env.take(thief, NUMBER_SUBJECT) is not None


async def test_a_holder_that_never_comes_back_is_released_after_an_hour(env):
    """Also across a change of the leader: since when it is missing is in the grant."""
    await env.take(env.put("Branch", "holder", **LISTED), NUMBER_SUBJECT)
    env.remove("Branch", "holder", seen=False)
    await env.restart()
    await env.review()
    env.clock.advance(RESTORE_TIME / 2)
    await env.restart()
    await env.review()
    assert env.holders(NUMBER_SUBJECT)
    env.clock.advance(RESTORE_TIME / 2)
    await env.review()
    assert env.holders(NUMBER_SUBJECT) == []


async def test_a_key_that_a_living_tenant_does_not_use_is_released_after_a_while(env):
    """The process ended between taking a new key and recording it, and then the Secret got another one."""
    tenant = env.put("Tenant", "holder")
    used, unused = (Subject(SubjectKind.RETELL_KEY, hash_key("inst-1", key)) for key in ("used", "unused"))
    for subject in (used, unused):
        await env.take(tenant, subject)
        await env.review()
    assert env.holders(unused), "nothing is recorded yet: it may be about to be"
    meta = {"name": "salon-teardown", "namespace": "holder", "annotations": {"askproai.de/retell-key": used.value}}
    env.sink.observe(resources.SECRETS, env.api.put(resources.SECRETS, {"metadata": meta}))
    await env.review()
    env.clock.advance(UNUSED_TIME / 2)
    env.watch()
    await env.take(tenant, unused)  # a reconcile still wants it
    env.clock.advance(UNUSED_TIME / 2)
    await env.review()
    assert env.holders(unused)
    env.clock.advance(UNUSED_TIME)
    await env.review()
    assert (env.holders(used), env.holders(unused)) == (["Tenant-holder"], [])


async def test_the_key_of_a_staff_members_own_account_is_kept(env):
    tenant = env.put("Tenant", "holder")
    subjects = [Subject(SubjectKind.CALCOM_KEY, hash_key("inst-1", key)) for key in ("tenants", "annas")]
    meta = {"name": "salon-teardown", "namespace": "holder"}
    annotations = {KEY_ANNOTATIONS[SubjectKind.CALCOM_KEY]: subjects[0].value, OWN_KEYS_ANNOTATION: subjects[1].value}
    secret = {"metadata": meta | {"annotations": annotations}}
    env.sink.observe(resources.SECRETS, env.api.put(resources.SECRETS, secret))
    for subject in subjects:
        await env.take(tenant, subject)
    for _ in range(2):
        await env.review()
        env.clock.advance(UNUSED_TIME)
    assert [env.holders(subject) for subject in subjects] == [["Tenant-holder"]] * 2


# Upgraded from a release without grants


def served_at(host: str, reason: str = "AsDeclared") -> dict[str, Any]:
    condition = {"type": "Exposed", "status": "True", "reason": reason, "message": ""}
    return {"conditions": [condition], "webhookUrls": {"retell": f"https://{host}/webhooks/retell"}}


async def test_an_upgrade_gives_everybody_what_works_today_before_anything_is_reconciled(env):
    """An older Tenant or Branch that was edited while no operator ran has no evidence that it was served."""
    env.put("Tenant", "old", age=300, status=served_at("other.example"), **ROUTED)
    env.put("Tenant", "refused", age=200, status=served_at(HOST, "HostClaimedTwice"), **ROUTED)
    env.put("Tenant", "served", age=1, status=served_at(HOST), **ROUTED)
    env.put("Branch", "old", age=300, status={"phoneNumbers": []}, **LISTED)
    env.put("Branch", "served", age=1, status={"phoneNumbers": [NUMBER]}, **LISTED)
    await adopt_present_holders(env.context)
    env.watch()
    assert env.holders(HOST_SUBJECT) == ["Tenant-served"]
    assert env.holders(NUMBER_SUBJECT) == ["Branch-served"]
    writes, reads = env.api.writes, len(env.api.reads)
    await adopt_present_holders(env.context)
    assert (env.api.writes, len(env.api.reads)) == (writes, reads), "later starts cost no request"


async def test_a_grant_that_cannot_be_read_or_taken_keeps_no_other_object_waiting_at_a_start(env):
    """Nothing is reconciled before the adoption ends, so one object's fault must not last."""
    env.put("Branch", "damaged", age=300, status={"phoneNumbers": [NUMBER]}, **LISTED)
    unreadable = {
        "name": NUMBER_SUBJECT.name,
        "namespace": OPERATOR_NAMESPACE,
        "annotations": {"askproai.de/grant-holders": "{"},
    }
    env.api.put(resources.CONFIG_MAPS, {"metadata": unreadable})
    env.put("Tenant", "served", age=1, status=served_at(HOST), **ROUTED)
    await adopt_present_holders(env.context)
    env.watch()
    assert env.holders(HOST_SUBJECT) == ["Tenant-served"]


async def test_an_upgrade_leaves_shared_keys_to_the_older_tenant(env):
    """Retell's hash is in the annotation of an earlier release; Cal.com's key is read from the Secret."""
    calcom = Subject(SubjectKind.CALCOM_KEY, hash_key("inst-1", "cal_shared"))
    for namespace, age in (("young", 1), ("old", 300)):
        env.put("Tenant", namespace, age=age)
        annotations = {"askproai.de/retell-key": hash_key("inst-1", f"key_{namespace}")}
        data = {"calcom-api-key": base64.b64encode(b"cal_shared").decode()}
        meta = {"name": "salon-teardown", "namespace": namespace, "annotations": annotations}
        env.sink.observe(resources.SECRETS, env.api.put(resources.SECRETS, {"metadata": meta, "data": data}))
    await adopt_present_holders(env.context)
    assert env.holders(calcom) == ["Tenant-old"]
    for namespace in ("young", "old"):
        subject = Subject(SubjectKind.RETELL_KEY, hash_key("inst-1", f"key_{namespace}"))
        assert env.holders(subject) == [f"Tenant-{namespace}"]


async def test_an_upgrade_removes_a_strangers_route_of_the_shared_host(env):
    """A paused Tenant is not reconciled, and an earlier release let it have a path of a tenant that was yet to come."""
    env.put("Tenant", "a", exposure={"host": "voice.example", "ingress": {}}, status=served_at("voice.example"))
    env.put_ingress("a", "voice.example")
    await adopt_present_holders(env.context)
    assert not [where for where in env.api.objects if where[0] in {"Ingress", "ConfigMap"}]
