"""Config sync: make running pods read a changed config at once.

A kubelet syncs a mounted ConfigMap when an annotation of the pod changes; otherwise it may take a minute and a half. The annotation
is on the pods only: in their template it would restart them. This is an accelerator, so a failure (a pod that ends, a port
that a network policy hides) only means waiting.
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
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.shadow import SHADOW_PODS
from askproai_operator.engine import GONE, MANAGED_SELECTOR, TENANT_LABEL, ApiError, Key, Options, Result, resources

log = structlog.get_logger(__name__)

KIND: Final = "ConfigSync"
HASH_ANNOTATION: Final = "askproai.de/config-hash"
TOUCH_ANNOTATION: Final = "askproai.de/config-touch"  # counts up if the change of the hash was not enough
METRICS_PORTS: Final = {"web": 9090, "worker": 9091}
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 30))  # after each attempt
_SCRAPE_TIMEOUT: Final = aiohttp.ClientTimeout(total=2, connect=1)
# Workers of its own, since the scrape of a pod that does not answer takes 2 s; a new release changes all tenants' configs.
OPTIONS: Final = Options(workers=8)


@dataclass(frozen=True, slots=True)
class _Request:
    """The newest config of a tenant, and how often its pods were annotated for it."""

    config_hash: str
    attempts: int = 0
    # That did not show it at the last attempt. None if others could not be asked then: all are listed again.
    pods: tuple[Mapping[str, Any], ...] = ()


class ConfigSyncController:
    """Annotates the pods of tenants whose config changed until they show it. Use as `async with`."""

    def __init__(self, enqueue: Callable[[Key], None], ports: Mapping[str, int] = METRICS_PORTS) -> None:
        """Take `WorkQueue.add`, and the port by component."""
        self._enqueue, self._ports = enqueue, ports
        self._requests: dict[Key, _Request] = {}
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = client_session(timeout=_SCRAPE_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    def trigger(self, namespace: str, tenant: str, config_hash: str) -> None:
        """Make the sync of a tenant's pods due, and return. It replaces the sync of an older config."""
        key = Key(KIND, namespace, tenant)
        self._requests[key] = _Request(config_hash)
        self._enqueue(key)

    async def reconcile(self, key: Key, context: ReconcileContext) -> Result:
        """Annotate the pods that do not show the newest config, until all do or six attempts were made."""
        request = self._requests.get(key)
        if request is None:
            return GONE
        tenant = f"{key.namespace}.{key.name}"
        stale: list[Mapping[str, Any]] | None = None
        could_ask_all = True
        try:
            # Those that were annotated before are asked first: most often they are all, and none has to be listed.
            is_shown = request.pods and not await self._without(request.pods, request.config_hash)
            if is_shown:
                stale = []
            else:
                stale, could_ask_all = await self._stale_pods(key, request.config_hash, context)
            if request.attempts < len(_PAUSES):
                for pod in stale:
                    await self._annotate(pod, request, context)
        except ApiError as error:
            log.info("config.not_nudged", tenant=tenant, error=str(error))
        if self._requests[key] is not request:
            return GONE  # a newer config came meanwhile, and with it this key is waiting already
        if stale == [] or request.attempts == len(_PAUSES):
            if stale != []:
                log.warning("config.not_shown", tenant=tenant, pods=[pod["metadata"]["name"] for pod in stale or ()])
            del self._requests[key]
            return GONE
        pods = tuple(stale or ()) if could_ask_all else ()
        self._requests[key] = replace(request, attempts=request.attempts + 1, pods=pods)
        pause = _PAUSES[request.attempts]
        return Result(requeue_after=pause, requeue_reason="pods do not show yet that they read the config")

    async def _stale_pods(
        self, key: Key, config_hash: str, context: ReconcileContext
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """Return the tenant's running pods that do not show the config, and whether each pod had an address."""
        selector = f"{MANAGED_SELECTOR},{TENANT_LABEL}={key.name}"
        pods: list[Mapping[str, Any]] = [
            pod
            for pod in await context.kube.list(resources.PODS, key.namespace, selector)
            if not pod["metadata"].get("deletionTimestamp")
            # A shadow's pod reads a config of its own, and nobody may connect to it.
            and pod["metadata"]["labels"].get("app.kubernetes.io/name") != SHADOW_PODS
        ]
        running = [pod for pod in pods if (pod.get("status") or {}).get("podIP")]
        return await self._without(running, config_hash), len(running) == len(pods)

    async def _without(self, pods: Sequence[Mapping[str, Any]], config_hash: str) -> list[Mapping[str, Any]]:
        """Return the pods that do not show the config."""
        shown = await asyncio.gather(*(self._shows(pod, config_hash) for pod in pods))
        return [pod for pod, is_shown in zip(pods, shown, strict=True) if not is_shown]

    async def _annotate(self, pod: Mapping[str, Any], request: _Request, context: ReconcileContext) -> None:
        annotations = {HASH_ANNOTATION: request.config_hash}
        if request.attempts:
            annotations[TOUCH_ANNOTATION] = str(request.attempts)
        meta, body = pod["metadata"], {"metadata": {"annotations": annotations}}
        await context.kube.patch(resources.PODS, meta["namespace"], meta["name"], body)

    async def _shows(self, pod: Mapping[str, Any], config_hash: str) -> bool:
        assert self._http is not None, "use as `async with`"
        port = self._ports.get(pod["metadata"]["labels"].get("app.kubernetes.io/component", "web"), self._ports["web"])
        ip = pod["status"]["podIP"]
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(f"http://{f'[{ip}]' if ':' in ip else ip}:{port}/config-hash") as response:
                return await read_answer(response, len(config_hash)) == config_hash.encode()
        return False
