"""Resources of foreign CRDs: absent, served, failing; and whether a changed child makes its Tenant due."""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from askproai_core.clock import SystemClock
from askproai_core.kube import ApiError, Unreachable
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.control_loop.informer import Informer
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.engine import Cache, Kube
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.relations import Relations
from askproai_sandbox.example_tenant import load_manifests

OURS = {"askproai.de/tenant": "salon-mueller"}


class ApiServer:
    """Lists no objects, unless a test sets the answer of a resource."""

    def __init__(self) -> None:
        self.answers: dict[resources.ApiResource, list[dict[str, Any]] | ApiError] = dict.fromkeys(
            resources.FOREIGN, ApiError(404, "NotFound", "the server could not find the requested resource")
        )

    async def list_chunks(self, ref: resources.ApiResource, *, selector: str) -> AsyncIterator[list[dict[str, Any]]]:
        answer = self.answers.get(ref, [])
        if isinstance(answer, ApiError):
            raise answer
        yield answer


def child(ref: resources.ApiResource, version: int = 1, **parts: Any) -> dict[str, Any]:
    meta = {
        "name": "salon-mueller",
        "namespace": "n",
        "uid": ref.plural,
        "resourceVersion": str(version),
        "labels": OURS,
    }
    return {"kind": ref.kind, "metadata": meta} | parts


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def enqueued() -> list[Key]:
    return []


@pytest.fixture
def informer(server: ApiServer, enqueued: list[Key]) -> Informer:
    cache = Cache()
    sink = EventSink(cache, Relations(cache), enqueued.append)
    no_login = cast("Callable[[], Any]", None)
    return Informer(sink, cast("Kube", server), SystemClock(), Metrics(), no_login)


async def test_foreign_crd_change_makes_all_tenants_due(informer, server, enqueued):
    tenant = load_manifests()["Tenant"][0]
    tenant["metadata"] |= {"uid": "uid-1", "resourceVersion": "1", "creationTimestamp": "2026-11-01T08:00:00Z"}
    informer._sink.prime(resources.TENANTS, tenant)
    await informer.audit(resources.FOREIGN)
    assert enqueued == []
    server.answers[resources.PROMETHEUS_RULES] = []
    await informer.audit(resources.FOREIGN)
    await informer.audit(resources.FOREIGN)
    assert enqueued == [Key("Tenant", "salon-mueller", "salon-mueller")]
    assert informer._sink.cache.served == {resources.PROMETHEUS_RULES}
    server.answers[resources.PROMETHEUS_RULES] = ApiError(404, "NotFound", "gone again")
    await informer.audit(resources.FOREIGN)
    assert enqueued[1:] == [Key("Tenant", "salon-mueller", "salon-mueller")]
    assert informer._sink.cache.served == set()


async def test_unlistable_foreign_crd_changes_nothing(informer, server, enqueued):
    """A new definition's storage begins with 429; a broken conversion webhook answers 500 for ever."""
    server.answers[resources.SERVICE_MONITORS] = [child(resources.SERVICE_MONITORS)]
    await informer.prime()
    server.answers[resources.SERVICE_MONITORS] = Unreachable("conversion webhook failed", 500, "InternalError")
    server.answers[resources.PROMETHEUS_RULES] = Unreachable("storage is (re)initializing", 429, "TooManyRequests")
    await informer.prime()
    await informer.audit(resources.FOREIGN)
    assert informer._sink.cache.served == {resources.SERVICE_MONITORS}
    assert informer._sink.cache.child(resources.SERVICE_MONITORS, "n", "salon-mueller") is not None
    assert enqueued == []


@pytest.mark.parametrize(
    ("ref", "is_due"),
    [
        (resources.DEPLOYMENTS, True),
        (resources.HTTP_ROUTES, True),
        (resources.AUTOSCALERS, False),
        (resources.BUDGETS, False),
    ],
)
def test_only_child_statuses_that_are_read_enqueue_tenants(informer, enqueued, ref, is_due):
    """An autoscaler's status moves with every measurement: a thousand tenants must not be reconciled for it."""
    informer._sink.prime(ref, child(ref, 1, status={"currentReplicas": 2, "readyReplicas": 2}))
    informer._sink.observe(ref, child(ref, 2, status={"currentReplicas": 3, "readyReplicas": 3}))
    assert bool(enqueued) is is_due
    enqueued.clear()
    informer._sink.observe(
        ref, child(ref, 3, status={"currentReplicas": 3, "readyReplicas": 3}, spec={"minReplicas": 1})
    )
    assert enqueued == [Key("Tenant", "n", "salon-mueller")], "an edit always does"
