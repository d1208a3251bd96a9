"""What one Retell workspace holds: agents and LLMs with their versions, numbers, calls (reference §2.1)."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from askproai_sandbox.retell.fields import TABLES
from askproai_sandbox.retell.llm_rules import with_defaults
from askproai_sandbox.simulator import Refusal


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass(slots=True)
class Version:
    """One version of an agent or of an LLM; a published one never changes again."""

    number: int
    fields: dict[str, Any]
    modified_ms: int
    published: bool = False
    base: int | None = None


@dataclass(slots=True)
class Versioned:
    """An agent or an LLM."""

    id: str
    born: datetime
    versions: dict[int, Version]
    tags: dict[str, int | None] = field(default_factory=dict)

    @property
    def latest(self) -> Version:
        return self.versions[max(self.versions)]

    def version(self, reference: str | int | None) -> Version:
        """Resolve a version: number, tag, `latest` (drafts included), `latest_published`; absent means latest (§2.1.7)."""
        if reference is None or reference == "latest":
            return self.latest
        if reference == "latest_published":
            published = [v for v in self.versions.values() if v.published]
            if not published:
                raise Refusal(404, f"{self.id} has no published version")
            return max(published, key=lambda v: v.number)
        if str(reference) in self.tags:  # an existing but unassigned tag resolves to latest
            assigned = self.tags[str(reference)]
            return self.latest if assigned is None else self.versions[assigned]
        if str(reference).isdigit() and int(reference) in self.versions:
            return self.versions[int(reference)]
        raise Refusal(404, f"Version {reference} of {self.id} not found")

    def agent_answer(self, version: Version) -> dict[str, Any]:
        return {
            **TABLES["agent_defaults"], **version.fields, "agent_id": self.id, "channel": "voice",
            "version": version.number, "is_published": version.published,
            "last_modification_timestamp": version.modified_ms,
            "assigned_tags": [name for name, assigned in self.tags.items() if assigned == version.number],
            **({} if version.base is None else {"base_version": version.base}),
        }  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Give a list's item of an agent: no webhook_url, no response_engine (§2)."""
        fields = self.latest.fields
        return {
            "agent_id": self.id, "agent_name": fields.get("agent_name"), "channel": "voice", "is_suspended": False,
            "is_transfer_agent": fields.get("is_transfer_agent", False),
            "tags": {name: {} if at is None else {"version": at} for name, at in self.tags.items()},
            "user_modified_timestamp": self.latest.modified_ms,
        }  # fmt: skip

    def llm_answer(self, version: Version) -> dict[str, Any]:
        return {
            **with_defaults(version.fields), "llm_id": self.id, "version": version.number,
            "is_published": version.published, "last_modification_timestamp": version.modified_ms,
        }  # fmt: skip


_TRUNK = {"termination_uri", "auth_username", "auth_password", "transport", "codecs"}
_AGENT_LISTS = ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents")


@dataclass(slots=True)
class Number:
    born: datetime
    modified_ms: int
    fields: dict[str, Any]

    def answer(self) -> dict[str, Any]:
        """Give a number; the password of its trunk is never told (§4)."""
        trunk = {name: v for name, v in self.fields.items() if name in _TRUNK and name != "auth_password"}
        return {
            **{name: value for name, value in self.fields.items() if name not in _TRUNK},
            "phone_number_pretty": self.fields["phone_number"], "phone_number_type": "custom",
            "last_modification_timestamp": self.modified_ms, "sip_outbound_trunk_config": trunk,
        }  # fmt: skip


@dataclass(slots=True)
class Workspace:
    """Everything behind one API key."""

    key: str
    agents: dict[str, Versioned] = field(default_factory=dict)
    llms: dict[str, Versioned] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def agent(self, agent_id: str) -> Versioned:
        if agent_id not in self.agents:
            raise Refusal(404, f"Item {agent_id} not found from agent")
        return self.agents[agent_id]

    def llm(self, llm_id: str) -> Versioned:
        if llm_id not in self.llms:
            raise Refusal(404, f"Item {llm_id} not found from retell-llm")
        return self.llms[llm_id]

    def number(self, phone_number: str) -> Number:
        if phone_number not in self.numbers:
            raise Refusal(404, f"Item {phone_number} not found from phone-number")
        return self.numbers[phone_number]

    def llm_version_of(self, version: Version) -> Version | None:
        """Give the paired version of the LLM; None when somebody force-deleted it."""
        engine = version.fields["response_engine"]
        llm = self.llms.get(engine["llm_id"])
        return llm.versions.get(engine["version"]) if llm else None

    def users_of(self, llm_id: str) -> list[str]:
        return [
            agent.id for agent in self.agents.values()
            if any(v.fields["response_engine"]["llm_id"] == llm_id for v in agent.versions.values())
        ]  # fmt: skip

    def fork(self, agent: Versioned, base: Version, now_ms: int) -> Version:
        """Open a draft from `base`, and one of its LLM with the same id and the next number (§2.1.2)."""
        number = agent.latest.number + 1
        engine = {**base.fields["response_engine"], "version": number}
        fields = {**base.fields, "response_engine": engine}
        for title in ("version_title", "version_description"):
            fields.pop(title, None)
        paired, llm = self.llm_version_of(base), self.llms.get(engine["llm_id"])
        if paired and llm and number not in llm.versions:
            llm.versions[number] = replace(
                paired, number=number, published=False, base=paired.number, modified_ms=now_ms
            )
        draft = Version(number, fields, now_ms, base=base.number)
        agent.versions[number] = draft
        return draft

    def check_agents(self, fields: dict[str, Any]) -> None:
        """Check bindings: weights sum to 1, the agents and their versions exist."""
        for name in _AGENT_LISTS:
            bound = fields.get(name) or []
            if bound and abs(sum(item["weight"] for item in bound) - 1) > 1e-6:
                raise Refusal(400, f"/{name} weights must sum to 1")
            for item in bound:
                self.agent(item["agent_id"]).version(item.get("agent_version"))

    def publish(self, version: Version, now_ms: int) -> None:
        for each in (version, self.llm_version_of(version)):
            if each is not None:
                each.published, each.modified_ms = True, now_ms
