"""The login and the publication of a Tenant's page at a real API server: waits, refusals, and who is let in."""

from typing import Any

import pytest

from askproai_core.tenant_config import decode
from askproai_core.tenant_config.page import OIDC_CLIENT_SECRET
from tests.worlds.granted_hosts import new_host
from tests.worlds.operator_environment import TenantNamespace

pytestmark = pytest.mark.nightly

OIDC: dict[str, Any] = {
    "issuer": "https://login.example/realms/salon/",
    "clientId": "salon",
    "clientSecretRef": {"name": "login", "key": "secret"},
    "roles": {"owner": ["bosses"]},
}
PAGE, ROUTE, POLICY = "salon-mueller-page", "salon-mueller.page", "salon-mueller"


def published(host: str, **oidc: Any) -> dict[str, Any]:
    return {"page": {"oidc": OIDC | oidc, "host": host, "ingress": {"className": "nginx"}}}


async def write_login(namespace: TenantNamespace) -> None:
    await namespace.create_secret("login", {"secret": "s"})


async def open_ports(namespace: TenantNamespace) -> set[int]:
    """Return the ports of the pods that anybody may connect to."""
    policy = await namespace.get("NetworkPolicy", POLICY)
    return {each["port"] for rule in policy["spec"]["ingress"] if "from" not in rule for each in rule["ports"]}


async def config_of(namespace: TenantNamespace) -> Any:
    return decode((await namespace.get("ConfigMap", "salon-mueller-config"))["data"]["tenant.json"])


async def test_missing_login_secret_does_not_block_calls(namespace):
    await namespace.create_salon(spec={"page": {"oidc": OIDC}})
    reported = await namespace.wait_for_condition("PageReady", "False", "SecretNotFound")
    assert "'login'" in reported["message"]
    await namespace.wait_for_condition("CredentialsValid", "True")
    assert OIDC_CLIENT_SECRET not in str(await namespace.get("Deployment", "salon-mueller-web"))
    await write_login(namespace)
    await namespace.wait_for_condition("PageReady", "True")
    assert OIDC_CLIENT_SECRET in str(await namespace.get("Deployment", "salon-mueller-web"))
    config = await config_of(namespace)
    assert (config.page.oidc.issuer, config.page.host) == (OIDC["issuer"], "")
    assert await open_ports(namespace) == {8080}
    assert await namespace.get("Service", PAGE) is None


async def test_page_is_published_while_the_manifest_requests_it(namespace):
    host = new_host()
    await namespace.write_secret()
    await write_login(namespace)
    tenant = await namespace.create("Tenant", spec=published(host))
    assert tenant["spec"]["page"]["oidc"]["rolesClaim"] == "groups"
    reported = await namespace.wait_for_condition("PageReady", "True")
    assert f"published at https://{host}" in reported["message"]
    live = await namespace.wait_until_ready()
    assert live["status"]["pageUrl"] == f"https://{host}"
    route = await namespace.get("Ingress", ROUTE)
    ports = [path["backend"]["service"] for rule in route["spec"]["rules"] for path in rule["http"]["paths"]]
    assert ports == [{"name": PAGE, "port": {"number": 8082}}]
    assert await open_ports(namespace) == {8080, 8082}
    assert (await config_of(namespace)).page.host == host
    await namespace.edit({"page": {"host": None, "ingress": None}})
    await namespace.wait_until_gone("Ingress", ROUTE)
    await namespace.wait_until_gone("Service", PAGE)
    live = await namespace.wait_for(
        "Tenant", POLICY, lambda each: each and "pageUrl" not in each["status"], "no pageUrl"
    )
    assert await open_ports(namespace) == {8080}
    assert (await config_of(namespace)).page.host == ""


async def test_pages_host_is_exclusive_for_pages_and_senders(namespace, other_namespace):
    host = new_host()
    await namespace.write_secret()
    await write_login(namespace)
    await namespace.create("Tenant", spec=published(host))
    await namespace.wait_for_condition("PageReady", "True")
    await other_namespace.write_secret()
    await write_login(other_namespace)
    await other_namespace.create("Tenant", spec=published(host))
    reported = await other_namespace.wait_for_condition("PageReady", "False", "HostClaimedTwice")
    assert namespace.name not in reported["message"], "the other tenant may belong to somebody else"
    assert await other_namespace.get("Ingress", ROUTE) is None
    assert await open_ports(other_namespace) == {8080}
    assert (await config_of(other_namespace)).page.host == ""
    await other_namespace.edit({"page": None, "exposure": {"host": host, "pathPrefix": "/voice", "ingress": {}}})
    await other_namespace.wait_for_condition("Exposed", "False", "HostClaimedTwice")
    await other_namespace.edit({"exposure": None, **published(host)})
    await namespace.client.delete(namespace.path("Tenant"))
    await other_namespace.wait_for_condition("PageReady", "True")
    assert await namespace.get("Ingress", ROUTE) is None, "the grant was released after the route"


async def test_platforms_host_cannot_be_a_page_host(namespace):
    await namespace.write_secret()
    await write_login(namespace)
    await namespace.create("Tenant", spec=published("voice.example"))
    await namespace.wait_for_condition("PageReady", "False", "HostReserved")
    assert await namespace.get("Ingress", ROUTE) is None


async def test_forbidden_issuer_is_named_to_no_pod(namespace):
    await namespace.write_secret()
    await write_login(namespace)
    await namespace.create("Tenant", spec=published(new_host(), issuer="https://login.example:8443"))
    reported = await namespace.wait_for_condition("PageReady", "False", "IssuerNotAllowed")
    assert "ASKPROAI_ISSUER_HOSTS" in reported["message"]
    assert (await config_of(namespace)).page is None
    assert await namespace.get("Ingress", ROUTE) is None
