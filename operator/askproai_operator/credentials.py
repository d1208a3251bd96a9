"""Reads the provider keys of a tenant, by name, from the Secrets that its manifest names, and the operator's own Secrets."""

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from askproai_core.provider_names import CalendarProvider
from askproai_operator import resources
from askproai_operator.api import Calcom, CalendarAccount, SecretKeyRef, ServiceOffering, Tenant
from askproai_operator.api.conditions import Reason
from askproai_operator.api.offering import EventType
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import CredentialProblem, hash_key, pem_certificates, secret_value
from askproai_operator.resources import MANAGER, PERMITTED, USE_LABEL

# Names of the files that the pods mount; also the keys of `T-teardown`, the operator's own copy for the deletion.
RETELL_KEY = "retell-api-key"
RETELL_WEBHOOK_KEY = "retell-webhook-key-"  # followed by a number
CALCOM_KEY = "calcom-api-key"
RETELL_BASE_URL, CALCOM_BASE_URL = "retell-base-url", "calcom-base-url"  # in `T-teardown` only, beside the keys
CALCOM_WEBHOOK = "calcom-webhook-secret"
_OWN_KEY_PREFIX = f"{CALCOM_KEY}-"  # of staff members' own keys


@dataclass(frozen=True, slots=True)
class Credentials:
    """The values of the keys that could be read, the addresses of the providers, and the problems of the other keys.

    `values` and `secret_refs` are keyed by the name of the mounted file. `secret_refs` names the Secret key of each value.
    """

    values: dict[str, str]
    secret_refs: dict[str, SecretKeyRef]
    problems: tuple[CredentialProblem, ...]
    retell_base_url: str
    calendar_base_url: str  # the operator's default for a local calendar
    # The resourceVersion of each Secret that was read, by name.
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def retell_key(self) -> str:
        return self.values.get(RETELL_KEY, "")

    @property
    def calcom_key(self) -> str:
        return self.values.get(CALCOM_KEY, "")

    def __repr__(self) -> str:  # a traceback or a log line must not carry the keys
        return f"Credentials({', '.join(sorted(self.values))})"


@dataclass(frozen=True, slots=True)
class AccountHashes:
    """Keyed hashes of Cal.com's address and a key: the `tenant` account's, and by key file those of `own` accounts."""

    tenant: str = ""
    own: Mapping[str, str] = field(default_factory=dict)  # staff members' own keys that can be used, by mounted file

    def of(self, event_type: EventType) -> str | None:
        """Return the hash for an event type's account; None if the event type has its own key and that key is unusable."""
        ref = event_type.api_key_secret_ref
        return self.tenant if ref is None else self.own.get(own_key_file(ref))


def hash_accounts(
    credentials: Credentials, own_keys: Mapping[str, str | CredentialProblem], installation_id: str
) -> AccountHashes:
    """Return hashes of Cal.com's address and a key: of the tenant's key and, by file, of each usable key in `own_keys`."""

    def hash_account(key: str) -> str:
        return hash_key(installation_id, f"{credentials.calendar_base_url}\n{key}")

    own = {file: hash_account(key) for file, key in own_keys.items() if isinstance(key, str)}
    return AccountHashes(hash_account(credentials.calcom_key), own)


def seen_with(offering: ServiceOffering, event_type_id: int) -> str | None:
    """Return the hash (`AccountHashes`) of the account in which a service's reconcile last looked for an event type."""
    own = offering.status.get("ownEventTypesSeenWith") or ()
    default = offering.status.get("eventTypesSeenWith")
    return next((each["seenWith"] for each in own if each["eventTypeId"] == event_type_id), default)


def calendar_account(tenant: Tenant) -> CalendarAccount | None:
    """Return the spec's settings of the remote calendar's account; None if the calendar's provider is Local."""
    account: CalendarAccount | None = getattr(tenant.spec.calendar, tenant.spec.calendar.provider.field, None)
    return account


def calcom_account(tenant: Tenant) -> Calcom | None:
    """Return the spec's settings of the tenant's Cal.com account; None if the calendar's provider is not Cal.com."""
    return tenant.spec.calendar.calcom if tenant.spec.calendar.provider is CalendarProvider.CALCOM else None


def secret_refs(tenant: Tenant) -> dict[str, SecretKeyRef]:
    """Return every Secret key of providers that a Tenant names, by the name of the mounted file."""
    spec, account = tenant.spec, calendar_account(tenant)
    found = {RETELL_KEY: spec.retell.api_key_secret_ref}
    for index, ref in enumerate(spec.retell.webhook_key_secret_refs):
        found[f"{RETELL_WEBHOOK_KEY}{index}"] = ref
    if account is not None:
        found[spec.calendar.provider.key_file] = account.api_key_secret_ref
    # Each sender of webhooks, such as Stripe, has a block of its own.
    blocks = {spec.calendar.provider.field: account} | {name: getattr(spec, name) for name in type(spec).model_fields}
    for sender, block in blocks.items():
        if secret := getattr(block, "webhook_secret_ref", None):
            found[f"{sender}-webhook-secret"] = secret
    return found


def event_types_of(offering: ServiceOffering) -> tuple[EventType, ...]:
    """Return all event types that an offering names, in any account."""
    return offering.spec.calcom.event_types if offering.spec.calcom else ()


def own_key_refs(offerings: Iterable[ServiceOffering]) -> dict[str, SecretKeyRef]:
    """Return the Secret keys of event types in staff members' own accounts, by the name of the file that the pods read."""
    refs = (each.api_key_secret_ref for offering in offerings for each in event_types_of(offering))
    return {own_key_file(ref): ref for ref in refs if ref is not None}


def own_key_file(ref: SecretKeyRef) -> str:
    """Return the mounted file's name for a staff member's own key. It depends on the Secret and key only, not on the value."""
    return f"{_OWN_KEY_PREFIX}{hashlib.sha256(f'{ref.name}/{ref.key}'.encode()).hexdigest()[:12]}"


def own_keys(values: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of `values` that are staff members' own keys, by file name (mounted in pods, or in `T-teardown`)."""
    return {name: value for name, value in values.items() if name.startswith(_OWN_KEY_PREFIX)}


async def read_optional_keys(
    refs: Mapping[str, SecretKeyRef], namespace: str, context: PlanContext, authorities: Collection[str] = ()
) -> dict[str, str | CredentialProblem]:
    """Return keys that pods can run without, such as staff members' own, by file; a CredentialProblem for an unusable one.

    Each Secret is read once. The files of `authorities` hold certificates.
    """
    return (await _read_values(refs, namespace, context, authorities)).by_file


class _Read(NamedTuple):
    """The values or problems of keys, by mounted file, and the resourceVersion of each Secret that was read."""

    by_file: dict[str, str | CredentialProblem]
    versions: dict[str, str]


async def _read_values(
    by_file: Mapping[str, SecretKeyRef], namespace: str, context: PlanContext, authorities: Collection[str] = ()
) -> _Read:
    names = {ref.name for ref in by_file.values()}
    secrets = {name: await context.kube.get_secret(namespace, name) for name in sorted(names)}
    refused = {name: problem for name, secret in secrets.items() if (problem := find_refusal(secret, namespace, name))}
    found = {
        file: refused.get(ref.name)
        or (pem_certificates if file in authorities else secret_value)(secrets[ref.name], ref.name, ref.key)
        for file, ref in by_file.items()
    }
    versions = {name: secret["metadata"].get("resourceVersion", "") for name, secret in secrets.items() if secret}
    return _Read(found, versions)


async def read_credentials(tenant: Tenant, context: PlanContext) -> Credentials:
    """Return all provider keys that the tenant names, and the problems of keys that cannot be used. Each Secret is read once."""
    by_file, account = secret_refs(tenant), calendar_account(tenant)
    found, versions = await _read_values(by_file, tenant.metadata.namespace, context)
    return Credentials(
        values={file: value for file, value in found.items() if isinstance(value, str)},
        secret_refs=by_file,
        problems=tuple(dict.fromkeys(value for value in found.values() if not isinstance(value, str))),
        retell_base_url=tenant.spec.retell.base_url or context.settings.retell_base_url,
        calendar_base_url=(account.base_url if account else None) or context.settings.calcom_base_url,
        versions=versions,
    )


async def get_named_secret(
    context: PlanContext, namespace: str, name: str
) -> dict[str, Any] | CredentialProblem | None:
    """Return a Secret that a manifest names; None if it does not exist; a CredentialProblem if its use is not permitted."""
    secret = await context.kube.get_secret(namespace, name)
    return find_refusal(secret, namespace, name) or secret


def find_refusal(secret: dict[str, Any] | None, namespace: str, name: str) -> CredentialProblem | None:
    """Return the problem if the label of a Secret does not permit its use; None if it does, or if the Secret does not exist.

    The value is sent to a provider's account that the manifest chooses, and only a writer of the Secret can set its label.
    Without this check, anybody who may create a Tenant could read every Secret of the namespace there.
    """
    if secret is None or (secret["metadata"].get("labels") or {}).get(USE_LABEL) == PERMITTED:
        return None
    text = (
        f"Secret {name!r} does not permit its use: `kubectl label secret -n {namespace} {name} {USE_LABEL}=true`, by somebody "
        "who may write it"
    )
    return CredentialProblem(Reason.SECRET_NOT_PERMITTED, text)


async def read_own_secret(
    context: PlanContext, namespace: str, tenant: str, child: str = "teardown", *, uid: str | None = None
) -> dict[str, str]:
    """Return the values of a tenant's own Secret (`runtime`, `admin`, `signing-keys` or `teardown`); {} if it does not exist.

    `uid` is for the Tenant's own reconcile, which applies the values again. With `uid`, the result is also {} if the Secret
    belongs to a former Tenant of this name, whose people know its passwords and keys, and was not collected yet. If the cache
    knows no such Secret, the result is {} without a request; the apply then finds a Secret that exists.
    """
    secret = await context.kube.get_secret(namespace, f"{tenant}-{child}", to_apply=uid is not None)
    references = ((secret or {}).get("metadata") or {}).get("ownerReferences") or []
    owners = {reference["uid"] for reference in references if reference["kind"] == Tenant.kind}
    return {} if uid is not None and owners and uid not in owners else decode_secret(secret)


def secret_manifest(
    namespace: str, name: str, labels: Mapping[str, str], values: Mapping[str, str], **metadata: Any
) -> dict[str, Any]:
    """Return the manifest of a Secret that the operator owns; `metadata` adds further fields to its metadata."""
    labels = {**labels, "app.kubernetes.io/managed-by": MANAGER}
    return {
        **resources.SECRETS.type_meta,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items())},
    }


def decode_secret(secret: dict[str, Any] | None) -> dict[str, str]:
    """Return the data of one of the operator's Secrets (as the API server returns it) as text; empty for None.

    Bytes that are not UTF-8 are dropped: somebody else put them there.
    """
    return {
        name: base64.b64decode(value).decode(errors="ignore")
        for name, value in ((secret or {}).get("data") or {}).items()
    }
