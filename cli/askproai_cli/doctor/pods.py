"""Asks the tenants' web pods through the API server. The operator reports the same problems a minute later."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from askproai_cli.doctor.findings import Finding, ok, skipped, warning
from askproai_cli.doctor.observations import Observations, PodSeen, Withheld
from askproai_cli.doctor.reading import if_permitted
from askproai_cli.output import format_count
from askproai_core.kube import ApiError, HttpTransport, list_all
from askproai_operator.resources import MANAGED_SELECTOR, PODS

_MOST: Final = 30  # a common problem shows in these, too
_AT_ONCE: Final = 8
_METRICS_PORT: Final = 9090
_MOST_BYTES: Final = 1024 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_SERIES: Final = re.compile(r"^askproai_(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_UNREACHED: Final = Withheld("a way from the API server to the pod's port 9090")


async def read_pods(transport: HttpTransport, namespace: str | None) -> Sequence[PodSeen] | Withheld:
    """Ask the running web pods of all tenants, or of the tenants in `namespace`. Raises ApiError."""
    selector = f"{MANAGED_SELECTOR},app.kubernetes.io/component=web"
    right = f"list pods in {namespace or 'all namespaces'}"
    found = await if_permitted(list_all(transport, PODS, namespace, selector), right)
    if isinstance(found, Withheld):
        return found
    running = [pod for pod in found if (pod.get("status") or {}).get("phase") == "Running"][:_MOST]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def ask(pod: Mapping[str, Any]) -> PodSeen:
        async with limit:
            return await _ask(transport, pod["metadata"]["namespace"], pod["metadata"]["name"])

    return await asyncio.gather(*map(ask, running))


async def _ask(transport: HttpTransport, namespace: str, name: str) -> PodSeen:
    label = f"{namespace}/{name}"
    try:
        async with transport.stream(
            f"{PODS.path(namespace, name)}:{_METRICS_PORT}/proxy/metrics", {}, _TIMEOUT
        ) as body:
            content = bytearray()
            async for chunk in body.iter_any():
                content += chunk
                if len(content) > _MOST_BYTES:
                    return PodSeen(label, _UNREACHED)
    except ApiError as error:
        is_right = error.status == HTTPStatus.FORBIDDEN
        return PodSeen(label, Withheld(f"get pods/proxy in {namespace}") if is_right else _UNREACHED)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return PodSeen(label, _UNREACHED)
    return PodSeen(label, tuple(find_problems(content.decode("utf-8", "replace"))))


def find_problems(metrics: str) -> Iterator[str]:
    """Yield the problems in a pod's metrics that callers notice or that a person should look at."""
    for name, labels, value in _SERIES.findall(metrics):
        if name == "circuit_state" and 'state="open"' in labels and float(value):
            provider = re.search(r'provider="(\w+)"', labels)
            yield f"it asks {provider[1] if provider else 'a provider'} nothing any more: too many failures"
        elif name == "redis_degraded" and float(value):
            yield "it works without Redis"
        elif name == "own_requests_refused" and float(value) > 1:  # a single unsigned request proves little
            last = f"the last {float(value):g} requests of Retell about calls of the tenant"
            yield f"it has refused {last} (401): see RequestsVerified"


def check_pods(seen: Observations) -> Finding:
    """Return the finding on whether the tenants' web pods report problems in their metrics."""
    name, page = "pods", "docs/on-call.md"
    if isinstance(seen.pods, Withheld):
        return skipped(name, seen.pods.reason)
    asked = {pod.name: pod.problems for pod in seen.pods if not isinstance(pod.problems, Withheld)}
    if not asked:
        first = next((pod.problems.reason for pod in seen.pods if isinstance(pod.problems, Withheld)), "no pod runs")
        return skipped(name, first)
    unasked = len(seen.pods) - len(asked)
    others = f", {unasked} could not be asked" if unasked else ""
    lines = tuple(f"{pod}: {problem}" for pod, problems in asked.items() for problem in problems)
    if lines:
        todo = "askproai circuits list -t TENANT and askproai tenants --failing say more."
        return warning(
            name, f"{format_count(len(lines), 'problem')} at {len(asked)} of them{others}", todo, page, lines
        )
    return ok(name, f"{format_count(len(asked), 'pod')} asked, none knows of a trouble{others}")
