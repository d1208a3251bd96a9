"""Reads an agent's objects at Retell into a frozen value, before anything is decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from askproai_core.providers import Json
from askproai_operator.controllers.agent_plan.render import Desired, agent_owner, llm_owner
from askproai_operator.providers import RetellClient

INBOUND_PATH: Final = "/retell/inbound"  # an inbound webhook with this end is ours, on any host


@dataclass(frozen=True, slots=True)
class PendingCreate:
    """A create that the status recorded before it was sent to Retell: since then, an object of unknown id may exist."""

    kind: str  # `agent` or `llm`
    since: datetime


@dataclass(frozen=True, slots=True)
class RecordedState:
    """The remote ids, versions and numbers that our own status records."""

    agent_id: str | None = None
    llm_id: str | None = None
    published_version: int | None = None
    numbers: tuple[str, ...] = ()  # bound to the agent; E.164
    pending: PendingCreate | None = None

    @property
    def exists(self) -> bool:
        """Return True if any object of ours may exist at Retell: an id is recorded, or a create without an answer."""
        return bool(self.agent_id or self.llm_id or self.pending)

    @classmethod
    def from_status(cls, status: Mapping[str, Any]) -> Self:
        """Return the ids, versions and numbers at Retell that a RetellAgent's status records."""
        intent = status.get("pending")
        return cls(
            agent_id=status.get("agentId"),
            llm_id=status.get("llmId"),
            published_version=status.get("publishedVersion"),
            numbers=tuple(status.get("phoneNumbers") or ()),
            pending=PendingCreate(intent["what"], datetime.fromisoformat(intent["since"])) if intent else None,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """The objects at Retell, as its API returns them. The fields that matter here:

    agent   agent_id, agent_name (it ends with the owner's marker), version, is_published,
            response_engine {type, llm_id, version}
    LLM     llm_id, version, is_published, default_dynamic_variables (the owner's marker among them)
    number  phone_number (E.164), inbound_agents [{agent_id, weight, agent_version}], inbound_webhook_url
    """

    observed_at: datetime
    agent: Json | None = None  # its latest version, which may be a draft
    llm: Json | None = None  # the version that `agent` uses
    published_agent: Json | None = None  # the latest published version: the one that answers calls
    published_llm: Json | None = None
    # By E.164: the numbers that are desired, recorded, or bound to us; None for a number that is not at Retell.
    numbers: Mapping[str, Json | None] | None = None
    deleted_agents: frozenset[str] = frozenset()  # deleted agents that a number still names
    # Further objects with our marker: a create that got no answer may have been repeated.
    duplicates: tuple[str, ...] = ()  # agents that no number is bound to
    bound_duplicates: tuple[str, ...] = ()  # agents that answer calls: they are only reported
    unused_llms: tuple[str, ...] = ()
    is_simulated: bool = False  # not Retell itself, which is served by https only

    @property
    def agent_id(self) -> str | None:
        return str(self.agent["agent_id"]) if self.agent else None

    @property
    def llm_id(self) -> str | None:
        return str(self.llm["llm_id"]) if self.llm else None


async def observe(
    client: RetellClient,
    recorded: RecordedState,
    desired: Desired,
    now: datetime,
    *,
    adopt: str | None,
    search: bool,
    former_marker: str | None = None,
) -> Observation:
    """Read the agent's objects at Retell by their recorded ids. Search by our marker if an id finds nothing, or with `search`.

    `adopt` is the id of an agent to take over if none is recorded yet. `former_marker` marks agents that an earlier
    installation made and that are taken over. Raises ProviderError.
    """
    listed = {str(number.get("phone_number")): number for number in await client.list_numbers()}
    bound = {agent_id for number in listed.values() for agent_id in bound_ids(number)}
    first_id = recorded.agent_id or adopt
    agent = await client.get_agent(first_id) if first_id else None
    duplicates: list[str] = []
    marked_llms: list[Json] = []
    if search or agent is None or recorded.pending is not None:
        markers = [desired.marker, *({former_marker} - {None, desired.marker})]
        marked_llms = [llm for llm in await client.list_llms() if llm_owner(llm) in markers]
        marked: list[str] = []
        if recorded.agent_id or not adopt:
            marked = [agent_id for each in markers for agent_id in await list_marked_agents(client, str(each))]
        agent = await _choose_agent(client, agent, marked, bound)
        duplicates = [agent_id for agent_id in marked if agent is not None and agent_id != agent["agent_id"]]
    llm = await _get_llm(client, agent, recorded, marked_llms)
    published_agent, published_llm = await _get_published(client, agent, llm)
    numbers = await _get_numbers(client, listed, agent, desired, recorded)
    named = {agent_id for number in numbers.values() for agent_id in bound_ids(number)}
    named -= {agent["agent_id"] if agent else None}
    bound_duplicates = tuple(agent_id for agent_id in duplicates if agent_id in bound)
    used_llms = {llm["llm_id"]} if llm else set()
    used_llms |= {engine_of(await client.get_agent(agent_id) or {"version": 0})[0] for agent_id in bound_duplicates}
    return Observation(
        now,
        agent,
        llm,
        published_agent,
        published_llm,
        numbers,
        deleted_agents=frozenset({agent_id for agent_id in named if await client.get_agent(agent_id) is None}),
        duplicates=tuple(agent_id for agent_id in duplicates if agent_id not in bound),
        bound_duplicates=bound_duplicates,
        unused_llms=tuple(sorted({str(llm["llm_id"]) for llm in marked_llms} - used_llms)),
        is_simulated=client.api.base_url.startswith("http://"),
    )


def bound_agents(number: Json | None) -> list[Json]:
    """Return the agents that answer a number (`inbound_agents`), or the one of Retell's older field `inbound_agent_id`."""
    single = (number or {}).get("inbound_agent_id")
    return list((number or {}).get("inbound_agents") or ([{"agent_id": single}] if single else []))


def bound_ids(number: Json | None) -> set[str]:
    """Return the ids of the agents that a number is bound to."""
    return {str(entry.get("agent_id")) for entry in bound_agents(number)}


def webhook_change(number: Json | None, desired_url: str | None) -> Json:
    """Return the fields that set a number's inbound webhook to `desired_url`, or remove ours for None; {} if nothing changes."""
    live = (number or {}).get("inbound_webhook_url") or None
    is_right = live == desired_url if desired_url is not None else not (live or "").endswith(INBOUND_PATH)
    return {} if is_right else {"inbound_webhook_url": desired_url}


def engine_of(agent: Json) -> tuple[str | None, int]:
    """Return the id and version of the LLM that this agent version uses; the id is None if the agent uses no Retell LLM."""
    engine = agent.get("response_engine") or {}
    version = engine.get("version")
    return engine.get("llm_id"), int(agent["version"] if version is None else version)


async def list_marked_agents(client: RetellClient, marker: str) -> list[str]:
    """Return the ids of all agents with exactly this marker: Retell's query for `…/mitte` also finds `…/mitte-2`."""
    return sorted(str(item["agent_id"]) for item in await client.list_agents(marker) if agent_owner(item) == marker)


async def _choose_agent(
    client: RetellClient, recorded: Json | None, marked: Iterable[str], bound: set[str]
) -> Json | None:
    """Return which of our agents to keep: one with a bound number, else the recorded one, else the lowest id, or None."""
    recorded_id = recorded["agent_id"] if recorded else None
    candidates = {*marked, *([recorded_id] if recorded_id else [])}
    for agent_id in sorted(candidates, key=lambda each: (each not in bound, each != recorded_id, each)):
        agent = recorded if agent_id == recorded_id else await client.get_agent(agent_id)
        if agent is not None:  # None: deleted, but still in the list
            return agent
    return None


async def _get_llm(
    client: RetellClient, agent: Json | None, recorded: RecordedState, marked: list[Json]
) -> Json | None:
    """Return the LLM that the agent uses. Without an agent, return the recorded LLM, else the marked LLM with the lowest id."""
    if agent is not None:
        llm_id, version = engine_of(agent)
        return await client.get_llm(llm_id, version) if llm_id else None
    llm = await client.get_llm(recorded.llm_id) if recorded.llm_id else None
    return llm or min(marked, key=lambda llm: str(llm["llm_id"]), default=None)


async def _get_published(client: RetellClient, agent: Json | None, llm: Json | None) -> tuple[Json | None, Json | None]:
    """Return the newest published version of the agent, and of the LLM that this version uses; None for a missing object."""
    if agent is None or agent.get("is_published"):
        return agent, llm
    if int(agent["version"]) == 0:  # the first version is a draft: nothing was published yet
        return None, None
    versions = await client.list_agent_versions(str(agent["agent_id"]))
    newest = max((int(item["version"]) for item in versions if item.get("is_published")), default=None)
    published = await client.get_agent(str(agent["agent_id"]), newest) if newest is not None else None
    llm_id, version = engine_of(published) if published else (None, None)
    return published, await client.get_llm(llm_id, version) if llm_id else None


async def _get_numbers(
    client: RetellClient, listed: Mapping[str, Json], agent: Json | None, desired: Desired, recorded: RecordedState
) -> dict[str, Json | None]:
    """Return the desired, recorded and bound numbers, each None if it is not at Retell. Differing ones are fetched: lists lag."""
    agent_id = agent["agent_id"] if agent else None
    desired_numbers = {number.e164 for number in desired.numbers or ()}
    ours = {e164 for e164 in listed if agent_id in bound_ids(listed[e164])}
    numbers: dict[str, Json | None] = {}
    for e164 in sorted({*desired_numbers, *recorded.numbers, *ours}):
        pinned = [(entry.get("agent_id"), entry.get("agent_version")) for entry in bound_agents(listed.get(e164))]
        expected = [(agent_id, recorded.published_version)] if e164 in desired_numbers else []
        url = desired.inbound_url if e164 in desired_numbers else None
        as_expected = e164 in listed and pinned == expected and not webhook_change(listed[e164], url)
        numbers[e164] = listed[e164] if as_expected else await client.get_number(e164)
    return numbers
