"""Plan a set of manifests: the change of each object, and the operator's next steps at the providers."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from askproai_cli.cluster_login import log_in
from askproai_cli.lint import CelMissing, Document, Identity, Severity, identity_of, lint
from askproai_cli.output import format_count
from askproai_cli.plan.agents import find_lowered, plan_calendar, plan_steps
from askproai_cli.plan.dry_run import Change, preview
from askproai_cli.plan.event_types import find_event_type_claims
from askproai_cli.plan.grants import find_claims, read_reported
from askproai_cli.plan.secrets import NamedSecrets, find_key_claims
from askproai_core.api_resource import ApiResource
from askproai_core.clock import SystemClock
from askproai_core.kube import ApiError, HttpTransport, NotLeader
from askproai_operator import resources
from askproai_operator.api import Branch, Key, RetellAgent, Tenant
from askproai_operator.applied_spec import PAUSED_ANNOTATION, is_paused
from askproai_operator.engine import Cache, EventSink, Kube
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import ProviderClients
from askproai_operator.relations import Relations
from askproai_operator.resources import MANAGER
from askproai_operator.settings import Settings

# Lint's warnings that something is missing among the files.
_MAY_BE_IN_CLUSTER: Final = ("spec.branchRef", "spec.tenantRef", "spec.phoneNumbers")
_LOOKED_FOR: Final = "; it must be in the cluster"  # end of lint's warning about a Secret that is not among the files
_PAUSED: Final = f"paused: no edit has an effect until the annotation {PAUSED_ANNOTATION} is removed"
_SUSPENDED: Final = "suspended: no pods run, callers hear that no appointments are taken, until spec.suspend is false"


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned object: its change, field by field, and the operator's steps at `provider` (None: its kind has no steps).

    `claims` say that another tenant has its host, number, key or event type, or why that is unknown, and the effect of a
    changed key. `warnings` come from lint, or name fields of other managers that the apply overwrites. `is_problem`: a person
    should look before an apply, because a condition would be False, a step is refused, or a number is taken away. `is_taken`:
    another tenant has its host, number, key or event type.
    """

    name: str
    change: Change
    fields: tuple[str, ...] = ()
    steps: tuple[str, ...] | None = None
    provider: str = "Retell"
    claims: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_problem: bool = False
    is_taken: bool = False


async def plan_manifests(
    documents: Iterable[Document],
    kubeconfig: Path | None,
    namespace: str,
    operator_namespace: str = "askproai-system",
    others: Iterable[Document] = (),
) -> list[Planned]:
    """Return the plan of the manifests in their order, then of other agents in their namespaces that the change affects.

    `namespace` is for manifests that name none, `operator_namespace` is where the grants are, `others` are manifests in the
    same files for which nothing is planned. Raises ApiError and AccessError when the cluster cannot be asked.
    """
    clock, cache = SystemClock(), Cache()
    relations = Relations(cache)
    access, sink = log_in(kubeconfig, clock), EventSink(cache, relations, lambda _: None)
    documents = list(documents)
    found = _list_warnings(documents)
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(lambda: access, user_agent=MANAGER))
        kube = await stack.enter_async_context(Kube(lambda: access, sink, clock, fence=_refuse))
        new_namespaces = await _find_new_namespaces(transport, documents)
        named_secrets = NamedSecrets([*documents, *others], namespace, transport, new_namespaces)
        planned: dict[Identity, Planned] = {}
        secrets: dict[Identity, Mapping[str, Any]] = {}
        for document in documents:
            kind, own_namespace, name = identity_of(document.value)
            key = Identity(kind, "" if kind == resources.NAMESPACES.kind else own_namespace or namespace, name)
            seen = await preview(transport, document, namespace, new_namespaces)
            warnings = [*found.get((f"{kind}/{name}", own_namespace), ()), *seen.warnings]
            if resources.resource_of_kind(kind) in resources.CUSTOM and seen.change is not Change.REFUSED:
                warnings += await named_secrets.list_warnings(document)
            planned[key] = Planned(f"{kind}/{name}", seen.change, seen.lines, warnings=tuple(warnings))
            if kind == resources.SECRETS.kind and seen.change in {Change.CREATED, Change.CHANGED}:
                secrets[key] = seen.stored or _in_namespace(document.value, key.namespace)
            if seen.stored is not None and resources.resource_of_kind(kind) in resources.CUSTOM:
                stored = _with_numbers(seen.stored) if seen.change is Change.CHANGED else seen.stored
                sink.prime(resources.resource_of_kind(kind), stored)
        for affected in sorted({key.namespace for key in planned} - {"", *new_namespaces}):
            for ref in resources.CUSTOM:
                for raw in await _list_objects(kube, ref, affected):
                    sink.prime(ref, raw)  # the previews stay in the cache, because they are newer
        uid = (await kube.get(resources.NAMESPACES, "", "kube-system") or {}).get("metadata", {}).get("uid", "")
        providers = await stack.enter_async_context(ProviderClients(clock))
        settings = await read_reported(Settings().model_copy(update={"namespace": operator_namespace}), transport)
        context = PlanContext(
            kube=kube,
            cache=cache,
            relations=relations,
            settings=settings,
            clock=clock,
            providers=providers,
            installation_id=settings.installation_id or str(uid),
        )
        planned |= _find_stopped(planned, cache)
        await _add_claims(planned, secrets, transport, context)
        unchanged = {key for key, each in planned.items() if each.change is Change.UNCHANGED}
        await _plan_providers(planned, context, planned.keys() - unchanged)
    return [*planned.values()]


async def _add_claims(
    planned: dict[Identity, Planned],
    secrets: Mapping[Identity, Mapping[str, Any]],
    transport: HttpTransport,
    context: PlanContext,
) -> None:
    """Add to the planned objects the claims of others on their hosts, numbers and event types, and on the keys in `secrets`."""
    models = [model for key in planned if (model := context.cache.get(Key(*key))) is not None]
    claims = await find_claims(models, transport, context) | await find_event_type_claims(models, context)
    for at, claim in claims.items():
        taken = claim.is_known
        planned[Identity(*at)] = replace(planned[Identity(*at)], claims=(claim.text,), is_problem=taken, is_taken=taken)
    for key, secret in secrets.items():
        found_claims = await find_key_claims(secret, planned[key].fields, transport, context)
        texts, is_problem = tuple(each.text for each in found_claims), any(each.is_known for each in found_claims)
        planned[key] = replace(planned[key], claims=texts, is_problem=is_problem)


def _with_numbers(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the object. A Branch has in its status the numbers that its new spec makes usable, because agents will bind them."""
    status = stored.get("status", {})
    if stored["kind"] != Branch.kind or "phoneNumbers" not in status:
        return stored
    spec = Branch.model_validate(stored).spec
    numbers = map(spec.read_public, spec.phone_numbers)
    return {**stored, "status": {**status, "phoneNumbers": [number for number in numbers if number]}}


def _in_namespace(manifest: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _refuse() -> None:
    raise NotLeader("a plan writes nothing")


def _list_warnings(documents: Iterable[Document]) -> dict[tuple[str, str], list[str]]:
    """Return lint's warnings about values that the API server accepts, by `Kind/name` and namespace of the manifest.

    Warnings about a missing object, or a number without an agent, are left out: object or agent may be in the cluster.
    """
    try:
        findings = lint(documents).findings
    except CelMissing:
        return {}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in findings:
        if each.severity is not Severity.WARNING or each.path in _MAY_BE_IN_CLUSTER:
            continue
        if not each.message.endswith(_LOOKED_FOR):  # the cluster is asked for it
            found[each.name, each.namespace].append(f"{each.path}: {each.message} ({each.file}:{each.line})")
    return found


async def _plan_providers(
    planned: dict[Identity, Planned], context: PlanContext, in_files: Collection[Identity]
) -> None:
    """Add the steps at the calendar and Retell, and the values that ceilings lower, to the plan. `in_files` are changed objects."""
    for tenant in context.cache.list(Tenant):
        key = Identity(*tenant.key)
        if key in planned:
            change = planned[key]
            lowered = find_lowered(tenant) if change.change in {Change.CREATED, Change.CHANGED} else ()
            fields, calendar = (*change.fields, *lowered), tenant.spec.calendar.provider
            planned[key] = replace(change, fields=fields, steps=plan_calendar(tenant), provider=calendar.label)
    for agent in context.cache.list(RetellAgent):
        key = Identity(*agent.key)
        change = planned.get(key) or Planned(f"{agent.kind}/{agent.key.name}", Change.UNCHANGED)
        steps = await plan_steps(agent, context, in_files)
        if key in planned or steps.lines:
            planned[key] = replace(change, steps=steps.lines, is_problem=change.is_problem or steps.is_problem)


def _find_stopped(planned: Mapping[Identity, Planned], cache: Cache) -> dict[Identity, Planned]:
    """Return the planned objects that will be paused or suspended, each with a line that reports it."""
    found: dict[Identity, Planned] = {}
    for model in cache.models():
        lines = [_SUSPENDED] if isinstance(model, Tenant) and model.spec.suspend else []
        lines += [_PAUSED] if is_paused(model) else []
        if lines and (known := planned.get(Identity(*model.key))):
            found[Identity(*model.key)] = replace(known, fields=(*known.fields, *lines))
    return found


async def _find_new_namespaces(transport: HttpTransport, documents: Iterable[Document]) -> set[str]:
    """Return the namespaces that the files declare and that do not exist yet in the cluster."""
    named = {identity_of(document.value).name for document in documents if _is_namespace(document)}
    ref = resources.NAMESPACES
    return {name for name in named if await transport.find(ref.path(None, name)) is None}


async def _list_objects(kube: Kube, ref: ApiResource, namespace: str) -> Sequence[dict[str, Any]]:
    """Return the objects of a kind; no objects if the cluster does not serve the kind."""
    try:
        return await kube.list(ref, namespace)
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return ()


def _is_namespace(document: Document) -> bool:
    return identity_of(document.value).kind == resources.NAMESPACES.kind


def summarize(planned: Sequence[Planned]) -> str:
    """Return the last line of a plan: the numbers of created, changed and other objects, and of steps at the providers."""
    counts = {change: sum(each.change is change for each in planned) for change in Change}
    steps = sum(not step.endswith(":") for each in planned for step in each.steps or ())
    changes = ", ".join(
        f"{count} {change}" for change, count in counts.items() if count or change is not Change.UNKNOWN
    )
    line = f"{changes}; {format_count(steps, 'step')} at the providers"
    warnings = sum(len(each.warnings) for each in planned)
    return f"{line}; {format_count(warnings, 'warning')}" if warnings else line
