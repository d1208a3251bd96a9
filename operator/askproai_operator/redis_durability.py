"""The conditions for acknowledging an event from a Redis server. Pure.

Asked with INFO, which managed servers allow, too; most of them refuse CONFIG.
"""

from dataclasses import dataclass
from typing import Final

_WAITAOF_SINCE: Final = (7, 2)  # Valkey says 7.2.4


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The settings of a server by its own answer. `evicts`: it may remove keys that have no expiry when its memory is full.
    `run`: its start."""

    version: tuple[int, ...]
    appends: bool
    evicts: bool
    policy: str
    run: str = ""

    @property
    def knows_waitaof(self) -> bool:
        return self.version >= _WAITAOF_SINCE


def parse_info(info: dict[str, object]) -> ServerFacts:
    """Return the facts in a reply of INFO, as redis-py parses it. A missing value counts as unfit."""
    policy = str(info.get("maxmemory_policy", "unknown"))
    is_bounded = str(info.get("maxmemory", "1")) != "0"
    parts = str(info.get("redis_version", "0")).split(".")
    return ServerFacts(
        version=tuple(int(part) for part in parts[:2] if part.isdigit()),
        appends=str(info.get("aof_enabled", "0")) == "1",
        evicts=is_bounded and policy != "noeviction" and not policy.startswith("volatile-"),
        policy=policy,
        run=str(info.get("run_id", "")),
    )


def durability_problem(address: str, facts: ServerFacts) -> str | None:
    """Return why the server cannot promise that what it takes is on disk and stays there, and what to do; None if it can."""
    if not facts.knows_waitaof:
        return f"Redis at {address} is older than 7.2 and does not know WAITAOF: update it, or use Valkey"
    if not facts.appends:
        return f"Redis at {address} writes no append-only file: set appendonly yes"
    if facts.evicts:
        return f"Redis at {address} evicts keys (maxmemory-policy {facts.policy}): set maxmemory-policy noeviction"
    return None
