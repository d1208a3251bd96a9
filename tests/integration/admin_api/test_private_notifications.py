"""Notifications by the private API and the command line: the list, redrives, and customers who opted out."""

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.private_desk import command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly


@pytest.fixture(autouse=True)
async def rows(pod: TenantPod):
    """A dead notification of yesterday, beside one that was sent."""
    await pod.db.execute(
        """INSERT INTO notifications (tenant, kind, subject, recipient, channel, state, attempts, error, correlation_id, due_at)
           SELECT $1, kind, kind, 'business', 'Email', state, 1, error, 'c', now() + interval '1 hour'
           FROM (VALUES ('text', 'dead', 'the mail server refuses the address (550)'), ('booked', 'sent', NULL))
                AS n (kind, state, error)""",
        pod.store.tenant,
    )
    yield
    for table in ("notifications", "reminder_opt_outs"):
        await pod.db.execute(f"DELETE FROM {table} WHERE tenant = $1", pod.store.tenant)


async def changes_of_reminders(pod: TenantPod) -> list[str]:
    """Return the details of the audit log's entries, which nobody deletes."""
    rows = await pod.db.fetch(
        "SELECT detail::text FROM audit_log WHERE tenant = $1 AND action LIKE 'reminders.%'", pod.store.tenant
    )
    return [row["detail"] for row in rows]


async def test_dead_notification_is_listed_and_redriven_by_hand(pod: TenantPod) -> None:
    listed = await command(pod, "notifications", "list", "--state", "dead")
    assert "refuses the address (550)" in listed
    assert "booked" not in listed
    (dead,) = await pod.db.fetch("SELECT id FROM notifications WHERE tenant = $1 AND state = 'dead'", pod.store.tenant)
    assert str(dead["id"]) in await command(pod, "notifications", "redrive", str(dead["id"]))
    row = await pod.db.fetchrow("SELECT state, attempts FROM notifications WHERE id = $1", dead["id"])
    assert row is not None
    assert row["state"] != "dead"
    assert "no dead notification" in await command(pod, "notifications", "redrive", str(dead["id"]), code=1)
    assert "redriven: nothing" in await command(pod, "notifications", "redrive", "--all-dead")
    recorded = await pod.db.fetchval(
        "SELECT count(*) FROM audit_log WHERE tenant = $1 AND action = 'notification.redriven'", pod.store.tenant
    )
    assert recorded == 1


async def test_customers_reminder_opt_out_can_be_undone(pod: TenantPod) -> None:
    before = len(await changes_of_reminders(pod))
    assert "no reminders any more" in await command(pod, "notifications", "opt-out", "Petra@Example.com")
    await command(pod, "notifications", "opt-out", "petra@example.com")
    await command(pod, "notifications", "opt-out", "01511 2345678")
    listed = await command(pod, "notifications", "opt-outs")
    assert listed.count("petra@example.com") == 1
    assert "+4915112345678" in listed
    assert "reminders again" in await command(pod, "notifications", "opt-out", "petra@example.com", "--resume")
    assert "petra@example.com" not in await command(pod, "notifications", "opt-outs")
    assert "petra at home" in await command(pod, "notifications", "opt-out", "petra at home", code=2)
    details = await changes_of_reminders(pod)
    assert len(details) - before == 3
    assert "example.com" not in str(details)


async def test_reader_sees_the_list_without_addresses_or_changes(pod: TenantPod) -> None:
    token = reader_token_of(ADMIN_TOKEN)
    assert "550" in await command(pod, "notifications", "list", token=token)
    await command(pod, "notifications", "opt-out", "petra@example.com")
    assert "petra" not in await command(pod, "notifications", "opt-outs", token=token)
    assert "may only look" in await command(pod, "notifications", "redrive", "--all-dead", token=token, code=1)
