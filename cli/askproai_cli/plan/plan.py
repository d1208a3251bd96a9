"""Plans manifests: a dry run of the API server shows what would become of each object, and the operator's own code what it
would then do at Retell. Nothing is written anywhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from askproai_cli.output import format_count
from askproai_core.clock import SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import FaultPoints
from askproai_core.kube import HttpTransport
from askproai_operator.api import RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import CHECKS, gather, gather_remote, make_plan
from askproai_operator.controllers.conditions import first_failing
from askproai_operator.engine import (
    MANAGER,
    ApiError,
    ApiResource,
    Cache,
    EventSink,
    Kube,
    NotLeader,
    access_by_kopf,
    kopf_login,
    resources,
)
from askproai_operator.providers import ProviderClients, ProviderError
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings

_NOT_FOUND = 404
_DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}
_UNJUDGED = "its namespace comes with these files, so the API server cannot judge it yet; `askproai lint` does"
_NEWEST = str(2**62)  # version of what a dry run returned: newer than all that the API server lists


class Change(StrEnum):
    """What becomes of an object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Planned:
    """One object: what becomes of it, field by field, and for a RetellAgent the steps at Retell (None: another kind)."""

    name: str
    change: Change
    fields: tuple[str, ...] = ()
    steps: tuple[str, ...] | None = None


async def plan_manifests(
    manifests: Iterable[Mapping[str, Any]],
    kubeconfig: Path | None,
    namespace: str,
    new_namespaces: Collection[str] = (),
) -> list[Planned]:
    """Plan manifests of our kinds in their order, then the other agents of their namespaces if the change affects them.

    `namespace` is for manifests that name none; `new_namespaces` are applied together with the manifests.
    Raises ApiError and AccessError when the cluster cannot be asked.
    """
    clock, cache = SystemClock(), Cache()
    relations = Relations(cache)
    login, sink = partial(kopf_login, kubeconfig), EventSink(cache, relations, lambda _: None)
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(partial(access_by_kopf, login), user_agent=MANAGER))
        kube = await stack.enter_async_context(Kube(login, sink, clock))
        planned: dict[tuple[str, str, str], Planned] = {}
        for manifest in manifests:
            meta = {"namespace": namespace, **manifest["metadata"]}
            ref = resources.resource_of_kind(manifest["kind"])
            change, preview = await _dry_run(transport, ref, {**manifest, "metadata": meta}, new_namespaces)
            planned[ref.kind, meta["namespace"], meta["name"]] = change
            if preview is not None:
                sink.prime(ref, preview)
        for affected in sorted({where for _, where, _ in planned}):
            for ref in resources.CUSTOM:
                for raw in await kube.list(ref, affected):
                    sink.prime(ref, raw)  # the previews stay in the cache, because they are newer
        uid = (await kube.get(resources.NAMESPACES, "", "kube-system") or {}).get("metadata", {}).get("uid", "")
        providers = await stack.enter_async_context(ProviderClients(clock))
        context = _read_only_context(kube, cache, relations, providers, str(uid))
        for agent in cache.list(RetellAgent):
            key = (agent.kind, agent.key.namespace, agent.key.name)
            change = planned.get(key) or Planned(f"{agent.kind}/{agent.key.name}", Change.UNCHANGED)
            steps = await _plan_steps(agent, context)
            if key in planned or steps:
                planned[key] = replace(change, steps=steps)
    return [*planned.values()]


async def _dry_run(
    transport: HttpTransport, ref: ApiResource, manifest: Mapping[str, Any], new_namespaces: Collection[str]
) -> tuple[Planned, dict[str, Any] | None]:
    """Ask the API server what would become of a manifest; the second value is the whole object, None if it is refused.

    The manifest's spec replaces the live one as a whole, as a git repository means it.
    """
    meta = manifest["metadata"]
    name, path = f"{ref.kind}/{meta['name']}", ref.path(meta["namespace"], meta["name"])
    live = await transport.find(path)
    try:
        if live is None:
            preview = await transport.request("POST", ref.path(meta["namespace"]), params=_DRY_RUN, body=manifest)
        else:
            merged = {
                part: {**(live["metadata"].get(part) or {}), **(meta.get(part) or {})}
                for part in ("labels", "annotations")
            }
            body = {**live, "metadata": {**live["metadata"], **merged}, "spec": manifest.get("spec")}
            preview = await transport.request("PUT", path, params=_DRY_RUN, body=body)
    except ApiError as error:
        if error.status == _NOT_FOUND and live is None and meta["namespace"] in new_namespaces:
            return Planned(name, Change.CREATED, (_UNJUDGED,)), None
        return Planned(name, Change.REFUSED, (str(error),)), None
    preview["metadata"]["resourceVersion"] = _NEWEST
    if live is None:
        return Planned(name, Change.CREATED), preview
    fields = tuple(describe_differences(live["spec"], preview["spec"], "spec"))
    return Planned(name, Change.CHANGED if fields else Change.UNCHANGED, fields), preview


def describe_differences(old: Any, new: Any, path: str) -> Iterable[str]:
    """Yield a line for each field that differs: `path: old → new`, with `-` for an absent value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from describe_differences(old.get(name), new.get(name), f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (old_item, new_item) in enumerate(zip(old, new, strict=True)):
            yield from describe_differences(old_item, new_item, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {_shorten(old)} → {_shorten(new)}"


def _shorten(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  a line that can be read


async def _plan_steps(agent: RetellAgent, context: ReconcileContext) -> tuple[str, ...]:
    """Return what the operator would do at Retell; nothing for an agent that is being deleted, or is as it should be."""
    if agent.metadata.deletion_timestamp is not None:
        return ()
    try:
        inputs = await gather(agent, context, CHECKS)
        if failure := first_failing(CHECKS, inputs):
            return (f"waits: {failure.message}",)
        assert inputs.target is not None  # else a check had failed
        plan = make_plan(await gather_remote(agent, inputs.target, context))
    except ProviderError as error:
        return (f"Retell cannot be asked: {error}",)
    if plan.refused is not None:
        return (f"refused: {plan.refused.message}",)
    return tuple(plan.lines()) if plan.steps or plan.wait or plan.number_problems else ()


def _read_only_context(
    kube: Kube, cache: Cache, relations: Relations, providers: ProviderClients, installation_id: str
) -> ReconcileContext:
    """Return a ReconcileContext to gather and plan with. Its fence refuses every remote write, because this process never leads."""

    def refuse() -> None:
        raise NotLeader("a plan writes nothing")

    settings = Settings()
    return ReconcileContext(
        kube=kube,
        cache=cache,
        relations=relations,
        settings=settings,
        clock=SystemClock(),
        faults=FaultPoints(None),
        database=AdminStore("postgresql://a-plan-opens-none"),
        providers=providers,
        installation_id=settings.installation_id or installation_id,
        fence=refuse,
        enqueue=lambda _: None,
    )


def summarize(planned: Sequence[Planned]) -> str:
    """Return the last line: how many objects become what, and how many steps follow at Retell."""
    counts = {change: sum(each.change is change for each in planned) for change in Change}
    steps = sum(len(each.steps or ()) for each in planned)
    return (
        ", ".join(f"{count} {change}" for change, count in counts.items())
        + f"; {format_count(steps, 'step')} at Retell"
    )
