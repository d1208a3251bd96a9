"""Grants at an API server in memory, after a restore from a backup and after an upgrade."""

import base64
from datetime import timedelta
from typing import Any

from askproai_operator import resources
from askproai_operator.controllers.adoption import adopt_present_holders
from askproai_operator.controllers.grant.reconcile import RESTORE_TIME, UNUSED_TIME
from askproai_operator.grants import KEY_ANNOTATIONS, OWN_KEYS_ANNOTATION, Subject, SubjectKind
from askproai_operator.providers import hash_key
from askproai_operator.shards import Shard
from tests.worlds.grant_environment import (
    HOST,
    HOST_SUBJECT,
    LISTED,
    NUMBER,
    NUMBER_SUBJECT,
    OPERATOR_NAMESPACE,
    ROUTED,
)

# Restored from a backup


async def test_restored_holder_gets_its_grant_despite_earlier_request(env):
    """Restored objects have new UIDs and ages, and the object that requests the other's number comes first."""
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


async def test_grant_of_missing_holder_ends_after_an_hour(env):
    """Also across a change of leader: the grant records since when its holder is missing."""
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


async def test_unused_key_of_a_living_tenant_is_released(env):
    """The process ended between taking a key and recording it; then the Secret got another key."""
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


async def test_key_of_a_staff_account_is_kept(env):
    tenant = env.put("Tenant", "holder")
    subjects = [Subject(SubjectKind.CALENDAR_KEY, hash_key("inst-1", key)) for key in ("tenants", "annas")]
    meta = {"name": "salon-teardown", "namespace": "holder"}
    annotations = {KEY_ANNOTATIONS[SubjectKind.CALENDAR_KEY]: subjects[0].value, OWN_KEYS_ANNOTATION: subjects[1].value}
    secret = {"metadata": meta | {"annotations": annotations}}
    env.sink.observe(resources.SECRETS, env.api.put(resources.SECRETS, secret))
    for subject in subjects:
        await env.take(tenant, subject)
    for _ in range(2):
        await env.review()
        env.clock.advance(UNUSED_TIME)
    assert [env.holders(subject) for subject in subjects] == [["Tenant-holder"]] * 2


# Several operators


async def test_grant_of_a_foreign_shard_is_not_released(env):
    """Only the operator of that shard caches the holder: an absence in another cache proves nothing."""
    names = ["salon", "praxis", "studio", "werkstatt"]
    shards = [Shard(index, 2, OPERATOR_NAMESPACE) for index in (0, 1)]
    holder, thief = (next(name for name in names if shard.owns(name)) for shard in shards)
    await env.take(env.put("Branch", holder, **LISTED), NUMBER_SUBJECT)

    await env.restart(shards[1])
    refused = env.put("Branch", thief, **LISTED)
    for _ in range(3):
        await env.review()
        env.clock.advance(RESTORE_TIME)
    assert env.holders(NUMBER_SUBJECT) == [f"Branch-{holder}"]
    assert await env.take(refused, NUMBER_SUBJECT) is not None

    await env.restart(shards[0])
    env.put("Branch", holder, phoneNumbers=[])
    await env.review()
    assert env.holders(NUMBER_SUBJECT) == []
    await env.restart(shards[1])
    assert await env.take(refused, NUMBER_SUBJECT) is None


# Upgraded from a release without grants


def served_at(host: str, reason: str = "AsDeclared") -> dict[str, Any]:
    condition = {"type": "Exposed", "status": "True", "reason": reason, "message": ""}
    return {"conditions": [condition], "webhookUrls": {"retell": f"https://{host}/webhooks/retell"}}


async def test_upgrade_grants_everything_in_use_before_reconciling(env):
    """If an older Tenant or Branch was edited while no operator ran, nothing proves that it was served."""
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


async def test_unreadable_grant_does_not_delay_other_grants(env):
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


async def test_upgrade_leaves_shared_keys_to_the_older_tenant(env):
    calcom = Subject(SubjectKind.CALENDAR_KEY, hash_key("inst-1", "cal_shared"))
    for namespace, age in (("young", 1), ("old", 300)):
        env.put("Tenant", namespace, age=age)
        annotations = {
            "askproai.de/retell-key": hash_key("inst-1", f"key_{namespace}"),
            "askproai.de/calcom-key": calcom.value,
        }
        data = {"calcom-api-key": base64.b64encode(b"cal_shared").decode()}
        meta = {"name": "salon-teardown", "namespace": namespace, "annotations": annotations}
        env.sink.observe(resources.SECRETS, env.api.put(resources.SECRETS, {"metadata": meta, "data": data}))
    await adopt_present_holders(env.context)
    assert env.holders(calcom) == ["Tenant-old"]
    for namespace in ("young", "old"):
        subject = Subject(SubjectKind.RETELL_KEY, hash_key("inst-1", f"key_{namespace}"))
        assert env.holders(subject) == [f"Tenant-{namespace}"]


async def test_upgrade_removes_a_foreign_route_of_shared_host(env):
    """A paused Tenant is not reconciled, and its host was not reserved when it was routed."""
    env.put("Tenant", "a", exposure={"host": "voice.example", "ingress": {}}, status=served_at("voice.example"))
    env.put_ingress("a", "voice.example")
    await adopt_present_holders(env.context)
    assert not [where for where in env.api.objects if where[0] in {"Ingress", "ConfigMap"}]
