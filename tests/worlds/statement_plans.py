"""The plans of the statements that our code sends: PostgreSQL executes each a moment before the real one, with the same role and so
the same row security, and with the same values, in a transaction that is rolled back.
"""

import itertools
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from askproai_core.database.pool import _Connection

# PostgreSQL keeps the generic plan if it costs no more than the custom plans and this addition.
_PLANNING_COST = 25
_MODES = ("force_custom_plan", "force_generic_plan")


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement's reads: rows of each table before filters, sorted rows, and blocks of 8 KB."""

    statement: str
    text: str
    cost: float
    rows: Counter[str]
    read_whole: frozenset[str]
    sorted_rows: int
    blocks: int

    def faults(self, tables: Collection[str], rows: int, blocks: int) -> list[str]:
        """Return the exceeded limits: `rows` of one of the tables, or sorted, and `blocks`."""
        read = [(table, number) for table, number in self.rows.items() if table in tables and number > rows]
        faults = [f"reads {n:,} rows of {'all of ' * (table in self.read_whole)}{table}" for table, n in read]
        faults += [f"sorts {self.sorted_rows:,} rows"] if self.sorted_rows > rows else []
        return faults + ([f"reads {self.blocks:,} blocks"] if self.blocks > blocks else [])


@dataclass
class PlanRecorder:
    """The plans of all sent statements in order, up to two plans per statement."""

    plans: list[Plan] = field(default_factory=list)
    _names: "itertools.count[int]" = field(default_factory=itertools.count)

    async def record(self, conn: asyncpg.Connection, statement: str, values: Sequence[Any]) -> None:
        """Record the plan for these values, and the generic plan if PostgreSQL would eventually keep it."""
        types = [each.name for each in (await conn.prepare(statement)).get_parameters()]
        literals = [
            await conn.fetchval(f"SELECT quote_nullable(($1::{name})::text)", value)
            for name, value in zip(types, values, strict=True)
        ]
        prepare = f"AS {statement}" if not types else f"({', '.join(types)}) AS {statement}"
        found: list[Plan] = []
        for mode in _MODES:
            name, transaction = f"explained_{next(self._names)}", conn.transaction()
            await transaction.start()
            try:
                await conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
                await conn.execute(f"PREPARE {name} {prepare}")
                explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE"
                call = f"{name} ({', '.join(literals)})" if literals else name
                text = await conn.fetchval(f"{explain} {call}")
                found.append(_to_plan(statement, text))
            except asyncpg.IntegrityConstraintViolationError:
                pass  # so the real one is about to fail
            finally:
                await transaction.rollback()
        self.plans += [plan for plan in found if plan.cost <= found[0].cost + _PLANNING_COST]


@contextmanager
def recording_plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlanRecorder]:
    """Record the plans of the statements that the connections of our pools send until the end of the context."""
    recorder, execute, busy = PlanRecorder(), _Connection._execute, set[int]()

    async def execute_recorded(conn: asyncpg.Connection, query: str, args: Any, *rest: Any, **options: Any) -> Any:
        if id(conn) not in busy:
            busy.add(id(conn))
            try:
                await recorder.record(conn, query, args)
            finally:
                busy.discard(id(conn))
        return await execute(conn, query, args, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(_Connection, "_execute", execute_recorded)
        yield recorder


def _to_plan(statement: str, text: str) -> Plan:
    root = json.loads(text)[0]["Plan"]
    rows: Counter[str] = Counter()
    whole, sorted_rows = set(), 0
    for node in _nodes(root):
        loops = node["Actual Loops"]
        removed = sum(node.get(f"Rows Removed by {each}", 0) for each in ("Filter", "Index Recheck"))
        number = round((node["Actual Rows"] + removed) * loops)
        if "Relation Name" in node and node["Node Type"] != "ModifyTable":
            rows[node["Relation Name"]] += number
            whole |= {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set()
        elif node["Node Type"] == "Sort":  # all input counts: LIMIT may take fewer
            sorted_rows = max(
                sorted_rows, round(max(child["Actual Rows"] * child["Actual Loops"] for child in node["Plans"]))
            )
    blocks = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
    return Plan(statement, text, root["Total Cost"], rows, frozenset(whole), sorted_rows, blocks)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
