"""When a provider may sign with a new key: not before all pods have it."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.former_keys import FormerKey, is_verifying, keys_hash
from askproai_operator.controllers.tenant.pod_keys import find_keys_in_use
from askproai_operator.controllers.tenant.signing_keys import SigningKeys
from askproai_operator.memory import PodKeys
from tests.worlds.salon_models import credentials

READ = replace(credentials(), versions={"providers": "7"})
PRESENT = SigningKeys({"retell-api-key": "key_canary"})
RUNNING: Any = [SimpleNamespace()]
STATUS = {"secretsInUse": [{"name": "providers", "resourceVersion": "7"}]}


def find(status: dict[str, Any] | None = None, deployments: Any = RUNNING, seen: PodKeys | None = None, **changed: Any):
    tenant: Any = SimpleNamespace(status=status or {})
    return find_keys_in_use(tenant, replace(READ, **changed), PRESENT, "token", deployments, seen)


def test_keys_are_in_use_when_all_pods_have_shown_them():
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
def test_another_version_of_a_secret_is_asked_for(changed: dict[str, Any]):
    before = find(deployments=[])
    after = find(before.status, seen=before.wanted, **changed)
    assert not after.by_all
    assert after.status == before.status, "what all pods had stays true"


def test_the_condition_says_how_long_former_keys_count():
    until = datetime(2026, 11, 27, 10, 5, tzinfo=UTC)
    keys = replace(PRESENT, former={"retell-api-key": (FormerKey("key_old", until),)})
    tenant: Any = SimpleNamespace(status={})
    found = find_keys_in_use(tenant, READ, keys, "token", [], None)
    assert found.condition.message == "the former retell-api-key is accepted until 2026-11-27 10:05 UTC"


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("retell-api-key", True),
        ("retell-webhook-key-0", True),
        ("calcom-webhook-secret", True),
        ("stripe-webhook-secret", True),
        ("FORMER_KEYS", True),
        ("PRESENT_KEYS", True),
        ("calcom-api-key-0123456789ab", False),
        ("DATABASE_URL", False),
    ],
)
def test_every_file_that_pods_verify_with_counts(file: str, counts: bool):
    assert is_verifying(file) is counts
    assert (keys_hash("token", {file: "a"}) != keys_hash("token", {file: "b"})) is counts
    assert keys_hash("token", {}) != keys_hash("other", {})
