"""A tenant's role and rows in PostgreSQL, and `T-runtime`, the Secret with the addresses of its pods' stores."""

import secrets
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from askproai_core.api_resource import ADOPT_DATA, ADOPT_FROM
from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_core.tenant_config.config import Retention
from askproai_operator.api import DataPolicy, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad
from askproai_operator.api.runtime import RuntimeMode
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.canary import canary_pods
from askproai_operator.controllers.tenant.children.secrets import runtime_secret
from askproai_operator.controllers.tenant.credentials import credentials_without_database
from askproai_operator.controllers.tenant.run import Inputs, ResourceIds, Run, StoreUrls
from askproai_operator.controllers.tenant.stranded import declared_work
from askproai_operator.controllers.tenant.tenant_config import persons_of, required_resources
from askproai_operator.credentials import calendar_account
from askproai_operator.engine import EventRecord, EventType, Result, find_condition
from askproai_operator.login_urls import parse_login
from askproai_operator.orphans import Owner, has_rows_to_erase
from askproai_operator.providers import hash_key
from askproai_operator.store.admin import LoginSuspended
from askproai_operator.store.row_owners import DataOwnedByOther
from askproai_operator.store.stranded import DeclaredWork, encode_declared
from askproai_operator.store.tenant_states import TenantFacts, TenantState
from askproai_operator.store.tenant_tables import find_export_id

log = structlog.get_logger(__name__)

DATABASE_ERRORS: Final = (DatabaseError, *DATABASE_UNAVAILABLE)
# People may want to know before the retry, which follows 5 minutes after a request without an answer.
CALENDAR_PATIENCE: Final = timedelta(minutes=2)

_CONNECTIONS_OF_WEB, _CONNECTIONS_OF_WORKER = 3, 2
_CONNECTIONS_OF_REPLAY = 2
_SURGE = 1


class SameInstallation(DatabaseError):
    """Raised if a Tenant was moved from an installation with our own id: its deletion there would delete its agents here."""

    def __init__(self, installation_id: str) -> None:
        super().__init__(
            f"the Tenant comes from another installation with the same id {installation_id}, so the deletion there would delete its"
            " agents and its webhook: give this one another settings.installationId. If the Tenant there is gone already, remove"
            f" the annotation {ADOPT_FROM}"
        )


async def ensure_database(run: Run, context: ReconcileContext) -> Result | None:
    """Create or update the tenant's role, rows and resources, and read the facts that only the database has. Return None, or
    after an error of the database the Result with which the run ends.
    """
    run.urls = await _ensure_runtime_secret(run.inputs, context)
    try:
        run.resource_ids, run.adopted = await _ensure_rows(run.inputs, run.urls.database, context)
        run.state = await _read_state(run.inputs, context)
    except DATABASE_ERRORS as error:
        return end_without_database(run, error, context)
    return None


def end_without_database(run: Run, error: Exception, context: ReconcileContext) -> Result:
    """Return the result of a run that ends because of this error of the database; nothing is applied."""
    details = {"sqlstate": getattr(error, "sqlstate", None), "owner_uid": getattr(error, "owner_uid", None)}
    log.warning("database.not_ready", tenant=run.tenant.metadata.dotted, error=type(error).__name__, **details)
    condition = database_condition(error)
    conditions = (credentials_without_database(run, context), condition)
    # Rows of another owner: a person adopts them or renames the Tenant, and that edit requeues it.
    requeue = not isinstance(error, DataOwnedByOther)
    return Result(conditions, events=run.left, requeue=requeue, requeue_reason=condition.message)


async def _ensure_runtime_secret(inputs: Inputs, context: ReconcileContext) -> StoreUrls:
    """Write DATABASE_URL and REDIS_URL to `T-runtime`, and return them.

    Existing passwords are kept. A new password is stored here before the role or user gets it.
    """
    tenant, name, existing = inputs.tenant, inputs.tenant.metadata.dotted, inputs.runtime_values
    password = parse_login(existing.get("DATABASE_URL"))[1] or secrets.token_urlsafe(32)
    redis = context.redis
    urls = StoreUrls(
        context.database.tenant_dsn(name, password),
        redis.tenant_url(name, existing.get("REDIS_URL")) if redis is not None else None,
    )
    redis_ca = redis.ca if redis is not None else None
    await context.kube.apply(runtime_secret(tenant, *urls, redis_ca=redis_ca, database_ca=context.database.ca))
    return urls


async def _read_state(inputs: Inputs, context: ReconcileContext) -> TenantState:
    """Return the facts that only the database has. The tenant's row, role and resources must be ready. Raises DATABASE_ERRORS."""
    name, work = inputs.tenant.metadata.dotted, encode_declared(what_is_declared(inputs, context))
    return (await context.database.read_states({name: work}, CALENDAR_PATIENCE))[name]


def what_is_declared(inputs: Inputs, context: ReconcileContext) -> DeclaredWork:
    """Return the declared staff, days off and services, by which future appointments are judged."""
    return declared_work(inputs.branches, inputs.offerings, inputs.tenant.spec.time_zone, context.clock.now())


async def _ensure_rows(
    inputs: Inputs, url: str, context: ReconcileContext
) -> tuple[ResourceIds, tuple[EventRecord, ...]]:
    """Create or update schema, role and rows; return the ids of the resource rows, and Kubernetes Events.

    Rows that an earlier Tenant of this name left are adopted if this Tenant has its Retell key, or names its UID by annotation;
    otherwise raises `DataOwnedByOther`. Raises one of DATABASE_ERRORS.
    """
    await context.database.prepare()
    tenant, meta = inputs.tenant, inputs.tenant.metadata
    logins, now = context.memory.logins, context.clock.monotonic()
    serves = find_condition(tenant, ConditionType.RUNTIME_AVAILABLE).get("status") == Status.TRUE
    # The password is tested rarely: a login in each run would be most of the cost of an idle installation. A changed password
    # stops the pods' new connections, and for pods that are not available each resync tests it.
    verify = not logins.has(tenant.key, url, now, serves=serves)
    adopt = meta.annotations.get(ADOPT_DATA)
    if find_export_id(adopt or "") is not None and meta.annotations.get(ADOPT_FROM) == context.installation_id:
        raise SameInstallation(context.installation_id)
    adopted = await context.database.ensure_tenant(
        meta.dotted,
        meta.uid,
        parse_login(url)[1],
        connection_limit(tenant),
        adopt=adopt,
        key_hash=_owners_key_hash(inputs, context),
        is_erasing=partial(has_rows_to_erase, Owner(*tenant.key, meta.uid), context=context),
        facts=tenant_facts(inputs),
        verify_password=verify,
    )
    if verify:
        logins.keep(tenant.key, url, now)
    text = f"the rows of the earlier Tenant of this name are this one's now; an annotation {ADOPT_DATA} may go"
    events = (EventRecord("DataAdopted", text, EventType.NORMAL),) if adopted else ()
    required = required_resources(inputs.branches, inputs.offerings)
    return await context.database.ensure_resources(meta.dotted, required, persons_of(inputs.branches)), events


def _owners_key_hash(inputs: Inputs, context: ReconcileContext) -> str:
    """Return the hash of the Retell key that lets a later Tenant of this name adopt the rows; "" unless the rows are retained."""
    key, policy = inputs.credentials.retell_key, inputs.tenant.spec.data_policy
    return hash_key(context.installation_id, key) if key and policy is DataPolicy.RETAIN else ""


def connection_limit(tenant: Tenant) -> int:
    """Return the role's CONNECTION LIMIT: enough for all pods that can run at once, including a rolling update."""
    web, workers = tenant.spec.runtime.web, tenant.spec.runtime.workers
    # On the way to Split and back, both Deployments have workers.
    worker_pods = workers.max_replicas + _SURGE if tenant.spec.runtime.mode is RuntimeMode.SPLIT else 0
    per_pod = _CONNECTIONS_OF_WEB + _CONNECTIONS_OF_WORKER
    canary = tenant.spec.runtime.canary
    on_trial = canary_pods(web.max_replicas, canary.percent) + _SURGE if canary else 0
    replaying = 2 * _CONNECTIONS_OF_REPLAY if tenant.spec.runtime.shadow else 0
    return (
        replaying
        + (web.max_replicas + _SURGE) * per_pod
        + worker_pods * _CONNECTIONS_OF_WORKER
        + on_trial * _CONNECTIONS_OF_WEB
    )


def tenant_facts(inputs: Inputs) -> TenantFacts:
    """Return the facts to write for the coordinator, which cannot see the manifest: retention and the providers' addresses."""
    return TenantFacts(
        retention=Retention(**inputs.tenant.spec.retention.model_dump()),
        retell_base_url=inputs.credentials.retell_base_url,
        calcom_base_url=inputs.credentials.calendar_base_url if calendar_account(inputs.tenant) else "",
    )


def database_condition(error: Exception) -> Condition:
    """Return DatabaseReady for an error. Only texts of the store's own errors are shown: other texts name hosts and rows."""
    kind = ConditionType.DATABASE_READY
    if isinstance(error, DataOwnedByOther):
        return bad(kind, Reason.DATA_OWNED_BY_OTHER, str(error))
    if isinstance(error, LoginSuspended):
        return bad(kind, Reason.LOGIN_SUSPENDED, str(error))
    detail = (
        f": {error}" if isinstance(error, DatabaseError) else ", PostgreSQL does not answer or refuses the operator"
    )
    return bad(kind, Reason.DATABASE_UNAVAILABLE, f"{type(error).__name__}{detail}; tried again by itself")
