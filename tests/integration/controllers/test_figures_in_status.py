"""The columns of a Tenant show the acts of its callers, and are written only after a change."""

import pytest

from askproai_operator.api import Key
from askproai_operator.controllers.tenant_figures import KIND
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

FIELDS = ("calls24h", "bookingSuccessPercent", "errorBudgetPercent")
BOOKINGS = """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)
    SELECT $1, 'call', now() - interval '1 hour', 'book_appointment', $2, 5, 'c' FROM generate_series(1, $3::integer)"""
CALLS = """INSERT INTO calls (tenant, call_id, status, started_at, correlation_id)
    SELECT $1, 'call_' || n, 'ended', now() - interval '1 hour', 'c' FROM generate_series(1, $2::integer) n"""


def status_writes(namespace: TenantNamespace) -> int:
    return namespace.operator.writes.count(("PATCH", f"{namespace.path('Tenant')}/status"))


async def count(namespace: TenantNamespace) -> list[object]:
    """Count as is done each minute, and return the figures as the API server has them."""
    await namespace.operator.reconcile_again(namespace.operator.settings.background_key(KIND))
    live = await namespace.client.get(namespace.path("Tenant"))
    return [live["status"].get(field) for field in FIELDS]


async def reconciles_at_rest(namespace: TenantNamespace, key: Key) -> int:
    """Wait until the key is not due, and return its number of ended reconciles. An edit during a reconcile makes a key due."""
    queue = namespace.operator.queue
    waiting = queue._pool(queue._workers_of(key)).values()
    await eventually(
        lambda: key not in queue._processing and not any(key in keys for keys in waiting), SOON, f"no more of {key}"
    )
    return namespace.operator.ended[key]


async def test_figures_follow_callers_and_are_written_on_change(namespace, module_database):
    tenant, key = namespace.tenant, namespace.key
    await namespace.open_salon("Branch", "Tenant", spec={"slo": {"bookingSuccessPercent": "80"}})
    assert await count(namespace) == [0, None, None]

    await rows(module_database, CALLS, tenant, 3)
    await rows(module_database, BOOKINGS, tenant, "booked", 19)
    await rows(module_database, BOOKINGS, tenant, "failed", 1)
    await reconciles_at_rest(namespace, key)  # its default service comes after Ready
    before = status_writes(namespace)
    assert await count(namespace) == [3, "95.0", "75.0"]  # 4 of 20 may fail
    assert status_writes(namespace) == before + 1
    assert await count(namespace) == [3, "95.0", "75.0"]
    assert status_writes(namespace) == before + 1, "nothing changed"

    await rows(module_database, BOOKINGS, tenant, "busy", 3)
    assert await count(namespace) == [3, "82.6", "13.0"], "a failure is in the budget with the next count"
    await namespace.edit({"slo": {"bookingSuccessPercent": "50"}})
    await namespace.operator.reconcile_again(key)
    reconciles = await reconciles_at_rest(namespace, key)
    assert await count(namespace) == [3, "82.6", "65.2"], "an edit of the SLO, too"
    await rows(module_database, "DELETE FROM function_requests WHERE tenant = $1", tenant)
    assert await count(namespace) == [3, None, None]
    assert await reconciles_at_rest(namespace, key) == reconciles, "figures make nobody due"
