"""Check the Secrets of a plan.

A key in a planned Secret affects the Tenants that name the Secret: another tenant may hold that key, or the account changes. A
planned manifest may also name a Secret, or a key in it, that neither the files nor the cluster have.
"""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from askproai_cli.lint import Document, Reference, collect_secrets, find_references, identity_of, keys_of, permits_use
from askproai_cli.plan.grants import Claim, read_grants
from askproai_core.kube import ApiError, HttpTransport
from askproai_operator.api import Tenant
from askproai_operator.controllers.name_conflicts import find_holder, shared_keys_condition
from askproai_operator.credentials import RETELL_KEY, secret_refs
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import hash_key
from askproai_operator.resources import SECRETS, USE_LABEL

_CHANGED: Final = {
    SubjectKind.RETELL_KEY: "a key of the same Retell workspace changes nothing else; with a key of another workspace the agents"
    " are made anew there, and you move the phone numbers at Retell",
    SubjectKind.CALENDAR_KEY: "a key of the same calendar account changes nothing else; with a key of another account the webhook"
    " is registered there, and the services need the event type ids of that account",
}


async def find_key_claims(
    secret: Mapping[str, Any], lines: Iterable[str], transport: HttpTransport, context: PlanContext
) -> list[Claim]:
    """Return the reports that the operator would make about the provider keys of a Secret, and the effects of changed keys.

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
            what = " and ".join(f"this {_label(tenant, kind)} key" for kind in subjects)
            claims.append(
                Claim(f"{name}: not looked at: whether another tenant has {what} ({problem})", is_known=False)
            )
        shared = {kind for kind, subject in subjects.items() if find_holder(tenant, subject, context) is not None}
        if shared:
            found = shared_keys_condition(tenant, shared)
            claims.append(Claim(f"{name}: {found.type} would be {found.status}, {found.reason}: {found.message}"))
        changed = [kind for kind, key in used if f"data.{key}: changed" in lines and kind not in shared]
        claims += [Claim(f"{name}: {_CHANGED[kind]}", is_known=False) for kind in changed]
    return claims


def _used_keys(tenant: Tenant, secret: str) -> Iterator[tuple[SubjectKind, str]]:
    """Yield the kind and the name in the Secret of each provider key that the Tenant reads from this Secret."""
    refs = secret_refs(tenant)
    files = {SubjectKind.RETELL_KEY: RETELL_KEY, SubjectKind.CALENDAR_KEY: tenant.spec.calendar.provider.key_file}
    for kind, file in files.items():
        ref = refs.get(file)
        if ref is not None and ref.name == secret:
            yield kind, ref.key


def _label(tenant: Tenant, kind: SubjectKind) -> str:
    return "Retell" if kind is SubjectKind.RETELL_KEY else tenant.spec.calendar.provider.label


def read_values(secret: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a Secret, from a manifest or the API server, as texts; values that are not text are left out.

    A key without a value (`api-key:` in YAML) is empty, as the API server reads it.
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


class NamedSecrets:
    """Looks up Secrets in the cluster, each at most once.

    `documents` are all manifests, including those for which nothing is planned: if one creates Secrets, such as an
    ExternalSecret, any Secret of its namespace may come from it. `namespace` is for manifests that name none.
    """

    def __init__(
        self, documents: Iterable[Document], namespace: str, transport: HttpTransport, new_namespaces: Collection[str]
    ) -> None:
        beside = collect_secrets(documents)
        self._among_files = {(space or namespace, name) for space, name in beside.documents}
        self._made_elsewhere = {space or namespace for space in beside.made_elsewhere}
        self._new_namespaces = new_namespaces
        self._default, self._transport = namespace, transport
        self._read: dict[str, Mapping[str, Any] | str | None] = {}  # by path

    async def list_warnings(self, document: Document) -> list[str]:
        """Return warnings about the Secrets that a manifest names. Secrets in the files are left to lint. Raises ApiError."""
        space = identity_of(document.value).namespace or self._default
        found: list[str] = []
        if space in self._made_elsewhere:
            return found
        for reference in find_references(document.value.get("spec")):
            if (space, reference.name) not in self._among_files:  # lint compares those
                path = ".".join(str(part) for part in reference.path)
                where = f"{document.file}:{document.line_of(reference.path)}"
                messages = _check_named(reference, space, await self._find(space, reference.name))
                found += [f"{path}: {message} ({where})" for message in messages]
        return found

    async def _find(self, namespace: str, name: str) -> Mapping[str, Any] | str | None:
        """Return a Secret of the cluster; None if it does not exist, or a text that says why it may not be read."""
        if namespace in self._new_namespaces:
            return None
        path = SECRETS.path(namespace, name)
        if path not in self._read:
            try:
                self._read[path] = await self._transport.find(path)
            except ApiError as error:
                if error.status != HTTPStatus.FORBIDDEN:
                    raise
                self._read[path] = f"not looked at: Secret {name!r}: your account may not read it"
        return self._read[path]


def _check_named(reference: Reference, namespace: str, secret: Mapping[str, Any] | str | None) -> Iterator[str]:
    """Yield the problems that the operator would report about one named Secret of the cluster."""
    if secret is None:
        yield (
            f"Secret {reference.name!r} is neither among these files nor in namespace {namespace}; create it, or correct the name"
        )
    elif isinstance(secret, str):
        yield secret
    else:
        keys = keys_of(secret)
        for key in reference.keys:
            if key not in keys:
                has = f"it has {', '.join(keys)}" if keys else "it has none"
                yield f"Secret {reference.name!r} of namespace {namespace} has no key {key!r}; {has}"
        if not permits_use(secret):
            yield (
                f"Secret {reference.name!r} of namespace {namespace} is not used by the operator without the label"
                f' {USE_LABEL}: "true"'
            )
