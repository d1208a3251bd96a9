"""A plan from manifests: the API server says what would become of each (dry run), and the operator's own look and decision
say what that would mean at Retell. Nothing is written anywhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from askproai_core.clock import SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import FaultPoints
from askproai_operator.api import RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import Finding, find_ground, look
from askproai_operator.engine import ApiError, Cache, Kube, NotLeader, Ref, refs
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.engine.wire import Wire, connection
from askproai_operator.providers import ProviderClients, ProviderError
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings

_NOT_FOUND = 404
_DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}
_UNJUDGED = "its namespace comes with these files, so the API server cannot judge it yet; `askproai lint` does"
_NEWEST = str(2**62)  # what would be is newer than whatever the cache holds


class Change(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Planned:
    """One object: what becomes of it, field by field, and for a RetellAgent the steps at Retell (None: not asked)."""

    name: str
    change: Change
    fields: tuple[str, ...] = ()
    steps: tuple[str, ...] | None = None


async def plan(
    manifests: Iterable[Mapping[str, Any]], kubeconfig: Path | None, namespace: str, coming: Collection[str] = ()
) -> list[Planned]:
    """Plan manifests of our kinds in their order; then the agents that stand in the cluster and feel the change.

    `namespace` is for manifests without one; `coming` are namespaces that are applied along with them.
    Raises ApiError and kopf.LoginError when the cluster cannot be asked.
    """
    clock, cache = SystemClock(), Cache()
    relations = Relations(cache)
    login, feed = partial(connection, kubeconfig), EventSink(cache, relations, lambda _: None)
    async with AsyncExitStack() as stack:
        wire = Wire(login)
        wire.open()
        stack.push_async_callback(wire.close)
        kube = await stack.enter_async_context(Kube(login, feed, clock))
        planned: dict[tuple[str, str, str], Planned] = {}
        for manifest in manifests:
            meta = {"namespace": namespace, **manifest["metadata"]}
            ref = refs.ref_of_kind(manifest["kind"])
            one, would_be = await _dry_run(wire, ref, {**manifest, "metadata": meta}, coming)
            planned[ref.kind, meta["namespace"], meta["name"]] = one
            if would_be is not None:
                feed.prime(ref, would_be)
        for touched in sorted({where for _, where, _ in planned}):
            for ref in refs.CUSTOM:
                for raw in await kube.list(ref, touched):
                    feed.prime(ref, raw)  # what would be stays: it is newer
        uid = (await kube.get(refs.NAMESPACES, "", "kube-system") or {}).get("metadata", {}).get("uid", "")
        providers = await stack.enter_async_context(ProviderClients(clock))
        world = _reading_world(kube, cache, relations, providers, str(uid))
        for agent in cache.list(RetellAgent):
            key = (agent.kind, agent.key.namespace, agent.key.name)
            known = planned.get(key) or Planned(f"{agent.kind}/{agent.key.name}", Change.UNCHANGED)
            steps = await _steps(agent, world)
            if key in planned or steps:
                planned[key] = Planned(known.name, known.change, known.fields, steps)
    return [*planned.values()]


async def _dry_run(
    wire: Wire, ref: Ref, manifest: Mapping[str, Any], coming: Collection[str]
) -> tuple[Planned, dict[str, Any] | None]:
    """Ask the API server what would become of a manifest whose spec is the whole spec, as a git repository means it."""
    meta = manifest["metadata"]
    name, path = f"{ref.kind}/{meta['name']}", ref.path(meta["namespace"], meta["name"])
    live: dict[str, Any] | None
    try:
        live = await wire.request("GET", path)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        live = None
    try:
        if live is None:
            would_be = await wire.request("POST", ref.path(meta["namespace"]), params=_DRY_RUN, body=manifest)
        else:
            kept = {
                part: {**(live["metadata"].get(part) or {}), **(meta.get(part) or {})}
                for part in ("labels", "annotations")
            }
            body = {**live, "metadata": {**live["metadata"], **kept}, "spec": manifest.get("spec")}
            would_be = await wire.request("PUT", path, params=_DRY_RUN, body=body)
    except ApiError as error:
        if error.status == _NOT_FOUND and live is None and meta["namespace"] in coming:
            return Planned(name, Change.CREATED, (_UNJUDGED,)), None
        return Planned(name, Change.REFUSED, (str(error),)), None
    would_be["metadata"]["resourceVersion"] = _NEWEST
    if live is None:
        return Planned(name, Change.CREATED), would_be
    fields = tuple(differences(live["spec"], would_be["spec"], "spec"))
    return Planned(name, Change.CHANGED if fields else Change.UNCHANGED, fields), would_be


def differences(old: Any, new: Any, path: str) -> Iterable[str]:
    """Give a line for each field that differs: `path: old → new`, `-` for what is absent."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from differences(old.get(name), new.get(name), f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  a line that can be read


async def _steps(agent: RetellAgent, world: ReconcileContext) -> tuple[str, ...]:
    """Give what the operator would do at Retell; empty for an agent that is going, or that nothing is to be done about."""
    if agent.metadata.deletion_timestamp is not None:
        return ()
    try:
        ground = await find_ground(agent, world)
        if isinstance(ground, Finding):
            return (f"waits: {ground.message}",)
        plan = (await look(agent, ground, world)).plan
    except ProviderError as error:
        return (f"Retell cannot be asked: {error}",)
    if plan.refused is not None:
        return (f"refused: {plan.refused.message}",)
    return tuple(plan.lines()) if plan.steps or plan.wait or plan.number_findings else ()


def _reading_world(
    kube: Kube, cache: Cache, relations: Relations, providers: ProviderClients, installation_id: str
) -> ReconcileContext:
    """Give what a look needs. Whoever would write with it is refused: nobody leads here."""

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


def summary(planned: Sequence[Planned]) -> str:
    """Give the last line: how many of each."""
    count = {change: sum(one.change is change for one in planned) for change in Change}
    steps = sum(len(one.steps or ()) for one in planned)
    return ", ".join(f"{number} {change}" for change, number in count.items()) + f"; {steps} steps at Retell"
