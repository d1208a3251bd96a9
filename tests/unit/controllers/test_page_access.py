"""The host, paths and ports at which a tenant's page is published; a Tenant without `page` is unchanged."""

from typing import Any

import pytest

from askproai_core.tenant_config.page import OIDC_CLIENT_SECRET, OidcSettings, PageRoles, PageSettings
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.controllers.tenant.children.routes import page_route, sender_route
from askproai_operator.controllers.tenant.children.services import page_service, services
from askproai_operator.controllers.tenant.page import page_condition
from askproai_operator.controllers.tenant.run import PageAccess
from askproai_operator.grants import Subject, SubjectKind, requested_subjects
from askproai_operator.relations import secrets_named
from askproai_operator.settings import Settings
from tests.worlds.compiled_contexts import CONTEXT, compile_config, deployment
from tests.worlds.salon_models import credentials, tenant

HOST = "page.salon.example"
OIDC: dict[str, Any] = {
    "issuer": "https://login.example/realms/salon/",
    "clientId": "salon",
    "clientSecretRef": {"name": "login", "key": "secret"},
    "roles": {"owner": ["bosses"], "staff": ["team"]},
}
BY_INGRESS = {"className": "nginx", "tlsSecretName": "page-tls", "annotations": {"a": "b"}}


def test_page_route_leads_to_its_exclusive_port():
    published = tenant(page={"oidc": OIDC, "host": HOST, "ingress": BY_INGRESS})
    manifest = page_route(published)
    (rule,) = manifest["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (manifest["kind"], rule["host"], path["path"], path["pathType"]) == ("Ingress", HOST, "/", "Prefix")
    assert path["backend"]["service"] == {"name": "salon-mueller-page", "port": {"number": 8082}}
    assert manifest["metadata"]["name"] == "salon-mueller.page"
    assert manifest["metadata"]["annotations"] == {"a": "b"}
    assert manifest["spec"]["tls"] == [{"hosts": [HOST], "secretName": "page-tls"}]
    by_gateway = tenant(page={"oidc": OIDC, "host": HOST, "gateway": {"parentRefs": [{"name": "public"}]}})
    manifest = page_route(by_gateway)
    (routed,) = manifest["spec"]["rules"]
    assert (manifest["kind"], manifest["spec"]["hostnames"]) == ("HTTPRoute", [HOST])
    assert routed["backendRefs"] == [{"name": "salon-mueller-page", "port": 8082}]
    assert page_service(published)["spec"]["ports"][0]["targetPort"] == 8082
    assert {port["port"] for each in services(published) for port in each["spec"]["ports"]} == {8080, 8081}
    shared = Settings(shared_ingress_class="nginx", shared_base_url="https://voice.example")
    senders = sender_route(published, shared)
    assert HOST not in str(senders), "senders' route is as it was"
    assert senders["kind"] == "Ingress"


@pytest.mark.parametrize("page", [None, {}, {"oidc": OIDC}, {"oidc": OIDC, "host": HOST}])
def test_unpublished_page_has_no_route(page: Any):
    assert page_route(tenant(page=page)) is None


def test_policy_opens_only_a_published_page_and_issuer():
    for published, ports in ((False, {8080}), (True, {8080, 8082})):
        spec = network_policy(
            tenant(), [], ["https://login.example:8443"], Settings(), published=published
        )["spec"]  # fmt: skip
        public, private = spec["ingress"]
        assert {entry["port"] for entry in public["ports"]} == ports
        assert 8082 not in {entry["port"] for entry in private["ports"]}
        assert 8443 in {entry["port"] for rule in spec["egress"] for entry in rule["ports"]}


def test_page_host_is_granted_without_the_path_prefix():
    both = tenant(page={"oidc": OIDC, "host": HOST}, exposure={"host": "salon.example", "pathPrefix": "/voice"})
    assert requested_subjects(both) == {
        Subject(SubjectKind.HOST, "salon.example"): "/voice",
        Subject(SubjectKind.HOST, HOST): "",
    }


def test_pods_get_the_declared_login_without_a_secret():
    with_page = tenant(page={"oidc": OIDC | {"caSecretRef": {"name": "login", "key": "ca"}}, "host": HOST})
    config = compile_config(with_page, [], [], [], **CONTEXT, logs_in_at_issuer=True, page_is_published=True)
    roles = PageRoles(owner=("bosses",), staff=("team",))
    assert config.page == PageSettings(
        OidcSettings(
            "https://login.example/realms/salon/", "salon", roles, scopes=("profile", "email"), private_ca=True
        ),
        HOST,
    )
    hidden = compile_config(with_page, [], [], [], **CONTEXT, logs_in_at_issuer=True)
    assert hidden.page.host == "", "a host that is another tenant's is not served"
    assert compile_config(with_page, [], [], [], **CONTEXT).page is None, (
        "an issuer that is not allowed is named to no pod"
    )
    assert secrets_named(with_page) >= {"login"}, "a change of the Secret makes the Tenant due"


def test_tenant_without_a_page_is_rendered_as_before():
    plain = tenant()
    assert compile_config(plain, [], [], [], **CONTEXT).page is None
    assert page_condition(plain, PageAccess(), None) is None
    refs = {OIDC_CLIENT_SECRET: tenant(page={"oidc": OIDC}).spec.page.oidc.client_secret_ref}  # type: ignore[union-attr]
    with_login = str(deployment(plain, credentials(), "image", further_keys=refs))
    assert OIDC_CLIENT_SECRET in with_login
    assert OIDC_CLIENT_SECRET not in str(deployment(plain, credentials(), "image"))


def test_page_ready_names_the_login_and_its_problem():
    published = tenant(page={"oidc": OIDC, "host": HOST})
    condition = page_condition(published, PageAccess(may_log_in=True, url=f"https://{HOST}"), None)
    assert condition.good
    assert condition.message == f"people log in at https://login.example/realms/salon/; published at https://{HOST}"
    pending = bad(ConditionType.PAGE_READY, Reason.PENDING, "no Gateway has accepted the HTTPRoute yet")
    missing = bad(ConditionType.PAGE_READY, Reason.SECRET_NOT_FOUND, "no Secret")
    assert page_condition(published, PageAccess(may_log_in=True, problem=missing), pending) is missing
    assert page_condition(published, PageAccess(may_log_in=True), pending) is pending
    none = page_condition(tenant(page={}), PageAccess(), None)
    assert none.reason is Reason.NOT_REQUESTED
