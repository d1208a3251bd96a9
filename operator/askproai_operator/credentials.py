"""A tenant's provider keys, read by name from the Secrets that its manifest names, and the operator's own Secrets."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from askproai_core.tenant_config import CalendarProvider
from askproai_operator.api import Calcom, SecretKeyRef, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import MANAGER, resources
from askproai_operator.providers import CredentialProblem, secret_value

# Names of the files that the pods mount; also the keys of `T-teardown`, the operator's own copy for the deletion.
RETELL_KEY = "retell-api-key"
CALCOM_KEY = "calcom-api-key"
RETELL_BASE_URL, CALCOM_BASE_URL = "retell-base-url", "calcom-base-url"  # in `T-teardown` only, beside the keys
CALCOM_WEBHOOK = "calcom-webhook-secret"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys that could be read, and why the others could not.

    `values` and `secret_refs` are keyed by the name of the mounted file; `secret_refs` says where each value comes from.
    """

    values: dict[str, str]
    secret_refs: dict[str, SecretKeyRef]
    problems: tuple[CredentialProblem, ...]
    retell_base_url: str
    calendar_base_url: str  # Cal.com's for a local calendar

    @property
    def retell_key(self) -> str:
        return self.values.get(RETELL_KEY, "")

    @property
    def calcom_key(self) -> str:
        return self.values.get(CALCOM_KEY, "")

    def __repr__(self) -> str:  # a traceback or a log line must not carry the keys
        return f"Credentials({', '.join(sorted(self.values))})"


def calendar_account(tenant: Tenant) -> Calcom | None:
    """Return the account of the tenant's remote calendar, the block that is named after the provider; None with Local."""
    account: Calcom | None = getattr(tenant.spec.calendar, tenant.spec.calendar.provider.lower(), None)
    return account


def calcom_account(tenant: Tenant) -> Calcom | None:
    """Return the tenant's Cal.com account if it books there."""
    return calendar_account(tenant) if tenant.spec.calendar.provider is CalendarProvider.CALCOM else None


def secret_refs(tenant: Tenant) -> dict[str, SecretKeyRef]:
    """Return every Secret key that a tenant names, by the name of the file that the pods read."""
    spec, account = tenant.spec, calendar_account(tenant)
    found = {RETELL_KEY: spec.retell.api_key_secret_ref}
    for index, ref in enumerate(spec.retell.webhook_key_secret_refs):
        found[f"retell-webhook-key-{index}"] = ref
    if account is not None:
        name = spec.calendar.provider.lower()
        found |= {f"{name}-api-key": account.api_key_secret_ref, f"{name}-webhook-secret": account.webhook_secret_ref}
    for sender in type(spec).model_fields:  # each sender of webhooks, such as Stripe, has a block of its own
        if secret := getattr(getattr(spec, sender), "webhook_secret_ref", None):
            found[f"{sender}-webhook-secret"] = secret
    return found


async def read_credentials(tenant: Tenant, context: ReconcileContext) -> Credentials:
    """Read all keys that the tenant names, each Secret once."""
    by_file, namespace, account = secret_refs(tenant), tenant.metadata.namespace, calendar_account(tenant)
    names = {ref.name for ref in by_file.values()}
    secrets = {name: await context.kube.get(resources.SECRETS, namespace, name) for name in names}
    found = {file: secret_value(secrets[ref.name], ref.name, ref.key) for file, ref in by_file.items()}
    return Credentials(
        values={file: value for file, value in found.items() if isinstance(value, str)},
        secret_refs=by_file,
        problems=tuple(value for value in found.values() if not isinstance(value, str)),
        retell_base_url=tenant.spec.retell.base_url or context.settings.retell_base_url,
        calendar_base_url=(account.base_url if account else None) or context.settings.calcom_base_url,
    )


async def read_own_secret(
    context: ReconcileContext, namespace: str, tenant: str, child: str = "teardown"
) -> dict[str, str]:
    """Return the values of a tenant's own Secret (`runtime`, `admin`, `signing-keys` or `teardown`); empty without one."""
    return decode_secret(await context.kube.get(resources.SECRETS, namespace, f"{tenant}-{child}"))


def secret_manifest(
    namespace: str, name: str, labels: Mapping[str, str], values: Mapping[str, str], **metadata: Any
) -> dict[str, Any]:
    """Return the manifest of a Secret that the operator owns; `metadata` adds further fields to its metadata."""
    labels = {**labels, "app.kubernetes.io/managed-by": MANAGER}
    return {
        "apiVersion": resources.SECRETS.api_version,
        "kind": resources.SECRETS.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items())},
    }


def decode_secret(secret: dict[str, Any] | None) -> dict[str, str]:
    """Return the data of one of the operator's Secrets (as the API server returns it) as text; empty for None.

    Bytes that are not UTF-8 were put there by somebody else and are dropped.
    """
    return {
        name: base64.b64decode(value).decode(errors="ignore")
        for name, value in ((secret or {}).get("data") or {}).items()
    }
