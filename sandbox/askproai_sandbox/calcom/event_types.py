"""Event types and their slots (reference §2, §3)."""

from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import answers, requests
from askproai_sandbox.calcom.account import Account, EventType, iso
from askproai_sandbox.calcom.server import Server, moment, ok
from askproai_sandbox.simulator import Refusal, body_of

_VERSION, _SLOTS_VERSION = "2024-06-14", "2024-09-04"
_SLOT_QUERY = {
    "start", "end", "eventTypeId", "eventTypeSlug", "username", "usernames", "teamSlug", "organizationSlug", "timeZone",
    "duration", "format", "bookingUidToReschedule", "rrHostSubsetIds",
}  # fmt: skip
_POLICIES = {name for name, value in answers.EVENT_TYPE_DEFAULTS.items() if isinstance(value, dict) and value}


class EventTypes:
    """Handlers of /v2/event-types and /v2/slots."""

    def __init__(self, server: Server) -> None:
        self._server = server
        new = server.versioned
        for method, path, operation, handler in (
            ("POST", "", "create-event-type", new(_VERSION, self._create_type)),
            ("GET", "", "list-event-types", new(_VERSION, self._list_types, self._old_types)),
            ("GET", "/{id}", "get-event-type", new(_VERSION, self._get_type, self._old_type)),
            ("PATCH", "/{id}", "update-event-type", new(_VERSION, self._update_type)),
            ("DELETE", "/{id}", "delete-event-type", new(_VERSION, self._delete_type)),
        ):
            server.route(method, f"/v2/event-types{path}", operation, handler)
        server.route("GET", "/v2/slots", "list-slots", new(_SLOTS_VERSION, self._slots))

    def _own_type(self, request: web.Request) -> tuple[Account, EventType]:
        account, number = self._server.account(request), request.match_info["id"]
        if not number.isdigit() or int(number) not in account.event_types:
            raise Refusal(404, f"Event type with id {number} not found.")
        return account, account.event_types[int(number)]

    @staticmethod
    def _type_fields(account: Account, body: dict[str, Any], own: EventType | None = None) -> dict[str, Any]:
        """Take what the DTO knows; other keys are dropped without a word."""
        fields = {name: value for name, value in body.items() if name in answers.EVENT_TYPE_FIELDS}
        for name in _POLICIES & fields.keys():
            if not isinstance(fields[name], dict):
                raise requests.wrong(name, f'{name} must be an object, {{"disabled": true}} to switch it off')
        if any(f.get("type") == "email" and not f.get("required", True) for f in fields.get("bookingFields") or ()):
            raise Refusal(400, "Only organization team event types may make the email optional")
        taken = [kind for kind in account.event_types.values() if kind.fields["slug"] == fields.get("slug")]
        if any(kind is not own for kind in taken):
            raise Refusal(400, "User already has an event type with this slug.")
        return fields

    async def _create_type(self, request: web.Request) -> web.Response:
        account, body = self._server.account(request), await body_of(request)
        for name, kind in (("lengthInMinutes", int), ("title", str), ("slug", str)):
            if not isinstance(body.get(name), kind):
                raise requests.wrong(name, f"{name} must be a {kind.__name__}")
        fields = {**answers.EVENT_TYPE_DEFAULTS, **self._type_fields(account, body)}
        made = EventType(self._server.next_id(), self._server.clock.now(), account.username, fields)
        account.event_types[made.id] = made
        return ok(answers.event_type(account, made), 201)

    async def _list_types(self, request: web.Request) -> web.Response:
        account = self._server.account(request)
        kinds = self._server.seen("list-event-types", account.event_types.values())
        slug = request.query.get("eventSlug")
        return ok([answers.event_type(account, k) for k in kinds if slug in {None, k.fields["slug"]}])

    async def _get_type(self, request: web.Request) -> web.Response:
        return ok(answers.event_type(*self._own_type(request)))

    async def _update_type(self, request: web.Request) -> web.Response:
        account, kind = self._own_type(request)
        kind.fields |= self._type_fields(account, await body_of(request), kind)
        return ok(answers.event_type(account, kind))

    async def _delete_type(self, request: web.Request) -> web.Response:
        account, kind = self._own_type(request)
        del account.event_types[kind.id]
        return ok({name: kind.fields[name] for name in ("lengthInMinutes", "title", "slug")} | {"id": kind.id})

    async def _old_types(self, request: web.Request) -> web.Response:
        kinds = [answers.old_event_type(kind) for kind in self._server.account(request).event_types.values()]
        return ok({"eventTypeGroups": [{"eventTypes": kinds}], "profiles": []})

    async def _old_type(self, request: web.Request) -> web.Response:
        return ok({"eventType": answers.old_event_type(self._own_type(request)[1])})

    async def _slots(self, request: web.Request) -> web.Response:
        query = request.query
        caller = self._server.maybe(request)
        requests.only(query, _SLOT_QUERY)
        first = moment(query.get("start"), "start")
        last = moment(query.get("end"), "end", end_of_day=True)
        zone = requests.zone(query.get("timeZone", "UTC"))
        if last < first:
            raise Refusal(400, "Invalid time range given - check the 'start' and 'end' query parameters.")
        account, kind = self._server.target(query, caller)
        days: dict[str, list[dict[str, str]]] = {}  # days without a slot are absent
        length, ignoring = kind.minutes("lengthInMinutes"), query.get("bookingUidToReschedule")
        for start in account.free_starts(kind, first, last, self._server.clock.now(), ignoring):
            local = start.astimezone(zone)
            slot = {"start": iso(local)}
            if query.get("format") == "range":
                slot["end"] = iso((start + length).astimezone(zone))
            days.setdefault(local.date().isoformat(), []).append(slot)
        return ok(days)
