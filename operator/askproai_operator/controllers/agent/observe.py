"""One look at Retell: what of an agent exists there, gathered into a frozen value before anything is decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from askproai_operator.controllers.agent.render import Desired, owner_of, owner_of_llm
from askproai_operator.providers import Json, RetellClient

INBOUND_PATH: Final = "/retell/inbound"  # an address that ends so is a tenant's, whatever its host was


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
    def from_status(cls, status: Mapping[str, Any]) -> Self:
        get, begun = status.get, status.get("pending")
        pending = Pending(begun["what"], datetime.fromisoformat(begun["since"])) if begun else None
        return cls(get("agentId"), get("llmId"), get("publishedVersion"), tuple(get("phoneNumbers") or ()), pending)


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
    # What carries our marker, too. Agents that a number is bound to are only told.
    twins: tuple[str, ...] = ()
    bound_twins: tuple[str, ...] = ()
    spare_llms: tuple[str, ...] = ()

    @property
    def agent_id(self) -> str | None:
        return str(self.agent["agent_id"]) if self.agent else None

    @property
    def llm_id(self) -> str | None:
        return str(self.llm["llm_id"]) if self.llm else None


async def observe(
    client: RetellClient, known: Known, desired: Desired, at: datetime, *, adopt: str | None, search: bool
) -> Observed:
    """Look by the ids of our status first; by our marker when they lead to nothing, or when `search` asks for it."""
    listed = {str(number.get("phone_number")): number for number in await client.list_numbers()}
    bound = {one for number in listed.values() for one in bound_ids(number)}
    first = known.agent_id or adopt
    agent = await client.get_agent(first) if first else None
    twins: list[str] = []
    marked_llms: list[Json] = []
    searched = search or agent is None or known.pending is not None
    if searched:
        marked_llms = [llm for llm in await client.list_llms() if owner_of_llm(llm) == desired.marker]
        marked = [] if adopt and not known.agent_id else await marked_agents(client, desired.marker)
        agent = await _choose(client, agent, marked, bound)
        twins = [one for one in marked if agent is not None and one != agent["agent_id"]]
    llm = await _llm(client, agent, known, marked_llms)
    live_agent, live_llm = await _live(client, agent, llm)
    numbers = await _numbers(client, listed, agent, desired, known)
    named = {one for number in numbers.values() for one in bound_ids(number)} - {agent["agent_id"] if agent else None}
    bound_twins = tuple(one for one in twins if one in bound)
    used = {llm["llm_id"]} if llm else set()
    used |= {engine_of(await client.get_agent(one) or {"version": 0})[0] for one in bound_twins}
    return Observed(
        at,
        agent,
        llm,
        live_agent,
        live_llm,
        numbers,
        ownerless=frozenset({one for one in named if await client.get_agent(one) is None}),
        twins=tuple(one for one in twins if one not in bound),
        bound_twins=bound_twins,
        spare_llms=tuple(sorted({str(one["llm_id"]) for one in marked_llms} - used)),
    )


def bound_agents(number: Json | None) -> list[Json]:
    """Give the entries of a number's inbound agents, in today's or in the old single form."""
    single = (number or {}).get("inbound_agent_id")
    return list((number or {}).get("inbound_agents") or ([{"agent_id": single}] if single else []))


def bound_ids(number: Json | None) -> set[str]:
    return {str(entry.get("agent_id")) for entry in bound_agents(number)}


def webhook_change(number: Json | None, wanted: str | None) -> Json:
    """Give what has to change of a number's inbound webhook. Unwanted, only our own goes: a person's stays."""
    live = (number or {}).get("inbound_webhook_url") or None
    kept = live == wanted if wanted is not None else not (live or "").endswith(INBOUND_PATH)
    return {} if kept else {"inbound_webhook_url": wanted}


def engine_of(agent: Json) -> tuple[str | None, int]:
    """Give the LLM and its version that an agent's version answers with."""
    engine = agent.get("response_engine") or {}
    version = engine.get("version")
    return engine.get("llm_id"), int(agent["version"] if version is None else version)


async def marked_agents(client: RetellClient, marker: str) -> list[str]:
    """Give the ids of all agents that carry exactly our marker (the query finds `…/mitte-2` for `…/mitte`, too)."""
    return sorted(str(item["agent_id"]) for item in await client.list_agents(marker) if owner_of(item) == marker)


async def _choose(client: RetellClient, known: Json | None, marked: Iterable[str], bound: set[str]) -> Json | None:
    """Of several agents keep the one that a number is bound to, then the one we know, then the lowest id (contract §2)."""
    known_id = known["agent_id"] if known else None
    for one in sorted(
        {*marked, *([known_id] if known_id else [])}, key=lambda one: (one not in bound, one != known_id, one)
    ):
        kept = known if one == known_id else await client.get_agent(one)
        if kept is not None:
            return kept
    return None


async def _llm(client: RetellClient, agent: Json | None, known: Known, marked: list[Json]) -> Json | None:
    if agent is not None:
        llm_id, version = engine_of(agent)
        return await client.get_llm(llm_id, version) if llm_id else None
    found = await client.get_llm(known.llm_id) if known.llm_id else None
    return found or min(marked, key=lambda llm: str(llm["llm_id"]), default=None)


async def _live(client: RetellClient, agent: Json | None, llm: Json | None) -> tuple[Json | None, Json | None]:
    """Give the latest published version of the agent and of its LLM."""
    if agent is None or agent.get("is_published"):
        return agent, llm
    if int(agent["version"]) == 0:  # the first version is a draft: nothing was published yet
        return None, None
    versions = await client.list_agent_versions(str(agent["agent_id"]))
    published = max((int(item["version"]) for item in versions if item.get("is_published")), default=None)
    live = await client.get_agent(str(agent["agent_id"]), published) if published is not None else None
    llm_id, version = engine_of(live) if live else (None, None)
    return live, await client.get_llm(llm_id, version) if llm_id else None


async def _numbers(
    client: RetellClient, listed: Mapping[str, Json], agent: Json | None, desired: Desired, known: Known
) -> dict[str, Json | None]:
    """Take numbers from the list; one that it shows not as we expect is read by itself, since lists lag."""
    agent_id = agent["agent_id"] if agent else None
    wanted = {one.e164 for one in desired.numbers or ()}
    seen: dict[str, Json | None] = {}
    for name in sorted({*wanted, *known.numbers, *(name for name in listed if agent_id in bound_ids(listed[name]))}):
        entries = bound_agents(listed.get(name))
        pinned = [(entry.get("agent_id"), entry.get("agent_version")) for entry in entries]
        as_expected = name in listed and pinned == ([(agent_id, known.published_version)] if name in wanted else [])
        as_expected &= not webhook_change(listed.get(name), desired.inbound_url if name in wanted else None)
        seen[name] = listed[name] if as_expected else await client.get_number(name)
    return seen
