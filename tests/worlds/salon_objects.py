"""Objects of the four kinds as the API server would return them, from the salon of `examples/`."""

from collections.abc import Mapping
from typing import Any

from askproai_operator.api import Key
from askproai_operator.engine import Cache
from askproai_operator.engine.cache import CustomResource
from askproai_operator.resources import TENANTS, resource_of_kind
from askproai_sandbox.cluster import KubeClient
from askproai_sandbox.example_tenant import load_manifests

NAMESPACE = "salon-mueller"
_VERSIONS = iter(range(1, 1_000_000))


def raw(kind: str, name: str = "", *, status: Mapping[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """Return the salon's first object of a kind, renamed, with the server's metadata and a newer resourceVersion each time."""
    manifest = load_manifests()[kind][0]
    name = name or manifest["metadata"]["name"]
    server = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{kind}-{name}", "generation": 1}
    server |= {"creationTimestamp": "2026-11-20T09:00:00Z", "resourceVersion": str(next(_VERSIONS))}
    return {**manifest, "metadata": server | meta, "status": dict(status or {})}


def put(cache: Cache, obj: dict[str, Any]) -> tuple[CustomResource | None, CustomResource]:
    """Store an object; return its previous and its new state."""
    old, new = cache.put(resource_of_kind(obj["kind"]), obj)
    return old, new  # type: ignore[return-value]


def key(kind: str, name: str) -> Key:
    return Key(kind, NAMESPACE, name)


def salon() -> Cache:
    """Return a cache with one object of each kind."""
    cache = Cache()
    for kind in ("Tenant", "Branch", "ServiceOffering", "RetellAgent"):
        put(cache, raw(kind))
    return cache


async def create_tenant(client: KubeClient, namespace: str, name: str = "t") -> dict[str, Any]:
    """Create the salon's Tenant at an API server, which no operator reconciles; return a reference to it as an owner."""
    body = load_manifests()["Tenant"][0] | {"metadata": {"name": name, "namespace": namespace}}
    created = await client.create(TENANTS.path(namespace), body)
    return TENANTS.owner_reference(name, created["metadata"]["uid"])
