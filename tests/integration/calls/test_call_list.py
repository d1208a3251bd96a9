"""The list of calls reads no more than a page shows, and leaves connections for callers."""

import asyncio
from typing import Any, cast

import pytest

from askproai_core.database import Pool
from askproai_runtime.admin_api.store import calls as statements
from askproai_runtime.admin_api.store.calls import CallStore
from tests.worlds.call_records import get
from tests.worlds.tenant_pod import TenantPod

pytestmark = pytest.mark.nightly

_STATEMENT = statements._CALLS


async def add_calls(pod: TenantPod, count: int) -> None:
    await pod.db.execute(
        """INSERT INTO calls (tenant, call_id, status, from_number, started_at, correlation_id)
           SELECT $1, 'listed_' || lpad(n::text, 6, '0'), 'ended', '+4915112345678',
                  CASE WHEN n > 5 THEN now() - n * interval '5 min' END, 'c' FROM generate_series(1, $2) n""",
        pod.store.tenant, count,
    )  # fmt: skip
    await pod.db.execute("ANALYZE calls")


async def test_call_list_page_uses_the_database_index(web_pod: TenantPod) -> None:
    await add_calls(web_pod, 5000)
    began = await web_pod.db.fetchval("SELECT started_at FROM calls WHERE call_id = 'listed_004000'")
    pool, values = web_pod.web._process.pool, (began, "listed_004000", None, None, None, 20)
    for mode in ("force_custom_plan", "force_generic_plan"):
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
            rows = await conn.fetch(
                f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, BUFFERS OFF) {_STATEMENT}", web_pod.store.tenant, *values
            )
        plan = "\n".join(row[0] for row in rows)
        assert "Index Scan Backward using calls_newest" in plan, plan
        assert "Sort Key" not in plan, plan
        removed = [int(line.rpartition(":")[2]) for line in plan.splitlines() if "Rows Removed by Filter" in line]
        assert sum(removed) <= 10, plan


async def test_pages_list_each_call_once_newest_first(web_pod: TenantPod) -> None:
    await add_calls(web_pod, 45)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(web_pod, "calls", limit="20", **cursor)
        found += [call["call_id"] for call in page["calls"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    dated = [f"listed_{n:06}" for n in range(6, 46)]
    assert found == [*dated, *(f"listed_{n:06}" for n in range(5, 0, -1))], "those of an unknown start come last"


async def test_concurrent_call_lists_use_one_connection() -> None:
    running: list[int] = []
    most = 0

    class CountingPool:
        async def fetch(self, *_: object) -> list[Any]:
            nonlocal most
            running.append(1)
            most = max(most, len(running))
            await asyncio.sleep(0)
            running.pop()
            return []

    store = CallStore(cast("Pool", CountingPool()), "salon.salon")
    nothing: dict[str, Any] = {"since": None, "caller": None, "outcomes": None, "after": None, "limit": 20}
    await asyncio.gather(*(store.list_calls(**nothing) for _ in range(3)))
    assert most == 1
