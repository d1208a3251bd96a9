"""A changed config reaches running pods at once: a kubelet looks at a mounted ConfigMap when an annotation of the pod changes.

By itself it may take a minute and a half. The annotation stands on the pods only: in the template it would restart them. It is
an accelerator, so whatever fails here (a pod that goes, metrics that a network policy hides) only means waiting.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Self

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_operator.engine import MANAGED_SELECTOR, TENANT_LABEL, ApiError, Kube, resources

log = structlog.get_logger(__name__)

HASH: Final = "askproai.de/config-hash"
TOUCH: Final = "askproai.de/config-touch"  # counts up when the hash alone was not enough
METRICS_PORTS: Final = {"web": 9090, "worker": 9091}
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 30))
_PATIENCE: Final = aiohttp.ClientTimeout(total=2, connect=1)
_AT_ONCE: Final = 8  # tenants: a new release changes the config of all of them


class Nudger:
    """Touches the pods of tenants whose config changed until they show it. Use as `async with`."""

    def __init__(self, kube: Kube, clock: Clock, ports: Mapping[str, int] = METRICS_PORTS) -> None:
        self._kube, self._clock, self._ports = kube, clock, ports
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_PATIENCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def nudge(self, namespace: str, tenant: str, config_hash: str) -> None:
        """Begin to touch the tenant's pods, and return; an older config's touching ends."""
        where = (namespace, tenant)
        if before := self._tasks.get(where):
            before.cancel()
        task = self._tasks[where] = asyncio.create_task(self._until_shown(*where, config_hash), name=f"nudge-{where}")
        task.add_done_callback(lambda done: self._tasks.pop(where) if self._tasks.get(where) is done else None)

    async def _until_shown(self, namespace: str, tenant: str, config_hash: str) -> None:
        late: list[dict[str, Any]] = []
        for turn, pause in enumerate(_PAUSES):
            async with self._room:
                try:
                    late = await self._late(namespace, tenant, config_hash)
                    for pod in late:
                        touch = {HASH: config_hash} | ({TOUCH: str(turn)} if turn else {})
                        body = {"metadata": {"annotations": touch}}
                        await self._kube.patch(resources.PODS, namespace, pod["metadata"]["name"], body)
                except ApiError as error:
                    log.info("config.not_nudged", tenant=f"{namespace}.{tenant}", error=str(error))
                else:
                    if not late:
                        return
            await self._clock.sleep(pause)
        log.warning("config.not_shown", tenant=f"{namespace}.{tenant}", pods=[pod["metadata"]["name"] for pod in late])

    async def _late(self, namespace: str, tenant: str, config_hash: str) -> list[dict[str, Any]]:
        """Give the running pods that do not show the config yet."""
        selector = f"{MANAGED_SELECTOR},{TENANT_LABEL}={tenant}"
        pods = [
            pod
            for pod in await self._kube.list(resources.PODS, namespace, selector)
            if (pod.get("status") or {}).get("podIP") and not pod["metadata"].get("deletionTimestamp")
        ]
        shown = await asyncio.gather(*(self._shows(pod, config_hash) for pod in pods))
        return [pod for pod, is_shown in zip(pods, shown, strict=True) if not is_shown]

    async def _shows(self, pod: Mapping[str, Any], config_hash: str) -> bool:
        assert self._http is not None, "use as `async with`"
        port = self._ports.get(pod["metadata"]["labels"].get("app.kubernetes.io/component", "web"), self._ports["web"])
        ip = pod["status"]["podIP"]
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, UnicodeDecodeError):
            async with self._http.get(f"http://{f'[{ip}]' if ':' in ip else ip}:{port}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            return any(line.startswith("askproai_config_hash_info{") and f'"{config_hash}"' in line for line in lines)
        return False
