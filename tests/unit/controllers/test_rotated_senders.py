"""While a sender's key is replaced, pods accept its signatures, whichever Secret a pod mounts first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from askproai_core.former_keys import is_verifying, keys_hash
from askproai_operator.controllers.tenant.signing_keys import GRACE, SigningKeys, next_keys
from askproai_operator.credentials import Credentials as StoredKeys
from askproai_operator.credentials import secret_refs
from askproai_runtime.intake.senders import SENDERS, Source
from askproai_runtime.intake.signatures import read_keys
from askproai_runtime.watched_files import Credentials
from tests.worlds.salon_models import credentials, tenant

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
STRIPE = {"webhookSecretRef": {"name": "providers", "key": "stripe-webhook-secret"}}


def read_with(*webhook_keys: str) -> StoredKeys:
    """Return what a reconcile reads for a Tenant with everything set; the webhook keys' values are their names in the Secret."""
    listed = [{"name": "providers", "key": key} for key in webhook_keys]
    retell = {"apiKeySecretRef": {"name": "providers", "key": "retell-api-key"}, "webhookKeySecretRefs": listed}
    refs = secret_refs(tenant(retell=retell, stripe=STRIPE))
    values = {file: f"{ref.key}_canary" for file, ref in refs.items()}
    return replace(credentials(), values=values, secret_refs=refs)


BEFORE = read_with("badge", "further")
# The sender that signs with the key, by the key's file.
SIGNING = {file: sender.source for file in BEFORE.values for sender in SENDERS.values() if file.startswith(sender.keys)}


def mount(directory: Path, read: StoredKeys, keys: SigningKeys) -> Credentials:
    for name, text in {**read.values, **keys.mounted()}.items():
        (directory / name).write_text(text)
    return Credentials(directory)


def test_each_file_with_signing_keys_is_rotated() -> None:
    assert set(SIGNING.values()) == set(SENDERS)
    assert {file for file in BEFORE.values if is_verifying(file)} - {"calcom-api-key"} == set(SIGNING)


@pytest.mark.parametrize("has_signing_keys", [False, True])
@pytest.mark.parametrize("has_secret", [False, True])
@pytest.mark.parametrize("file", SIGNING)
def test_senders_signature_is_accepted_in_any_mount_order(tmp_path, file, has_secret, has_signing_keys):
    source, before = SIGNING[file], BEFORE.values[file]
    after = replace(BEFORE, values={**BEFORE.values, file: "new"})
    old = next_keys(SigningKeys(), BEFORE, NOW)
    new = next_keys(old, after, NOW)
    pod = mount(tmp_path, after if has_secret else BEFORE, new if has_signing_keys else old)
    wanted = keys_hash("token", {**after.values, **new.mounted()})

    accepted = read_keys(source, pod, NOW)
    assert before in accepted, "the sender signs with it until a person moves it"
    is_in_use = keys_hash("token", pod.files(is_verifying)) == wanted
    assert is_in_use is (has_secret and has_signing_keys)
    assert "new" in accepted or not is_in_use, "a person moves the sender as soon as all pods show it"
    if is_in_use:
        present = {after.values[name] for name, signs in SIGNING.items() if signs is source}
        assert set(read_keys(source, pod, NOW + GRACE - timedelta(seconds=1))) == present | {before}
        assert set(read_keys(source, pod, NOW + GRACE)) == present


@pytest.mark.parametrize("listed", [["further"], ["further", "badge"], [], ["other", "further"]])
def test_removed_webhook_key_is_accepted_during_the_grace(tmp_path: Path, listed: list[str]) -> None:
    after = read_with(*listed)
    keys = next_keys(next_keys(SigningKeys(), BEFORE, NOW), after, NOW)
    pod = mount(tmp_path, after, keys)
    accepted = set(read_keys(Source.RETELL, pod, NOW + GRACE - timedelta(seconds=1)))
    assert accepted >= {"retell-api-key_canary", "badge_canary", "further_canary"}
    kept = {"retell-api-key_canary", *(f"{key}_canary" for key in listed)}
    assert set(read_keys(Source.RETELL, pod, NOW + GRACE)) == kept
