"""Retell's management API, as far as the operator uses it (`docs/vendors/retell.md`). Bodies are Retell's own JSON objects."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from askproai_core.providers import MAX_PAGE_BYTES, Json
from askproai_operator.providers.provider_api import ProviderApi


@dataclass(frozen=True, slots=True)
class RetellClient:
    """A client for one Retell workspace. `get_…` returns None for a missing object; `delete_…` counts it as deleted."""

    api: ProviderApi

    # agents
    async def list_agents(self, query: str) -> list[Json]:
        """Return summaries of the voice agents whose name or id contains `query`. The list may lag behind."""
        criteria = {"channel": {"type": "string", "op": "eq", "value": "voice"}, "query": query}
        return await self._list("POST", "/v2/list-agents", json={"filter_criteria": criteria})

    async def get_agent(self, agent_id: str, version: int | None = None) -> Json | None:
        """Return one version of an agent; without `version`, the latest, which may be a draft."""
        return await self._get("get-agent", agent_id, version)

    async def list_agent_versions(self, agent_id: str) -> list[Json]:
        return await self._list("GET", f"/list-agent-versions/{_part(agent_id)}")

    async def create_agent(self, body: Json) -> Json:
        return await self._write("POST", "create-agent", body)

    async def fork_agent(self, agent_id: str, base_version: int) -> Json:
        """Create a draft of the agent and of its LLM: a published version can only be changed through a draft."""
        return await self._write("POST", "create-agent-version", {"base_version": base_version}, agent_id)

    async def update_agent(self, agent_id: str, version: int, fields: Json) -> Json:
        return await self._write("PATCH", "update-agent", fields, agent_id, version)

    async def publish_agent(self, agent_id: str, version: int) -> None:
        await self._write("POST", "publish-agent-version", {"version": version}, agent_id)

    async def delete_agent(self, agent_id: str) -> None:
        await self.api.delete("delete-agent", f"/delete-agent/{_part(agent_id)}")

    # LLMs
    async def list_llms(self) -> list[Json]:
        return await self._list("GET", "/v2/list-retell-llms")

    async def get_llm(self, llm_id: str, version: int | None = None) -> Json | None:
        return await self._get("get-retell-llm", llm_id, version)

    async def create_llm(self, body: Json) -> Json:
        return await self._write("POST", "create-retell-llm", body)

    async def update_llm(self, llm_id: str, version: int, fields: Json) -> Json:
        return await self._write("PATCH", "update-retell-llm", fields, llm_id, version)

    async def delete_llm(self, llm_id: str) -> None:
        """Delete an LLM. Retell refuses with 400 while an agent uses it; we never force it: that protects a shared LLM."""
        await self.api.delete("delete-retell-llm", f"/delete-retell-llm/{_part(llm_id)}")

    # numbers
    async def list_numbers(self) -> list[Json]:
        return await self._list("GET", "/v2/list-phone-numbers")

    async def get_number(self, number: str) -> Json | None:
        return await self._get("get-phone-number", number)

    async def import_number(self, body: Json) -> Json:
        return await self._write("POST", "import-phone-number", body)

    async def update_number(self, number: str, fields: Json) -> None:
        """Set the agents that answer a number (`inbound_agents`) or its webhook (`inbound_webhook_url`); None clears a field."""
        await self._write("PATCH", "update-phone-number", fields, number)

    async def _get(self, operation: str, object_id: str, version: int | None = None) -> Json | None:
        return await self.api.read_optional(operation, f"/{operation}/{_part(object_id)}", params=_version(version))

    async def _write(
        self, method: str, operation: str, body: Json, object_id: str = "", version: int | None = None
    ) -> Json:
        path = f"/{operation}/{_part(object_id)}" if object_id else f"/{operation}"
        return await self.api.write(operation, method, path, params=_version(version), json=body)

    async def _list(self, method: str, path: str, **content: Any) -> list[Json]:
        operation = path.removeprefix("/v2").split("/")[1]
        items: list[Json] = []
        params: dict[str, str] = {}
        while True:
            page = await self.api.read(operation, method, path, params=params, limit=MAX_PAGE_BYTES, **content)
            items += page.get("items") or []
            next_key = page.get("pagination_key")
            if not page.get("has_more") or not next_key or next_key == params.get("pagination_key"):
                return items
            params = {"pagination_key": str(next_key)}


def _version(version: int | None) -> dict[str, int]:
    return {} if version is None else {"version": version}


def _part(value: str) -> str:
    """Return `value` as one segment of a URL path; the `+` of a number becomes %2B."""
    return quote(value, safe="")
