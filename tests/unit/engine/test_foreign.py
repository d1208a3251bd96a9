"""Resources of foreign CRDs: absent, there, ailing; and who is woken by what changes about children."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from askproai_core.clock import SystemClock
from askproai_operator.engine import Cache, Key, Kube, refs
from askproai_operator.engine.errors import ApiError, Unreachable
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.metrics import Metrics
from askproai_sandbox.example_tenant import load_manifests

OURS = {"askproai.de/tenant": "salon-mueller"}


class ApiServer:
    """Lists nothing of all resources, unless a test says otherwise of one."""

    def __init__(self) -> None:
        self.answers: dict[refs.Ref, list[dict[str, Any]] | ApiError] = dict.fromkeys(
            refs.FOREIGN, ApiError(404, "NotFound", "the server could not find the requested resource")
        )

    async def list(self, ref: refs.Ref, *, selector: str) -> list[dict[str, Any]]:
        answer = self.answers.get(ref, [])
        if isinstance(answer, ApiError):
            raise answer
        return answer


def child(ref: refs.Ref, version: int = 1, **parts: Any) -> dict[str, Any]:
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
def woken() -> list[Key]:
    return []


@pytest.fixture
def informer(server: ApiServer, woken: list[Key]) -> Informer:
    feed = Feed(Cache(), woken.append)
    no_login = cast("Callable[[], Any]", None)
    return Informer(feed, cast("Kube", server), SystemClock(), Metrics(), no_login)


async def test_all_tenants_look_again_when_a_foreign_crd_comes_and_when_it_goes(informer, server, woken):
    tenant = load_manifests()["Tenant"][0]
    tenant["metadata"] |= {"uid": "uid-1", "resourceVersion": "1", "creationTimestamp": "2026-11-01T08:00:00Z"}
    informer._feed.prime(refs.TENANTS, tenant)
    await informer.audit(refs.FOREIGN)
    assert woken == []
    server.answers[refs.PROMETHEUS_RULES] = []
    await informer.audit(refs.FOREIGN)
    await informer.audit(refs.FOREIGN)
    assert woken == [Key("Tenant", "salon-mueller", "salon-mueller")]
    assert informer._feed.cache.served == {refs.PROMETHEUS_RULES}
    server.answers[refs.PROMETHEUS_RULES] = ApiError(404, "NotFound", "gone again")
    await informer.audit(refs.FOREIGN)
    assert woken[1:] == [Key("Tenant", "salon-mueller", "salon-mueller")]
    assert informer._feed.cache.served == set()


async def test_a_foreign_crd_that_ails_holds_up_no_start_and_changes_nothing_that_is_known(informer, server, woken):
    """A new definition's storage begins with 429; a broken conversion webhook answers 500 for ever."""
    server.answers[refs.SERVICE_MONITORS] = [child(refs.SERVICE_MONITORS)]
    await informer.prime()
    server.answers[refs.SERVICE_MONITORS] = Unreachable("conversion webhook failed", 500, "InternalError")
    server.answers[refs.PROMETHEUS_RULES] = Unreachable("storage is (re)initializing", 429, "TooManyRequests")
    await informer.prime()
    await informer.audit(refs.FOREIGN)
    assert informer._feed.cache.served == {refs.SERVICE_MONITORS}
    assert informer._feed.cache.child(refs.SERVICE_MONITORS, "n", "salon-mueller") is not None
    assert woken == []


@pytest.mark.parametrize(
    ("ref", "wakes"),
    [(refs.DEPLOYMENTS, True), (refs.HTTP_ROUTES, True), (refs.AUTOSCALERS, False), (refs.BUDGETS, False)],
)
def test_only_a_status_that_is_read_wakes_the_tenant(informer, woken, ref, wakes):
    """An autoscaler's status moves with every measurement: a thousand tenants must not be reconciled for it."""
    informer._feed.prime(ref, child(ref, 1, status={"currentReplicas": 2}))
    informer._feed.observe(ref, child(ref, 2, status={"currentReplicas": 3}))
    assert bool(woken) is wakes
    woken.clear()
    informer._feed.observe(ref, child(ref, 3, status={"currentReplicas": 3}, spec={"minReplicas": 1}))
    assert woken == [Key("Tenant", "n", "salon-mueller")], "an edit always does"
