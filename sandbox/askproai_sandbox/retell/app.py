"""Retell's HTTP API: one handler for each operation that we use, by the rules of docs/vendors/retell.md."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from askproai_core.clock import Clock
from askproai_sandbox.retell import calls
from askproai_sandbox.retell.fields import TABLES, body_type, checked
from askproai_sandbox.retell.workspace import (
    Number,
    Version,
    VersionedObject,
    Workspace,
    apply_patch,
    find,
    new_id,
    page_of,
)
from askproai_sandbox.simulator import Refusal, Simulator, json_body, unix_milliseconds

_CREATE_AGENT = body_type("agent", "response_engine", "voice_id", is_transfer_agent="flag")
_UPDATE_AGENT = body_type("agent")
_CREATE_LLM = body_type("llm", "start_speaker", is_transfer_llm="flag")
_UPDATE_LLM = body_type("llm")
_IMPORT_NUMBER, _UPDATE_NUMBER = body_type("number_import"), body_type("number_update")
_PUBLISH, _FORK, _LIST_AGENTS = body_type("publish"), body_type("fork"), body_type("list_agents")
WorkspaceHandler = Callable[[web.Request, Workspace], Awaitable[web.StreamResponse]]


def _page(request: web.Request, items: Iterable[dict[str, Any]], key: str) -> web.Response:
    """Return a page of a list answer, newest item first. `items` are in order of creation. Other orders are not simulated."""
    limit = request.query.get("limit", "50")
    if request.query.keys() - {"limit", "pagination_key"} or not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise Refusal(422, "request/query takes limit (1 to 1000) and pagination_key")
    return web.json_response(page_of(list(items)[::-1], key, int(limit), request.query.get("pagination_key")))


class RetellSimulator(Simulator):
    """Retell's management API, and the telephone line behind it: `POST /_sim/calls`, or sentence by sentence `GET /_sim/calls`."""

    defaults = {  # noqa: RUF012 - the base takes a copy
        "webhook_retry_delay_ms": 500.0,
        "webhook_copies": 1.0,  # 0: events of calls are lost, 2: each is sent twice
        "webhook_batch": 1.0,  # 3: three events of a call wait for each other, and the newest is sent first
        "analysis_delay_ms": 50.0,
        "any_key": 1.0,  # 0: only keys of workspaces that exist, so a mistyped one is refused (`POST /_sim/workspaces`)
    }

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.workspaces: dict[str, Workspace] = {}
        for method, path, operation, handler in (
            ("POST", "/create-agent", "create-agent", self._create_agent),
            ("GET", "/get-agent/{id}", "get-agent", self._get_agent),
            ("POST", "/v2/list-agents", "list-agents", self._list_agents),
            ("PATCH", "/update-agent/{id}", "update-agent", self._update_agent),
            ("DELETE", "/delete-agent/{id}", "delete-agent", self._delete_agent),
            ("GET", "/list-agent-versions/{id}", "list-agent-versions", self._list_versions),
            ("POST", "/create-agent-version/{id}", "create-agent-version", self._create_version),
            ("POST", "/publish-agent-version/{id}", "publish-agent-version", self._publish),
            ("POST", "/create-retell-llm", "create-llm", self._create_llm),
            ("GET", "/get-retell-llm/{id}", "get-llm", self._get_llm),
            ("GET", "/v2/list-retell-llms", "list-llms", self._list_llms),
            ("PATCH", "/update-retell-llm/{id}", "update-llm", self._update_llm),
            ("DELETE", "/delete-retell-llm/{id}", "delete-llm", self._delete_llm),
            ("POST", "/import-phone-number", "import-number", self._import_number),
            ("GET", "/get-phone-number/{id}", "get-number", self._get_number),
            ("GET", "/v2/list-phone-numbers", "list-numbers", self._list_numbers),
            ("PATCH", "/update-phone-number/{id}", "update-number", self._update_number),
            ("DELETE", "/delete-phone-number/{id}", "delete-number", self._delete_number),
            ("GET", "/v2/get-call/{id}", "get-call", calls.get_call),
            ("DELETE", "/v2/delete-call/{id}", "delete-call", calls.delete_call),
            ("POST", "/v3/list-calls", "list-calls", self._list_calls),
        ):
            self.route(method, path, operation, self._authenticated(handler))
        self.controls["calls"] = self._play_call
        self.sockets["calls"] = self._talk
        self.controls["workspaces"] = self._create_workspace

    def _authenticated(self, handler: WorkspaceHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that first finds the workspace of the request's key. With `any_key`, every `key_…` has one."""

        async def with_workspace(request: web.Request) -> web.StreamResponse:
            match = re.fullmatch(r"Bearer (key_\S+)", request.headers.get("Authorization", ""))
            if not match or (match[1] not in self.workspaces and not self.settings["any_key"]):
                raise Refusal(401, "Invalid API Key")
            return await handler(request, self.workspaces.setdefault(match[1], Workspace()))

        return with_workspace

    def render(self, refusal: Refusal, _request: web.Request) -> web.Response:
        return web.json_response({"status": "error", "message": refusal.message}, status=refusal.status)

    def dump(self) -> dict[str, Any]:
        def versions(versioned: VersionedObject) -> list[dict[str, Any]]:
            return [{**v.metadata(), **v.fields} for v in versioned.versions.values()]

        return {"workspaces": {key: {
            "agents": {agent.id: versions(agent) for agent in w.agents.values()},
            "llms": {llm.id: versions(llm) for llm in w.llms.values()},
            "numbers": {name: number.body() for name, number in w.numbers.items()},
            "calls": {name: call.fields for name, call in w.calls.items() if call.fields},
        } for key, w in self.workspaces.items()}}  # fmt: skip

    def _listed(self, request: web.Request, items: Mapping[str, Any]) -> list[Any]:
        """Return the items of a list answer. If the fault of a lagging list is active, items created since are missing."""
        pairs = self.faults.visible(
            self.operation(request), items.items(), lambda pair: (pair[0], pair[1].created), self.clock.now()
        )
        return [item for _, item in pairs]

    def _new(self, prefix: str, fields: dict[str, Any]) -> VersionedObject:
        draft = Version(0, fields, unix_milliseconds(self.clock))
        return VersionedObject(new_id(prefix), self.clock.now(), {0: draft})

    def _change(self, item: Version | Number, changes: Mapping[str, Any]) -> None:
        item.fields, item.modified_ms = apply_patch(item.fields, changes), unix_milliseconds(self.clock)

    # Agents

    async def _create_agent(self, request: web.Request, w: Workspace) -> web.Response:
        fields = apply_patch({}, checked(_CREATE_AGENT, await json_body(request)))
        fields["response_engine"] = w.pair_engine(fields["response_engine"], 0)
        agent = self._new("agent", fields)
        w.agents[agent.id] = agent
        return web.json_response(agent.agent_body(agent.latest), status=201)

    async def _get_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = find(w.agents, request.match_info["id"])
        return web.json_response(agent.agent_body(agent.version(request.query.get("version"))))

    async def _list_agents(self, request: web.Request, w: Workspace) -> web.Response:
        criteria = checked(_LIST_AGENTS, await json_body(request)).get("filter_criteria", {})
        query, channel = criteria.get("query", "").casefold(), criteria.get("channel", {}).get("value", "voice")
        rows = [agent.summary() for agent in self._listed(request, w.agents)]
        rows = [r for r in rows if query in (r["agent_name"] or "").casefold() or query in r["agent_id"].casefold()]
        return _page(request, [row for row in rows if row["channel"] == channel], "agent_id")

    async def _update_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = find(w.agents, request.match_info["id"])
        changes = checked(_UPDATE_AGENT, await json_body(request))
        version = agent.version_to_update(request.query.get("version"))
        if version.published and changes.keys() - {"version_title"}:
            raise Refusal(422, "Cannot update published agent other than version title")
        if engine := changes.get("response_engine"):
            if len(agent.versions) > 1:
                raise Refusal(400, "Cannot update response engine after agent versions have been created")
            changes = {**changes, "response_engine": w.pair_engine(engine, version.number)}
        self._change(version, changes)
        return web.json_response(agent.agent_body(version))

    async def _delete_agent(self, request: web.Request, w: Workspace) -> web.Response:
        """Delete an agent with all versions. Numbers keep their bindings to it: Retell does not document that they lose them."""
        del w.agents[find(w.agents, request.match_info["id"]).id]
        return web.Response(status=204)

    async def _list_versions(self, request: web.Request, w: Workspace) -> web.Response:
        titles = ("version_title", "version_description")
        rows = [
            {**v.agent_metadata(), **{name: v.fields[name] for name in titles if name in v.fields}}
            for v in find(w.agents, request.match_info["id"]).versions.values()
        ]
        return _page(request, rows, "version")

    async def _create_version(self, request: web.Request, w: Workspace) -> web.Response:
        body = checked(_FORK, await json_body(request))
        agent = find(w.agents, request.match_info["id"])
        draft = w.fork(agent, agent.version(body["base_version"]), unix_milliseconds(self.clock))
        return web.json_response(agent.agent_body(draft), status=201)

    async def _publish(self, request: web.Request, w: Workspace) -> web.Response:
        """Change a version as the body says, and publish it with its LLM's version. No draft is created; the response is empty."""
        body = checked(_PUBLISH, await json_body(request))
        version = find(w.agents, request.match_info["id"]).version(body.pop("version"))
        if version.published:
            raise Refusal(400, f"Version {version.number} is already published")
        self._change(version, body)
        for draft in (version, w.llm_of(version)[1]):
            draft.published, draft.modified_ms = True, unix_milliseconds(self.clock)
        return web.Response(status=200)

    # LLMs

    async def _create_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = self._new("llm", _llm_fields(_CREATE_LLM, {}, await json_body(request)))
        w.llms[llm.id] = llm
        return web.json_response(llm.llm_body(llm.latest), status=201)

    async def _get_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = find(w.llms, request.match_info["id"])
        return web.json_response(llm.llm_body(llm.version(request.query.get("version"))))

    async def _list_llms(self, request: web.Request, w: Workspace) -> web.Response:
        return _page(request, [llm.llm_body(llm.latest) for llm in self._listed(request, w.llms)], "llm_id")

    async def _update_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = find(w.llms, request.match_info["id"])
        version = llm.version_to_update(request.query.get("version"))
        if version.published:
            raise Refusal(400, "Cannot update published LLM")
        version.fields = _llm_fields(_UPDATE_LLM, version.fields, await json_body(request))
        version.modified_ms = unix_milliseconds(self.clock)
        return web.json_response(llm.llm_body(version))

    async def _delete_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = find(w.llms, request.match_info["id"])
        # Stricter than Retell, where force_delete overrides this; we must never send it.
        if users := w.users_of(llm.id):
            raise Refusal(400, f"Cannot delete retell-llm that is used by agents: {', '.join(users)}")
        del w.llms[llm.id]
        return web.Response(status=204)

    # Numbers

    async def _import_number(self, request: web.Request, w: Workspace) -> web.Response:
        fields = apply_patch(TABLES["number_defaults"], checked(_IMPORT_NUMBER, await json_body(request)))
        w.check_agents(fields)
        if fields["phone_number"] in w.numbers:
            raise Refusal(400, f"Phone number {fields['phone_number']} already exists")
        fields = {name.removeprefix("sip_trunk_"): value for name, value in fields.items()}
        number = Number(self.clock.now(), unix_milliseconds(self.clock), fields)
        w.numbers[fields["phone_number"]] = number
        return web.json_response(number.body(), status=201)

    async def _get_number(self, request: web.Request, w: Workspace) -> web.Response:
        return web.json_response(find(w.numbers, request.match_info["id"]).body())

    async def _list_numbers(self, request: web.Request, w: Workspace) -> web.Response:
        return _page(request, [number.body() for number in self._listed(request, w.numbers)], "phone_number")

    async def _update_number(self, request: web.Request, w: Workspace) -> web.Response:
        number = find(w.numbers, request.match_info["id"])
        changes = checked(_UPDATE_NUMBER, await json_body(request))
        w.check_agents(changes)
        self._change(number, changes)
        return web.json_response(number.body())

    async def _delete_number(self, request: web.Request, w: Workspace) -> web.Response:
        del w.numbers[find(w.numbers, request.match_info["id"]).fields["phone_number"]]
        return web.Response(status=204)

    async def _create_workspace(self, body: dict[str, Any]) -> web.Response:
        """Create a workspace `{key}`, or add a further key to an existing one: `{key, of}`, where `of` is a key of that
        workspace.

        `webhook_url` sets the account's webhook. `"signs": true` moves the webhook badge to the key, even in an existing
        workspace; until then a further key signs nothing.
        """
        key = body["key"]
        if not re.fullmatch(r"key_\S+", key):
            raise ValueError("a key of Retell begins with key_")
        workspace = self.workspaces.setdefault(key, self.workspaces[body["of"]] if "of" in body else Workspace())
        workspace.webhook_url = body.get("webhook_url", workspace.webhook_url)
        if body.get("signs"):
            workspace.webhook_key = key
        return web.json_response({"keys": list(self.workspaces)}, status=201)

    # Calls

    async def _list_calls(self, request: web.Request, w: Workspace) -> web.Response:
        return await calls.list_calls(request, self._listed(request, w.calls))

    async def _play_call(self, body: dict[str, Any]) -> web.Response:
        return await calls.play(self, self.workspaces, body)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        return await calls.talk(self, self.workspaces, request)


def _llm_fields(body_type: Any, fields: Mapping[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return an LLM's fields after a change. Raises Refusal if the change or the resulting combination of fields is invalid."""
    result = apply_patch(fields, checked(body_type, body))
    names = [tool["name"] for tool in result.get("general_tools", ())]
    if len(names) != len(set(names)):
        raise Refusal(422, "request/body/general_tools names must be unique across tools and edges")
    if "primary" not in result.get("model_config", {"primary": None}):
        raise Refusal(422, "request/body/model_config must have required property 'primary'")
    return result
