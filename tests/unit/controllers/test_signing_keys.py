"""The keys that are accepted after a change, and the time at which Cal.com gets a changed secret."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.former_keys import FormerKey, accepted_former_keys, encode_former_keys
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.secrets import SIGNING_KEYS, tenant_secret
from askproai_operator.controllers.tenant.signing_keys import SigningKeys, keep_signing_keys, next_keys
from askproai_operator.credentials import Credentials
from tests.worlds.salon_models import credentials, raw

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, SECRET, API_KEY = "retell-api-key", "calcom-webhook-secret", "calcom-api-key"


def read(**values: str | None) -> Credentials:
    """Return what a reconcile read from the tenant's Secrets; None for a value that is missing."""
    salon = credentials()
    changed = {**salon.values, **{name.replace("_", "-"): value for name, value in values.items()}}
    return replace(salon, values={name: value for name, value in changed.items() if value is not None})


def first() -> SigningKeys:
    return next_keys(SigningKeys(), read(), NOW)


def test_first_signing_keys_have_no_former_keys():
    assert first().present == {KEY: "key_canary", SECRET: "whs_canary"}
    assert first().former == {}


def test_changed_key_is_accepted_for_one_hour_only():
    keys = next_keys(first(), read(retell_api_key="key_2"), NOW)
    assert keys.former == {KEY: (FormerKey("key_canary", NOW + HOUR),)}
    later = next_keys(keys, read(retell_api_key="key_2"), NOW + HOUR - timedelta(seconds=1))
    assert later == keys
    assert next_keys(later, read(retell_api_key="key_2"), NOW + HOUR).former == {}


def test_refused_key_neither_counts_nor_prolongs_former_keys():
    wrong = next_keys(first(), read(retell_api_key="typo"), NOW, refused={KEY})
    again = next_keys(wrong, read(retell_api_key="typo"), NOW + HOUR / 2, refused={KEY})
    mended = next_keys(again, read(retell_api_key="key_2"), NOW + HOUR / 2)
    assert mended.former == {KEY: (FormerKey("key_canary", NOW + HOUR),)}
    assert next_keys(again, read(retell_api_key="typo"), NOW + 2 * HOUR, refused={KEY}).former == {}


@pytest.mark.parametrize("name", ["retell_api_key", "calcom_webhook_secret"])
def test_each_key_changed_during_pause_is_accepted_afterwards(name: str):
    """Pods mount each key, no key is tested, and the status still says that pods have the first one."""
    keys, present = first(), first().present[file := name.replace("_", "-")]
    for minutes in range(0, 300, 10):
        now = NOW + timedelta(minutes=minutes)
        keys = next_keys(keys, read(**{name: "second" if minutes < 250 else "third"}), now, is_held=True)
        assert present in {keys.present[file], *(each.key for each in keys.former[file])}
    released = next_keys(keys, read(**{name: "third"}), now)
    assert {each.key for each in released.former[file] if each.until > now + HOUR / 2} == {present, "second"}
    assert next_keys(released, read(**{name: "third"}), now + HOUR).former == {}


@pytest.mark.parametrize("name", ["retell_api_key", "calcom_webhook_secret"])
def test_repeated_key_changes_add_no_duplicate_former_key(name: str):
    keys, file, now = first(), name.replace("_", "-"), NOW
    for number in range(40):
        now += timedelta(minutes=10)
        keys = next_keys(keys, read(**{name: ("second", "third", "fourth")[number % 3]}), now, is_held=True)
        assert len({each.key for each in keys.former[file]}) == len(keys.former[file]) <= 3
    assert (keys.present[file], *(each.key for each in keys.former[file][:2])) == ("second", "fourth", "third")


def test_calcom_secret_changes_once_all_pods_have_it():
    """A secret that is changed back, and again: a pod may have any of the three states."""
    keys = first()
    for seconds, value in ((0, "whs_2"), (10, "whs_canary"), (20, "whs_2")):
        keys = next_keys(keys, read(calcom_webhook_secret=value), NOW + timedelta(seconds=seconds))
    assert keys.to_register(SECRET, "whs_2", NOW + timedelta(seconds=119)) == "whs_canary"


def test_a_refused_key_stays_refused_in_pauses():
    """A wrong key that the Secret had before the pause does not become a former key; a new key does."""
    keys = next_keys(first(), read(retell_api_key="typo"), NOW, refused={KEY})
    for minutes in range(0, 120, 10):
        paused = NOW + timedelta(minutes=minutes)
        keys = next_keys(keys, read(retell_api_key="typo"), paused, refused=None, is_held=True)
    mended = next_keys(keys, read(retell_api_key="key_2"), paused)
    assert [each.key for each in mended.former[KEY]] == ["key_canary"]
    changed = next_keys(mended, read(retell_api_key="key_3"), paused, refused=None, is_held=True)
    assert [each.key for each in changed.former[KEY]] == ["key_2", "key_canary"]


def test_missing_secret_changes_no_signing_keys():
    assert next_keys(first(), read(calcom_webhook_secret=None), NOW, is_held=True).present[SECRET] == "whs_canary"


def test_sender_removed_from_the_tenant_loses_its_keys():
    keys = next_keys(first(), read(calcom_webhook_secret="whs_2"), NOW)
    local = replace(read(), secret_refs={KEY: read().secret_refs[KEY]})
    assert next_keys(keys, local, NOW) == SigningKeys({KEY: "key_canary"})


def test_calcom_gets_a_changed_secret_after_the_pods():
    changed, twice = read(calcom_webhook_secret="whs_2"), read(calcom_webhook_secret="whs_3")
    keys = next_keys(next_keys(first(), changed, NOW), twice, NOW + timedelta(seconds=10))
    assert keys.to_register(SECRET, "whs_3", NOW + timedelta(seconds=119)) == "whs_canary"
    assert keys.to_register(SECRET, "whs_3", NOW + timedelta(seconds=131)) == "whs_3"


def test_former_webhook_secret_stays_while_calcom_uses_it():
    """The new secret may wait for a person: the Tenant is paused, or fails a check."""
    changed = read(calcom_webhook_secret="whs_2")
    keys, now = replace(first(), registered={SECRET: "whs_canary"}), NOW
    for minutes in range(0, 300, 10):
        now = NOW + timedelta(minutes=minutes)
        keys = next_keys(keys, changed, now, is_held=True)
        assert [each.key for each in keys.former[SECRET]] == ["whs_canary"]
        assert now < keys.former[SECRET][0].until <= now + HOUR
    keys = next_keys(keys, changed, now)
    assert keys.to_register(SECRET, "whs_2", now) == "whs_2", "the pods have the new one for long"
    keys = replace(keys, registered={SECRET: "whs_2"})
    assert next_keys(keys, changed, now + HOUR).former == {}


@pytest.mark.parametrize(("in_use", "kept"), [("False", True), ("True", False), (None, False)])
async def test_former_keys_stay_until_new_keys_are_used(in_use: str | None, kept: bool):
    """Meanwhile the status says that no provider may sign with the new key."""
    conditions = [{"type": "KeysInUse", "status": in_use}] if in_use else []
    salon = Tenant.from_raw(raw("Tenant") | {"status": {"conditions": conditions}})
    changed = next_keys(first(), read(retell_api_key="key_2"), NOW)
    stored, applied = tenant_secret(salon, SIGNING_KEYS, changed.mounted()), list[Any]()

    async def get_secret(*_: object, **__: object) -> Any:
        return stored

    async def apply(manifest: object) -> None:
        applied.append(manifest)

    kube = SimpleNamespace(get_secret=get_secret, apply=apply)
    context: Any = SimpleNamespace(kube=kube, clock=SimpleNamespace(now=lambda: NOW + HOUR - timedelta(seconds=1)))
    keys = await keep_signing_keys(salon, read(retell_api_key="key_2"), context, is_held=False)
    assert (keys.former[KEY][0].until > NOW + HOUR) is kept
    assert ("FORMER_KEYS" in applied[0]["data"]) is True


def test_api_key_is_untried_until_its_server_accepts():
    assert SigningKeys().is_untried(API_KEY, "a"), "of a new tenant"
    keys = SigningKeys(registered={SECRET: "whs_canary"}, accepted={API_KEY: "a"})
    assert (keys.is_untried(API_KEY, "a"), keys.is_untried(API_KEY, "b")) == (False, True)
    assert next_keys(keys, read(), NOW, is_held=True).accepted == {API_KEY: "a"}
    local = replace(read(), secret_refs={KEY: read().secret_refs[KEY]})
    assert next_keys(keys, local, NOW).accepted == {}


def test_pods_forget_a_former_key_without_an_operator():
    text = encode_former_keys({KEY: (FormerKey("old", NOW + HOUR),)})
    assert accepted_former_keys(text, KEY, NOW) == ("old",)
    assert accepted_former_keys(text, KEY, NOW + HOUR) == ()
    assert accepted_former_keys(text, SECRET, NOW) == ()
    assert accepted_former_keys("broken", KEY, NOW) == ()


def test_signing_keys_appear_in_no_representation():
    keys = next_keys(first(), read(retell_api_key="key_canary_2"), NOW)
    assert "canary" not in repr(keys) + repr(keys.former)
