"""The keys of a Tenant: missing, changed, refused, shared; with a real API server, PostgreSQL, and the providers' simulators."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.controllers.tenant.credentials import KEY_TEST
from askproai_operator.providers.provider_api import REFUSED_KEY_SECONDS
from askproai_operator.store.admin import AdminStore
from askproai_sandbox.retell.workspace import Workspace
from tests.worlds.unscheduled_pods import RUNS
from tests.worlds.waiting import SOON, eventually, until

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]


async def test_created_missing_secret_takes_effect_at_once(namespace):
    await namespace.create("Tenant")
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotFound")
    assert "Secret 'providers' is not in this namespace; create it with the key 'retell-api-key'" in reported["message"]
    await namespace.write_secret()
    await namespace.wait_until_ready()
    for event in (("Warning", "SecretNotFound"), ("Normal", "Ready")):  # they are written after the status
        await namespace.wait_for_event(*event)


async def test_only_an_accepted_rotated_key_reaches_the_teardown(namespace):
    """The agents' controller reads the copy, the pods mount the Secret itself."""
    await namespace.open_salon()
    await namespace.write_secret(**{"retell-api-key": "not-a-key"})
    await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    assert (await namespace.secret_data("salon-mueller-teardown"))["retell-api-key"] == namespace.retell_key
    rotated = namespace.retell_key + "-rotated"
    await namespace.write_secret(**{"retell-api-key": rotated})
    await namespace.wait_until_ready()
    assert (await namespace.secret_data("salon-mueller-teardown"))["retell-api-key"] == rotated


async def test_refused_key_is_retried_when_its_condition_says(namespace):
    """A key may become valid at Retell without a change in the cluster. The condition says when it is tested again."""
    await namespace.write_secret(**{"retell-api-key": "not-a-key"})
    await namespace.create("Tenant")
    refused = await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    named = re.search(r"tried again by (\d\d:\d\d) UTC", refused["message"])
    assert named, refused["message"]
    key = namespace.key
    wait = namespace.operator.context.memory.looks.due(key, KEY_TEST) - namespace.operator.context.clock.monotonic()
    assert 0 < wait <= 1.25 * namespace.operator.settings.resync_seconds, "the first try is a resync later"
    at = datetime.now(UTC) + timedelta(seconds=wait)
    assert named[1] in {f"{at + timedelta(seconds=seconds):%H:%M}" for seconds in (59, 60, 61)}
    assert f"kubectl annotate tenants.askproai.de salon-mueller -n {namespace.name}" in refused["message"]
    await namespace.operator.reconcile_again(key)
    again = await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    assert again == refused, "a resync writes no other text"


async def test_refused_key_is_retried_at_once_on_request(namespace, monkeypatch):
    """Not a minute later, when the operator by itself would use the key again."""
    retell = namespace.operator.retell
    monkeypatch.setitem(retell.settings, "any_key", 0.0)
    await namespace.create_salon()
    await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    retell.workspaces[namespace.retell_key] = Workspace()
    asked_at = namespace.operator.context.clock.monotonic()
    await namespace.annotate("reconcile-at", "now")
    await namespace.wait_for_condition("CredentialsValid", "True")
    assert namespace.operator.context.clock.monotonic() - asked_at < REFUSED_KEY_SECONDS / 2


async def test_pods_keep_former_keys_before_calcom_changes_signing(namespace):
    """Calls go on while keys are changed: no event is answered 401 in between."""
    await namespace.open_salon()
    assert "FORMER_KEYS" not in await namespace.secret_data("salon-mueller-signing-keys")
    rotated = namespace.retell_key + "-rotated"
    await namespace.write_secret(**{"retell-api-key": rotated, "calcom-webhook-secret": "whs_2"})

    async def kept() -> dict[str, Any]:
        return json.loads((await namespace.secret_data("salon-mueller-signing-keys")).get("FORMER_KEYS", "{}"))

    former = await eventually(kept, SOON)
    keys = {name: [each["key"] for each in entries] for name, entries in former.items()}
    assert keys == {"retell-api-key": [namespace.retell_key], "calcom-webhook-secret": ["whs"]}
    until = datetime.fromisoformat(former["retell-api-key"][0]["until"])
    assert timedelta(minutes=58) < until - datetime.now(UTC) <= timedelta(hours=1)
    await namespace.reconcile_again()
    assert namespace.calcom_secrets() == ["whs"], "the pods may not have the new one yet"
    await namespace.client.merge(
        namespace.path("Tenant", "salon-mueller"), {"metadata": {"annotations": {"askproai.de/key-grace": "none"}}}
    )
    await eventually(lambda: namespace.calcom_secrets() == ["whs_2"], SOON)
    assert await kept() == {}, "a leaked key is accepted no longer"


@pytest.mark.parametrize("hold", ["askproai.de/paused", "askproai.de/plan", "a second Secret"])
async def test_each_key_changed_during_a_pause_is_mounted(namespace, hold):
    """Pods mount each key; Cal.com keeps the secret, and the status says that the first ones are in use."""
    await namespace.open_salon()
    if hold == "a second Secret":
        stripe = {"webhookSecretRef": {"name": "absent", "key": "stripe"}}
        await namespace.edit({"stripe": stripe})
        await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotFound")
    else:
        await namespace.client.merge(namespace.path("Tenant"), {"metadata": {"annotations": {hold: "true"}}})
        await namespace.wait_for_condition("Paused", "True")
    first, file = namespace.retell_key, "retell-api-key"

    async def kept() -> dict[str, list[str]]:
        former = json.loads((await namespace.secret_data("salon-mueller-signing-keys")).get("FORMER_KEYS", "{}"))
        return {name: [each["key"] for each in entries] for name, entries in former.items()}

    for number, expected in (("2", [""]), ("3", ["-2", ""])):
        await namespace.write_secret(**{file: f"{first}-{number}", "calcom-webhook-secret": f"whs-{number}"})
        starts = {file: first, "calcom-webhook-secret": "whs"}
        former = {name: [start + each for each in expected] for name, start in starts.items()}
        await until(kept, lambda found, former=former: found == former, "the former keys")
    stored = await namespace.secret_data("salon-mueller-signing-keys")
    assert json.loads(stored["registered"]) == {"calcom-webhook-secret": "whs"}
    assert namespace.calcom_secrets() == ["whs"]
    end = {"metadata": {"annotations": {hold: None}}} if "/" in hold else {"spec": {"stripe": None}}
    await namespace.client.merge(namespace.path("Tenant"), end)
    await namespace.wait_until_ready()
    assert await kept() == former, "whoever signs with one of them is accepted when the hold ends"


async def test_changed_key_is_unknown_until_retell_answers(namespace):
    """A person who rotates a key waits for CredentialsValid; the pods have the key meanwhile, and go on."""
    await namespace.open_salon()
    config = (await namespace.get("Tenant"))["status"]["configHash"]
    namespace.operator.inject_fault(namespace.operator.retell, "list-agents", "error-before-commit", 99)
    await namespace.write_secret(**{"retell-api-key": "not-a-key"})
    await namespace.annotate("reconcile-at", "111")
    await namespace.reconcile_again()
    reported = await namespace.wait_for_condition("CredentialsValid", "Unknown", "ProviderUnavailable")
    # After many failures Retell gets no request for a while.
    assert reported["message"].startswith("retell: list-agents: it failed ")
    await namespace.wait_for_condition("Ready", "Unknown", "ProviderUnavailable")
    await namespace.wait_for_condition("RuntimeAvailable", "True")
    assert (await namespace.get("Tenant"))["status"]["configHash"] == config
    kept = await namespace.secret_data("salon-mueller-signing-keys")
    assert json.loads(kept["PRESENT_KEYS"])["retell-api-key"] == "not-a-key", "the pods may accept it"
    teardown = await namespace.secret_data("salon-mueller-teardown")
    assert teardown["retell-api-key"] == namespace.retell_key, "not tried yet"
    namespace.operator.end_faults()
    await namespace.annotate("reconcile-at", "112")
    await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    await namespace.write_secret(**{"retell-api-key": namespace.retell_key})
    await namespace.wait_until_ready()


async def test_unchanged_key_stays_valid_while_retell_is_away(namespace):
    await namespace.open_salon()
    before = await namespace.wait_for_condition("CredentialsValid", "True")
    namespace.operator.inject_fault(namespace.operator.retell, "list-agents", "error-before-commit", 99)
    key = namespace.key
    namespace.operator.context.memory.looks.forget(key)  # as after a restart
    await namespace.annotate("reconcile-at", "111")
    await namespace.reconcile_again()
    assert namespace.operator.context.memory.looks.failed_until(key, KEY_TEST), "the key was tried in vain"
    assert await namespace.wait_for_condition("CredentialsValid", "True") == before
    await namespace.wait_until_ready()


async def test_changed_key_is_unknown_until_calcom_answers(namespace):
    await namespace.create_salon("Branch", "Tenant", spec=RUNS)
    await namespace.wait_for_condition("WebhooksRegistered", "True")
    key = namespace.key
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 99)
    namespace.operator.context.memory.looks.forget(key)  # as after a restart, during the outage
    await namespace.operator.reconcile_again(key)
    await namespace.wait_for_condition("WebhooksRegistered", "Unknown", "ProviderUnavailable")
    await namespace.wait_for_condition("CredentialsValid", "True")
    changed = namespace.calcom_key + "-changed"
    await namespace.write_secret(**{"calcom-api-key": changed})
    reported = await namespace.wait_for_condition("CredentialsValid", "Unknown", "ProviderUnavailable")
    assert reported["message"].startswith("calcom: ")
    namespace.operator.context.memory.looks.forget(key)
    await namespace.operator.reconcile_again(key)
    await namespace.wait_for_condition("CredentialsValid", "Unknown", "ProviderUnavailable")
    context = namespace.operator.context
    real, unreachable = context.database, AdminStore("postgresql://admin@127.0.0.1:9/none")
    object.__setattr__(context, "database", unreachable)
    try:
        await namespace.operator.reconcile_again(key)
        await namespace.wait_for_condition("DatabaseReady", "False", "DatabaseUnavailable")
        await namespace.wait_for_condition("CredentialsValid", "Unknown", "ProviderUnavailable")
    finally:
        object.__setattr__(context, "database", real)
        await unreachable.close()
    await namespace.write_secret(**{"calcom-api-key": namespace.calcom_key})
    await namespace.wait_for_condition("CredentialsValid", "True")
    await namespace.write_secret(**{"calcom-api-key": changed})
    await namespace.wait_for_condition("CredentialsValid", "Unknown", "ProviderUnavailable")
    namespace.operator.end_faults()
    await namespace.annotate("reconcile-at", "112")
    await namespace.wait_for_condition("CredentialsValid", "True")


async def test_forbidden_server_gets_no_request(namespace):
    """Neither the Tenant nor a service of it sends a key there (ASKPROAI_PROVIDER_HOSTS, docs/reference/settings.md)."""
    await namespace.write_secret()
    key = {"name": "providers", "key": "calcom-api-key"}
    calcom = {"apiKeySecretRef": key, "webhookSecretRef": key, "baseUrl": "http://169.254.169.254"}
    await namespace.create("Branch")
    await namespace.create("ServiceOffering")
    await namespace.create("Tenant", spec={"calendar": {"provider": "Calcom", "calcom": calcom}})
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "ProviderHostNotAllowed")
    assert "ASKPROAI_PROVIDER_HOSTS" in reported["message"]
    await namespace.wait_for_condition(
        "CalendarLinked", "False", "ProviderHostNotAllowed", kind="ServiceOffering", name="haarschnitt"
    )
