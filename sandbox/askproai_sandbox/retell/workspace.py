"""One Retell workspace: agents and LLMs with their versions, and numbers (docs/vendors/retell.md)."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from askproai_sandbox.caller import AnsweringAgent
from askproai_sandbox.retell.fields import TABLES
from askproai_sandbox.simulator import Refusal

Item = TypeVar("Item")
_WRITE_ONLY = {"auth_password", "ignore_e164_validation"}  # of a number: accepted, but in no answer
MISPAIRED = "Response engine version must equal the agent version"


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def find(items: Mapping[str, Item], name: str) -> Item:
    """Return the item with this id or number. Raises Refusal with status 404."""
    if name not in items:
        raise Refusal(404, f"Item {name} not found")
    return items[name]


def page_of(rows: Sequence[dict[str, Any]], key: str, limit: int, after: str | None) -> dict[str, Any]:
    """Return the body of a list answer: the rows after that with the `key` `after`. Raises Refusal if there is no such row."""
    if after:
        position = next((i for i, row in enumerate(rows) if str(row[key]) == after), None)
        if position is None:
            raise Refusal(400, "pagination_key is unknown")
        rows = rows[position + 1 :]
    page, has_more = rows[:limit], len(rows) > limit
    next_page = {"pagination_key": str(page[-1][key])} if has_more else {}
    return {"items": page, "has_more": has_more, **next_page}


def apply_patch(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields after a PATCH: null clears a field, and `model_config` is merged by its top-level keys."""
    result = {**fields, **changes}
    if "model_config" in changes:
        result["model_config"] = {**fields.get("model_config", {}), **changes["model_config"]}
        result["model_config"] = {k: v for k, v in result["model_config"].items() if v is not None}
    return {name: value for name, value in result.items() if value is not None}


@dataclass(slots=True)
class Version:
    """One version of an agent or of an LLM. A published version never changes again."""

    number: int
    fields: dict[str, Any]
    modified_ms: int
    published: bool = False
    base: int | None = None

    def metadata(self) -> dict[str, Any]:
        """Return the fields about a version that every GET of an LLM or agent has."""
        return {
            "version": self.number,
            "is_published": self.published,
            "last_modification_timestamp": self.modified_ms,
        }

    def agent_metadata(self) -> dict[str, Any]:
        """Return the fields about an agent's version. Unlike an LLM's, they name the version from which it was created."""
        return {**self.metadata(), **({} if self.base is None else {"base_version": self.base})}


@dataclass(slots=True)
class VersionedObject:
    """An agent or an LLM, with all its versions."""

    id: str
    created: datetime
    versions: dict[int, Version]

    @property
    def latest(self) -> Version:
        return self.versions[max(self.versions)]

    def version(self, reference: str | int | None) -> Version:
        """Return a version by number, `latest` (drafts included) or `latest_published`; None means latest.

        Raises Refusal with status 404.
        """
        if reference is None or reference == "latest":
            return self.latest
        if reference == "latest_published":
            published = [number for number, v in self.versions.items() if v.published]
            reference = max(published, default="latest_published")
        if str(reference).isdigit() and int(reference) in self.versions:
            return self.versions[int(reference)]
        raise Refusal(404, f"Version {reference} of {self.id} not found")

    def version_to_update(self, reference: str | None) -> Version:
        """Return the version that a PATCH would change. Raises Refusal for a draft that is not the latest version.

        A published version is returned, too: agents and LLMs refuse it with different messages.
        """
        version = self.version(reference)
        if not version.published and version is not self.latest:
            raise Refusal(400, f"Only the latest draft can be updated, version {self.latest.number}")
        return version

    def agent_body(self, version: Version) -> dict[str, Any]:
        """Return the body of a GET of this agent, with the server's defaults."""
        metadata = {"agent_id": self.id, **version.agent_metadata()}
        return {**TABLES["agent_defaults"], **version.fields, **metadata}

    def summary(self) -> dict[str, Any]:
        """Return the agent's item in a list of agents, which has no webhook_url and no response_engine."""
        return {
            "agent_id": self.id, "agent_name": self.latest.fields.get("agent_name"), "channel": "voice",
            "is_suspended": False, "tags": {}, "user_modified_timestamp": self.latest.modified_ms,
        }  # fmt: skip

    def llm_body(self, version: Version) -> dict[str, Any]:
        """Return the body of a GET of this LLM, with the server's defaults."""
        fields = {**TABLES["llm_defaults"], **version.fields}
        config = {"temperature": 0, **fields["model_config"]}
        if "backup" in config:
            config["backup"] = {"kick_in_timeout_ms": 1500, **config["backup"]}
        result = {**fields, "model_config": config, "llm_id": self.id, **version.metadata()}
        if "general_tools" in fields:
            defaults = TABLES["tool_defaults"]
            result["general_tools"] = [{**defaults.get(tool["type"], {}), **tool} for tool in fields["general_tools"]]
        return result


@dataclass(slots=True)
class Number:
    """An imported telephone number. Fields of its SIP trunk have the names in an update, without the prefix `sip_trunk_`."""

    created: datetime
    modified_ms: int
    fields: dict[str, Any]

    def body(self) -> dict[str, Any]:
        """Return the body of a GET of this number, without write-only fields."""
        fields = {name: value for name, value in self.fields.items() if name not in _WRITE_ONLY}
        trunk_fields = ("termination_uri", "auth_username", "transport", "codecs")
        trunk = {name: fields.pop(name) for name in trunk_fields if name in fields}
        return {
            **fields, "phone_number_pretty": self.fields["phone_number"], "phone_number_type": "custom",
            "last_modification_timestamp": self.modified_ms, "sip_outbound_trunk_config": trunk,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A call at Retell. `fields` is the present body of a GET, empty until the call is answered. `broken`: a GET returns 500."""

    created: datetime
    fields: Mapping[str, Any]
    broken: bool = False


@dataclass(slots=True)
class Workspace:
    """The objects of one API key, or of several keys of one Retell account.

    `webhook_url` is the account's: it receives the events of agents without a webhook. `webhook_key` is the key with the
    webhook badge, which signs all webhooks, even those of calls that have begun; None: the workspace's first key has it.
    """

    agents: dict[str, VersionedObject] = field(default_factory=dict)
    llms: dict[str, VersionedObject] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    webhook_url: str | None = None
    webhook_key: str | None = None

    def pair_engine(self, engine: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Return an agent version's response engine with the LLM's version number set to `number`.

        Raises Refusal if the engine requests an LLM version of another number: agent and LLM versions have equal numbers.
        """
        if find(self.llms, engine["llm_id"]).version(engine.get("version")).number != number:
            raise Refusal(400, MISPAIRED)
        return {**engine, "version": number}

    def llm_of(self, version: Version) -> tuple[VersionedObject, Version]:
        """Return the LLM of an agent's version, and its version of the same number. An LLM in use cannot be deleted."""
        engine = version.fields["response_engine"]
        llm = self.llms[engine["llm_id"]]
        return llm, llm.versions[engine["version"]]

    def users_of(self, llm_id: str) -> list[str]:
        """Return the ids of the agents that use an LLM in any of their versions."""
        return [
            agent.id for agent in self.agents.values()
            if any(v.fields["response_engine"]["llm_id"] == llm_id for v in agent.versions.values())
        ]  # fmt: skip

    def fork(self, agent: VersionedObject, base: Version, now_ms: int) -> Version:
        """Create a draft from `base`, and a draft of its LLM with the same id and the same number. Return the agent's draft.

        Raises Refusal when another agent has already created that version of the LLM.
        """
        number = agent.latest.number + 1
        llm, llm_base = self.llm_of(base)
        if llm.latest.number >= number:
            raise Refusal(400, MISPAIRED)
        llm.versions[number] = Version(number, llm_base.fields, now_ms, base=llm_base.number)
        titles = {"version_title": None, "version_description": None}
        engine = {"response_engine": {**base.fields["response_engine"], "version": number}}
        agent.versions[number] = Version(number, apply_patch(base.fields, titles | engine), now_ms, base=base.number)
        return agent.versions[number]

    def check_agents(self, fields: Mapping[str, Any]) -> None:
        """Check the agents of a number. Raises Refusal if weights do not sum to 1, or an agent or a version does not exist.

        Null unbinds a number; an empty list is refused like any list whose weights do not sum to 1.
        """
        for name in ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents"):
            bindings = fields.get(name)
            if bindings is not None and abs(sum(binding["weight"] for binding in bindings) - 1) > 1e-6:
                raise Refusal(400, f"/{name} weights must sum to 1")
            for binding in bindings or ():
                find(self.agents, binding["agent_id"]).version(binding.get("agent_version"))

    def answering_agent(self, number: str) -> AnsweringAgent | None:
        """Return the agent that answers a call to a number, chosen at random by weight; None if the call is declined.

        The version is determined at each call. A binding without a version means the latest one, even an unpublished draft.
        """
        bindings = self.numbers[number].fields.get("inbound_agents")
        if not bindings:
            return None
        binding = random.choices(bindings, [binding["weight"] for binding in bindings])[0]
        agent = self.agents.get(binding["agent_id"])
        if agent is None:  # deleted since it was bound; Retell does not document that the number loses its binding
            return None
        version = agent.version(binding.get("agent_version"))
        llm, llm_version = self.llm_of(version)
        settings = agent.agent_body(version)
        url = settings.get("webhook_url") or self.webhook_url
        return AnsweringAgent(agent.id, version.number, settings, llm.llm_body(llm_version), url)
