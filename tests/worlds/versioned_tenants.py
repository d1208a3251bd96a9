"""The kind Tenant in a group of a test's own, in the versions that the test wants: the real definition is not changed by it."""

import asyncio
import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from askproai_core.api_resource import ApiResource
from askproai_sandbox.cluster import ApiError, ControlPlane, KubeClient, Mirror
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.conversion_webhook import ALPHA, BETA, ConversionWebhook, converted, schema_of_beta
from tests.worlds.waiting import SOON, eventually

_DEFINITIONS = ApiResource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
_TENANTS = Path(__file__).parents[2] / "crds" / "askproai.de_tenants.yaml"
_NOT_FOUND = 404
_NOT_YET = {_NOT_FOUND, 429}  # a version that is served soon; "storage is (re)initializing"

Object = dict[str, Any]


@dataclass
class VersionedTenants:
    """The definition and its objects in one namespace."""

    plane: ControlPlane
    client: KubeClient
    webhook: ConversionWebhook
    namespace: str
    group: str = field(default_factory=lambda: f"g{uuid.uuid4().hex[:8]}.conversion.example")

    @property
    def definition_path(self) -> str:
        return _DEFINITIONS.path(name=f"tenants.{self.group}")

    def resource(self, version: str) -> ApiResource:
        return ApiResource(self.group, version, "tenants", "Tenant")

    def path(self, version: str, name: str | None = None) -> str:
        return self.resource(version).path(self.namespace, name)

    @asynccontextmanager
    async def watched(self, version: str) -> AsyncIterator[Mirror]:
        """Watch all objects of the namespace in a version."""
        mirror = Mirror(self.client, self.path(version))
        running = asyncio.create_task(mirror.run())
        try:
            await asyncio.wait_for(mirror.synced.wait(), SOON)
            yield mirror
        finally:
            running.cancel()

    def manifest(self, version: str, name: str = "salon", *, notice_hours: int | None = None) -> Object:
        """Return the salon of `examples/` in a version."""
        tenant = load_manifests()["Tenant"][0]
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "annotations": {"salon.example/note": "ä, unknown to us"},
        }
        tenant |= {"apiVersion": f"{self.group}/{ALPHA}", "metadata": metadata}
        tenant = converted(tenant, BETA)
        if notice_hours is not None:
            tenant["spec"]["cancellation"]["noticeHours"] = notice_hours
        return converted(tenant, version)

    def definition(
        self, *, stored: str = ALPHA, served: tuple[str, ...] = (ALPHA,), known: tuple[str, ...] = ()
    ) -> Object:
        """Return the definition; `known` versions are in it and not served."""
        real = yaml.safe_load(_TENANTS.read_text(encoding="utf-8"))
        (alpha,) = real["spec"]["versions"]
        schema = {ALPHA: alpha["schema"]["openAPIV3Schema"]}
        schema[BETA] = schema_of_beta(schema[ALPHA])
        versions = [
            {**alpha, "name": name, "served": name in served, "storage": name == stored}
            | {"schema": {"openAPIV3Schema": schema[name]}}
            for name in (*served, *known)
        ]
        names = {name: real["spec"]["names"][name] for name in ("kind", "listKind", "plural", "singular")}
        conversion = (
            {"conversion": self.webhook.conversion()} if len(versions) > 1 else {"conversion": {"strategy": "None"}}
        )
        spec = real["spec"] | {"group": self.group, "names": names, "versions": versions} | conversion
        return {**real, "metadata": {"name": f"tenants.{self.group}"}, "spec": spec}

    async def define(
        self, *, stored: str = ALPHA, served: tuple[str, ...] = (ALPHA,), known: tuple[str, ...] = ()
    ) -> None:
        """Make this the definition, and wait until the API server serves these versions, no others, and stores the one."""
        await self.write_definition(stored=stored, served=served, known=known)
        for version in (ALPHA, BETA):
            await eventually(partial(self._is_served, version, wanted=version in served), SOON, f"{version} as defined")
        await eventually(partial(self._is_stored, stored, written_as=served[0]), SOON, f"{stored} to be stored")

    async def write_definition(self, **versions: Any) -> None:
        """Apply the definition as the chart does, and wait for nothing."""
        query = {"fieldManager": "chart", "force": "true"}
        body = self.definition(**versions)
        await self.client.request(
            "PATCH", self.definition_path, body, content_type="application/apply-patch+yaml", **query
        )

    async def stored_versions(self) -> list[str]:
        """Return in which versions the API server may have stored objects, as the definition's status says."""
        versions: list[str] = (await self.client.get(self.definition_path))["status"]["storedVersions"]
        return versions

    async def record_stored_versions(self, *versions: str) -> None:
        """Write that list, as somebody does who has rewritten all objects."""
        await self.client.merge(f"{self.definition_path}/status", {"status": {"storedVersions": list(versions)}})

    async def create(self, version: str, name: str = "salon", **shape: Any) -> Object:
        return await self.client.create(self.path(version), self.manifest(version, name, **shape))

    async def get(self, version: str, name: str = "salon") -> Object:
        return await self.client.get(self.path(version, name))

    async def replace(self, version: str, obj: Object) -> Object:
        """Write a whole object."""
        return await self.client.request("PUT", self.path(version, obj["metadata"]["name"]), obj)

    async def annotate(self, version: str, name: str = "salon") -> Object:
        """Write an annotation, as anybody does who does not apply."""
        return await self.client.merge(
            self.path(version, name), {"metadata": {"annotations": {"salon.example/seen": "1"}}}
        )

    async def write_status(self, version: str, status: Object, name: str = "salon") -> Object:
        """Write a part of the status, as the operator does."""
        return await self.client.merge(f"{self.path(version, name)}/status", {"status": status})

    async def apply(
        self, manager: str, version: str, fields: Object, name: str = "salon", *, part: str = "spec"
    ) -> Object:
        """Apply fields of the spec, or of another part, on the server's side."""
        body = {"apiVersion": f"{self.group}/{version}", "kind": "Tenant", "metadata": {"name": name}, part: fields}
        path = self.path(version, name) + ("/status" if part == "status" else "")
        return await self.client.request(
            "PATCH", path, body, content_type="application/apply-patch+yaml", fieldManager=manager
        )

    async def rewrite_all(self, version: str) -> None:
        """Read all objects and write them as they are, so that each is stored in the present version."""
        for obj in (await self.client.get(self.resource(version).path()))["items"]:
            await self.replace(version, obj)

    async def version_in_etcd(self, name: str = "salon", namespace: str | None = None) -> str:
        """Return the version in which an object is stored."""
        key = f"/registry/{self.group}/tenants/{namespace or self.namespace}/{name}"
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.post(
                f"{_url_of_etcd(self.plane)}/v3/kv/range", json={"key": b64encode(key.encode()).decode()}
            ) as answer,
        ):
            (found,) = (await answer.json())["kvs"]
        version: str = json.loads(b64decode(found["value"]))["apiVersion"].partition("/")[2]
        return version

    async def _is_served(self, version: str, *, wanted: bool) -> bool:
        try:
            await self.client.get(self.path(version))
        except ApiError as error:
            if error.status not in _NOT_YET:
                raise
            return error.status == _NOT_FOUND and not wanted
        return wanted

    async def _is_stored(self, version: str, *, written_as: str) -> bool:
        """Write an object outside of the namespace and see how it is stored."""
        manifest = self.manifest(written_as, "probe")
        manifest["metadata"]["namespace"] = "default"
        collection = self.resource(written_as).path("default")
        try:
            await self.client.create(collection, manifest)
            return await self.version_in_etcd("probe", "default") == version
        except ApiError as error:
            if error.status not in _NOT_YET:
                raise
            return False
        finally:
            await self.client.delete(f"{collection}/probe")


@asynccontextmanager
async def versioned_tenants(
    plane: ControlPlane, client: KubeClient, webhook: ConversionWebhook, namespace: str
) -> AsyncIterator[VersionedTenants]:
    """Lend a definition that is gone at the end, with its objects."""
    tenants = VersionedTenants(plane, client, webhook, namespace)
    try:
        yield tenants
    finally:
        await client.delete(tenants.definition_path)
        await eventually(lambda: is_gone(client, tenants.definition_path), SOON, "the end of the definition")


def _url_of_etcd(plane: ControlPlane) -> str:
    arguments = Path("/proc", str(plane.pids["etcd"]), "cmdline").read_text(encoding="utf-8").split("\0")
    (url,) = (each.partition("=")[2] for each in arguments if each.startswith("--listen-client-urls="))
    return url


async def is_gone(client: KubeClient, path: str) -> bool:
    try:
        await client.get(path)
    except ApiError as error:
        return error.status == _NOT_FOUND
    return False
