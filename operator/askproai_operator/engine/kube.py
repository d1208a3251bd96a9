"""The operator's client of the Kubernetes API: only the verbs that it needs (docs/decisions/0002-thin-api-client.md).

It is not in the shared transport because it knows the cache, our models, finalizers and server-side apply by one manager.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import msgspec
import structlog

from askproai_core.api_resource import LEASES, ApiResource
from askproai_core.clock import Clock
from askproai_core.kube import Access, ApiError, Conflict, HttpTransport, list_chunks
from askproai_operator.api import CustomResource
from askproai_operator.engine.cache import ObservedObject, observed_object
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.engine.manifests import event_manifest, take_over_spec
from askproai_operator.engine.owned_fields import digest_of_manifest
from askproai_operator.engine.result import EventRecord
from askproai_operator.resources import (
    CUSTOM,
    FINALIZER,
    HANDOVER,
    MANAGED_LABEL,
    MANAGER,
    OWN,
    SECRETS,
    USE_LABEL,
    resource_of,
    resource_of_kind,
)  # fmt: skip

log = structlog.get_logger(__name__)

_CHUNK = 200  # objects per page of a list: the process keeps the memory of its largest page
_OF_NO_OBJECT = "1"  # resourceVersion: etcd's first revision is older than every object
_ATTEMPTS = 5  # to write a status or finalizers, before the queue's backoff takes over
_MERGE, _JSON_PATCH, _APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "json-patch+json", "apply-patch+yaml")
)
_NOT_FOUND, _FORBIDDEN, _CONFLICT, _INVALID = 404, 403, 409, 422
_AS_MANAGER = {"fieldManager": MANAGER}
_Address = tuple[ApiResource, str, str]  # resource, namespace, name


class UnmanagedObject(ApiError):
    """Raised if a child's name belongs to an object that we never wrote: if taken over, it would be deleted with its owner."""


class Kube:
    """The operator's client of the API server, one for each process. Use as `async with Kube(...) as kube`."""

    def __init__(
        self,
        login: Callable[[], Access],
        feed: EventSink,
        clock: Clock,
        *,
        namespace: str = "askproai-system",
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        """Log in. `feed` gets the objects of our own writes; `namespace` is the operator's own.

        `fence` is called right before each write, and raises NotLeader if another process may lead.
        """
        self._transport = HttpTransport(login, user_agent=MANAGER, before_write=fence)
        self._feed = feed
        self._clock = clock
        self._namespace = namespace
        # For each child the digest of the last applied manifest, and the child's uid and fingerprint right after: for a manifest
        # with a value that the API server stores in another form.
        self._applied: dict[_Address, tuple[str, str, str]] = {}
        self._assumed_absent: set[_Address] = set()  # Secrets whose next apply assumes that they do not exist

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()

    # Reading

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one object; None if it does not exist."""
        return await self._transport.find(resource.path(namespace, name))

    async def get_secret(self, namespace: str, name: str, *, to_apply: bool = False) -> dict[str, Any] | None:
        """Return a Secret, from the cache if it is ours or permits its use; None if it does not exist.

        A cached Secret has only name, UID, version, labels and owners as metadata. With `to_apply`, a Secret that the cache
        does not know counts as absent and costs no request: `apply` then refuses to overwrite a Secret that exists.
        """
        cached, address = self._feed.cache.secret(namespace, name), (SECRETS, namespace, name)
        if to_apply:  # only readers that will apply the Secret record this
            if cached is None:
                self._assumed_absent.add(address)
                return None
            self._assumed_absent.discard(address)
        if cached is None or cached.secret is None:
            return await self.get(SECRETS, namespace, name)
        return msgspec.json.decode(cached.secret, type=dict[str, Any])

    async def list_chunks(
        self, resource: ApiResource, namespace: str | None = None, selector: str = ""
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield all objects that a label selector selects, in chunks of one consistent list.

        Custom resources come without managedFields, a third of their size; children's managedFields show which are ours.
        """
        path = resource.path(namespace)
        async for page, _ in list_chunks(self._transport, path, selector, _CHUNK):
            # The items of a list carry neither apiVersion nor kind.
            items = [resource.type_meta | item for item in page]
            if resource in CUSTOM:
                for item in items:
                    item["metadata"].pop("managedFields", None)
            yield items

    async def list(
        self, resource: ApiResource, namespace: str | None = None, selector: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Return all objects that a label selector selects."""
        return [item async for items in self.list_chunks(resource, namespace, selector) for item in items]

    # Children

    async def apply(self, manifest: Mapping[str, Any]) -> ObservedObject:
        """Make a child equal to the manifest by server-side apply; return the child as it is now.

        No request is sent when our fields of the live child equal the manifest (so none after a restart), or when neither
        manifest nor child changed since our last request. The kind must be in `resources.CUSTOM`, `CHILDREN` or `FOREIGN`,
        which the cache follows. A Secret gets the label by which Secrets are watched. Raises UnmanagedObject if an object of
        this name is not ours. Raises Conflict for a Secret of ours that exists although `get_secret` took it for absent: the
        cache has it then, and the manifest must be made from its content.
        """
        body = dict(manifest)
        resource, meta = resource_of(body), dict(body["metadata"])
        if resource is SECRETS:
            meta["labels"] = {**meta.get("labels", {}), USE_LABEL: OWN}
            body["metadata"] = meta
        address = (resource, meta["namespace"], meta["name"])
        desired = digest_of_manifest(body)
        applied, live = self._applied.get(address), self._feed.cache.child(*address)
        assumed_absent = address in self._assumed_absent
        self._assumed_absent.discard(address)
        if live is not None and (live.owned == desired or applied == (desired, live.uid, live.fingerprint)):
            return live
        if live is not None and assumed_absent:
            raise _made_without(address)
        with self._feed.applying(*address, desired):
            if live is None:
                raw = await self._create_or_apply(address, body, assumed_absent=assumed_absent)
            else:
                raw = await self._apply_again(address, body)
        child = observed_object(raw)
        self._applied[address] = (desired, child.uid, child.fingerprint)
        if live is None or live.fingerprint != child.fingerprint:
            log.info("child.written", kind=resource.kind, namespace=address[1], name=address[2], new=live is None)
        if resource in CUSTOM:
            self._feed.observe(resource, raw)
        else:
            self._feed.cache.put(resource, raw)  # not `observe`, which would enqueue keys
        # A report of the watch may be newer than `raw`. Its report of this very apply has enqueued no key.
        return self._feed.cache.child(*address) or child

    async def apply_all(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Apply independent children at the same time. All are tried; then the error of the first failed one is raised."""
        for result in await asyncio.gather(*map(self.apply, manifests), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _create_or_apply(
        self, address: _Address, body: Mapping[str, Any], *, assumed_absent: bool
    ) -> dict[str, Any]:
        """Apply a child that the cache does not know. Raises UnmanagedObject if an object that is not ours has its name.

        An apply with an invented resourceVersion creates the child without a read before it; if one exists, it is refused
        (409), and the child is read and applied. With `assumed_absent`, raises Conflict for a Secret that exists.
        """
        created = {**body, "metadata": {**body["metadata"], "resourceVersion": _OF_NO_OBJECT}}
        try:
            return await self._server_side_apply(address, created)
        except Conflict as error:
            if error.status != _CONFLICT:  # the namespace is being deleted
                raise
        live = await self._refuse_unmanaged(address)
        if live is not None and assumed_absent:
            await self._watch_again(address, live)
            raise _made_without(address)
        return await self._apply_again(address, body)

    async def _watch_again(self, address: _Address, secret: Mapping[str, Any]) -> None:
        """Restore the labels of our Secret, without which the watch does not report it, and put it into the cache.

        A Secret that loses its label counts as deleted in that version; the answer to this write is newer. Raises Conflict when
        somebody wrote the Secret in between.
        """
        labels = {USE_LABEL: OWN, MANAGED_LABEL: MANAGER}
        body = {"metadata": {"resourceVersion": secret["metadata"]["resourceVersion"], "labels": labels}}
        if (watched := await self.patch(*address, body)) is not None:
            self._feed.cache.put(address[0], watched)

    async def _apply_again(self, address: _Address, body: Mapping[str, Any]) -> dict[str, Any]:
        """Apply a child that exists. If other managers' fields make its spec invalid, take these fields over and apply again."""
        try:
            return await self._server_side_apply(address, body)
        except ApiError as error:
            if error.status != _INVALID or not await self._take_over(address):
                raise
            return await self._server_side_apply(address, body)

    async def _refuse_unmanaged(self, address: _Address) -> dict[str, Any] | None:
        """Return the live object. Raises UnmanagedObject if it was never ours; an object that only lost our label is ours."""
        live = await self.get(*address)
        meta = (live or {}).get("metadata")
        if meta is None or (meta.get("labels") or {}).get(MANAGED_LABEL) == MANAGER:
            return live
        if MANAGER not in {entry.get("manager") for entry in meta.get("managedFields") or ()}:
            text = (
                f"there already is {address[0].kind} {address[2]} that the operator did not make: remove or rename it"
            )
            raise UnmanagedObject(_CONFLICT, "NotOurs", text)
        return live

    async def _server_side_apply(self, address: _Address, body: Mapping[str, Any]) -> dict[str, Any]:
        resource, namespace, name = address
        return await self._patch(resource.path(namespace, name), body, _APPLY, force="true")

    async def _patch(self, path: str, body: object, content_type: str, **params: str) -> dict[str, Any]:
        params = _AS_MANAGER | params
        return await self._transport.request("PATCH", path, params=params, body=body, content_type=content_type)

    async def _take_over(self, address: _Address) -> bool:
        """Take over the spec's fields that others manage, after a refused apply. Returns False if there are no such fields."""
        body = take_over_spec(await self.get(*address) or {})
        return body is not None and await self.patch(*address, body) is not None

    async def hand_over(self, manifest: Mapping[str, Any]) -> None:
        """Have a second manager hold these fields of a child, so that our next apply without them leaves them unchanged.

        A field whose only manager stops sending it falls back to its default (measured: 5 replicas became 1). The first later
        write by anybody else ends the second manager's hold; a write before this one is kept.
        """
        path = resource_of(manifest).path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        with suppress(Conflict):
            await self._patch(path, manifest, _APPLY, fieldManager=HANDOVER)

    async def delete(
        self, resource: ApiResource, namespace: str, name: str, uid: str | None = None, *, version: int | None = None
    ) -> None:
        """Delete an object, which counts as deleted if it does not exist.

        With `uid` or `version`, raises Conflict if the object has another UID or resourceVersion.
        """
        preconditions = ({"uid": uid} if uid is not None else {}) | (
            {"resourceVersion": str(version)} if version is not None else {}
        )
        body = {"propagationPolicy": "Background"} | ({"preconditions": preconditions} if preconditions else {})
        self._applied.pop((resource, namespace, name), None)
        try:
            await self._transport.request("DELETE", resource.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    # Objects as a whole

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object. Raises Conflict if it exists."""
        path = resource_of(manifest).path(manifest["metadata"].get("namespace"))
        return await self._transport.request("POST", path, params=_AS_MANAGER, body=manifest)

    async def try_create(self, manifest: Mapping[str, Any]) -> str | None:
        """Test by a dry run if we may create an object. Return the API server's text for a 403; None if we may."""
        path, params = resource_of(manifest).path(manifest["metadata"]["namespace"]), _AS_MANAGER | {"dryRun": "All"}
        try:
            await self._transport.request("POST", path, params=params, body=manifest)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            return error.message
        return None

    async def patch(
        self, resource: ApiResource, namespace: str, name: str, body: Mapping[str, Any], *, subresource: str = ""
    ) -> dict[str, Any] | None:
        """Merge fields into an object (None removes a field) and return it; None if it does not exist.

        With a `metadata.resourceVersion` in the body, raises Conflict if somebody wrote in between.
        """
        path = resource.path(namespace, name) + (f"/{subresource}" if subresource else "")
        try:
            raw = await self._patch(path, body, _MERGE)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        if resource in CUSTOM:
            self._feed.observe(resource, raw)
        return raw

    async def patch_status(self, obj: CustomResource, status: Mapping[str, Any]) -> bool:
        """Merge fields into the status of one of our kinds. Returns False if the object is gone; the cache then forgets it.

        The status subresource ignores a `metadata.uid`, so only the version keeps us from writing into a namesake.
        """
        for _ in range(_ATTEMPTS):
            cached = self._feed.cache.get(obj.key)
            if cached is None or cached.metadata.uid != obj.metadata.uid:
                return False
            body = {"metadata": {"resourceVersion": cached.metadata.resource_version}, "status": status}
            try:
                if await self.patch(*_address(obj), body, subresource="status") is not None:
                    return True
            except Conflict:  # a person wrote it, which the watch has not reported yet
                log.debug("status.again", key=str(obj.key))
            if not await self.refresh(obj):
                return False
        raise _changes_too_fast(obj, "its status can be written")

    async def refresh(self, obj: CustomResource) -> bool:
        """Read an object into the cache. Returns False if it is gone: the cache then forgets it, even if no watch reported it."""
        raw = await self._get_same(obj)
        if raw is None:
            self._feed.forget(*_address(obj), obj.metadata.uid)
        else:
            self._feed.observe(_address(obj)[0], raw)
        return raw is not None

    # Finalizers

    async def add_finalizer(self, obj: CustomResource) -> bool:
        """Add our finalizer to an object before a remote object is created for it. False if it is gone or being deleted."""
        cached = self._feed.cache.get(obj.key)
        known = cached if cached is not None and cached.metadata.uid == obj.metadata.uid else obj
        is_live = known.metadata.deletion_timestamp is None
        if is_live and (FINALIZER in known.metadata.finalizers or await self._add_to_known(known)):
            return True
        for _ in range(_ATTEMPTS):
            raw = await self._get_same(obj)
            if raw is None or raw["metadata"].get("deletionTimestamp"):
                return False
            finalizers = raw["metadata"].get("finalizers") or []
            if FINALIZER in finalizers or await self._set_finalizers(obj, raw, [*finalizers, FINALIZER]):
                return True
        raise _changes_too_fast(obj, "its finalizer can be added")

    async def _add_to_known(self, obj: CustomResource) -> bool:
        """Add our finalizer in one request. Returns False if the object is gone, or changed since the version that we know."""
        meta = obj.metadata
        body = {"resourceVersion": meta.resource_version, "finalizers": [*meta.finalizers, FINALIZER]}
        try:
            return await self.patch(*_address(obj), {"metadata": body}) is not None
        except Conflict:
            return False

    async def remove_finalizer(self, obj: CustomResource) -> None:
        """Remove our finalizer. A conflict is retried at once: a backoff here would delay a namespace's deletion (KEDA #7950)."""
        for _ in range(_ATTEMPTS):
            raw = await self._get_same(obj)
            finalizers = (raw or {}).get("metadata", {}).get("finalizers") or []
            if raw is None or FINALIZER not in finalizers:
                return
            others = [name for name in finalizers if name != FINALIZER]
            if await self._set_finalizers(obj, raw, others):
                if not others and raw["metadata"].get("deletionTimestamp"):
                    self._feed.forget(*_address(obj), obj.metadata.uid)  # it is gone now: do not wait for the watch
                return
        raise _changes_too_fast(obj, "its finalizer can be removed")

    async def _get_same(self, obj: CustomResource) -> dict[str, Any] | None:
        """Return the live object; None if it is gone or a namesake with another UID has replaced it."""
        raw = await self.get(*_address(obj))
        return raw if raw is not None and raw["metadata"]["uid"] == obj.metadata.uid else None

    async def _set_finalizers(self, obj: CustomResource, raw: Mapping[str, Any], finalizers: Sequence[str]) -> bool:
        """Write the finalizers. Returns False if somebody changed them since `raw` was read (the patch's `test` fails as 422)."""
        resource, namespace, name = _address(obj)
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": obj.metadata.uid},
            {"op": "test", "path": "/metadata/finalizers", "value": raw["metadata"].get("finalizers")},
            {"op": "add", "path": "/metadata/finalizers", "value": finalizers},
        ]
        try:
            answer = await self._patch(resource.path(namespace, name), operations, _JSON_PATCH)
        except ApiError as error:
            if error.status in {_CONFLICT, _INVALID, _NOT_FOUND}:
                return False
            raise
        if finalizers or not answer["metadata"].get("deletionTimestamp"):
            self._feed.observe(resource, answer)
        return True

    # Events

    async def record_event(self, obj: CustomResource, record: EventRecord) -> None:
        """Create a Kubernetes Event about an object. The engine calls this; a controller only for another object than its own.

        A namespace that is being deleted takes no new objects. If the record `outlives_object`, it then goes to the operator's
        namespace, about the operator's Lease (Event and object must share a namespace), with the real object as `related`.
        """
        resource, namespace, name = _address(obj)
        involved = resource.reference(namespace, name) | {"uid": obj.metadata.uid}
        try:
            await self.create(event_manifest(involved, record.type, record.reason, record.message, self._clock.now()))
        except ApiError as error:
            if error.status not in {_FORBIDDEN, _NOT_FOUND}:
                raise
            if record.outlives_object:
                await self.record_operator_event(record.reason, f"{obj.key}: {record.message}", record.type, involved)

    async def record_operator_event(
        self, reason: str, message: str, type_: str = "Normal", related: Mapping[str, str] | None = None
    ) -> None:
        """Create an Event in the operator's own namespace, about an object whose namespace is gone or being deleted."""
        lease = LEASES.reference(self._namespace, MANAGER)
        event = event_manifest(lease, type_, reason, message, self._clock.now())
        await self.create(event | ({"related": related} if related else {}))


def _address(obj: CustomResource) -> _Address:
    return resource_of_kind(obj.key.kind), obj.key.namespace, obj.key.name


def _made_without(address: _Address) -> Conflict:
    text = f"{address[0].kind} {address[2]} came a moment ago: it is to be read first"
    return Conflict(_CONFLICT, "AlreadyExists", text)


def _changes_too_fast(obj: CustomResource, task: str) -> Conflict:
    return Conflict(_CONFLICT, "Conflict", f"{obj.key} changes faster than {task}")
