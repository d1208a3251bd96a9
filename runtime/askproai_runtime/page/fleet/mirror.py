"""The custom resources of all tenants, kept current by one list and watch for each kind, for any number of viewers."""

import asyncio
import random
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec
import structlog

from askproai_core.api_resource import CUSTOM, ApiResource
from askproai_core.clock import Clock
from askproai_core.fleet import FleetObject, read_object
from askproai_core.kube import AccessError, ApiError, HttpTransport, list_chunks, watch
from askproai_core.logging import error_location

log = structlog.get_logger(__name__)

_CHUNK: Final = 100  # objects; what is decoded at once stays allocated
_RETRY_AFTER: Final = timedelta(seconds=5)


class FleetMirror:
    """A copy in memory of the custom resources' fields that the page shows. `version` changes with each change of the copy."""

    def __init__(self, transport: HttpTransport, clock: Clock) -> None:
        self._transport, self._clock = transport, clock
        self._objects: dict[ApiResource, dict[tuple[str, str], FleetObject]] = {}
        self._failures: dict[ApiResource, str] = {}
        self._resource_version = dict.fromkeys(CUSTOM, "")
        self._listing = asyncio.Lock()  # one kind at a time
        self.version = 0

    @property
    def is_complete(self) -> bool:
        """Return True once each kind has been listed. Before that, tenants or their problems would be missing on the page."""
        return len(self._objects) == len(CUSTOM)

    @property
    def problem(self) -> str | None:
        """Return the API server's error if the copy of a kind is not current; None if the copies of all kinds are."""
        return next(iter(self._failures.values()), None)

    def objects(self) -> list[FleetObject]:
        return [each for kind in self._objects.values() for each in kind.values()]

    async def run(self) -> None:
        """Keep the copies of all kinds current until cancelled."""
        async with asyncio.TaskGroup() as group:
            for ref in CUSTOM:
                group.create_task(self._follow(ref), name=f"fleet-{ref.plural}")

    async def _follow(self, ref: ApiResource) -> None:
        """List a kind's objects, and watch the kind from then on. After any error, list it again, which finds missed changes."""
        while True:
            try:
                if not self._resource_version[ref]:
                    await self._list(ref)
                query = {"resourceVersion": self._resource_version[ref]}
                await watch(self._transport, ref.path(), query, lambda kind, raw: self._apply(ref, kind, raw))
            except (ApiError, AccessError, aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
                log.info("fleet_page.watch_interrupted", kind=ref.kind, error=f"{type(error).__name__}: {error}")
                # A list makes up for that at once.
                is_gone = isinstance(error, ApiError) and error.status == HTTPStatus.GONE
                await self._relist_after_pause(ref, None if is_gone else str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001  whatever is wrong with one kind, the others are followed
                name = type(error).__name__
                log.error("fleet_page.watch_failed", kind=ref.kind, error=name, at=error_location(error))  # noqa: TRY400
                await self._relist_after_pause(ref, f"{ref.kind}: {name}")

    async def _relist_after_pause(self, ref: ApiResource, problem: str | None) -> None:
        """Wait, and then have a kind listed again, as its watch cannot go on. Meanwhile the page shows `problem`, if any."""
        self._resource_version[ref] = ""
        if problem is not None:
            self._failures[ref] = problem
            self.version += 1
        await self._clock.sleep(_RETRY_AFTER * random.uniform(0.8, 1.2))  # noqa: S311  no secret

    async def _list(self, ref: ApiResource) -> None:
        found: dict[tuple[str, str], FleetObject] = {}
        listed_version = ""
        async with self._listing:
            async for items, version in list_chunks(self._transport, ref.path(), chunk=_CHUNK):
                found |= {_name(raw): read_object({"kind": ref.kind} | raw) for raw in items}
                listed_version = version
        self._objects[ref], self._resource_version[ref] = found, listed_version
        self._failures.pop(ref, None)
        self.version += 1

    def _apply(self, ref: ApiResource, kind: str, raw: dict[str, Any]) -> None:
        self._resource_version[ref] = raw["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        known = self._objects[ref]
        before = known.pop(_name(raw), None)
        after = None if kind == "DELETED" else read_object({"kind": ref.kind} | raw)
        if after is not None:
            known[_name(raw)] = after
        if after != before:
            self.version += 1


def _name(raw: dict[str, Any]) -> tuple[str, str]:
    return raw["metadata"]["namespace"], raw["metadata"]["name"]
