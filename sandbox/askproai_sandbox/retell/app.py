"""The HTTP face of the Retell simulator: one handler per operation of the reference."""

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from askproai_sandbox.caller import Conversation, Line, Order
from askproai_sandbox.retell.fields import TABLES, Check, table
from askproai_sandbox.retell.line import line_for
from askproai_sandbox.retell.llm_rules import merged, wrong_with
from askproai_sandbox.retell.signing import signature
from askproai_sandbox.retell.workspace import Number, Version, Versioned, Workspace, new_id
from askproai_sandbox.simulator import Clock, Refusal, Simulator, body_of
from askproai_sandbox.simulator.clock import milliseconds

_CREATE_AGENT = table("agent", "response_engine", "voice_id", is_transfer_agent="flag")
_UPDATE_AGENT = table("agent")
_CREATE_LLM = table("llm", "start_speaker", is_transfer_llm="flag")
_UPDATE_LLM = table("llm")
_IMPORT_NUMBER, _UPDATE_NUMBER = table("number_import"), table("number_update")
_PUBLISH, _FORK, _LIST_AGENTS = table("publish"), table("fork"), table("list_agents")
Work = Callable[[web.Request, Workspace], Awaitable[web.StreamResponse]]


def _checked(check: Check, body: dict[str, Any]) -> dict[str, Any]:
    if wrong := check(body):
        raise Refusal(422, f"request/body{'' if wrong.startswith('/') else ' '}{wrong}")
    return body


def _set(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Apply a PATCH: null clears."""
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def _page(request: web.Request, answers: Iterable[dict[str, Any]], key: str, *, newest_first: bool) -> web.Response:
    """Give one page of answers that come oldest first (§1: items, has_more, pagination_key)."""
    unknown = request.query.keys() - {"limit", "pagination_key", "sort_order"}
    limit = request.query.get("limit", "50")
    order = request.query.get("sort_order", "descending" if newest_first else "ascending")
    if unknown or not limit.isdigit() or not 1 <= int(limit) <= 1000 or order not in {"ascending", "descending"}:
        raise Refusal(422, "request/query takes limit (1 to 1000), pagination_key, sort_order (ascending|descending)")
    rows = list(answers)
    if order == "descending":
        rows.reverse()
    if after := request.query.get("pagination_key"):
        position = next((i for i, row in enumerate(rows) if str(row[key]) == after), None)
        if position is None:
            raise Refusal(400, "pagination_key is unknown")
        rows = rows[position + 1 :]
    page = rows[: int(limit)]
    more = len(rows) > len(page)
    return web.json_response({
        "items": page, "has_more": more, **({"pagination_key": str(page[-1][key])} if more else {}),
    })  # fmt: skip


class RetellSimulator(Simulator):
    """Retell's management API, and the telephone line behind it (`POST /_sim/calls`)."""

    defaults = {"webhook_retry_delay_ms": 500.0, "analysis_delay_ms": 50.0}  # noqa: RUF012 - see the base

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
            ("DELETE", "/delete-agent-version/{id}", "delete-agent-version", self._delete_version),
            ("POST", "/create-retell-llm", "create-llm", self._create_llm),
            ("GET", "/get-retell-llm/{id}", "get-llm", self._get_llm),
            ("GET", "/v2/list-retell-llms", "list-llms", self._list_llms),
            ("PATCH", "/update-retell-llm/{id}", "update-llm", self._update_llm),
            ("DELETE", "/delete-retell-llm/{id}", "delete-llm", self._delete_llm),
            ("POST", "/import-phone-number", "import-number", self._import_number),
            ("GET", "/get-phone-number/{number}", "get-number", self._get_number),
            ("GET", "/v2/list-phone-numbers", "list-numbers", self._list_numbers),
            ("PATCH", "/update-phone-number/{number}", "update-number", self._update_number),
            ("DELETE", "/delete-phone-number/{number}", "delete-number", self._delete_number),
            ("GET", "/list-voices", "list-voices", self._list_voices),
            ("GET", "/v2/get-call/{id}", "get-call", self._get_call),
        ):
            self.route(method, path, operation, self._inside(work))
        self.app.router.add_post("/_sim/calls", self._call)
        self.app.router.add_post("/_sim/tags", self._tag)

    def _inside(self, work: Work) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Find the workspace of the key first; any `key_…` is one."""

        async def handler(request: web.Request) -> web.StreamResponse:
            match = re.fullmatch(r"Bearer (key_\S+)", request.headers.get("Authorization", ""))
            if not match:
                raise Refusal(401, "Invalid API Key")
            return await work(request, self.workspaces.setdefault(match[1], Workspace(match[1])))

        return handler

    def render(self, refusal: Refusal, _request: web.Request) -> web.Response:
        return web.json_response({"status": "error", "message": refusal.message}, status=refusal.status)

    def clear(self) -> None:
        self.workspaces.clear()

    def dump(self) -> dict[str, Any]:
        def versions(thing: Versioned) -> list[dict[str, Any]]:
            return [{"version": v.number, "is_published": v.published, **v.fields} for v in thing.versions.values()]

        return {"workspaces": {key: {
            "agents": {agent.id: versions(agent) for agent in w.agents.values()},
            "llms": {llm.id: versions(llm) for llm in w.llms.values()},
            "numbers": {name: number.answer() for name, number in w.numbers.items()},
            "calls": list(w.calls),
        } for key, w in self.workspaces.items()}}  # fmt: skip

    def _seen(self, operation: str, things: dict[str, Any]) -> list[Any]:
        """Give what a list shows now (it may lag)."""

        def identity(pair: tuple[str, Any]) -> tuple[str, datetime]:
            return pair[0], pair[1].born

        return [thing for _, thing in self.faults.visible(operation, things.items(), identity, self.clock.now())]

    # Agents

    async def _create_agent(self, request: web.Request, w: Workspace) -> web.Response:
        fields = _set({}, _checked(_CREATE_AGENT, await body_of(request)))
        engine = fields["response_engine"]
        w.llm(engine["llm_id"]).version(0)
        if engine.get("version") not in {None, 0}:  # §2.1.3: it equals the agent's version
            raise Refusal(400, "Response engine version must equal the agent version")
        fields["response_engine"] = {**engine, "version": 0}
        agent = Versioned(new_id("agent"), self.clock.now(), {0: Version(0, fields, milliseconds(self.clock))})
        w.agents[agent.id] = agent
        return web.json_response(agent.agent_answer(agent.latest), status=201)

    async def _get_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = w.agent(request.match_info["id"])
        return web.json_response(agent.agent_answer(agent.version(request.query.get("version"))))

    async def _list_agents(self, request: web.Request, w: Workspace) -> web.Response:
        wanted = _checked(_LIST_AGENTS, await body_of(request)).get("filter_criteria", {})
        query = wanted.get("query", "").casefold()
        rows = [agent.summary() for agent in self._seen("list-agents", w.agents)]
        for name in ("channel", "is_transfer_agent"):
            if name in wanted:
                rows = [row for row in rows if row[name] == wanted[name]["value"]]
        rows = [r for r in rows if query in (r["agent_name"] or "").casefold() or query in r["agent_id"].casefold()]
        return _page(request, rows, "agent_id", newest_first=True)

    def _draft(self, request: web.Request, thing: Versioned) -> Version:
        version = thing.version(request.query.get("version"))
        if not version.published and version is not thing.latest:
            raise Refusal(400, f"Only the latest draft can be updated, version {thing.latest.number}")
        return version

    async def _update_agent(self, request: web.Request, w: Workspace) -> web.Response:
        agent = w.agent(request.match_info["id"])
        changes = _checked(_UPDATE_AGENT, await body_of(request))
        version = self._draft(request, agent)
        if version.published and changes.keys() - {"version_title"}:
            raise Refusal(422, "Cannot update published agent other than version title")
        if engine := changes.get("response_engine"):
            if len(agent.versions) > 1:
                raise Refusal(400, "Cannot update response engine after agent versions have been created")
            if engine.get("version") not in {None, version.number}:
                raise Refusal(400, "Response engine version must equal the agent version")
            w.llm(engine["llm_id"]).version(version.number)
            changes = {**changes, "response_engine": {**engine, "version": version.number}}
        version.fields, version.modified_ms = _set(version.fields, changes), milliseconds(self.clock)
        return web.json_response(agent.agent_answer(version))

    async def _delete_agent(self, request: web.Request, w: Workspace) -> web.Response:
        """Delete all versions; numbers keep their dangling binding, as nothing says that they lose it (§2)."""
        del w.agents[w.agent(request.match_info["id"]).id]
        return web.Response(status=204)

    async def _list_versions(self, request: web.Request, w: Workspace) -> web.Response:
        rows = [
            {
                "version": v.number, "is_published": v.published, "last_modification_timestamp": v.modified_ms,
                **({} if v.base is None else {"base_version": v.base}),
                **{k: v.fields[k] for k in ("version_title", "version_description") if k in v.fields},
            }
            for v in w.agent(request.match_info["id"]).versions.values()
        ]  # fmt: skip
        return _page(request, rows, "version", newest_first=True)

    async def _create_version(self, request: web.Request, w: Workspace) -> web.Response:
        body = _checked(_FORK, await body_of(request))
        agent = w.agent(request.match_info["id"])
        draft = w.fork(agent, agent.version(body["base_version"]), milliseconds(self.clock))
        return web.json_response(agent.agent_answer(draft), status=201)

    async def _publish(self, request: web.Request, w: Workspace) -> web.Response:
        """Publish in place: no new draft opens, and the answer is empty (§2.1.4, §10.1)."""
        body = _checked(_PUBLISH, await body_of(request))
        version = w.agent(request.match_info["id"]).version(body.pop("version"))
        if version.published:
            raise Refusal(400, f"Version {version.number} is already published")
        version.fields = _set(version.fields, body)
        w.publish(version, milliseconds(self.clock))
        return web.Response(status=200)

    async def _delete_version(self, request: web.Request, w: Workspace) -> web.Response:
        agent = w.agent(request.match_info["id"])
        version = agent.version(request.query.get("version"))
        if version.published or len(agent.versions) == 1:
            raise Refusal(400, "Cannot delete a published version or the only one")
        del agent.versions[version.number]
        if llm := w.llms.get(version.fields["response_engine"]["llm_id"]):
            llm.versions.pop(version.number, None)
        return web.Response(status=204)

    # LLMs

    async def _create_llm(self, request: web.Request, w: Workspace) -> web.Response:
        fields = merged({}, self._llm_body(_CREATE_LLM, {}, await body_of(request)))
        llm = Versioned(new_id("llm"), self.clock.now(), {0: Version(0, fields, milliseconds(self.clock))})
        w.llms[llm.id] = llm
        return web.json_response(llm.llm_answer(llm.latest), status=201)

    @staticmethod
    def _llm_body(check: Check, fields: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        changes = _checked(check, body)
        _checked(wrong_with, {**fields, **changes})
        return changes

    async def _get_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = w.llm(request.match_info["id"])
        return web.json_response(llm.llm_answer(llm.version(request.query.get("version"))))

    async def _list_llms(self, request: web.Request, w: Workspace) -> web.Response:
        rows = [llm.llm_answer(llm.latest) for llm in self._seen("list-llms", w.llms)]
        return _page(request, rows, "llm_id", newest_first=True)

    async def _update_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = w.llm(request.match_info["id"])
        version = self._draft(request, llm)
        if version.published:
            raise Refusal(400, "Cannot update published LLM")
        changes = self._llm_body(_UPDATE_LLM, version.fields, await body_of(request))
        version.fields, version.modified_ms = merged(version.fields, changes), milliseconds(self.clock)
        return web.json_response(llm.llm_answer(version))

    async def _delete_llm(self, request: web.Request, w: Workspace) -> web.Response:
        llm = w.llm(request.match_info["id"])
        users = w.users_of(llm.id)
        if users and request.query.get("force_delete") != "true":
            raise Refusal(400, f"Cannot delete retell-llm that is used by agents: {', '.join(users)}")
        del w.llms[llm.id]
        return web.Response(status=204)

    # Numbers

    async def _import_number(self, request: web.Request, w: Workspace) -> web.Response:
        fields = _set(TABLES["number_defaults"], _checked(
            _IMPORT_NUMBER, await body_of(request)))  # fmt: skip
        w.check_agents(fields)
        if fields["phone_number"] in w.numbers:
            raise Refusal(400, f"Phone number {fields['phone_number']} already exists")
        for ours, theirs in (
            ("auth_username", "sip_trunk_auth_username"),
            ("auth_password", "sip_trunk_auth_password"),
        ):
            if theirs in fields:
                fields[ours] = fields.pop(theirs)
        number = Number(self.clock.now(), milliseconds(self.clock), fields)
        w.numbers[fields["phone_number"]] = number
        return web.json_response(number.answer(), status=201)

    async def _get_number(self, request: web.Request, w: Workspace) -> web.Response:
        return web.json_response(w.number(request.match_info["number"]).answer())

    async def _list_numbers(self, request: web.Request, w: Workspace) -> web.Response:
        rows = [number.answer() for number in self._seen("list-numbers", w.numbers)]
        return _page(request, rows, "phone_number", newest_first=True)

    async def _update_number(self, request: web.Request, w: Workspace) -> web.Response:
        number = w.number(request.match_info["number"])
        changes = _checked(_UPDATE_NUMBER, await body_of(request))
        w.check_agents(changes)
        number.fields, number.modified_ms = _set(number.fields, changes), milliseconds(self.clock)
        return web.json_response(number.answer())

    async def _delete_number(self, request: web.Request, w: Workspace) -> web.Response:
        w.number(request.match_info["number"])
        del w.numbers[request.match_info["number"]]
        return web.Response(status=204)

    # The rest

    async def _list_voices(self, _request: web.Request, _w: Workspace) -> web.Response:
        return web.json_response(TABLES["voices"])  # still a bare array (§1)

    async def _get_call(self, request: web.Request, w: Workspace) -> web.Response:
        if request.match_info["id"] not in w.calls:
            raise Refusal(404, f"Item {request.match_info['id']} not found from call")
        return web.json_response(w.calls[request.match_info["id"]])

    async def _tag(self, request: web.Request) -> web.Response:
        """Give an agent a tag, as the dashboard does: `{key, agent_id, tag, version}`, version null for unassigned."""
        body = await body_of(request)
        agent = self.workspaces[body["key"]].agent(body["agent_id"])
        agent.tags[body["tag"]] = body["version"]
        return web.json_response(agent.summary())

    async def _call(self, request: web.Request) -> web.Response:
        """Play a call to its end: `{to_number, from_number?, say, key?, args?}`."""
        order = Order.parse(await body_of(request))
        owners = [w for key, w in self.workspaces.items() if order.to_number in w.numbers and order.key in {None, key}]
        if len(owners) != 1:
            raise ValueError(f"{len(owners)} workspaces have {order.to_number}; import the number, or name `key`")
        workspace = owners[0]
        line = Line(
            self.clock, self.session, self.journal, self.faults,
            lambda body: signature(workspace.key, body, milliseconds(self.clock)),
            retry_delay_ms=self.settings["webhook_retry_delay_ms"],
            analysis_delay_ms=self.settings["analysis_delay_ms"],
        )  # fmt: skip
        conversation = Conversation(order, line, line_for(workspace), workspace.calls)
        return web.json_response((await conversation.play()).to_json())
