"""A tenant's provider keys, read by name from the Secrets that its manifest names."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from askproai_core.tenant_config import CalendarProvider
from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, bad
from askproai_operator.api.tenant import Calcom
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import MANAGER, refs
from askproai_operator.providers import CredentialProblem, secret_value

RETELL_KEY = "retell-api-key"
CALCOM_KEY = "calcom-api-key"
RETELL_BASE_URL, CALCOM_BASE_URL = "retell-base-url", "calcom-base-url"  # kept beside the keys for deletion
CALCOM_WEBHOOK = "calcom-webhook-secret"
STRIPE_WEBHOOK = "stripe-webhook-secret"
RETELL_WEBHOOK = "retell-webhook-key-{index}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What could be read; `refs` maps the name of each mounted file to where its value stands. Never logged."""

    values: dict[str, str]
    refs: dict[str, SecretKeyRef]
    problems: tuple[CredentialProblem, ...]
    retell_base_url: str
    calcom_base_url: str

    @property
    def retell_key(self) -> str:
        return self.values.get(RETELL_KEY, "")

    @property
    def calcom_key(self) -> str:
        return self.values.get(CALCOM_KEY, "")

    def condition(self) -> Condition | None:
        """Give what is wrong, or None; the first problem's reason counts."""
        if not self.problems:
            return None
        text = "; ".join(problem.message for problem in self.problems)
        return bad(ConditionType.CREDENTIALS_VALID, self.problems[0].reason, text)

    def __repr__(self) -> str:  # a traceback or a log line must not carry the keys
        return f"Credentials({', '.join(sorted(self.values))})"


def calcom_of(tenant: Tenant) -> Calcom | None:
    """Give the tenant's Cal.com account, if it books there: with provider Local the block is ignored."""
    calendar = tenant.spec.calendar
    return calendar.calcom if calendar.provider is CalendarProvider.CALCOM else None


def named_secrets(tenant: Tenant) -> dict[str, SecretKeyRef]:
    """Give every Secret key that a tenant names, by the name of the file that the pods read."""
    spec, calcom = tenant.spec, calcom_of(tenant)
    named = {RETELL_KEY: spec.retell.api_key_secret_ref}
    for index, ref in enumerate(spec.retell.webhook_key_secret_refs):
        named[RETELL_WEBHOOK.format(index=index)] = ref
    if calcom is not None:
        named |= {CALCOM_KEY: calcom.api_key_secret_ref, CALCOM_WEBHOOK: calcom.webhook_secret_ref}
    if spec.stripe is not None:
        named[STRIPE_WEBHOOK] = spec.stripe.webhook_secret_ref
    return named


async def read_credentials(tenant: Tenant, world: ReconcileContext) -> Credentials:
    """Read the named keys, each Secret once."""
    named, namespace, calcom = named_secrets(tenant), tenant.metadata.namespace, calcom_of(tenant)
    secrets = {name: await world.kube.get(refs.SECRETS, namespace, name) for name in {r.name for r in named.values()}}
    found = {file: secret_value(secrets[ref.name], ref.name, ref.key) for file, ref in named.items()}
    return Credentials(
        values={file: value for file, value in found.items() if isinstance(value, str)},
        refs=named,
        problems=tuple(value for value in found.values() if not isinstance(value, str)),
        retell_base_url=tenant.spec.retell.base_url or world.settings.retell_base_url,
        calcom_base_url=(calcom.base_url if calcom else None) or world.settings.calcom_base_url,
    )


async def kept_values(world: ReconcileContext, namespace: str, tenant: str, child: str = "teardown") -> dict[str, str]:
    """Give what one of our own Secrets keeps (`runtime`, `admin`, `teardown`); empty when there is none yet."""
    return secret_texts(await world.kube.get(refs.SECRETS, namespace, f"{tenant}-{child}"))


def secret_manifest(
    namespace: str, name: str, labels: Mapping[str, str], values: Mapping[str, str], **meta: Any
) -> dict[str, Any]:
    """Give a Secret of our own; `meta` is what else stands in its metadata."""
    labels = {**labels, "app.kubernetes.io/managed-by": MANAGER}
    return {
        "apiVersion": refs.SECRETS.api_version,
        "kind": refs.SECRETS.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **meta},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items())},
    }


def secret_texts(secret: dict[str, Any] | None) -> dict[str, str]:
    """Give a Secret of our own as text; what somebody put there that is none is not ours, and is dropped."""
    return {
        name: base64.b64decode(value).decode(errors="ignore")
        for name, value in ((secret or {}).get("data") or {}).items()
    }
