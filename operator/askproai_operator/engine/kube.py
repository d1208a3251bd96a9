"""A thin client of the Kubernetes API: only the verbs that the engine needs (docs/decisions/0002-thin-api-client.md)."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import kopf
import structlog

from askproai_core.clock import Clock
from askproai_operator.api import CustomResource
from askproai_operator.engine.cache import ObservedObject, observed_object
from askproai_operator.engine.errors import ApiError, Conflict, NotOurs
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.engine.manifests import event_about, taken_over
from askproai_operator.engine.refs import (
    CUSTOM,
    FINALIZER,
    HANDOVER,
    LEASES,
    MANAGER,
    SECRETS,
    WATCH_LABEL,
    Ref,
    ref_of,
    ref_of_kind,
)  # fmt: skip
from askproai_operator.engine.result import EventRecord
from askproai_operator.engine.wire import Wire

log = structlog.get_logger(__name__)

_CHUNK = 500  # objects per LIST answer: flat memory at the start
_ATTEMPTS = 5  # of a finalizer's patch, before the queue's backoff takes over
_MERGE, _JSON_PATCH, _APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "json-patch+json", "apply-patch+yaml")
)
_NOT_FOUND, _FORBIDDEN, _CONFLICT, _INVALID = 404, 403, 409, 422
_BY_US = {"fieldManager": MANAGER}


class Kube:
    """The API server, for one process. Use as `async with Kube(...) as kube`."""

    def __init__(
        self,
        login: Callable[[], kopf.ConnectionInfo],
        feed: EventSink,
        clock: Clock,
        *,
        namespace: str = "askproai-system",
    ) -> None:
        """Take a login that may be asked again, and where to tell what our own writes changed."""
        self._wire = Wire(login)
        self._feed = feed
        self._clock = clock
        self._namespace = namespace
        # What we last applied to each child (its hash), and how the child looked right after.
        self._applied: dict[tuple[Ref, str, str], tuple[str, str, str]] = {}

    async def __aenter__(self) -> Self:
        self._wire.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.close()

    # Reading

    async def get(self, ref: Ref, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object; None when there is none."""
        try:
            return await self._wire.request("GET", ref.path(namespace, name))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def list(self, ref: Ref, namespace: str | None = None, selector: str = "") -> Sequence[dict[str, Any]]:
        """Read all objects that a label selector picks, in chunks of one consistent list."""
        found: list[dict[str, Any]] = []
        params = {"limit": str(_CHUNK)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self._wire.request("GET", ref.path(namespace), params=params)
            # The items of a list do not say what they are.
            found += ({"apiVersion": ref.api_version, "kind": ref.kind} | item for item in page["items"])
            token = page["metadata"].get("continue")
            if not token:
                return found
            params["continue"] = token

    # Children

    async def apply(self, manifest: Mapping[str, Any]) -> ObservedObject:
        """Make a child as the manifest says, by server-side apply; gives the child as it is now.

        There is no request when neither the manifest nor the live child changed since our last one. Its kind must be among
        `refs.CUSTOM`, `CHILDREN` or `FOREIGN`, of which the cache is told. A Secret gets the label of watched Secrets: one
        watch serves ours and the users'. Raises NotOurs when a stranger's object has its name.
        """
        body = dict(manifest)
        ref, meta = ref_of(body), dict(body["metadata"])
        if ref is SECRETS:
            meta["labels"] = {**meta.get("labels", {}), WATCH_LABEL: "true"}
            body["metadata"] = meta
        key = (ref, meta["namespace"], meta["name"])
        wanted = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        done, live = self._applied.get(key), self._feed.cache.child(*key)
        if live is not None and done == (wanted, live.uid, live.fingerprint):
            return live
        if live is None:
            await self._refuse_a_strangers(key)
        try:
            raw = await self._server_side_apply(key, body)
        except ApiError as error:
            if error.status != _INVALID or not await self._take_over(key):
                raise
            raw = await self._server_side_apply(key, body)
        child = observed_object(raw)
        self._applied[key] = (wanted, child.uid, child.fingerprint)
        if live is None or live.fingerprint != child.fingerprint:
            log.info("child.written", kind=ref.kind, namespace=key[1], name=key[2], new=live is None)
        if ref in CUSTOM:
            self._feed.observe(ref, raw)
        else:
            self._feed.cache.put(ref, raw)  # not observed: who applies knows, and needs no waking
        return child

    async def _refuse_a_strangers(self, key: tuple[Ref, str, str]) -> None:
        """What is not in the cache is not there, lost our label, or was never ours: only the last one must stay as it is."""
        meta = ((await self.get(*key)) or {}).get("metadata")
        if meta is None or (meta.get("labels") or {}).get("app.kubernetes.io/managed-by") == MANAGER:
            return
        if MANAGER not in {one.get("manager") for one in meta.get("managedFields") or ()}:
            text = f"there already is {key[0].kind} {key[2]} that the operator did not make: remove or rename it"
            raise NotOurs(_CONFLICT, "NotOurs", text)

    async def _server_side_apply(self, key: tuple[Ref, str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        params = _BY_US | {"force": "true"}
        return await self._wire.request("PATCH", key[0].path(*key[1:]), params=params, body=body, content_type=_APPLY)

    async def _take_over(self, key: tuple[Ref, str, str]) -> bool:
        """Make what others hold in a child's spec ours, after a refused apply. False: there is nothing to take."""
        body = taken_over(await self.get(*key) or {})
        return body is not None and await self.patch(*key, body) is not None

    async def hand_over(self, manifest: Mapping[str, Any]) -> None:
        """Have a second manager hold these fields of a child, so that our next apply without them leaves them as they are.

        A field that its only manager stops sending falls back to its default (measured: 5 replicas became 1). The first
        write by anybody else ends the second manager's hold; one that came before this is left alone.
        """
        path = ref_of(manifest).path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        with suppress(Conflict):
            await self._wire.request(
                "PATCH", path, params={"fieldManager": HANDOVER}, body=manifest, content_type=_APPLY
            )

    async def delete(self, ref: Ref, namespace: str, name: str, uid: str | None = None) -> None:
        """Delete an object, if it is still the one with this uid (else Conflict); that there is none is what we wanted."""
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        self._applied.pop((ref, namespace, name), None)
        try:
            await self._wire.request("DELETE", ref.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    # Objects as a whole

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object. Raises Conflict when it exists."""
        path = ref_of(manifest).path(manifest["metadata"].get("namespace"))
        return await self._wire.request("POST", path, params=_BY_US, body=manifest)

    async def patch(
        self, ref: Ref, namespace: str, name: str, body: Mapping[str, Any], *, subresource: str = ""
    ) -> dict[str, Any] | None:
        """Merge fields into an object (None removes one); None when there is no such object.

        A `metadata.resourceVersion` in the body makes sure that nobody wrote in between (else Conflict).
        """
        path = ref.path(namespace, name) + (f"/{subresource}" if subresource else "")
        try:
            raw = await self._wire.request("PATCH", path, params=_BY_US, body=body, content_type=_MERGE)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        if ref in CUSTOM:
            self._feed.observe(ref, raw)
        return raw

    async def patch_status(self, obj: CustomResource, status: Mapping[str, Any]) -> bool:
        """Merge fields into the status of one of our kinds. False: the object is gone, and the cache forgets it.

        The status subresource ignores a `metadata.uid`, so only the version keeps us from writing into a namesake.
        """
        for _ in range(_ATTEMPTS):
            seen = self._feed.cache.get(obj.key)
            if seen is None or seen.metadata.uid != obj.metadata.uid:
                return False
            body = {"metadata": {"resourceVersion": seen.metadata.resource_version}, "status": status}
            try:
                if await self.patch(*_where(obj), body, subresource="status") is not None:
                    return True
            except Conflict:  # a person wrote, and the watch did not tell yet
                log.debug("status.again", key=str(obj.key))
            if not await self.still_there(obj):
                return False
        raise _too_fast(obj, "its status can be written")

    async def still_there(self, obj: CustomResource) -> bool:
        """Read an object of the cache anew; if it is gone, the cache forgets it (a deletion that no watch told)."""
        raw = await self._same(obj)
        if raw is None:
            self._feed.forget(*_where(obj), obj.metadata.uid)
        else:
            self._feed.observe(_where(obj)[0], raw)
        return raw is not None

    # Finalizers

    async def add_finalizer(self, obj: CustomResource) -> bool:
        """Add ours before anything outside is created. False: the object is gone or going, so create nothing."""
        if FINALIZER in obj.metadata.finalizers and obj.metadata.deletion_timestamp is None:
            return True
        for _ in range(_ATTEMPTS):
            raw = await self._same(obj)
            if raw is None or raw["metadata"].get("deletionTimestamp"):
                return False
            have = raw["metadata"].get("finalizers") or []
            if FINALIZER in have or await self._set_finalizers(obj, raw, [*have, FINALIZER]):
                return True
        raise _too_fast(obj, "its finalizer can be added")

    async def remove_finalizer(self, obj: CustomResource) -> None:
        """Remove ours; retried at once on a conflict, because a backoff here holds up a namespace's deletion (KEDA #7950)."""
        for _ in range(_ATTEMPTS):
            raw = await self._same(obj)
            have = (raw or {}).get("metadata", {}).get("finalizers") or []
            if raw is None or FINALIZER not in have:
                return
            left = [name for name in have if name != FINALIZER]
            if await self._set_finalizers(obj, raw, left):
                if not left and raw["metadata"].get("deletionTimestamp"):
                    self._feed.forget(*_where(obj), obj.metadata.uid)  # it is gone now; do not wait to be told
                return
        raise _too_fast(obj, "its finalizer can be removed")

    async def _same(self, obj: CustomResource) -> dict[str, Any] | None:
        raw = await self.get(*_where(obj))
        return raw if raw is not None and raw["metadata"]["uid"] == obj.metadata.uid else None

    async def _set_finalizers(self, obj: CustomResource, raw: Mapping[str, Any], wanted: Sequence[str]) -> bool:
        """Give False when somebody changed the list since `raw` was read (the `test` fails as 422)."""
        ref, namespace, name = _where(obj)
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": obj.metadata.uid},
            {"op": "test", "path": "/metadata/finalizers", "value": raw["metadata"].get("finalizers")},
            {"op": "add", "path": "/metadata/finalizers", "value": wanted},
        ]
        path = ref.path(namespace, name)
        try:
            answer = await self._wire.request("PATCH", path, params=_BY_US, body=operations, content_type=_JSON_PATCH)
        except ApiError as error:
            if error.status in {_CONFLICT, _INVALID, _NOT_FOUND}:
                return False
            raise
        if wanted or not answer["metadata"].get("deletionTimestamp"):
            self._feed.observe(ref, answer)
        return True

    # Events

    async def event(self, obj: CustomResource, told: EventRecord) -> None:
        """Tell people what happened. Only the engine calls this.

        A namespace that is going takes no new objects: what lasts longer than the object then goes to the operator's namespace,
        about its Lease (an event must stand in the namespace of what it is about), with the real object as `related`.
        """
        ref, namespace, name = _where(obj)
        about = ref.names(namespace, name) | {"uid": obj.metadata.uid}
        try:
            await self.create(event_about(about, told.type, told.reason, told.message, self._clock.now()))
        except ApiError as error:
            if error.status not in {_FORBIDDEN, _NOT_FOUND}:
                raise
            if told.outlives_object:
                await self.tell(told.reason, f"{obj.key}: {told.message}", told.type, about)

    async def tell(
        self, reason: str, message: str, type_: str = "Normal", about: Mapping[str, str] | None = None
    ) -> None:
        """Make an event in the operator's own namespace, of something whose namespace is going or gone."""
        lease = LEASES.names(self._namespace, MANAGER)
        told = event_about(lease, type_, reason, message, self._clock.now())
        await self.create(told | ({"related": about} if about else {}))


def _where(obj: CustomResource) -> tuple[Ref, str, str]:
    return ref_of_kind(obj.key.kind), obj.key.namespace, obj.key.name


def _too_fast(obj: CustomResource, what: str) -> Conflict:
    return Conflict(_CONFLICT, "Conflict", f"{obj.key} changes faster than {what}")
