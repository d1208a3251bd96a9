"""The differences of both books, by the private API and the command line; readers do not see Cal.com's ids."""

import json
from uuid import UUID

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.booking_environment import CALCOM
from tests.worlds.private_desk import command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

ONE = {
    "sort": "doubled", "account": "", "position": "2026-11-27T09:00:00Z", "since": "2026-11-20T09:00:00Z", "event_type": 1001,
    "appointment": "11111111-1111-4111-8111-111111111111", "uid": "secret-uid", "other_uid": "secret-other",
    "here": "2026-11-27T09:00:00Z", "reason": "cancel one of them there",
}  # fmt: skip


async def differences(pod: TenantPod, token: str, *options: str) -> str:
    return await command(pod, "calendar", "differences", *options, token=token)


async def wait_for_calcom(pod: TenantPod) -> UUID:
    """Add an appointment whose job for Cal.com is due in an hour, as when Cal.com is away; return its id."""
    appointment: UUID = await pod.db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', now() + interval '1 day', now() + interval '25 hours', 'pending_sync', 'c')
           RETURNING id""",
        pod.store.tenant,
    )
    await pod.db.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, run_at)
           VALUES ($1, 'calendar-sync', 'high', 'ready', $2, 'c', now() + interval '1 hour')""",
        pod.store.tenant, appointment,
    )  # fmt: skip
    return appointment


async def test_differences_are_listed_without_uids_for_readers(pod: TenantPod) -> None:
    assert "the calendar is local: there is no other book" in await differences(pod, ADMIN_TOKEN)
    pod.write_config(pod.config(calendar=CALCOM))

    async def follows() -> bool:
        return "the first round has not ended" in await differences(pod, ADMIN_TOKEN)

    await eventually(follows)
    state = {"accounts": {"": {"compared_at": "2026-11-20T09:00:00Z"}}, "differences": [ONE]}
    await pod.db.execute(
        """INSERT INTO tasks (tenant, name, due_at, watermark) VALUES ($1, 'calendar-audit', now() + interval '1 hour', $2)
           ON CONFLICT (tenant, name) DO UPDATE SET due_at = excluded.due_at, watermark = excluded.watermark""",
        pod.store.tenant, json.dumps(state),
    )  # fmt: skip
    try:
        shown = await differences(pod, ADMIN_TOKEN)
        assert all(text in shown for text in ("doubled", "27 Nov 2026 10:00", "secret-uid", "cancel one of them there"))
        to_reader = await differences(pod, reader_token_of(ADMIN_TOKEN), "-o", "json")
        assert "secret" not in to_reader
        assert json.loads(to_reader)["differences"][0]["appointment"] == ONE["appointment"]

        state["differences"] = []
        update = "UPDATE tasks SET watermark = $2 WHERE tenant = $1 AND name = 'calendar-audit'"
        await pod.db.execute(update, pod.store.tenant, json.dumps(state))
        nothing = "no difference that a person has to decide; compared Fri 20 Nov 2026 10:00 CET\n"
        assert await differences(pod, ADMIN_TOKEN) == nothing
        waiting = await wait_for_calcom(pod)
        waits = nothing + "1 appointment with a change that the remote calendar does not have yet\n"
        assert await differences(pod, ADMIN_TOKEN) == waits, "they are not in both books, and no rule is missing"
        await pod.db.execute("DELETE FROM jobs WHERE appointment_id = $1", waiting)
    finally:
        pod.write_config(pod.config())
        await pod.db.execute(
            "UPDATE tasks SET watermark = '{}' WHERE tenant = $1 AND name = 'calendar-audit'", pod.store.tenant
        )
