"""The servers that a Tenant's notifications may use, and their settings in the pods; a Tenant without them is unchanged."""

from base64 import b64encode
from typing import Any

import pytest

from askproai_core.tenant_config import NotificationChannel
from askproai_operator.api.conditions import ConditionType, Reason, bad, good
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.controllers.tenant.notifications import USUAL_PORTS, notifications_condition, secret_refs_of
from askproai_operator.controllers.tenant.run import NotificationAccess
from askproai_operator.controllers.tenant.server_problems import find_server_problem
from askproai_operator.providers import CredentialProblem, pem_certificates
from askproai_operator.relations import secrets_named
from askproai_operator.settings import Settings
from tests.worlds.certificates import new_certificate
from tests.worlds.compiled_contexts import CONTEXT, compile_config, deployment
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
        ("https://pod.example:8082/", ["pod.example:*"], False),
        ("https://SMS.Example/in", ["sms.example"], True),
        ("https://sms.example:99999/", ["*", "*:*"], False),
        ("https://sms.example:0/", ["*", "*:*"], False),
        ("https://ex℀mple.com/", ["*"], False),
    ],
)
def test_server_pattern_never_allows_ports_of_tenant_pods(url, patterns, allowed):
    problem = find_server_problem(url, patterns, "ASKPROAI_NOTIFICATION_HOSTS", USUAL_PORTS)
    assert (problem is None) is allowed, problem


def test_mail_server_access_requires_a_named_server():
    with_mail = tenant(notifications=NOTIFICATIONS)
    policy = network_policy(with_mail, [], ["https://api.cal.com", "smtp://smtp.example:587"], Settings())
    assert {entry["port"] for entry in policy["spec"]["egress"][1]["ports"]} == {443, 587}
    refs = secret_refs_of(with_mail, list(NotificationChannel))
    sources = sources_of(deployment(with_mail, credentials(), "image", further_keys=refs))
    mounted = {item["path"]: each["secret"] for each in sources for item in each["secret"].get("items", ())}
    assert mounted["notifications-smtp-password"]["name"] == "mail"
    assert mounted["notifications-smtp-password"]["optional"] is True, "without it calls are answered all the same"


def test_operators_finding_is_reported_before_channel_failures():
    kind, email = ConditionType.NOTIFICATIONS_READY, NotificationChannel.EMAIL
    failing = {email: "the mail server refuses user and password (535): correct the Secret"}
    ready = NotificationAccess((email,), condition=good(kind))
    reported = notifications_condition(ready, failing)
    assert (reported.status, reported.reason) == ("False", Reason.NOTIFICATIONS_NOT_SENT)
    assert reported.message.startswith("Email sends nothing: the mail server refuses user and password (535)")
    assert notifications_condition(ready, {}) == good(kind)
    assert notifications_condition(ready, {NotificationChannel.WEBHOOK: "gone"}) == good(kind), "not a channel any more"
    refused = bad(kind, Reason.SECRET_NOT_FOUND, "create it")
    assert notifications_condition(NotificationAccess((email,), condition=refused), failing) == refused
    assert notifications_condition(NotificationAccess(), failing) is None


def test_authority_must_be_certificates_in_pem():
    _, certificate = new_certificate()
    read = lambda content: pem_certificates({"data": {"ca": b64encode(content).decode()}}, "mail", "ca")  # noqa: E731
    assert read(certificate + certificate) == (certificate + certificate).decode()
    assert read("# Főtanúsítvány\n".encode() + certificate) == "# Ftanstvny\n" + certificate.decode(), "as pods read it"
    for content in (b"", b"hunter2", "schön".encode(), certificate[:100]):
        problem = read(content)
        assert isinstance(problem, CredentialProblem)
        assert "no certificates in PEM" in problem.message
    missing = pem_certificates({"data": {}}, "mail", "ca")
    assert isinstance(missing, CredentialProblem)
    assert "has no key 'ca'" in missing.message


def test_changed_notification_secret_enqueues_tenant_and_passes_lint():
    webhook = {"url": "https://sms.example/in", "keySecretRef": {"name": "sms", "key": "k"}}
    assert {"mail", "sms"} <= secrets_named(tenant(notifications=NOTIFICATIONS | {"webhook": webhook}))


def test_a_tenant_without_notifications_is_rendered_as_before():
    plain = tenant()
    assert deployment(plain, credentials(), "image", further_keys={}) == deployment(plain, credentials(), "image")
    assert compile_config(plain, [], [], [], **CONTEXT).notifications is None


def test_forbidden_channel_is_not_in_the_config():
    config = compile_config(tenant(notifications=NOTIFICATIONS), [], [], [], **CONTEXT)
    assert config.notifications.email is None


def sources_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    (volume,) = [each for each in manifest["spec"]["template"]["spec"]["volumes"] if each["name"] == "credentials"]
    return list(volume["projected"]["sources"])
