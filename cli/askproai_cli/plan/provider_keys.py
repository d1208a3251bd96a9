"""The effect of the keys in a planned Secret on the Tenants that name it: another tenant has them, or an account changes."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from askproai_cli.plan.grants import Claim, read_grants
from askproai_core.kube import HttpTransport
from askproai_operator.api import Tenant
from askproai_operator.controllers.holders import find_holder, shared_keys_condition
from askproai_operator.credentials import CALCOM_KEY, RETELL_KEY, calcom_account, secret_refs
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import hash_key

_FILES: Final = {SubjectKind.RETELL_KEY: RETELL_KEY, SubjectKind.CALCOM_KEY: CALCOM_KEY}
_NAMES: Final = {SubjectKind.RETELL_KEY: "Retell", SubjectKind.CALCOM_KEY: "Cal.com"}
_CHANGED: Final = {
    SubjectKind.RETELL_KEY: "a key of the same Retell workspace changes nothing else; with a key of another workspace the agents"
    " are made anew there, and you move the phone numbers at Retell",
    SubjectKind.CALCOM_KEY: "a key of the same Cal.com account changes nothing else; with a key of another account the webhook is"
    " registered there, and the services need the event type ids of that account",
}


async def find_key_claims(
    secret: Mapping[str, Any], lines: Iterable[str], transport: HttpTransport, context: PlanContext
) -> list[Claim]:
    """Return what the operator would report about the provider keys of a Secret, and what the changed ones mean.

    `secret` is the Secret after the apply, `lines` are its differences.
    """
    lines, meta, values = set(lines), secret["metadata"], read_values(secret)
    claims: list[Claim] = []
    for tenant in context.cache.list(Tenant, meta["namespace"]):
        used = [(kind, key) for kind, key in _used_keys(tenant, meta["name"]) if values.get(key)]
        subjects = {kind: Subject(kind, hash_key(context.installation_id, values[key].strip())) for kind, key in used}
        problem = await read_grants(subjects.values(), transport, context) if subjects else None
        name = f"Tenant {tenant.metadata.name}"
        if problem is not None:
            what = " and ".join(f"this {_NAMES[kind]} key" for kind in subjects)
            claims.append(
                Claim(f"{name}: not looked at: whether another tenant has {what} ({problem})", is_known=False)
            )
        shared = {kind for kind, subject in subjects.items() if find_holder(tenant, subject, context) is not None}
        if shared:
            found = shared_keys_condition(shared)
            claims.append(Claim(f"{name}: {found.type} would be {found.status}, {found.reason}: {found.message}"))
        changed = [kind for kind, key in used if f"data.{key}: changed" in lines and kind not in shared]
        claims += [Claim(f"{name}: {_CHANGED[kind]}", is_known=False) for kind in changed]
    return claims


def _used_keys(tenant: Tenant, secret: str) -> Iterator[tuple[SubjectKind, str]]:
    """Yield which of the Tenant's provider keys are in a Secret, and under which key of its data."""
    refs = secret_refs(tenant)
    for kind, file in _FILES.items():
        ref = refs.get(file)
        if ref is not None and ref.name == secret and (kind is SubjectKind.RETELL_KEY or calcom_account(tenant)):
            yield kind, ref.key


def read_values(secret: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a Secret as a manifest or the API server has it; without those that are no text.

    One without a value, `api-key:` in YAML, is empty, as the API server reads it.
    """
    values = {}
    for key, encoded in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(encoded or "").decode()
        except ValueError:  # binascii.Error and UnicodeDecodeError among them
            continue
    return values | {
        key: "" if value is None else str(value) for key, value in (secret.get("stringData") or {}).items()
    }
