"""Config sync: make running pods read a changed config and changed keys at once.

A kubelet syncs mounted ConfigMaps and Secrets when an annotation of the pod changes; otherwise a sync may take a minute and a
half. Only the pods are annotated: an annotation in their template would restart them. Config sync only speeds things up, so a
failure (a pod that ends, a port that a network policy hides) only means waiting.

The operator remembers which pods have the keys, for KeysInUse: a provider may sign with a new key when all have it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Self

import aiohttp
import structlog

from askproai_core.http_answers import client_session, read_answer
from askproai_core.kube import ApiError
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.shadow import SHADOW_PODS
from askproai_operator.engine import GONE, Options, Result
from askproai_operator.memory import PodKeys
from askproai_operator.resources import MANAGED_SELECTOR, TENANT_LABEL

log = structlog.get_logger(__name__)

KIND: Final = "ConfigSync"
HASH_ANNOTATION: Final = "askproai.de/config-hash"
KEYS_ANNOTATION: Final = "askproai.de/keys-hash"
TOUCH_ANNOTATION: Final = "askproai.de/config-touch"  # counts up if the change of a hash was not enough
METRICS_PORTS: Final = {"web": 9090, "worker": 9091}
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 1, 1, 1, 2, 4, 8, 16, 30))  # after each attempt
_ENDED: Final = frozenset({"Failed", "Succeeded"})
_MOST_SHOWN: Final = 1024  # bytes; two hashes
_SCRAPE_TIMEOUT: Final = aiohttp.ClientTimeout(total=2, connect=1)
# Workers of its own, since the scrape of a pod that does not answer takes 2 s; a new release changes all tenants' configs.
OPTIONS: Final = Options(workers=8)


@dataclass(frozen=True, slots=True)
class _Request:
    """The newest config and keys that a tenant's pods are to read, and how often the pods were annotated to make them read."""

    config_hash: str
    keys: PodKeys
    attempts: int = 0
    # Pods that did not report it at the last attempt. Empty if a pod had no address then: all are listed again.
    pods: tuple[Mapping[str, Any], ...] = ()


class ConfigSyncController:
    """Annotates the pods of tenants with a changed config or keys until they report the change. Use as `async with`."""

    def __init__(self, enqueue: Callable[[Key], None], ports: Mapping[str, int] = METRICS_PORTS) -> None:
        """Take `WorkQueue.add` as `enqueue`, and the port at which each component's pods serve their metrics."""
        self._enqueue, self._ports = enqueue, ports
        self._requests: dict[Key, _Request] = {}
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = client_session(timeout=_SCRAPE_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    def trigger(self, namespace: str, tenant: str, config_hash: str, keys: PodKeys) -> None:
        """Make the config sync of a tenant's pods due, and return at once. Replaces a request for older config or keys."""
        key, known = Key(KIND, namespace, tenant), self._requests.get(Key(KIND, namespace, tenant))
        if known is None or (known.config_hash, known.keys) != (config_hash, keys):
            self._requests[key] = _Request(config_hash, keys)
            self._enqueue(key)

    async def reconcile(self, key: Key, context: ReconcileContext) -> Result:
        """Annotate the pods that do not report the newest config and keys, until all pods do or the last attempt has failed."""
        request = self._requests.get(key)
        if request is None:
            return GONE
        tenant = f"{key.namespace}.{key.name}"
        stale: list[Mapping[str, Any]] | None = None
        could_ask_all = True
        try:
            # The pods annotated before are asked first: usually no others exist, and no list is needed.
            is_shown = request.pods and not await self._without(request.pods, request)
            if is_shown:
                stale = []
            else:
                stale, could_ask_all = await self._stale_pods(key, request, context)
            if request.attempts < len(_PAUSES):
                for pod in stale:
                    await self._annotate(pod, request, context)
        except ApiError as error:
            log.info("config.not_nudged", tenant=tenant, error=str(error))
        if self._requests[key] is not request:
            return GONE  # a newer request replaced this one, and has enqueued the key
        if (stale == [] and could_ask_all) or request.attempts == len(_PAUSES):
            if stale != []:
                log.warning("config.not_shown", tenant=tenant, pods=[pod["metadata"]["name"] for pod in stale or ()])
            del self._requests[key]
            await self._remember(key, request, stale, context)
            return GONE
        pods = tuple(stale or ()) if could_ask_all else ()
        self._requests[key] = replace(request, attempts=request.attempts + 1, pods=pods)
        pause = _PAUSES[request.attempts]
        return Result(requeue_after=pause, requeue_reason="pods do not show yet that they read the config")

    async def _remember(
        self, key: Key, request: _Request, stale: Sequence[Mapping[str, Any]] | None, context: ReconcileContext
    ) -> None:
        """Remember which of the `stale` pods lack the keys, and make the Tenant due to report them. A missing config is
        ignored.

        A pod that neither answers nor is ready counts as having the keys: it gets no requests, and its kubelet mounts the keys.
        """
        if stale is None:
            return  # the pods could not be listed; the Tenant triggers again
        shown = {pod["metadata"]["name"]: await self._shown_hashes(pod) for pod in stale}
        getting = {pod["metadata"]["name"] for pod in stale if _is_ready(pod)}
        lacking = (
            name for name, hashes in shown.items() if request.keys.hash not in hashes and (hashes or name in getting)
        )
        without = tuple(sorted(lacking))
        tenant = Key(resources.TENANTS.kind, key.namespace, key.name)
        context.memory.pod_keys[tenant] = replace(request.keys, without=without)
        context.enqueue(tenant)

    async def _stale_pods(
        self, key: Key, request: _Request, context: ReconcileContext
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """Return the pods that do not report the newest config and keys. The second value is True if every pod had an address."""
        selector = f"{MANAGED_SELECTOR},{TENANT_LABEL}={key.name}"
        pods: list[Mapping[str, Any]] = [
            pod
            for pod in await context.kube.list(resources.PODS, key.namespace, selector)
            if not pod["metadata"].get("deletionTimestamp")
            # An evicted pod stays, with its address, until somebody deletes it.
            and (pod.get("status") or {}).get("phase") not in _ENDED
            # A shadow's pod reads a config of its own, and nobody may connect to it.
            and pod["metadata"]["labels"].get("app.kubernetes.io/name") != SHADOW_PODS
        ]
        running = [pod for pod in pods if (pod.get("status") or {}).get("podIP")]
        return await self._without(running, request), len(running) == len(pods)

    async def _without(self, pods: Sequence[Mapping[str, Any]], request: _Request) -> list[Mapping[str, Any]]:
        """Return those of `pods` that do not report both the config and the keys of the request."""
        wanted = {request.config_hash, request.keys.hash}
        shown = await asyncio.gather(*(self._shown_hashes(pod) for pod in pods))
        return [pod for pod, hashes in zip(pods, shown, strict=True) if not wanted <= hashes]

    async def _annotate(self, pod: Mapping[str, Any], request: _Request, context: ReconcileContext) -> None:
        annotations = {HASH_ANNOTATION: request.config_hash, KEYS_ANNOTATION: request.keys.hash}
        if request.attempts:
            annotations[TOUCH_ANNOTATION] = str(request.attempts)
        meta, body = pod["metadata"], {"metadata": {"annotations": annotations}}
        await context.kube.patch(resources.PODS, meta["namespace"], meta["name"], body)

    async def _shown_hashes(self, pod: Mapping[str, Any]) -> frozenset[str]:
        """Return the hashes of config and keys that a pod reports at its metrics port; empty if the pod does not answer."""
        assert self._http is not None, "use as `async with`"
        port = self._ports.get(pod["metadata"]["labels"].get("app.kubernetes.io/component", "web"), self._ports["web"])
        ip = pod["status"]["podIP"]
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(f"http://{f'[{ip}]' if ':' in ip else ip}:{port}/hashes") as response:
                return frozenset((await read_answer(response, _MOST_SHOWN)).decode("ascii", "replace").split())
        return frozenset()


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
