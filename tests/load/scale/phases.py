"""The measured phases, one after the other; each returns its rows. All but `one` use the tenants that `ready` has made."""

import asyncio
import json
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from askproai_operator import resources
from askproai_operator.resources import CHILDREN, MANAGED_SELECTOR
from askproai_sandbox.cluster import ProcessError, eventually
from tests.load.measure import Row, latency_rows, percentile
from tests.load.scale import salons
from tests.load.scale.counters import Counts, memory_mb
from tests.load.scale.environment import OPERATOR, Operator, ScaleEnvironment, seconds
from tests.load.scale.watching import Watching

PILOT: Final = 0  # the salon that runs before the others: `raw` applies copies of its children
EDITS: Final = 20
DELETED: Final = 50
_EACH: Final = "/ tenant"
_EDIT_SECONDS: Final = 300.0  # an edit that was not acted on by then fails the run
_AFTER_KILL: Final = 15  # edits, one a second
_SERVER_FIELDS: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
)


@dataclass
class Run:
    """The state of one run, which the phases share."""

    env: ScaleEnvironment
    watching: Watching
    tenants: int
    quiet_seconds: float
    report: Callable[[str], None]
    edits_meanwhile: int = 3  # of a tenant that runs, while the others are made
    raw_seconds: float = math.nan
    facts: dict[str, Any] = field(default_factory=dict)  # details for the JSON
    ready_cost: Counts = field(default_factory=Counts)  # of all tenants, until the operator rested
    edits: int = 0

    @property
    def bound(self) -> float:
        """Return how long anything may take that concerns all tenants, in seconds."""
        return 180 + 2.0 * self.tenants

    @property
    def numbers(self) -> range:
        return range(1, self.tenants + 1)

    @property
    def operator(self) -> Operator:
        return self.env.operators[0]


async def one(run: Run) -> list[Row]:
    """Apply one salon alone, with a trace of all requests; its children are the model of the objects that `raw` applies."""
    env, trace = run.env, run.env.directory / "trace.jsonl"
    await salons.seed([PILOT], env.urls["retell"], env.urls["calcom"])
    operator = await env.start_operator("operator-traced", instrumented=True, SCALE_TRACE=str(trace))
    await eventually(operator.leads, seconds(60), "the operator to lead")
    before, started, began = await env.counts(), time.time(), time.monotonic()
    await salons.apply(env.client, [PILOT])
    if not await run.watching.until(lambda: not run.watching.unready(1), 120):
        raise ProcessError(f"one salon did not become Ready: {run.watching.unready(1)}; {operator.child.log}")
    ready = max(max(found.values()) for found in run.watching.ready.values()) - began
    await env.settled(60)
    cost = (await env.counts()).since(before)
    await env.stop_operator(operator)
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    run.facts["one"] = [each | {"at": round(each["at"] - started, 3)} for each in lines if each["at"] >= started]
    return [Row("one tenant: apply → all Ready", ready, "s"), *_request_rows("one tenant", cost, 1)]


async def raw(run: Run) -> list[Row]:
    """Apply the children of one salon for each tenant, in one namespace and without an owner: the API server's own cost."""
    env, namespace = run.env, salons.salon(PILOT).namespace
    children = []
    for ref in CHILDREN:
        found = await env.client.get(ref.path(namespace), labelSelector=MANAGED_SELECTOR)
        children += [{"apiVersion": ref.api_version, "kind": ref.kind} | item for item in found["items"]]
    await env.client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": "raw"}})

    async def apply_one(number: int) -> None:
        for child in children:
            await salons.server_side_apply(env.client, raw_copy(child, number))

    before, began = await env.counts(), time.monotonic()
    await salons.in_parallel(run.numbers, apply_one)
    run.raw_seconds = time.monotonic() - began
    cost = (await env.counts()).since(before)
    return [
        Row(f"raw server-side apply of {len(children)} children each, 8 at once", run.raw_seconds, "s"),
        Row("… the API server's CPU", cost.cpu["apiserver"] / 1000, "s"),
    ]


def raw_copy(child: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a child as a manifest of its own for the n-th tenant: no watch of the operator or the stand-in selects it."""
    copy = json.loads(json.dumps({name: value for name, value in child.items() if name != "status"}))
    meta = copy["metadata"]
    for name in _SERVER_FIELDS:
        meta.pop(name, None)
    meta |= {"namespace": "raw", "name": f"{meta['name']}-{number}"}
    meta["labels"] = {name: "raw" for name in meta["labels"] if name != resources.USE_LABEL}
    if copy["kind"] == "Service":
        for name in ("clusterIP", "clusterIPs"):
            copy["spec"].pop(name, None)
    return copy


async def ready(run: Run) -> list[Row]:
    """Apply all salons at once, and wait until all their objects are Ready and the operator rests."""
    env, watching = run.env, run.watching
    run.report("the salons' numbers and event types at the providers")
    await salons.seed(run.numbers, env.urls["retell"], env.urls["calcom"])
    operator = await run.env.start_operator("operator-0")
    await eventually(operator.leads, seconds(60), "the operator to lead")
    await env.settled(60)
    before, began = await env.counts(), time.monotonic()
    applying = asyncio.create_task(salons.apply(env.client, run.numbers))
    editing = asyncio.create_task(_edits_meanwhile(run, applying))
    progress = asyncio.create_task(_report_progress(run))
    applied: list[float] = []
    applying.add_done_callback(lambda _: applied.append(time.monotonic() - began))
    complete = await watching.until(lambda: not watching.unready(run.tenants + 1), run.bound)
    progress.cancel()
    if not complete:
        raise ProcessError(
            f"not Ready after {run.bound:g} s: {watching.unready(run.tenants + 1)}; {operator.child.log}"
        )
    await applying
    edits = await editing
    last = max(max(found.values()) for found in watching.ready.values()) - began
    cost_ready = (await env.counts()).since(before)
    await env.settled(run.bound)
    rested, cost = time.monotonic() - began - 5, (await env.counts()).since(before)
    run.ready_cost, run.facts["ready"] = cost, _details(cost)
    own = salons.salon(PILOT).namespace + "/"
    times = {
        kind: [at - began for key, at in found.items() if not key.startswith(own)]
        for kind, found in watching.ready.items()
    }
    rows = [Row("all salons applied", applied[0], "s")]
    for kind, found in times.items():
        rows += [
            Row(f"{kind} Ready, first", min(found), "s"),
            *(Row(f"{kind} Ready, p{percent}", percentile(found, percent), "s") for percent in (50, 95)),
            Row(f"{kind} Ready, last", max(found), "s"),
        ]
    rows += [Row("all Ready", last, "s"), Row("… until the operator rests", rested, "s")]
    if edits:
        rows += latency_rows("meanwhile an edit of a tenant that is Ready → ConfigMap", edits, 50, 100)
    if not math.isnan(run.raw_seconds):
        rows.append(Row("all Ready ÷ raw apply", last / run.raw_seconds, "×", "≤ 1.2", 2.0))
    rows += [Row("the operator's CPU until all Ready", cost_ready.cpu[OPERATOR] / 1000, "s")]
    rows += _request_rows("until it rests", cost, run.tenants) + _cpu_rows(cost)
    return [*rows, *_memory_rows("operator when all are Ready", operator)]


async def _edits_meanwhile(run: Run, applying: asyncio.Future[None]) -> list[float]:
    """Edit the salon that runs already, one edit after the other, from when all others are applied; return the seconds."""
    await asyncio.shield(applying)
    return [await _edited(run, PILOT) for _ in range(run.edits_meanwhile)]


async def _report_progress(run: Run) -> None:
    while True:
        await asyncio.sleep(10)
        run.report(f"not Ready yet: {run.watching.unready(run.tenants + 1)}")


async def edit(run: Run) -> list[Row]:
    """Change opening hours, one tenant after the other, while nothing else happens."""
    await run.env.settled(run.bound)
    found = [await _edited(run, random.choice(run.numbers)) for _ in range(EDITS)]
    return latency_rows("edit → ConfigMap, idle", found, 50, 95, 100)


async def restart(run: Run) -> list[Row]:
    """Stop the operator and start it anew; edit while it looks at every object again."""
    env = run.env
    await env.settled(run.bound)
    await env.stop_operator(run.operator)
    before, began = await env.counts(), time.monotonic()
    operator = await run.env.start_operator("operator-1")
    await eventually(operator.leads, seconds(run.bound), "the operator to lead")
    led = time.monotonic() - began
    found = [await _edited(run, random.choice(run.numbers)) for _ in range(EDITS)]

    async def all_seen() -> bool:
        return await operator.metric("askproai_reconcile_total") >= run.tenants * sum(salons.OBJECTS.values()) and not (
            await operator.metric("workqueue_depth")
        )

    await eventually(all_seen, seconds(run.bound), "every object to be looked at", every=0.2)
    seen, cost = time.monotonic() - began, (await env.counts()).since(before)
    await env.settled(run.bound)
    run.facts["restart"] = _details(cost)
    return [
        Row("restart → leads with a filled cache", led, "s"),
        Row("restart → every object was looked at", seen, "s"),
        Row("… the operator's CPU for it", cost.cpu[OPERATOR] / 1000, "s"),
        *_request_rows("restart", cost, run.tenants),
        *latency_rows("edit → ConfigMap, while all are looked at", found, 50, 95, 100),
        *_memory_rows("operator after a restart", operator),
    ]


async def quiet(run: Run) -> list[Row]:
    """Let nothing happen, and count what the operator does."""
    # The first figures of the last tenants come with the next minute.
    await run.env.settled(run.bound, quiet_seconds=70)
    before, began = await run.env.counts(), time.monotonic()
    await asyncio.sleep(run.quiet_seconds)
    cost, passed = (await run.env.counts()).since(before), time.monotonic() - began
    run.facts["quiet"] = _details(cost)
    hours = passed / 3600
    return [
        Row(f"quiet for {passed:.0f} s: writes of the operator", cost.writes(OPERATOR), "", "0", 0),
        Row("… its share of a core", cost.cpu[OPERATOR] / passed / 10, "%", "< 2 %", 10),
        Row("… its reads at the API server, per tenant and hour", cost.reads(OPERATOR) / run.tenants / hours, ""),
        Row(
            "… requests to the providers, per tenant and hour", cost.providers.total() / run.tenants / hours, "", "< 60"
        ),
        *(
            Row(f"… {name}'s share of a core", cost.cpu[name] / passed / 10, "%")
            for name in ("apiserver", "postgres", "valkey")
        ),
        *_memory_rows("operator after the quiet phase", run.operator),
    ]


async def leader(run: Run) -> list[Row]:
    """Kill the leader beside a standby, and edit at once and each second after."""
    env = run.env
    await env.settled(run.bound)
    killed = run.operator
    standby = await run.env.start_operator("operator-2")
    await eventually(standby.is_primed, seconds(run.bound), "the standby to fill its cache")
    await asyncio.sleep(5)  # it has asked for the Lease
    before = await env.counts()
    await env.stop_operator(killed, kill=True)
    began = time.monotonic()
    edits = []
    for number in random.choices(run.numbers, k=_AFTER_KILL):
        edits.append(asyncio.create_task(_edited(run, number, alone=False)))
        await asyncio.sleep(1)
    found = await asyncio.gather(*edits)
    await eventually(standby.leads, seconds(run.bound), "the standby to lead")
    took = time.monotonic() - began
    await env.settled(run.bound)
    cost = (await env.counts()).since(before)
    run.facts["leader"] = _details(cost) | {"edits": [round(each, 2) for each in found], "led": took}
    return [
        Row("leader killed → the first edit is acted on", found[0], "s", "< 5 s", 10),
        Row("… the slowest of an edit each second", max(found), "s"),
        *_memory_rows("operator after it took over", standby),
    ]


async def delete(run: Run) -> list[Row]:
    """Delete namespaces at once, and wait until they are gone."""
    env, count = run.env, min(DELETED, max(run.tenants // 2, 1))
    await env.settled(run.bound)
    before, began = await env.counts(), time.monotonic()
    names = {salons.salon(number).namespace for number in run.numbers[-count:]}
    for name in sorted(names):
        await env.client.delete(f"/api/v1/namespaces/{name}")

    async def gone() -> bool:
        found = await env.client.get("/api/v1/namespaces")
        return not names & {each["metadata"]["name"] for each in found["items"]}

    await eventually(gone, seconds(run.bound), f"{count} namespaces to be gone", every=0.5)
    took, cost = time.monotonic() - began, (await env.counts()).since(before)
    run.facts["delete"] = _details(cost)
    return [Row(f"{count} namespaces deleted", took, "s"), *_request_rows("their deletion", cost, count)]


async def _edited(run: Run, number: int, *, alone: bool = True) -> float:
    """Change a Branch's opening hours; return the seconds until the tenant's config has it.

    `alone`: the edits come one after the other, so any change of the config comes from this edit.
    """
    run.edits += 1
    namespace = salons.salon(number).namespace
    hours = [{"days": ["Tue", "Wed"], "opens": f"{8 + run.edits // 60 % 4:02}:{run.edits % 60:02}", "closes": "18:00"}]
    began = time.monotonic()
    await run.env.client.merge(resources.BRANCHES.path(namespace, "mitte"), {"spec": {"openingHours": hours}})
    configs = run.watching.configs
    if not await run.watching.until(lambda: configs.get(namespace, 0) > began, _EDIT_SECONDS):
        raise ProcessError(f"an edit in {namespace} was not acted on for {_EDIT_SECONDS:g} s")
    return configs[namespace] - began


def _request_rows(what: str, cost: Counts, tenants: int) -> list[Row]:
    """Return the operator's requests for each tenant, and all parties' together."""
    verbs: Counter[str] = Counter()
    for (verb, _), count in cost.of(OPERATOR).items():
        verbs[verb] += count
    rows = [Row(f"{what}: {verb} by the operator", count / tenants, _EACH) for verb, count in verbs.most_common()]
    rows.append(Row(f"{what}: reads at the providers", cost.provider_reads() / tenants, _EACH))
    return [*rows, Row(f"{what}: writes at the providers", cost.provider_writes() / tenants, _EACH)]


def _cpu_rows(cost: Counts) -> list[Row]:
    return [Row(f"CPU: {name}", value / 1000, "s") for name, value in cost.cpu.most_common()]


def _memory_rows(what: str, operator: Operator) -> list[Row]:
    rss, pss, peak = memory_mb(operator.child.pid)
    return [
        Row(f"{what}, resident", rss, "MB", "< 160 MB", 200),
        Row(f"{what}, proportional", pss, "MB"),
        Row(f"{what}, most ever resident", peak, "MB"),
    ]


def _details(cost: Counts) -> dict[str, Any]:
    """Return counts as JSON: requests by party, verb and resource, the providers' by operation, CPU in seconds."""
    requests: dict[str, dict[str, int]] = {}
    for (party, verb, resource), count in cost.requests.most_common():
        requests.setdefault(party, {})[f"{verb} {resource}"] = count
    cpu = {name: value / 1000 for name, value in cost.cpu.most_common()}
    return {"requests": requests, "providers": dict(cost.providers.most_common()), "cpu_seconds": cpu}


Phase = Callable[[Run], Awaitable[Sequence[Row]]]
PHASES: Final[dict[str, Phase]] = {
    "one": one, "raw": raw, "ready": ready, "edit": edit, "quiet": quiet, "restart": restart, "leader": leader,
    "delete": delete,
}  # fmt: skip


def with_needed(names: Sequence[str]) -> list[str]:
    """Return the phases in their order, with the phases that they need: `one`, which prepares the database, and `ready`."""
    chosen = {"one", *names} | ({"ready"} if set(names) - {"one", "raw"} else set())
    return [name for name in PHASES if name in chosen]
