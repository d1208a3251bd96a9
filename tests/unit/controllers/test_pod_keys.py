"""A provider signs with a new key only after all pods have it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.former_keys import FormerKey, is_verifying, keys_hash
from askproai_operator.controllers.tenant.pod_keys import describe_refused, find_keys_in_use
from askproai_operator.controllers.tenant.signing_keys import SigningKeys, next_keys
from askproai_operator.memory import PodKeys
from askproai_operator.store.tenant_states import RefusedRequests
from tests.worlds.salon_models import credentials

READ = replace(credentials(), versions={"providers": "7"})
PRESENT = SigningKeys({"retell-api-key": "key_canary"})
RUNNING: Any = [SimpleNamespace()]
STATUS = {"secretsInUse": [{"name": "providers", "resourceVersion": "7"}]}


def find(
    status: dict[str, Any] | None = None, deployments: Any = RUNNING, seen: PodKeys | None = None,
    keys: SigningKeys = PRESENT, **changed: Any,
):  # fmt: skip
    tenant: Any = SimpleNamespace(status=status or {})
    return find_keys_in_use(tenant, replace(READ, **changed), keys, "token", deployments, seen)


def test_keys_are_used_once_all_pods_have_them():
    asked = find()
    assert (asked.by_all, asked.condition.status) == (False, "False")
    assert "key_canary" not in repr(asked)
    shown = find(seen=asked.wanted)
    assert shown.by_all
    assert shown.status == STATUS | {"keysHash": asked.wanted.hash}
    assert find(shown.status).by_all, "also for an operator that has just started"
    lacking = find(seen=replace(asked.wanted, without=("salon-web-1",)))
    assert not lacking.by_all
    assert "salon-web-1" in lacking.condition.message
    assert find(deployments=[]).by_all, "pods that start later mount what there is"


@pytest.mark.parametrize(
    "changed",
    [
        {"versions": {"providers": "9"}},  # the former value again: a pod may have had another in between
        {"values": READ.values | {"retell-api-key": "key_2"}},
    ],
)
def test_changed_secret_version_is_not_yet_in_use(changed: dict[str, Any]):
    before = find(deployments=[])
    after = find(before.status, seen=before.wanted, **changed)
    assert not after.by_all
    assert after.status == before.status, "what all pods had stays true"


def test_former_keys_stay_valid_until_pods_update():
    """While a pod does not report a new key, the status says that no provider may sign with it yet."""
    before = next_keys(SigningKeys(), READ, ROTATED_AT)
    after = {"values": READ.values | {"retell-api-key": "key_2"}, "versions": {"providers": "8"}}
    shown = find(deployments=[], keys=before).status
    keys, now = next_keys(before, replace(READ, **after), ROTATED_AT), ROTATED_AT
    seen = replace(find(shown, keys=keys, **after).wanted, without=("salon-web-1",))
    for minutes in range(1, 300, 10):
        now = ROTATED_AT + timedelta(minutes=minutes)
        keys = next_keys(keys, replace(READ, **after), now, is_held=True)
        found = find(shown, seen=seen, keys=keys, **after)
        assert not found.by_all
        assert "the former key is accepted meanwhile" in found.condition.message
        assert keys.former["retell-api-key"][0].until > now + timedelta(minutes=28)
    assert next_keys(keys, replace(READ, **after), now + timedelta(hours=1)).former == {}
    revoked = next_keys(keys, replace(READ, **after), now, is_held=True, is_revoked=True)
    assert revoked.former == {}
    assert "former" not in find(shown, seen=seen, keys=revoked, **after).condition.message


def test_condition_says_until_when_former_keys_are_accepted():
    until = datetime(2026, 11, 27, 10, 5, tzinfo=UTC)
    keys = replace(PRESENT, former={"retell-api-key": (FormerKey("key_old", until),)})
    tenant: Any = SimpleNamespace(status={})
    found = find_keys_in_use(tenant, READ, keys, "token", [], None)
    assert found.condition.message == "the former key of retell is accepted until 2026-11-27 10:05 UTC"


ROTATED_AT = datetime(2026, 11, 27, 9, 5, tzinfo=UTC)
ROTATED = SigningKeys(
    {name: READ.values[name] for name in ("retell-api-key", "calcom-webhook-secret")},
    {"retell-api-key": (FormerKey("key_old", ROTATED_AT + timedelta(hours=1)),)},
)


@pytest.mark.parametrize("minutes", [1, 59, 60, 600])
def test_expired_former_keys_do_not_change_keys_hash(minutes: int):
    """Pods themselves refuse a former key after its time."""
    in_use = find(deployments=[], keys=ROTATED)
    later = next_keys(ROTATED, READ, ROTATED_AT + timedelta(minutes=minutes), is_revoked=False)
    assert bool(later.former) is (minutes < 60)
    assert find(in_use.status, keys=later).by_all


def test_revocation_is_complete_once_all_pods_forgot_keys():
    in_use = find(deployments=[], keys=ROTATED)
    revoked = next_keys(ROTATED, READ, ROTATED_AT, is_revoked=True)
    assert not revoked.former
    asked = find(in_use.status, keys=revoked)
    assert not asked.by_all
    forgotten = find(in_use.status, seen=asked.wanted, keys=revoked)
    assert forgotten.by_all
    again = next_keys(revoked, READ, ROTATED_AT + timedelta(minutes=1), is_revoked=True)
    assert find(forgotten.status, keys=again).by_all, "the annotation stays, and revokes nothing more"


@pytest.mark.parametrize(
    ("reason", "ahead", "todo"),
    [
        ("mismatch", None, "Put that key into the Secret"),
        ("no_key", None, "Put that key into the Secret"),
        ("outside_window", 361, "clock of a pod's node is 361 s behind the time"),
        ("outside_window", -400, "clock of a pod's node is 400 s ahead of the time"),
        ("missing", None, "x-retell-signature is missing"),
        ("malformed", None, "x-retell-signature is damaged"),
    ],
)
def test_condition_names_the_cause_of_refusals(reason: str, ahead: int | None, todo: str):
    tenant: Any = SimpleNamespace(spec=SimpleNamespace(time_zone="Europe/Berlin"))
    text = describe_refused(tenant, RefusedRequests(ROTATED_AT, reason, ahead))
    assert "since 2026-11-27 10:05 (Europe/Berlin)" in text
    assert todo in text
    assert ("badge" in text) is ("Secret" in todo)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("retell-api-key", True),
        ("retell-webhook-key-0", True),
        ("calcom-webhook-secret", True),
        ("stripe-webhook-secret", True),
        ("PRESENT_KEYS", True),
        ("REVOKED_AT", True),
        ("FORMER_KEYS", False),  # their hour ends in the pods by itself
        ("calcom-api-key-0123456789ab", False),
        ("DATABASE_URL", False),
    ],
)
def test_keys_hash_covers_every_file_with_signing_keys(file: str, counts: bool):
    assert is_verifying(file) is counts
    assert (keys_hash("token", {file: "a"}) != keys_hash("token", {file: "b"})) is counts
    assert keys_hash("token", {}) != keys_hash("other", {})
