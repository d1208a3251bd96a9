"""Keys of a running installation change while callers call: in the demo, and on a node."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.example_tenant import SALON
from tests.worlds.waiting import SOON, eventually

_TENANT = ("tenants.askproai.de", SALON.namespace, "-n", SALON.namespace)
_QUESTION = [{"name": "check_availability", "args": {"service": "Haarschnitt", "date": "nächste Woche"}}]


@dataclass
class Rotation:
    """A person's steps with the salon's keys, and the calls meanwhile: each asks a function and sends three events."""

    kubectl: Callable[..., Awaitable[str]]
    retell: str
    calls: list[CallRecord] = field(default_factory=list)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Let two callers call, one call after the other, until the end of the block."""
        finished = asyncio.Event()

        async def call() -> None:
            while not finished.is_set():
                self.calls.append(await play_call(self.retell, SALON.number, ["Guten Tag"], args=_QUESTION))

        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(call())
            try:
                yield
            finally:
                finished.set()

    @property
    def errors(self) -> list[str]:
        return [error for call in self.calls for error in call.errors]

    async def more_calls(self, count: int = 6) -> None:
        """Wait until `count` further calls have begun and ended."""
        before = len(self.calls)
        await eventually(lambda: _is(len(self.calls) >= before + count), 2 * SOON, "further calls")

    async def workspace(self, **body: Any) -> None:
        """Change the workspace at the simulated Retell."""
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            await (await session.post(f"{self.retell}/_sim/workspaces", json=body)).release()

    async def put(self, **values: str) -> str:
        """Put values into the Secret, and return its version."""
        patch = json.dumps({"stringData": {name.replace("_", "-"): value for name, value in values.items()}})
        arguments = ("patch", "secret", "providers", "-n", SALON.namespace, "-p", patch)
        return await self.kubectl(*arguments, "-o", "jsonpath={.metadata.resourceVersion}")

    async def seconds_until_in_use(self, version: str) -> float:
        """Wait until the status reports this version of the Secret for all pods; return the seconds."""
        began = time.monotonic()
        path = '{.status.secretsInUse[?(@.name=="providers")].resourceVersion}'
        await self.kubectl("wait", *_TENANT, f"--for=jsonpath={path}={version}", "--timeout=90s")
        await self.kubectl("wait", *_TENANT, "--for=condition=KeysInUse", "--timeout=5s")
        return time.monotonic() - began


async def _is(value: bool) -> bool:
    return value


async def rotate_by_replacing(rotation: Rotation, former: str, new: str) -> float:
    """Replace the key in the Secret, wait for the pods, then move the badge. Return the seconds until all pods had the new key."""
    await rotation.workspace(key=new, of=former)
    seconds = await rotation.seconds_until_in_use(await rotation.put(retell_api_key=new))
    await rotation.more_calls()  # by the former key
    await rotation.workspace(key=new, signs=True)
    await rotation.more_calls()
    return seconds


async def rotate_by_adding(rotation: Rotation, former: str, new: str) -> float:
    """List the new key beside the former one, move the badge, then replace and unlist the former one.

    Listing a key replaces the pods. Return the seconds until all pods had the replaced key.
    """
    await rotation.workspace(key=new, of=former)
    await rotation.put(next_key=new)
    await _list_webhook_keys(rotation, {"name": "providers", "key": "next-key"})
    await rotation.more_calls()
    await rotation.workspace(key=new, signs=True)
    await rotation.more_calls()
    seconds = await rotation.seconds_until_in_use(await rotation.put(retell_api_key=new))
    await _list_webhook_keys(rotation)
    await rotation.more_calls()
    return seconds


async def _list_webhook_keys(rotation: Rotation, *refs: dict[str, str]) -> None:
    """Change the list, and wait until all pods have its keys."""
    spec = {"spec": {"retell": {"webhookKeySecretRefs": refs}}}
    await rotation.kubectl("patch", *_TENANT, "--type=merge", "-p", json.dumps(spec))
    await rotation.kubectl("wait", *_TENANT, "--for=condition=KeysInUse", "--timeout=240s")
