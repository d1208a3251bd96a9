"""One look at Retell: what of an agent exists there, gathered into a frozen value before anything is decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from askproai_operator.external import Json, RetellClient
from askproai_operator.kinds.agent.render import owner_of, owner_of_llm


@dataclass(frozen=True, slots=True)
class Pending:
    """An intent, made durable before a create: from `since` on there may be an object whose id we do not know."""

    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What our own status remembers."""

    agent_id: str | None = None
    llm_id: str | None = None
    published_version: int | None = None
    numbers: tuple[str, ...] = ()
    pending: Pending | None = None

    @classmethod
    def from_status(cls, status: Mapping[str, Any]) -> "Known":
        pending = status.get("pending")
        return cls(
            status.get("agentId"),
            status.get("llmId"),
            status.get("publishedVersion"),
            tuple(status.get("phoneNumbers") or ()),
            Pending(pending["what"], datetime.fromisoformat(pending["since"])) if pending else None,
        )

    @property
    def nothing(self) -> bool:
        """True when nothing of ours can exist at Retell: not even an intent was written."""
        return not (self.agent_id or self.llm_id or self.pending)


@dataclass(frozen=True, slots=True)
class Twins:
    """Objects that carry our marker besides the one we keep. Bound ones are only told."""

    agents: tuple[str, ...] = ()
    bound_agents: tuple[str, ...] = ()
    llms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What exists. `agent` and `llm` are the latest version (maybe a draft), `live_*` the latest published one."""

    at: datetime
    agent: Json | None = None
    llm: Json | None = None
    live_agent: Json | None = None
    live_llm: Json | None = None
    numbers: Mapping[str, Json | None] | None = None  # by E.164: those we want, and those bound to us
    ownerless: frozenset[str] = frozenset()  # agents that a number still names although they are gone
    twins: Twins = Twins()
    searched: bool = False

    @property
    def agent_id(self) -> str | None:
        return str(self.agent["agent_id"]) if self.agent else None

    @property
    def llm_id(self) -> str | None:
        return str(self.llm["llm_id"]) if self.llm else None


async def observe(
    client: RetellClient,
    known: Known,
    marker: str,
    wanted: Iterable[str],
    at: datetime,
    *,
    adopt: str | None,
    search: bool,
) -> Observed:
    """Look by the ids of our status first; by our marker when they lead to nothing, or when `search` asks for it."""
    numbers = {str(number.get("phone_number")): number for number in await client.list_numbers()}
    agent_id = known.agent_id or adopt
    agent = await client.get_agent(agent_id) if agent_id else None
    twins, marked_llms = Twins(), []
    searched = search or agent is None or known.pending is not None
    if searched:
        marked_llms = [llm for llm in await client.list_llms() if owner_of_llm(llm) == marker]
        agent, twins = await _choose(
            client, agent, marker, numbers.values(), take=known.agent_id is not None or adopt is None
        )
    llm = await _llm(client, agent, known, marked_llms)
    if searched:
        twins = await _spare_llms(client, twins, llm, marked_llms)
    live_agent, live_llm = await _live(client, agent, llm)
    seen = await _numbers(client, numbers, agent, wanted, known)
    ownerless = await _ownerless(client, seen.values(), agent)
    return Observed(at, agent, llm, live_agent, live_llm, seen, ownerless, twins, searched)


def bound_agents(number: Json | None) -> list[Json]:
    """Give the entries of a number's inbound agents, in today's or in the old single form."""
    if number is None:
        return []
    single = number.get("inbound_agent_id")
    return list(number.get("inbound_agents") or ([{"agent_id": single}] if single else []))


def engine_of(agent: Json) -> tuple[str | None, int | None]:
    """Give the LLM and its version that an agent's version answers with."""
    engine = agent.get("response_engine") or {}
    version = engine.get("version")
    return engine.get("llm_id"), int(agent["version"] if version is None else version)


async def marked_agents(client: RetellClient, marker: str) -> list[str]:
    """Give the ids of all agents that carry exactly our marker (the query finds `…/mitte-2` for `…/mitte`, too)."""
    return sorted(str(item["agent_id"]) for item in await client.list_agents(marker) if owner_of(item) == marker)


async def _choose(
    client: RetellClient, known: Json | None, marker: str, numbers: Iterable[Json], *, take: bool
) -> tuple[Json | None, Twins]:
    """Of several agents keep the one that a number is bound to, then the one we know, then the lowest id (contract §2)."""
    ids = set(await marked_agents(client, marker)) if take else set()
    if known:
        ids.add(str(known["agent_id"]))
    bound = {str(entry.get("agent_id")) for number in numbers for entry in bound_agents(number)}
    for agent_id in sorted(ids, key=lambda one: (one not in bound, known is None or one != known["agent_id"], one)):
        kept = known if known and known["agent_id"] == agent_id else await client.get_agent(agent_id)
        if kept is not None:
            rest = sorted(ids - {agent_id})
            return kept, Twins(tuple(i for i in rest if i not in bound), tuple(i for i in rest if i in bound))
    return None, Twins()


async def _llm(client: RetellClient, agent: Json | None, known: Known, marked: list[Json]) -> Json | None:
    if agent is not None:
        llm_id, version = engine_of(agent)
        return await client.get_llm(llm_id, version) if llm_id else None
    found = await client.get_llm(known.llm_id) if known.llm_id else None
    return found or min(marked, key=lambda llm: str(llm["llm_id"]), default=None)


async def _spare_llms(client: RetellClient, twins: Twins, kept: Json | None, marked: list[Json]) -> Twins:
    used = {str(kept["llm_id"])} if kept else set()
    for agent_id in twins.bound_agents:
        used.add(str(engine_of(await client.get_agent(agent_id) or {"version": 0})[0]))
    return Twins(twins.agents, twins.bound_agents, tuple(sorted({str(llm["llm_id"]) for llm in marked} - used)))


async def _live(client: RetellClient, agent: Json | None, llm: Json | None) -> tuple[Json | None, Json | None]:
    """Give the latest published version of the agent and of its LLM."""
    if agent is None or agent.get("is_published"):
        return agent, llm
    if int(agent["version"]) == 0:  # the first version is a draft: nothing was published yet
        return None, None
    versions = await client.agent_versions(str(agent["agent_id"]))
    published = max((int(item["version"]) for item in versions if item.get("is_published")), default=None)
    if published is None:
        return None, None
    live = await client.get_agent(str(agent["agent_id"]), published)
    llm_id, version = engine_of(live) if live else (None, None)
    return live, await client.get_llm(llm_id, version) if llm_id else None


async def _numbers(
    client: RetellClient, listed: Mapping[str, Json], agent: Json | None, wanted: Iterable[str], known: Known
) -> dict[str, Json | None]:
    """Take numbers from the list; one that it shows not as we expect is read by itself, since lists lag."""
    agent_id = agent["agent_id"] if agent else None
    ours = {
        name
        for name, number in listed.items()
        if agent_id and any(e.get("agent_id") == agent_id for e in bound_agents(number))
    }
    wanted = set(wanted)
    seen: dict[str, Json | None] = {}
    for name in sorted(wanted | ours | set(known.numbers)):
        number = listed.get(name)
        pinned = [
            {"agent_id": e.get("agent_id"), "agent_version": e.get("agent_version")} for e in bound_agents(number)
        ]
        expected = [{"agent_id": agent_id, "agent_version": known.published_version}] if name in wanted else []
        seen[name] = number if number is not None and pinned == expected else await client.get_number(name)
    return seen


async def _ownerless(client: RetellClient, numbers: Iterable[Json | None], agent: Json | None) -> frozenset[str]:
    named = {str(entry.get("agent_id")) for number in numbers for entry in bound_agents(number)}
    others = named - ({str(agent["agent_id"])} if agent else set())
    return frozenset({one for one in others if await client.get_agent(one) is None})
