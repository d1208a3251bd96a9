"""The webhook URLs of a tenant: the base URL that senders use, and the URL registered at Cal.com. Pure."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from askproai_core.api_resource import ADOPT_FROM, ADOPT_WEBHOOK
from askproai_operator.api import Tenant
from askproai_operator.api.tenant_status import WebhookUrls

_CALCOM: Final = "/webhooks/calcom/"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a tenant's webhooks: the base URL that senders use, and the path prefix in requests as the pods get them."""

    base_url: str
    path_prefix: str

    def urls(self, installation_id: str) -> dict[str, str]:
        """Return the URLs of this address for the status field `webhookUrls`, by sender.

        Cal.com's URL ends in the installation's id: the URL is the identity of the webhook there, and two installations may
        share an account.
        """
        webhooks = {sender: f"{self.base_url}/webhooks/{sender}" for sender in WebhookUrls.model_fields}
        return webhooks | {
            "calcom": f"{self.base_url}{_CALCOM}{installation_id}",
            "inbound": f"{self.base_url}/retell/inbound",
            "functions": f"{self.base_url}/retell/functions",
        }


def address_of(tenant: Tenant, shared_base_url: str) -> Address:
    """Return the address of the tenant's webhooks: its own host, its `baseUrl`, or a path on the shared host."""
    exposure = tenant.spec.exposure
    if exposure is None or (exposure.host is None and exposure.base_url is None):
        base = f"{shared_base_url.rstrip('/')}/{tenant.metadata.namespace}/{tenant.metadata.name}"
        return Address(base, urlsplit(base).path)
    prefix = exposure.path_prefix or ""
    if exposure.base_url is not None:
        return Address(exposure.base_url, prefix or urlsplit(exposure.base_url).path)
    return Address(f"https://{exposure.host}{prefix}", prefix)


def registered_calcom_url(tenant: Tenant) -> str | None:
    """Return the URL of our webhook at Cal.com as the Tenant's status records it; None if none was registered."""
    url = (tenant.status.get("webhookUrls") or {}).get("calcom")
    return str(url) if url else None


def former_calcom_url(tenant: Tenant, installation_id: str) -> str | None:
    """Return the URL of an earlier webhook of this tenant at Cal.com, which the present one replaces; None if there is none.

    The status records it or, for a tenant moved from another installation, an annotation. An annotation with a URL of this
    installation is ignored: it could name a neighbor's webhook.
    """
    if (registered := registered_calcom_url(tenant)) is not None:
        return registered
    url = tenant.metadata.annotations.get(ADOPT_WEBHOOK, "")
    head, separator, installation = url.rpartition(_CALCOM)
    is_of_former = installation and installation == tenant.metadata.annotations.get(ADOPT_FROM)
    return url if head and separator and is_of_former and installation != installation_id else None
