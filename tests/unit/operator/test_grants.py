"""Grants at an API server in memory: who gets a host, a number or a key, whatever comes in between."""

import asyncio

import pytest

from askproai_core.kube import ApiError, Conflict, NotLeader
from askproai_operator import resources
from askproai_operator.controllers.grant import reconcile, take
from askproai_operator.controllers.name_conflicts import find_holder
from askproai_operator.controllers.tenant.inputs import _refused_numbers
from askproai_operator.grants import Holder, Subject, SubjectKind, find_other
from askproai_operator.providers import hash_key
from tests.worlds.grant_environment import (
    HOST,
    HOST_SUBJECT,
    LISTED,
    NUMBER,
    NUMBER_SUBJECT,
    OPERATOR_NAMESPACE,
    ROUTED,
)

# Granting


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
def test_overlapping_path_of_another_tenant_is_refused(case, held, wanted, refused):
    other, own = Holder("Tenant", "a", "t", "1", held), Holder("Tenant", "b", "t", "2", wanted)
    assert (find_other([other], own) == other) is refused, case
    assert find_other([Holder("Tenant", "b", "t", "former", held)], own) is None, "a former object of its name"


async def test_only_one_of_two_simultaneous_processes_is_granted(env):
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


async def test_paths_of_one_host_accumulate_without_loss(env):
    tenants = [env.put("Tenant", f"n{n}", exposure={"host": HOST, "pathPrefix": f"/p{n}"}) for n in range(4)]
    contexts = [(await env.operator())[0] for _ in tenants]
    answers = await asyncio.gather(
        *(take(t, HOST_SUBJECT, c, f"/p{n}") for n, (t, c) in enumerate(zip(tenants, contexts, strict=True)))
    )
    assert answers == [None] * 4
    assert sorted(env.holders(HOST_SUBJECT)) == [f"Tenant-n{n}" for n in range(4)]


async def test_known_grant_needs_no_api_request(env):
    """A thousand Tenants run each minute: neither holders nor refused Tenants may ask the API server."""
    own, other = env.put("Branch", "a", **LISTED), env.put("Branch", "b", **LISTED)
    await env.take(own, NUMBER_SUBJECT)
    writes, reads = env.api.writes, len(env.api.reads)
    assert await take(own, NUMBER_SUBJECT, env.context) is None
    assert await take(other, NUMBER_SUBJECT, env.context) is not None
    assert await env.review()
    assert (env.api.writes, len(env.api.reads)) == (writes, reads)


async def test_nothing_is_granted_to_deleted_or_refused_objects(env):
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


async def test_unreadable_grant_is_given_to_nobody(env):
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


def test_name_of_a_keys_grant_reveals_nothing():
    subject = Subject(SubjectKind.CALENDAR_KEY, hash_key("inst-1", "cal_secret"))
    assert "cal_secret" not in subject.name + subject.value
    assert subject != Subject(SubjectKind.CALENDAR_KEY, hash_key("inst-2", "cal_secret"))
    assert len(subject.name) <= 63


# Losing a grant


async def test_number_is_free_when_dropped_or_branch_deleted(env):
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


async def test_did_granted_to_another_branch_is_refused(env):
    """The status is from before the edit, and names the public number only."""
    await env.take(env.put("Branch", "holder", **LISTED), NUMBER_SUBJECT)
    forwarded = {"phoneNumbers": [{"number": "+49307654321", "did": NUMBER}]}
    branch = env.put("Branch", "asks", status={"phoneNumbers": ["+49307654321"]}, **forwarded)
    assert _refused_numbers(branch, env.context) == {NUMBER}


async def test_concurrent_release_does_not_remove_a_new_holder(env):
    """The release was decided by an old state, and must not remove a newer holder."""
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
async def test_host_is_kept_until_its_route_is_gone(env, change):
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


async def test_whole_host_is_released_after_route_is_narrowed(env):
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


async def test_tenant_in_deletion_keeps_its_host(env):
    tenant = env.put("Tenant", "a", **ROUTED)
    await env.take(tenant, HOST_SUBJECT)
    stored = env.api.edit(("Tenant", "a", "salon"), deletionTimestamp="2026-11-20T09:00:00Z", finalizers=["x"])
    env.sink.observe(resources.TENANTS, stored)
    await env.review()
    assert await env.take(env.put("Tenant", "b", **ROUTED), HOST_SUBJECT) is not None


async def test_route_of_paused_tenant_without_host_is_removed(env):
    """Its own reconcile does not run. Its other grants stay."""
    holder, loser = env.put("Tenant", "a", **ROUTED), env.put("Tenant", "b", **ROUTED)
    await env.take(holder, HOST_SUBJECT)
    env.put_ingress("a")
    env.put_ingress("b")
    await env.review()
    assert find_holder(loser, HOST_SUBJECT, env.context) is not None
    assert [where[1] for where in env.api.objects if where[0] == "Ingress"] == ["a"]
