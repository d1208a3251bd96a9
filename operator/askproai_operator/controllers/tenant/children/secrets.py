"""The ConfigMap and the Secrets of a tenant. Pure.

The pods mount `T-config`, `T-runtime`, `T-data-keys`, a part of `T-signing-keys`, and `T-admin` with the bearer token of their
private API. `T-reader` has the read-only token for people, and `T-teardown` the keys for the deletion.
"""

from collections.abc import Iterable, Mapping

from askproai_core.data_keys import DATA_KEYS
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.metadata import MANAGED_BY, Manifest, new_manifest
from askproai_operator.credentials import (
    CALCOM_BASE_URL,
    CALCOM_KEY,
    RETELL_BASE_URL,
    RETELL_KEY,
    Credentials,
    secret_manifest,
)
from askproai_operator.grants import KEY_ANNOTATIONS, OWN_KEYS_ANNOTATION, Subject, SubjectKind
from askproai_operator.resources import FINALIZER, MANAGER

SIGNING_KEYS = "signing-keys"  # providers' present, former and registered keys, and hashes of accepted API keys
ENCRYPTION_SUFFIX = "data-keys"  # the pods encrypt callers' words with these keys


def config_map(tenant: Tenant, config: str, suffix: str = "config") -> Manifest:
    """Return `T-config`, or `T-<suffix>`, with an encoded TenantConfig."""
    return {**new_manifest(tenant, resources.CONFIG_MAPS, suffix, "config"), "data": {"tenant.json": config}}


def tenant_secret(tenant: Tenant, suffix: str, values: Mapping[str, str]) -> Manifest:
    """Return the Secret `T-<suffix>`."""
    metadata = new_manifest(tenant, resources.SECRETS, suffix, suffix)["metadata"]
    return secret_manifest(values=values, **metadata)


def runtime_secret(
    tenant: Tenant,
    database_url: str,
    redis_url: str | None = None,
    *,
    redis_ca: str | None = None,
    database_ca: str | None = None,
) -> Manifest:
    """Return `T-runtime`, with the URLs by which the pods connect to PostgreSQL and Redis.

    `redis_ca` and `database_ca` are PEM certificates of the servers' private authorities, if needed.
    """
    optional = {"REDIS_URL": redis_url, "CA_FILE": redis_ca if redis_url else None, "DATABASE_CA_FILE": database_ca}
    values = {name: value for name, value in optional.items() if value}
    return tenant_secret(tenant, "runtime", {"DATABASE_URL": database_url} | values)


def teardown_secret(
    tenant: Tenant,
    credentials: Credentials,
    subjects: Mapping[SubjectKind, Subject],
    own_keys: Mapping[str, str] | None = None,
    own_subjects: Iterable[Subject] = (),
    data_keys: str | None = None,
) -> Manifest:
    """Return `T-teardown`, the copies of keys that the deletion needs after the user's Secret is gone.

    Its finalizer keeps it while its namespace is being deleted. Its annotations identify the keys without revealing them.
    `own_keys` are the keys of staff members' own Cal.com accounts; `data_keys` is the content of `T-data-keys`.
    """
    keys = {name: value for name, value in credentials.values.items() if name in {RETELL_KEY, CALCOM_KEY}}
    urls = {RETELL_BASE_URL: credentials.retell_base_url, CALCOM_BASE_URL: credentials.calendar_base_url}
    encryption = {DATA_KEYS: data_keys} if data_keys else {}
    manifest = tenant_secret(tenant, "teardown", keys | urls | dict(own_keys or {}) | encryption)
    annotations = {KEY_ANNOTATIONS[kind]: subject.value for kind, subject in subjects.items()}
    if own := ",".join(sorted(subject.value for subject in own_subjects)):
        annotations[OWN_KEYS_ANNOTATION] = own
    manifest["metadata"] |= {"finalizers": [FINALIZER], "annotations": annotations}
    return manifest


def teardown_release() -> Manifest:
    """Return the patch that removes our finalizer from `T-teardown`, so that it can be deleted.

    The patch removes the label, too. The admission policy only admits writes that leave the label as it is, and no reconcile
    restores a label that a person removed from a Secret of a Tenant that is being deleted.
    """
    return {"metadata": {"finalizers": None, "labels": {MANAGED_BY: MANAGER}}}
