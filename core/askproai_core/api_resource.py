"""The Kubernetes API's URL paths and references for one kind of object (group, version, plural, kind).

Used by the Lease client of both planes, by the fleet's page, and by the operator to list every kind of object that it uses.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A kind of Kubernetes object: group, version and plural as in its API URL, and the kind's name as in manifests."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_meta(self) -> dict[str, str]:
        """Return `apiVersion` and `kind`, as in a manifest."""
        return {"apiVersion": self.api_version, "kind": self.kind}

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of the object `name`; if `name` is None, the path of the whole collection."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")

    def reference(self, namespace: str, name: str) -> dict[str, str]:
        """Return a reference to one object, in the form in which Kubernetes Events name their object."""
        return {**self.type_meta, "namespace": namespace, "name": name}

    def owner_reference(self, name: str, uid: str) -> dict[str, Any]:
        """Return the owner reference for children of this object: Kubernetes deletes them when it deletes the owner."""
        return {**self.type_meta, "name": name, "uid": uid, "controller": True, "blockOwnerDeletion": True}


LEASES = ApiResource("coordination.k8s.io", "v1", "leases", "Lease")

GROUP = "askproai.de"
TENANTS = ApiResource(GROUP, "v1alpha1", "tenants", "Tenant")
BRANCHES = ApiResource(GROUP, "v1alpha1", "branches", "Branch")
OFFERINGS = ApiResource(GROUP, "v1alpha1", "serviceofferings", "ServiceOffering")
AGENTS = ApiResource(GROUP, "v1alpha1", "retellagents", "RetellAgent")
CUSTOM = (TENANTS, BRANCHES, OFFERINGS, AGENTS)  # the four kinds that a person writes

AUTO_CREATED_LABEL = "askproai.de/auto-created"  # of the default service of a Branch, which the operator makes

# Annotations of a Tenant that was restored or moved here.
ADOPT_DATA = "askproai.de/adopt-data"  # the owner of the rows that it adopts
ADOPT_FROM = "askproai.de/adopt-from"  # the installation whose marker its agents carry until they are taken over
ADOPT_WEBHOOK = "askproai.de/adopt-webhook"  # its former webhook's URL, which ends in the former installation's id
