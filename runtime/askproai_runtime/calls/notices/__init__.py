"""The call notice that a caller heard, and the caller's refusal of storage (docs/decisions/0116-the-book-ages-out.md)."""

from typing import Final

from askproai_core.ai_notice import announces_ai
from askproai_core.database import Connection
from askproai_core.tenant_config import Agent, TenantConfig
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calls.notices.store import (
    CallNotice,
    empty_texts,
    iterate_refused_calls,
    mark_refused_deleted,
    record_notices,
    refuse_storage,
)
from askproai_runtime.calls.payload import RetellCall
from askproai_runtime.tasks import request_soon

__all__ = [
    "ERASURES", "CallNotice", "empty_texts", "iterate_refused_calls", "mark_refused_deleted", "notice_of",
    "record_notices", "refuse_call", "write_refusal",
]  # fmt: skip

ERASURES: Final = "erasures"  # the task that also deletes refused calls at Retell
_MAX_STORAGE = 64
_MAX_VERSION = 2**31
_AGENT = "Agent: "  # so begin the agent's words in a transcript


def notice_of(call: RetellCall, config: TenantConfig) -> CallNotice:
    """Return the call notice that an event reports. Only an agent's current version has a known first sentence. Pure."""
    version = call.agent_version if isinstance(call.agent_version, int) else None
    version = version if version is not None and 0 <= version < _MAX_VERSION else None
    agent = _find_agent(config, call.agent_id, version)
    storage = call.data_storage_setting
    return CallNotice(
        call.call_id,
        agent_version=version,
        greeting=agent.greeting if agent else None,
        announces_ai=agent.announces_ai if agent else None,
        heard_ai=_heard_ai(call.transcript),
        storage=storage[:_MAX_STORAGE] if isinstance(storage, str) and storage else None,
    )


def _find_agent(config: TenantConfig, agent_id: str | None, version: int | None) -> Agent | None:
    """Return the agent with this id and version; None if the config has another version of it. Its first sentence is known."""
    if agent_id is None or version is None:
        return None
    return next((each for each in config.agents if (each.agent_id, each.version) == (agent_id, version)), None)


def _heard_ai(transcript: str | None) -> bool | None:
    """Return True if the agent's first words in the transcript announce an AI; None if it has no words of the agent."""
    lines = (transcript or "").splitlines()
    first = next((line.removeprefix(_AGENT) for line in lines if line.startswith(_AGENT)), None)
    return None if first is None else announces_ai(first)


async def refuse_call(ctx: BookingContext, call_id: str, correlation_id: str) -> None:
    """Delete the stored texts of a call, prevent the storage of later texts, and have Retell's copy deleted after the call."""
    async with ctx.pool.acquire() as conn, conn.transaction():
        await write_refusal(ctx, call_id, correlation_id, conn)


async def write_refusal(ctx: BookingContext, call_id: str, correlation_id: str, conn: Connection) -> None:
    """Store a caller's refusal as `refuse_call` does, but in the transaction of `conn`."""
    await refuse_storage(conn, ctx.tenant, call_id, correlation_id)
    await request_soon(conn, ctx.tenant, ERASURES)
