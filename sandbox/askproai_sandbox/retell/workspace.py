"""What one Retell workspace holds: agents and LLMs with their versions, and numbers (reference §2.1, §3, §4)."""

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from askproai_sandbox.caller import AnsweringAgent
from askproai_sandbox.retell.fields import TABLES
from askproai_sandbox.simulator import Refusal

Thing = TypeVar("Thing")
MISPAIRED = "Response engine version must equal the agent version"


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def found(things: Mapping[str, Thing], name: str) -> Thing:
    if name not in things:
        raise Refusal(404, f"Item {name} not found")
    return things[name]


def merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a PATCH: null clears, and `model_config` merges by its top-level keys."""
    result = {**fields, **changes}
    if "model_config" in changes:
        result["model_config"] = {**fields.get("model_config", {}), **changes["model_config"]}
        result["model_config"] = {k: v for k, v in result["model_config"].items() if v is not None}
    return {name: value for name, value in result.items() if value is not None}


@dataclass(slots=True)
class Version:
    """One version of an agent or of an LLM; a published one never changes again."""

    number: int
    fields: dict[str, Any]
    modified_ms: int
    published: bool = False
    base: int | None = None

    def told(self) -> dict[str, Any]:
        """Give what every answer says of a version."""
        return {
            "version": self.number, "is_published": self.published, "last_modification_timestamp": self.modified_ms,
            **({} if self.base is None else {"base_version": self.base}),
        }  # fmt: skip


@dataclass(slots=True)
class Versioned:
    """An agent or an LLM."""

    id: str
    born: datetime
    versions: dict[int, Version]

    @property
    def latest(self) -> Version:
        return self.versions[max(self.versions)]

    def version(self, reference: str | int | None) -> Version:
        """Resolve a version: number, `latest` (drafts included), `latest_published`; absent means latest (§2.1.7)."""
        if reference is None or reference == "latest":
            return self.latest
        if reference == "latest_published":
            published = [number for number, v in self.versions.items() if v.published]
            reference = max(published, default="latest_published")
        if str(reference).isdigit() and int(reference) in self.versions:
            return self.versions[int(reference)]
        raise Refusal(404, f"Version {reference} of {self.id} not found")

    def draft(self, reference: str | None) -> Version:
        """Give the version that a PATCH means: the latest draft; the caller refuses a published one in its own words."""
        version = self.version(reference)
        if not version.published and version is not self.latest:
            raise Refusal(400, f"Only the latest draft can be updated, version {self.latest.number}")
        return version

    def agent_answer(self, version: Version) -> dict[str, Any]:
        return {**TABLES["agent_defaults"], **version.fields, "agent_id": self.id, "channel": "voice", **version.told()}

    def summary(self) -> dict[str, Any]:
        """Give a list's item of an agent: no webhook_url, no response_engine (§2)."""
        return {
            "agent_id": self.id, "agent_name": self.latest.fields.get("agent_name"), "channel": "voice",
            "is_suspended": False, "tags": {}, "user_modified_timestamp": self.latest.modified_ms,
        }  # fmt: skip

    def llm_answer(self, version: Version) -> dict[str, Any]:
        """Give an LLM with the server's defaults (§10.11)."""
        fields = {**TABLES["llm_defaults"], **version.fields}
        config = {"temperature": 0, **fields["model_config"]}
        if "backup" in config:
            config["backup"] = {"kick_in_timeout_ms": 1500, **config["backup"]}
        result = {**fields, "model_config": config, "llm_id": self.id, **version.told()}
        if "general_tools" in fields:
            defaults = TABLES["tool_defaults"]
            result["general_tools"] = [{**defaults.get(tool["type"], {}), **tool} for tool in fields["general_tools"]]
        return result


@dataclass(slots=True)
class Number:
    born: datetime
    modified_ms: int
    fields: dict[str, Any]

    def answer(self) -> dict[str, Any]:
        """Give a number; the password of its trunk is never told (§4)."""
        told = {name: value for name, value in self.fields.items() if name != "auth_password"}
        trunk = {
            name: told.pop(name) for name in ("termination_uri", "auth_username", "transport", "codecs") if name in told
        }
        return {
            **told, "phone_number_pretty": self.fields["phone_number"], "phone_number_type": "custom",
            "last_modification_timestamp": self.modified_ms, "sip_outbound_trunk_config": trunk,
        }  # fmt: skip


@dataclass(slots=True)
class Workspace:
    """Everything behind one API key."""

    agents: dict[str, Versioned] = field(default_factory=dict)
    llms: dict[str, Versioned] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)

    def paired(self, engine: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Give the response engine of an agent's version: the LLM's version has to be of the same number (§2.1.3)."""
        if found(self.llms, engine["llm_id"]).version(engine.get("version")).number != number:
            raise Refusal(400, MISPAIRED)
        return {**engine, "version": number}

    def llm_of(self, version: Version) -> tuple[Versioned, Version]:
        """Give an agent's LLM, which nobody can delete meanwhile, and the version paired with the agent's."""
        engine = version.fields["response_engine"]
        llm = self.llms[engine["llm_id"]]
        return llm, llm.versions[engine["version"]]

    def users_of(self, llm_id: str) -> list[str]:
        return [
            agent.id for agent in self.agents.values()
            if any(v.fields["response_engine"]["llm_id"] == llm_id for v in agent.versions.values())
        ]  # fmt: skip

    def fork(self, agent: Versioned, base: Version, now_ms: int) -> Version:
        """Open a draft from `base`, and one of its LLM with the same id and the next number (§2.1.2)."""
        number = agent.latest.number + 1
        llm, paired = self.llm_of(base)
        if llm.latest.number >= number:  # another agent's draft: this one's would be paired with what it does not own
            raise Refusal(400, MISPAIRED)
        llm.versions[number] = Version(number, paired.fields, now_ms, base=paired.number)
        titles = {"version_title": None, "version_description": None}
        engine = {"response_engine": {**base.fields["response_engine"], "version": number}}
        agent.versions[number] = Version(number, merged(base.fields, titles | engine), now_ms, base=base.number)
        return agent.versions[number]

    def check_agents(self, fields: Mapping[str, Any]) -> None:
        """Check bindings: weights sum to 1 (null unbinds, an empty list does not), the agents and their versions exist."""
        for name in ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents"):
            bound = fields.get(name)
            if bound is not None and abs(sum(item["weight"] for item in bound) - 1) > 1e-6:
                raise Refusal(400, f"/{name} weights must sum to 1")
            for item in bound or ():
                found(self.agents, item["agent_id"]).version(item.get("agent_version"))

    def answering(self, number: str) -> AnsweringAgent | None:
        """Give who answers a number: picked by weight, the version resolved now; None: the call is declined.

        Without a version it is the latest one, an unpublished draft included (§2.1.7).
        """
        bound = self.numbers[number].fields.get("inbound_agents")
        if not bound:
            return None
        picked = random.choices(bound, [item["weight"] for item in bound])[0]
        agent = self.agents.get(picked["agent_id"])
        if agent is None:  # deleted since: nothing says that a number loses its binding (§2)
            return None
        version = agent.version(picked.get("agent_version"))
        llm, paired = self.llm_of(version)
        return AnsweringAgent(agent.id, version.number, agent.agent_answer(version), llm.llm_answer(paired))
