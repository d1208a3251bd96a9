"""Which servers a Tenant's notifications may use, what of that reaches the pods, and that a Tenant without them is as before."""

from typing import Any

import pytest

from askproai_core.tenant_config import NotificationChannel
from askproai_operator.controllers.tenant.children.deployment import deployment
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.controllers.tenant.notifications import find_server_problem, secret_refs_of
from askproai_operator.controllers.tenant.tenant_config import compile_config
from askproai_operator.relations import secrets_named
from askproai_operator.settings import Settings
from tests.unit.controllers.test_tenant_config import CONTEXT
from tests.worlds.salon_models import credentials, tenant

MAIL = {
    "host": "smtp.example",
    "sender": "a@salon.example",
    "usernameSecretRef": {"name": "mail", "key": "user"},
    "passwordSecretRef": {"name": "mail", "key": "password"},
}
NOTIFICATIONS: dict[str, Any] = {"email": MAIL, "customer": {}}


@pytest.mark.parametrize(
    ("url", "patterns", "allowed"),
    [
        ("smtp://smtp.example:587", ["*"], True),
        ("smtp://smtp.example:465", ["*"], True),
        ("https://sms.example/in", ["*"], True),
        ("smtp://relay.mail:25", ["*"], False),
        ("smtp://relay.mail:25", ["*", "relay.mail:25"], True),
        ("smtp://smtp.example:587", ["*.example"], True),
        ("smtp://smtp.example:587", ["mail.example"], False),
        ("smtp://smtp.example:587", [], False),
        ("https://pod.example:8080/", ["*", "pod.example:*"], False),
        ("https://SMS.Example/in", ["sms.example"], True),
        ("https://sms.example:99999/", ["*", "*:*"], False),
        ("https://sms.example:0/", ["*", "*:*"], False),
        ("https://ex℀mple.com/", ["*"], False),
    ],
)
def test_a_server_is_allowed_by_a_pattern_and_never_at_a_port_of_tenants_pods(url, patterns, allowed):
    problem = find_server_problem(url, patterns)
    assert (problem is None) is allowed, problem


def test_pods_get_out_to_the_mail_server_and_mount_its_secret_only_where_it_is_named():
    with_mail = tenant(notifications=NOTIFICATIONS)
    policy = network_policy(with_mail, [], ["https://api.cal.com", "smtp://smtp.example:587"], Settings())
    assert {entry["port"] for entry in policy["spec"]["egress"][1]["ports"]} == {443, 587}
    refs = secret_refs_of(with_mail, list(NotificationChannel))
    sources = sources_of(deployment(with_mail, credentials(), "image", further_keys=refs))
    mounted = {item["path"]: each["secret"] for each in sources for item in each["secret"].get("items", ())}
    assert mounted["notifications-smtp-password"]["name"] == "mail"
    assert mounted["notifications-smtp-password"]["optional"] is True, "without it calls are answered all the same"


def test_a_changed_secret_wakes_the_tenant_and_lint_knows_it():
    webhook = {"url": "https://sms.example/in", "keySecretRef": {"name": "sms", "key": "k"}}
    assert {"mail", "sms"} <= secrets_named(tenant(notifications=NOTIFICATIONS | {"webhook": webhook}))


def test_a_tenant_without_notifications_is_rendered_as_before():
    plain = tenant()
    assert deployment(plain, credentials(), "image", further_keys={}) == deployment(plain, credentials(), "image")
    assert compile_config(plain, [], [], [], **CONTEXT).notifications is None


def test_a_channel_that_is_not_allowed_is_not_in_the_config():
    config = compile_config(tenant(notifications=NOTIFICATIONS), [], [], [], **CONTEXT)
    assert config.notifications is not None
    assert config.notifications.email is None


def sources_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    (volume,) = [each for each in manifest["spec"]["template"]["spec"]["volumes"] if each["name"] == "credentials"]
    return list(volume["projected"]["sources"])
