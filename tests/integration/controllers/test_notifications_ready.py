"""A Tenant's notifications at a real API server: refusals and waits, which never delay calls."""

import json
from typing import Any

import pytest

from askproai_core.tenant_config.notifications import SMTP_CA
from tests.worlds.certificates import new_certificate
from tests.worlds.operator_environment import TenantNamespace

pytestmark = pytest.mark.nightly

REFS = {"usernameSecretRef": {"name": "mail", "key": "user"}, "passwordSecretRef": {"name": "mail", "key": "password"}}
MAIL: dict[str, Any] = {"host": "smtp.mail.example", "sender": "a@salon.example", **REFS}


async def test_missing_notification_secret_does_not_block_calls(namespace):
    await namespace.create_salon(spec={"notifications": {"email": MAIL, "customer": {"remindMinutesBefore": 1440}}})
    reported = await namespace.wait_for_condition("NotificationsReady", "False", "SecretNotFound")
    assert "'mail'" in reported["message"]
    deployment = await namespace.get("Deployment", "salon-mueller-web")
    assert "notifications-smtp" not in str(deployment), "a Secret that does not permit it is not mounted"
    assert (await namespace.config())["notifications"]["email"]["needs_login"]

    await namespace.create_secret("mail", {"user": "u", "password": "p"})
    await namespace.wait_for_condition("NotificationsReady", "True")
    deployment = await namespace.get("Deployment", "salon-mueller-web")
    assert "notifications-smtp-password" in str(deployment)
    policy = await namespace.get("NetworkPolicy", "salon-mueller")
    assert 587 in {entry["port"] for rule in policy["spec"]["egress"] for entry in rule["ports"]}


async def test_forbidden_server_is_named_to_no_pod(namespace):
    await namespace.write_secret()
    email = {"host": "relay.mail", "port": 25, "security": "None", "sender": "a@salon.example"}
    await namespace.create("Tenant", spec={"notifications": {"email": email, "customer": {}}})
    reported = await namespace.wait_for_condition("NotificationsReady", "False", "NotificationHostNotAllowed")
    assert "ASKPROAI_NOTIFICATION_HOSTS" in reported["message"]
    assert "email" not in (await namespace.config())["notifications"]


async def test_invalid_authority_and_refusing_server_are_reported(namespace):
    await namespace.write_secret()
    await namespace.create_secret("mail", {"ca.crt": "hunter2"})
    email = {"host": "mail.example", "sender": "a@salon.example", "caSecretRef": {"name": "mail", "key": "ca.crt"}}
    await namespace.create("Tenant", spec={"notifications": {"email": email, "customer": {}}})
    reported = await namespace.wait_for_condition("NotificationsReady", "False", "SecretKeyMissing")
    assert "holds no certificates in PEM; put that of the authority there" in reported["message"]
    assert SMTP_CA not in str(await namespace.get("Deployment", "salon-mueller-web"))

    _, certificate = new_certificate("mail.example")
    await namespace.client.merge(namespace.path("Secret", "mail"), {"stringData": {"ca.crt": certificate.decode()}})
    await namespace.wait_for_condition("NotificationsReady", "True")
    assert SMTP_CA in str(await namespace.get("Deployment", "salon-mueller-web"))
    assert (await namespace.config())["notifications"]["email"]["private_ca"]

    away = {"away": {"Email": {"reason": "email.caSecretRef holds another authority", "failures": 2}}}
    await write_watermark(namespace, away)
    reported = await namespace.wait_for_condition("NotificationsReady", "False", "NotificationsNotSent")
    assert "email.caSecretRef holds another authority" in reported["message"]
    await write_watermark(namespace, {})
    await namespace.wait_for_condition("NotificationsReady", "True")


async def write_watermark(namespace: TenantNamespace, watermark: dict[str, Any]) -> None:
    """Write the watermark of the pods' task, and have the Tenant reconciled as by a resync."""
    async with namespace.operator.context.database._connection() as conn:
        await conn.execute(
            """INSERT INTO tasks (tenant, name, due_at, watermark) VALUES ($1, 'notifications', now(), $2::jsonb)
               ON CONFLICT (tenant, name) DO UPDATE SET watermark = excluded.watermark""",
            namespace.tenant, json.dumps(watermark),
        )  # fmt: skip
    namespace.operator.queue.add(namespace.key)
