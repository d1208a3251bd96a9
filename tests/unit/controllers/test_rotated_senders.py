"""The key of each sender is replaced: a pod accepts its signatures meanwhile, whichever Secret the pod mounts first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from askproai_core.former_keys import keys_hash
from askproai_operator.controllers.tenant.signing_keys import GRACE, SigningKeys, next_keys
from askproai_operator.credentials import secret_refs
from askproai_runtime.intake.senders import SENDERS, Source
from askproai_runtime.intake.signatures import read_keys
from askproai_runtime.watched_files import Credentials
from tests.worlds.salon_models import credentials, tenant

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
FILES = {
    Source.RETELL: "retell-api-key",
    Source.CALCOM: "calcom-webhook-secret",
    Source.STRIPE: "stripe-webhook-secret",
}
STRIPE = {"webhookSecretRef": {"name": "providers", "key": "stripe-webhook-secret"}}
BEFORE = replace(
    credentials(),
    values={**credentials().values, FILES[Source.STRIPE]: "whsec_canary"},
    secret_refs=secret_refs(tenant(stripe=STRIPE)),
)


def test_each_sender_has_a_row() -> None:
    assert set(FILES) == set(SENDERS)


@pytest.mark.parametrize("has_signing_keys", [False, True])
@pytest.mark.parametrize("has_secret", [False, True])
@pytest.mark.parametrize("source", FILES)
def test_no_order_of_mounts_refuses_a_sender(
    tmp_path: Path, source: Source, has_secret: bool, has_signing_keys: bool
) -> None:
    file = FILES[source]
    after = replace(BEFORE, values={**BEFORE.values, file: "new"})
    old = next_keys(SigningKeys(), BEFORE, NOW)
    new = next_keys(old, after, NOW)
    mounted = {**(after if has_secret else BEFORE).values, **(new if has_signing_keys else old).mounted()}
    for name, text in mounted.items():
        (tmp_path / name).write_text(text)
    wanted = keys_hash("token", {**after.values, **new.mounted()})

    accepted = read_keys(source, Credentials(tmp_path), NOW)
    assert BEFORE.values[file] in accepted, "the sender signs with it until a person moves it"
    is_in_use = keys_hash("token", mounted) == wanted
    assert is_in_use is (has_secret and has_signing_keys)
    assert "new" in accepted or not is_in_use, "a person moves the sender as soon as all pods show it"
    if is_in_use:
        assert read_keys(source, Credentials(tmp_path), NOW + GRACE - timedelta(seconds=1)) == (
            "new",
            BEFORE.values[file],
        )
        assert read_keys(source, Credentials(tmp_path), NOW + GRACE) == ("new",)
