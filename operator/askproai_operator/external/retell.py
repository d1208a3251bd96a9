"""Retell's management API, as far as we use it (`reference/retell.md` §2–4). Bodies are plain JSON: unknown keys pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from askproai_operator.external.http import Api, Json


@dataclass(frozen=True, slots=True)
class RetellClient:
    """One Retell workspace. A `get_` gives None for what is not there, a `delete_` takes that as done."""

    api: Api

    # agents
    async def list_agents(self, query: str) -> list[Json]:
        """Give summaries of the voice agents whose name or id contains `query`; the list may lag behind."""
        body = {"filter_criteria": {"channel": {"type": "string", "op": "eq", "value": "voice"}, "query": query}}
        return await self._pages("list-agents", "POST", "/v2/list-agents", body)

    async def get_agent(self, agent_id: str, version: int | None = None) -> Json | None:
        """Give one version of an agent; without `version` the latest, which may be a draft."""
        return await self._get("get-agent", f"/get-agent/{_part(agent_id)}", version)

    async def agent_versions(self, agent_id: str) -> list[Json]:
        return await self._pages("list-agent-versions", "GET", f"/list-agent-versions/{_part(agent_id)}")

    async def create_agent(self, body: Json) -> Json:
        return _body(await self.api.write("create-agent", "POST", "/create-agent", json=body))

    async def fork_agent(self, agent_id: str, base_version: int) -> Json:
        """Open a draft of the agent and of its LLM: the only way to change what was published."""
        path = f"/create-agent-version/{_part(agent_id)}"
        return _body(await self.api.write("create-agent-version", "POST", path, json={"base_version": base_version}))

    async def update_agent(self, agent_id: str, version: int, fields: Mapping[str, Any]) -> Json:
        path = f"/update-agent/{_part(agent_id)}"
        return _body(
            await self.api.write("update-agent", "PATCH", path, params={"version": version}, json=dict(fields))
        )

    async def publish_agent(self, agent_id: str, version: int) -> None:
        path = f"/publish-agent-version/{_part(agent_id)}"
        await self.api.write("publish-agent-version", "POST", path, json={"version": version})

    async def delete_agent(self, agent_id: str) -> None:
        await self.api.delete("delete-agent", f"/delete-agent/{_part(agent_id)}")

    # LLMs
    async def list_llms(self) -> list[Json]:
        return await self._pages("list-retell-llms", "GET", "/v2/list-retell-llms")

    async def get_llm(self, llm_id: str, version: int | None = None) -> Json | None:
        return await self._get("get-retell-llm", f"/get-retell-llm/{_part(llm_id)}", version)

    async def create_llm(self, body: Json) -> Json:
        return _body(await self.api.write("create-retell-llm", "POST", "/create-retell-llm", json=body))

    async def update_llm(self, llm_id: str, version: int, fields: Mapping[str, Any]) -> Json:
        path = f"/update-retell-llm/{_part(llm_id)}"
        params = {"version": version}
        return _body(await self.api.write("update-retell-llm", "PATCH", path, params=params, json=dict(fields)))

    async def delete_llm(self, llm_id: str) -> None:
        """Delete an LLM. Refused with 400 while an agent uses it; never forced, because that guards a shared one."""
        await self.api.delete("delete-retell-llm", f"/delete-retell-llm/{_part(llm_id)}")

    # numbers
    async def list_numbers(self) -> list[Json]:
        return await self._pages("list-phone-numbers", "GET", "/v2/list-phone-numbers")

    async def get_number(self, number: str) -> Json | None:
        return await self._get("get-phone-number", f"/get-phone-number/{_part(number)}", None)

    async def import_number(self, body: Json) -> Json:
        return _body(await self.api.write("import-phone-number", "POST", "/import-phone-number", json=body))

    async def bind_number(self, number: str, inbound_agents: list[Json] | None) -> None:
        """Say which agents answer; `None` unbinds."""
        path = f"/update-phone-number/{_part(number)}"
        await self.api.write("update-phone-number", "PATCH", path, json={"inbound_agents": inbound_agents})

    async def _get(self, operation: str, path: str, version: int | None) -> Json | None:
        params = {} if version is None else {"version": version}
        found = await self.api.read_one(operation, path, params=params)
        return found if isinstance(found, dict) else None

    async def _pages(self, operation: str, method: str, path: str, body: Json | None = None) -> list[Json]:
        items: list[Json] = []
        params: dict[str, str] = {}
        while True:
            request: Json = {"params": params} if body is None else {"params": params, "json": body}
            page = await self.api.read(operation, method, path, **request)
            if isinstance(page, list):  # the old unversioned shape
                return items + page
            page = _body(page)
            items += page.get("items") or []
            next_key = page.get("pagination_key")
            if not page.get("has_more") or not next_key or next_key == params.get("pagination_key"):
                return items
            params = {"pagination_key": str(next_key)}


def _part(value: str) -> str:
    return quote(value, safe="")  # the `+` of a number travels as %2B


def _body(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
