"""A manifest makes the operator use a Secret only if the Secret permits it by its label."""

from typing import Any

import pytest

from tests.worlds.unscheduled_pods import RUNS

OTHERS = {"name": "others", "key": "password"}
PERMIT = {"metadata": {"labels": {"askproai.de/use": "true"}}}


def calcom(**refs: Any) -> dict[str, Any]:
    own = {name: {"name": "providers", "key": f"calcom-{key}"} for name, key in _CALCOM_KEYS.items()}
    return {"calendar": {"provider": "Calcom", "calcom": own | refs}}


_CALCOM_KEYS = {"apiKeySecretRef": "api-key", "webhookSecretRef": "webhook-secret"}
RETELL = {"apiKeySecretRef": {"name": "providers", "key": "retell-api-key"}}
REFERENCES = {
    "retell": {"retell": {"apiKeySecretRef": OTHERS}},
    "webhook keys": {"retell": RETELL | {"webhookKeySecretRefs": [OTHERS]}},
    "calcom": calcom(apiKeySecretRef=OTHERS),
    "calcom's webhooks": calcom(webhookSecretRef=OTHERS),
    "stripe": {"stripe": {"webhookSecretRef": OTHERS}},
}


@pytest.mark.parametrize("reference", REFERENCES)
async def test_unlabelled_secret_reaches_no_provider_or_pod(namespace, reference):
    await namespace.write_secret()
    await namespace.create_secret("others", {"password": "geheim"}, permitted=False)
    await namespace.create("Tenant", spec=REFERENCES[reference])
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotPermitted")
    assert f"kubectl label secret -n {namespace.name} others askproai.de/use=true" in reported["message"]
    assert reported["message"].count("others'") == 1, "once, however many keys are named"
    assert namespace.calcom_webhooks() == []
    assert "geheim" not in str((namespace.operator.retell.journal.entries, namespace.operator.calcom.journal.entries))
    for kind, name in (("Deployment", "salon-mueller-web"), ("Secret", "salon-mueller-teardown")):
        assert await namespace.get(kind, name) is None


async def test_secret_is_used_as_soon_as_permitted(namespace):
    await namespace.write_secret(permitted=False)
    await namespace.create("Tenant")
    await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotPermitted")
    await namespace.client.merge(namespace.path("Secret", "providers"), PERMIT)
    await namespace.wait_until_ready()


async def test_running_tenant_survives_its_secrets_missing_label(namespace):
    await namespace.create_salon(spec=RUNS)
    await namespace.wait_for_condition("WebhooksRegistered", "True")
    before = await namespace.get("Deployment", "salon-mueller-web")
    unlabelled = {"metadata": {"labels": {"askproai.de/use": None}}}
    await namespace.client.merge(namespace.path("Secret", "providers"), unlabelled)
    await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotPermitted")
    now = await namespace.get("Deployment", "salon-mueller-web")
    assert now["metadata"]["generation"] == before["metadata"]["generation"]
    assert namespace.calcom_webhooks()
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert namespace.calcom_webhooks() == []
