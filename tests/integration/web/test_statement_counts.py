"""The cost of a request in PostgreSQL's statements. Each is a round trip for which a sender or a caller waits."""

from collections.abc import AsyncIterator

import pytest

from askproai_core.tenant_config.notifications import (
    BusinessNotifications,
    CustomerNotifications,
    EmailSettings,
    Notifications,
)
from tests.worlds.statements import record_statements
from tests.worlds.tenant_pod import TenantPod, next_friday, running_web
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

HAIRCUT = {"service": "Haarschnitt"}
NOTIFICATIONS = Notifications(
    email=EmailSettings(host="127.0.0.1", sender="termine@salon.example"),
    customer=CustomerNotifications(),
    business=BusinessNotifications(email_to=("chefin@salon.example",)),
)


@pytest.fixture
async def statements(stopped_pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Yield the list of sent statements, with a stopped clock of the pool: the machine's speed does not matter."""
    monkeypatch.setattr("askproai_core.database.pool.monotonic", lambda: 0.0)
    recorded = record_statements(monkeypatch)
    async with running_web(stopped_pod, worker_port=9):
        recorded.clear()
        yield recorded


async def test_new_webhook_takes_one_statement_and_duplicate_two(stopped_pod: TenantPod, statements: list[str]) -> None:
    for expected in (1, 2):
        statements.clear()
        assert (await stopped_pod.retell("call_started", "call_1")).status == 200
        await eventually(lambda: bool(statements))
        assert len(statements) == expected


@pytest.mark.parametrize("notifies", [False, True])
async def test_function_calls_have_a_fixed_statement_count(
    stopped_pod: TenantPod, statements: list[str], notifies: bool
) -> None:
    """Statements of the record, which is written after the answer, do not count. Notifications add one."""
    if notifies:
        stopped_pod.write_config(stopped_pod.config(notifications=NOTIFICATIONS))
        await eventually(lambda: stopped_pod.web._process.config.current.notifications is not None)
    friday = next_friday(stopped_pod, 10)  # how many days are read depends on which of them are open
    asked = await stopped_pod.function("check_availability", "call_1", HAIRCUT | {"date": friday.date().isoformat()})
    assert asked.body["slots"]
    assert count_for_caller(statements) == 9
    statements.clear()
    args = HAIRCUT | {"start": friday.isoformat(), "customer_name": "Sabine Müller"}
    booked = await stopped_pod.function("book_appointment", "call_1", args)
    assert booked.body["status"] == "confirmed"
    assert count_for_caller(statements) == 16 + notifies
    assert sum("notifications" in statement for statement in statements) == notifies


def count_for_caller(statements: list[str]) -> int:
    return sum("function_requests" not in statement for statement in statements)
