"""The time from which pods encrypt, their key, and the report of lost keys."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.data_keys import DataKeys, decode_data_keys, encode_data_keys, keys_to_copy, new_data_key
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.deployment import DECRYPTS, all_pods_decrypt
from askproai_operator.controllers.tenant.data_keys import encryption_condition, next_keys
from askproai_operator.engine import ObservedObject
from askproai_operator.engine.cache import observed_object
from tests.worlds.salon_models import tenant as salon_tenant

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def live(annotations: Mapping[str, str], *, rolled_out: bool = True) -> ObservedObject:
    """Return a live Deployment; while it is rolled out one of its two pods is of the former template."""
    updated = 2 if rolled_out else 1
    status = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": updated, "availableReplicas": 2}
    meta: dict[str, Any] = {
        "name": "salon-web",
        "namespace": "salon",
        "uid": "1",
        "resourceVersion": "1",
        "generation": 3,
    }
    return observed_object(
        {
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            "metadata": meta | {"annotations": dict(annotations)},
            "status": status,
        }
    )


OURS, OF_THE_RELEASE_BEFORE = {DECRYPTS: "true"}, dict[str, str]()


@pytest.mark.parametrize(
    ("deployments", "before", "expected"),
    [
        ([], False, True),
        ([live(OURS)], False, True),
        ([live(OURS), live(OF_THE_RELEASE_BEFORE)], False, False),
        ([live(OF_THE_RELEASE_BEFORE)], False, False),
        ([live(OF_THE_RELEASE_BEFORE)], True, False),
        ([live(OURS, rolled_out=False)], False, False),
        ([live(OURS, rolled_out=False)], True, True),
    ],
    ids=["no pods yet", "all", "workers of before", "of before", "after a rollback", "first roll-out", "a later one"],
)
def test_encryption_needs_all_pods_able_to_decrypt(deployments, before, expected):
    assert all_pods_decrypt(deployments, before=before) is expected


def test_annotation_adds_a_key_to_the_first() -> None:
    first = next_keys(DataKeys(), "", NOW, lost=False)
    assert len(first.keys) == 1
    assert next_keys(first, "", NOW, lost=False) == first
    second = next_keys(first, "monday", NOW, lost=False)
    assert second.keys[0] == first.keys[0]
    assert len({each.key for each in second.keys}) == 2
    assert next_keys(second, "monday", NOW, lost=False) == second
    assert next_keys(second, "", NOW, lost=False) == second, "an annotation that is removed changes nothing"


def test_lost_key_is_reported_until_its_rows_expire() -> None:
    tenant: Tenant = salon_tenant()
    keys = next_keys(DataKeys(), "", NOW, lost=True)
    days = max(tenant.spec.retention.raw_event_days, tenant.spec.retention.transcript_days)
    for later, status in ((timedelta(), "False"), (timedelta(days=days), "True")):
        condition = encryption_condition(tenant, keys, NOW + later, asked=True)
        assert condition.status == status
    assert "salon-mueller-data-keys" in encryption_condition(tenant, keys, NOW, asked=True).message


@pytest.mark.parametrize(
    ("asked", "in_use", "minutes", "reason"),
    [
        (True, True, 3, "AsDeclared"), (True, True, 2, "Pending"), (True, False, 3, "Pending"), (False, False, 3, "NotRequested"),
    ],
)  # fmt: skip
def test_encryption_condition_has_the_reason_for_its_state(asked, in_use, minutes, reason):
    keys = DataKeys((new_data_key(NOW - timedelta(minutes=minutes)),), in_use=in_use)
    assert encryption_condition(salon_tenant(), keys, NOW, asked=asked).reason == reason


@pytest.mark.parametrize(
    "text", ["half of it", "[]", '{"keys": [{"id": "a", "key": "AAAA", "since": "2026-11-24T09:00:00Z"}]}'], ids=str
)
def test_secret_without_keys_is_refused_without_values(text: str) -> None:
    with pytest.raises(ValueError, match="data key") as refused:
        decode_data_keys(text)
    assert "AAAA" not in str(refused.value)


def test_encoded_data_keys_are_decoded_unchanged() -> None:
    keys = DataKeys((new_data_key(NOW), new_data_key(NOW)), "monday", NOW, True, True)
    assert decode_data_keys(encode_data_keys(keys)) == keys


def test_teardown_copies_valid_data_keys_or_former_ones() -> None:
    good, former = (encode_data_keys(DataKeys((new_data_key(NOW),))) for _ in range(2))
    assert keys_to_copy(good, former) == good
    assert keys_to_copy("half of it", former) == former
    assert keys_to_copy("half of it", None) is None
    assert keys_to_copy(None, former) is None
