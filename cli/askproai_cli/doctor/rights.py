"""The rights that the chart's roles grant to the operator's account, and a search for missing rights at the API server.

The chart is not part of the command line, so the rights are listed here; a test compares them with the chart.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from askproai_core.api_resource import LEASES, ApiResource
from askproai_core.kube import ApiError, HttpTransport
from askproai_operator import resources
from askproai_operator.shards import LEASE_NAMES

_REVIEWS: Final = ApiResource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
ASK_RIGHT: Final = f"create {_REVIEWS.plural}.{_REVIEWS.group}"
_AT_ONCE: Final = 20
_READ: Final = ("get", "list", "watch")
_OWN: Final = (*_READ, "create", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource; without a namespace it applies to all namespaces, without a name to all objects."""

    group: str
    resource: str
    verb: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        subresource = f"/{self.subresource}" if self.subresource else ""
        name = f" {self.name}" if self.name else ""
        return f"{self.verb} {resource}{subresource}{name}" + (f" in {self.namespace}" if self.namespace else "")


def list_rights(namespace: str, shards: int) -> list[Right]:
    """Return the rights that the operator needs. `namespace` is the operator's own, with one Lease for each of `shards`."""
    found: list[Right] = []
    for ref in resources.CUSTOM:
        verbs = _OWN if ref is resources.OFFERINGS else (*_READ, "patch")
        found += _of(ref, verbs)
        found += _of(ref, ("patch",), subresource="status")
    for ref in (resources.TENANTS, resources.BRANCHES):
        found += _of(ref, ("update",), subresource="finalizers")
    for ref in (*resources.CHILDREN, *resources.FOREIGN):
        found += _of(ref, _OWN)
    found += _of(resources.PODS, ("list", "patch"))
    found += _of(resources.EVENTS, ("create",))
    found += _of(resources.NAMESPACES, ("get",), name="kube-system")
    found += _of(LEASES, ("create",), namespace=namespace)
    for name in LEASE_NAMES[:shards]:
        found += _of(LEASES, ("get", "update"), namespace=namespace, name=name)
    return found


def _of(
    ref: ApiResource, verbs: Iterable[str], *, subresource: str = "", namespace: str = "", name: str = ""
) -> list[Right]:
    return [Right(ref.group, ref.plural, verb, subresource, namespace, name) for verb in verbs]


async def find_missing_rights(
    transport: HttpTransport, namespace: str, account: str, rights: Sequence[Right]
) -> Sequence[Right] | None:
    """Return those of the rights that a service account lacks; None if our own account may not ask. Raises ApiError."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def ask(right: Right) -> bool:
        async with limit:
            answer = await transport.request("POST", _REVIEWS.path(), body=_review(namespace, account, right))
            return bool((answer.get("status") or {}).get("allowed"))

    try:
        first = await ask(rights[0])
        others = await asyncio.gather(*map(ask, rights[1:]))
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return None
    return [right for right, allowed in zip(rights, [first, *others], strict=True) if not allowed]


def _review(namespace: str, account: str, right: Right) -> dict[str, Any]:
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    user = f"system:serviceaccount:{namespace}:{account}"
    spec = {"user": user, "groups": groups, "resourceAttributes": asdict(right)}
    return {**_REVIEWS.type_meta, "spec": spec}
