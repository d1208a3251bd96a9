"""The HTTP face of the Retell simulator: one handler per operation of the reference."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from askproai_sandbox.caller import CallRequest, Conversation, PhoneLine
from askproai_sandbox.retell.fields import TABLES, checked, table
from askproai_sandbox.retell.signing import signature
from askproai_sandbox.retell.workspace import Number, Version, Versioned, Workspace, found, merged, new_id
from askproai_sandbox.simulator import Clock, Refusal, Simulator, json_body, unix_milliseconds

_CREATE_AGENT = table("agent", "response_engine", "voice_id", is_transfer_agent="flag")
_UPDATE_AGENT = table("agent")
_CREATE_LLM = table("llm", "start_speaker", is_transfer_llm="flag")
_UPDATE_LLM = table("llm")
_IMPORT_NUMBER, _UPDATE_NUMBER = table("number_import"), table("number_update")
_PUBLISH, _FORK, _LIST_AGENTS = table("publish"), table("fork"), table("list_agents")
Work = Callable[[web.Request, Workspace], Awaitable[web.StreamResponse]]


def _page(request: web.Request, answers: Iterable[dict[str, Any]], key: str) -> web.Response:
    """Give one page, newest first, of answers that come oldest first (§1). Another order is not simulated."""
    limit = request.query.get("limit", "50")
    if request.query.keys() - {"limit", "pagination_key"} or not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise Refusal(422, "request/query takes limit (1 to 1000) and pagination_key")
    rows = list(answers)[::-1]
    if after := request.query.get("pagination_key"):
        position = next((i for i, row in enumerate(rows) if str(row[key]) == after), None)
        if position is None:
            raise Refusal(400, "pagination_key is unknown")
        rows = rows[position + 1 :]
    page, more = rows[: int(limit)], len(rows) > int(limit)
    next_page = {"pagination_key": str(page[-1][key])} if more else {}
    return web.json_response({"items": page, "has_more": more, **next_page})


class RetellSimulator(Simulator):
    """Retell's management API, and the telephone line behind it (`POST /_sim/calls`)."""

    defaults = {"webhook_retry_delay_ms": 500.0, "analysis_delay_ms": 50.0}  # noqa: RUF012 - the base takes a copy

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.workspaces: dict[str, Workspace] = {}
        for method, path, operation, work in (
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
        ):
            self.route(method, path, operation, self._inside(work))
        self.controls["calls"] = self._call

    def _inside(self, work: Work) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Find the workspace of the key first; any `key_…` is one."""

        async def handler(request: web.Request) -> web.StreamResponse:
            match = re.fullmatch(r"Bearer (key_\S+)", request.headers.get("Authorization", ""))
            if not match:
                raise Refusal(401, "Invalid API Key")
            return await work(request, self.workspaces.setdefault(match[1], Workspace()))

        return handler

    def render(self, refusal: Refusal, _request: web.Request) -> web.Response:
        return web.json_response({"status": "error", "message": refusal.message}, status=refusal.status)

    def dump(self) -> dict[str, Any]:
        def versions(thing: Versioned) -> list[dict[str, Any]]:
            return [{**v.told(), **v.fields} for v in thing.versions.values()]

        return {"workspaces": {key: {
            "agents": {agent.id: versions(agent) for agent in w.agents.values()},
            "llms": {llm.id: versions(llm) for llm in w.llms.values()},
            "numbers": {name: number.answer() for name, number in w.numbers.items()},
        } for key, w in self.workspaces.items()}}  # fmt: skip

    def _seen(self, request: web.Request, things: Mapping[str, Any]) -> list[Any]:
        """Give what a list shows now (it may lag)."""
        pairs = self.faults.visible(
            self.operation(request), things.items(), lambda pair: (pair[0], pair[1].born), self.clock.now()
        )
        return [thing for _, thing in pairs]

    def _new(self, prefix: str, fields: dict[str, Any]) -> Versioned:
        return Versioned(new_id(prefix), self.clock.now(), {0: Version(0, fields, unix_milliseconds(self.clock))})

    def _change(self, thing: Version | Number, changes: Mapping[str, Any]) -> None:
        thing.fields, thing.modified_ms = merged(thing.fields, changes), unix_milliseconds(self.clock)

    # Agents

    async def _create_agent(self, request: web.Request, w: Workspace) -> web.Response:
        fields = merged({}, checked(_CREATE_AGENT, await json_body(request)))
        fields["response_engine"] = w.paired(fields["response_engine"], 0)
        agent = self._new("agent", fields)
        w.agents[agent.id] = agent
        return web.json_response(agent.agent_answer(agent.latest), status=201)

    async def _get_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = found(w.agents, request.match_info["id"])
        return web.json_response(agent.agent_answer(agent.version(request.query.get("version"))))

    async def _list_agents(self, request: web.Request, w: Workspace) -> web.Response:
        wanted = checked(_LIST_AGENTS, await json_body(request)).get("filter_criteria", {})
        query, channel = wanted.get("query", "").casefold(), wanted.get("channel", {}).get("value", "voice")
        rows = [agent.summary() for agent in self._seen(request, w.agents)]
        rows = [r for r in rows if query in (r["agent_name"] or "").casefold() or query in r["agent_id"].casefold()]
        return _page(request, [row for row in rows if row["channel"] == channel], "agent_id")

    async def _update_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = found(w.agents, request.match_info["id"])
        changes = checked(_UPDATE_AGENT, await json_body(request))
        version = agent.draft(request.query.get("version"))
        if version.published and changes.keys() - {"version_title"}:
            raise Refusal(422, "Cannot update published agent other than version title")
        if engine := changes.get("response_engine"):
            if len(agent.versions) > 1:
                raise Refusal(400, "Cannot update response engine after agent versions have been created")
            changes = {**changes, "response_engine": w.paired(engine, version.number)}
        self._change(version, changes)
        return web.json_response(agent.agent_answer(version))

    async def _delete_agent(self, request: web.Request, w: Workspace) -> web.Response:
        """Delete all versions; numbers keep their dangling binding, as nothing says that they lose it (§2)."""
        del w.agents[found(w.agents, request.match_info["id"]).id]
        return web.Response(status=204)

    async def _list_versions(self, request: web.Request, w: Workspace) -> web.Response:
        titles = ("version_title", "version_description")
        rows = [
            {**v.told(), **{name: v.fields[name] for name in titles if name in v.fields}}
            for v in found(w.agents, request.match_info["id"]).versions.values()
        ]
        return _page(request, rows, "version")

    async def _create_version(self, request: web.Request, w: Workspace) -> web.Response:
        body = checked(_FORK, await json_body(request))
        agent = found(w.agents, request.match_info["id"])
        draft = w.fork(agent, agent.version(body["base_version"]), unix_milliseconds(self.clock))
        return web.json_response(agent.agent_answer(draft), status=201)

    async def _publish(self, request: web.Request, w: Workspace) -> web.Response:
        """Publish in place, the LLM's version too: no new draft opens, and the answer is empty (§2.1.4, §10.1)."""
        body = checked(_PUBLISH, await json_body(request))
        version = found(w.agents, request.match_info["id"]).version(body.pop("version"))
        if version.published:
            raise Refusal(400, f"Version {version.number} is already published")
        self._change(version, body)
        for each in (version, w.llm_of(version)[1]):
            each.published, each.modified_ms = True, unix_milliseconds(self.clock)
        return web.Response(status=200)

    # LLMs

    async def _create_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = self._new("llm", _llm_fields(_CREATE_LLM, {}, await json_body(request)))
        w.llms[llm.id] = llm
        return web.json_response(llm.llm_answer(llm.latest), status=201)

    async def _get_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = found(w.llms, request.match_info["id"])
        return web.json_response(llm.llm_answer(llm.version(request.query.get("version"))))

    async def _list_llms(self, request: web.Request, w: Workspace) -> web.Response:
        return _page(request, [llm.llm_answer(llm.latest) for llm in self._seen(request, w.llms)], "llm_id")

    async def _update_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = found(w.llms, request.match_info["id"])
        version = llm.draft(request.query.get("version"))
        if version.published:
            raise Refusal(400, "Cannot update published LLM")
        version.fields = _llm_fields(_UPDATE_LLM, version.fields, await json_body(request))
        version.modified_ms = unix_milliseconds(self.clock)
        return web.json_response(llm.llm_answer(version))

    async def _delete_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = found(w.llms, request.match_info["id"])
        if users := w.users_of(llm.id):  # not even with force_delete, which we must never send (§10.13)
            raise Refusal(400, f"Cannot delete retell-llm that is used by agents: {', '.join(users)}")
        del w.llms[llm.id]
        return web.Response(status=204)

    # Numbers

    async def _import_number(self, request: web.Request, w: Workspace) -> web.Response:
        fields = merged(TABLES["number_defaults"], checked(_IMPORT_NUMBER, await json_body(request)))
        w.check_agents(fields)
        if fields["phone_number"] in w.numbers:
            raise Refusal(400, f"Phone number {fields['phone_number']} already exists")
        fields = {name.removeprefix("sip_trunk_"): value for name, value in fields.items()}
        number = Number(self.clock.now(), unix_milliseconds(self.clock), fields)
        w.numbers[fields["phone_number"]] = number
        return web.json_response(number.answer(), status=201)

    async def _get_number(self, request: web.Request, w: Workspace) -> web.Response:
        return web.json_response(found(w.numbers, request.match_info["id"]).answer())

    async def _list_numbers(self, request: web.Request, w: Workspace) -> web.Response:
        return _page(request, [number.answer() for number in self._seen(request, w.numbers)], "phone_number")

    async def _update_number(self, request: web.Request, w: Workspace) -> web.Response:
        number = found(w.numbers, request.match_info["id"])
        changes = checked(_UPDATE_NUMBER, await json_body(request))
        w.check_agents(changes)
        self._change(number, changes)
        return web.json_response(number.answer())

    # The telephone

    async def _call(self, body: dict[str, Any]) -> web.Response:
        """Play a call to its end: `{to_number, from_number?, say, key?, args?}`."""
        order = msgspec.convert(body, CallRequest)
        owners = [
            key for key, w in self.workspaces.items() if order.to_number in w.numbers and order.key in {None, key}
        ]
        if len(owners) != 1:
            raise ValueError(f"{len(owners)} workspaces have {order.to_number}; import the number, or name `key`")
        key = owners[0]
        line = PhoneLine(self, lambda body: signature(key, body, unix_milliseconds(self.clock)))
        workspace = self.workspaces[key]
        asked_before = workspace.numbers[order.to_number].fields.get("inbound_webhook_url")
        record = await Conversation(order, line).play(workspace.answering(order.to_number), asked_before)
        return web.json_response(record.to_json())


def _llm_fields(kind: Any, fields: Mapping[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Give an LLM's fields after a change, checked for what no single field shows too."""
    result = merged(fields, checked(kind, body))
    names = [tool["name"] for tool in result.get("general_tools", ())]
    if len(names) != len(set(names)):
        raise Refusal(422, "request/body/general_tools names must be unique across tools and edges")
    if "primary" not in result.get("model_config", {"primary": None}):
        raise Refusal(422, "request/body/model_config must have required property 'primary'")
    return result
