"""A Kubernetes API server in memory, behind a real socket: the operator's own client speaks to it as to any other.

It has the semantics on which a controller's correctness rests: versions and conflicts, preconditions, finalizers that hold a
deleted object, the status subresource, generations, and namespaces that take no new objects. It has no schemas, admission,
watches or server-side apply: tests that need those use the real API server (`operator_environment.py`).
"""

import json
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from askproai_operator import resources

Json = dict[str, Any]
ObjectId = tuple[str, str, str]  # kind, namespace, name

# It speaks plain HTTP; `ssl.create_default_context` would read all authorities of the machine, which takes 40 ms.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

_MERGE, _JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
_REFS = {
    (ref.api_version, ref.plural): ref
    for ref in (*resources.CUSTOM, *resources.CHILDREN, resources.EVENTS, resources.NAMESPACES)
}
_REASONS = {403: "Forbidden", 404: "NotFound", 409: "Conflict", 422: "Invalid", 503: "ServiceUnavailable"}


class Refusal(Exception):
    """A response with a status of 4xx or 5xx."""

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.reason = status, message, reason or _REASONS[status]


class MemoryApiServer:
    """Objects by kind, namespace and name. Tests change them as people do, by `put`, `edit`, `delete` and `remove`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.objects: dict[ObjectId, Json] = {}
        self.writes = 0  # requests that may change something, the refused ones among them
        self.reads: list[str] = []  # paths that were read
        self.terminating: set[str] = set()  # namespaces that take no new objects
        self.forbidden: set[str] = set()  # resources (plural) that nobody may create
        self.next_answers: dict[str, list[int]] = defaultdict(list)  # status codes of the next creates of a resource
        self._now, self._version = now, 0
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._handle)

    # Changes by people, without a request

    def put(self, ref: resources.ApiResource, raw: Json) -> Json:
        """Store an object as it is, status included, in place of one of the same name, with a uid if it has none."""
        self._version += 1
        meta = {"uid": f"uid-{self._version}", "generation": 1, **raw["metadata"]}
        meta["resourceVersion"] = str(self._version)
        stored = {"apiVersion": ref.api_version, "kind": ref.kind, **raw, "metadata": meta}
        self.objects[ref.kind, meta["namespace"], meta["name"]] = stored
        return stored

    def edit(self, id_: ObjectId, *, spec: Mapping[str, Any] | None = None, **metadata: Any) -> Json:
        """Replace fields of the spec, and of the metadata."""
        raw = self.objects[id_]
        meta = {**raw["metadata"], **metadata}
        if spec:
            meta["generation"] += 1
        return self.put(
            resources.resource_of_kind(id_[0]), {**raw, "metadata": meta, "spec": {**raw["spec"], **(spec or {})}}
        )

    def delete(self, id_: ObjectId) -> Json | None:
        """Delete an object; return it if a finalizer still holds it."""
        raw = self.objects[id_]
        deleted_at = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        raw = {**raw, "metadata": {"deletionTimestamp": deleted_at, **raw["metadata"]}}
        self._store(id_, raw)
        return self.objects.get(id_)

    def remove(self, id_: ObjectId) -> Json:
        """Remove an object at once despite its finalizers, and return it."""
        return self.objects.pop(id_)

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of every Event, oldest first."""
        events = [raw for (kind, _, _), raw in self.objects.items() if kind == resources.EVENTS.kind]
        return [(raw["type"], raw["reason"], raw["message"]) for raw in events]

    # Requests

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.reads.append(request.path)
        else:
            self.writes += 1
        try:
            return web.json_response(self._answer(request, json.loads(await request.read() or b"{}")))
        except Refusal as error:
            status = {"kind": "Status", "status": "Failure", "reason": error.reason, "message": error.message}
            return web.json_response(status, status=error.status)

    def _answer(self, request: web.Request, body: Any) -> Json:
        ref, namespace, name, subresource = _parse(request.path)
        id_ = (ref.kind, namespace, name)
        match request.method, name:
            case "GET", "":
                return self._list(ref, namespace, request.query.get("labelSelector", ""))
            case "GET", _:
                return self._existing(id_)
            case "POST", "":
                return self._create(ref, namespace, body)
            case "PATCH", _:
                return self._patch(id_, subresource, body, request.content_type)
            case "DELETE", _:
                return self._delete(id_, body)
        raise Refusal(404, f"{request.method} {request.path} is not served here")

    def _existing(self, id_: ObjectId) -> Json:
        if id_ not in self.objects:
            raise Refusal(404, f"{id_[0]} {id_[2]!r} not found")
        return self.objects[id_]

    def _list(self, ref: resources.ApiResource, namespace: str, selector: str) -> Json:
        items = [
            {name: value for name, value in raw.items() if name not in {"apiVersion", "kind"}}
            for (kind, where, _), raw in self.objects.items()
            if kind == ref.kind and namespace in {"", where} and _selects(selector, raw["metadata"].get("labels") or {})
        ]
        return {"items": items, "metadata": {"resourceVersion": str(self._version)}}

    def _create(self, ref: resources.ApiResource, namespace: str, body: Json) -> Json:
        if self.next_answers[ref.plural]:
            raise Refusal(self.next_answers[ref.plural].pop(0), f"{ref.plural} can not be created now")
        if ref.plural in self.forbidden:
            raise Refusal(403, f"{ref.plural} is forbidden")
        if namespace in self.terminating:
            text = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Refusal(403, text)
        meta = {name: value for name, value in body["metadata"].items() if name != "uid"}
        meta.setdefault("name", f"{meta.get('generateName', '')}{self._version}")
        if (ref.kind, namespace, meta["name"]) in self.objects:
            raise Refusal(409, f"{ref.plural} {meta['name']!r} already exists", "AlreadyExists")
        return self.put(ref, {**body, "metadata": {**meta, "namespace": namespace}})

    def _patch(self, id_: ObjectId, subresource: str, body: Any, content_type: str) -> Json:
        raw = self._existing(id_)
        if content_type == _JSON_PATCH:
            patched = _json_patched(raw, body)
        elif content_type == _MERGE:
            version = (body.get("metadata") or {}).get("resourceVersion")
            if version not in {None, raw["metadata"]["resourceVersion"]}:
                raise Refusal(409, f"{id_[0]} {id_[2]!r}: the object has been modified")
            patched = _merged(raw, body)
        else:
            raise Refusal(422, f"{content_type} is not served here")
        if subresource == "status":
            patched = {**raw, "status": patched.get("status", {})}
        elif resources.resource_of_kind(id_[0]) in resources.CUSTOM:  # their status is written by the subresource only
            patched = {**patched, "status": raw.get("status", {})}
        if patched.get("spec") != raw.get("spec"):
            patched["metadata"] = {**patched["metadata"], "generation": raw["metadata"]["generation"] + 1}
        return self._store(id_, patched)

    def _delete(self, id_: ObjectId, body: Json) -> Json:
        raw = self._existing(id_)
        if (body.get("preconditions") or {}).get("uid") not in {None, raw["metadata"]["uid"]}:
            raise Refusal(409, f"{id_[0]} {id_[2]!r}: the uid is another one")
        version = raw["metadata"]["resourceVersion"]
        if (body.get("preconditions") or {}).get("resourceVersion") not in {None, version}:
            raise Refusal(409, f"{id_[0]} {id_[2]!r}: the object has been modified")
        return self.delete(id_) or raw

    def _store(self, id_: ObjectId, raw: Json) -> Json:
        stored = self.put(resources.resource_of_kind(id_[0]), raw)
        if stored["metadata"].get("deletionTimestamp") and not stored["metadata"].get("finalizers"):
            del self.objects[id_]
        return stored


def _parse(path: str) -> tuple[resources.ApiResource, str, str, str]:
    """Split a path into resource, namespace, name and subresource; empty where there is none."""
    parts = path.strip("/").split("/")
    head = 2 if parts[0] == "api" else 3
    api_version, rest = "/".join(parts[1:head]), parts[head:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    if (api_version, plural) not in _REFS:
        raise Refusal(404, f"{path} is not served here")
    return _REFS[api_version, plural], namespace, name, subresource


def _selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Evaluate `key` and `key=value`, which is all that our client asks for."""
    key, has_value, value = selector.partition("=")
    return not selector or (labels.get(key) == value if has_value else key in labels)


def _merged(old: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _json_patched(raw: Json, operations: list[Json]) -> Json:
    """Apply the `test` and `add` operations of a JSON patch (RFC 6902) to members of objects."""
    patched = json.loads(json.dumps(raw))
    for operation in operations:
        *parents, member = operation["path"].strip("/").split("/")
        parent = patched
        for part in parents:
            parent = parent[part]
        if operation["op"] == "add":
            parent[member] = operation["value"]
        elif parent.get(member) != operation["value"]:
            raise Refusal(422, f"testing value {operation['path']} failed")
    return patched


@asynccontextmanager
async def serve_api(server: MemoryApiServer) -> AsyncIterator[str]:
    """Serve on a free port of the loopback interface; yield the base URL."""
    runner = web.AppRunner(server.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
