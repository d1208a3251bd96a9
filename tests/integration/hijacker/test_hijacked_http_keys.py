"""An attacker uses a tenant's webhook and function keys and its admin token at another tenant's pod."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.worlds.databases import Database
from tests.worlds.rows import each_row
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, open_pod, running_web, sign_calcom, sign_retell, sign_stripe

VICTIMS = {
    "retell-api-key": "key_of_the_victim",
    "calcom-webhook-secret": "cal-secret-of-the-victim",
    "stripe-webhook-secret": "whsec_of_the_victim",
}
START = "2027-01-15T10:00:00+01:00"
BOOKING = {"start": START, "service": "Haarschnitt", "customer_name": "Petra Müller"}


@dataclass
class TwoPods:
    """The hijacked tenant's pod, whose keys are those of `tests/worlds/tenant_pod.py`, and the victim's, which has others."""

    attacker: TenantPod
    victim: TenantPod


@pytest.fixture(scope="module")
async def pods(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoPods]:
    folders = [tmp_path_factory.mktemp("pods") / name for name in ("attacker", "victim")]
    for folder in folders:
        folder.mkdir()
    async with (
        open_pod(module_database, folders[0], "hijacked") as attacker,
        open_pod(module_database, folders[1], "victim") as victim,
    ):
        for name, value in VICTIMS.items():
            victim.write_credential(name, value)
        (victim.folder / "token").write_text("token-of-the-victim\n")
        async with running_web(attacker, worker_port=9), running_web(victim, worker_port=9):
            yield TwoPods(attacker, victim)


BODY = json.dumps({"event": "call_started", "call": {"call_id": "stolen", "agent_id": "agent_test"}}).encode()
REQUESTS = {
    "retell-webhook": ("/webhooks/retell", {"x-retell-signature": sign_retell(BODY)}),
    "calcom-webhook": ("/webhooks/calcom", {"X-Cal-Signature-256": sign_calcom(BODY)}),
    "stripe-webhook": ("/webhooks/stripe", {"Stripe-Signature": sign_stripe(BODY)}),
    "function": ("/retell/functions/book_appointment", {"x-retell-signature": sign_retell(BODY)}),
    "inbound": ("/retell/inbound", {"x-retell-signature": sign_retell(BODY)}),
    "webhook-by-the-other-prefix": ("/salon/salon/webhooks/retell", {"x-retell-signature": sign_retell(BODY)}),
    "no-signature": ("/webhooks/retell", {}),
}


@each_row("path, headers", REQUESTS.values())
async def test_keys_of_one_tenant_are_refused_by_another(pods: TwoPods, path: str, headers: dict[str, str]) -> None:
    before = await pods.victim.counts()
    answer = await pods.victim.post(path, BODY, headers)
    assert answer.status in (401, 404), answer
    assert (await pods.victim.counts())[:2] == before[:2]


@each_row("path", ["appointments", "calls", "events", "circuits", "nothing"])
async def test_admin_token_of_one_tenant_is_refused_elsewhere(pods: TwoPods, path: str) -> None:
    bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = await pods.victim.get(f"{pods.victim.private_url}/api/v1/{path}", **bearer)
    assert answer.status == 401
    own = await pods.victim.get(f"{pods.attacker.private_url}/api/v1/appointments", **bearer)
    assert own.status == 200


async def test_foreign_ids_in_own_requests_reveal_no_data(pods: TwoPods) -> None:
    """The attacker signs requests to its own pod that name another tenant's call and appointment."""
    appointment = await pods.victim.db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, call_id, caller, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', now() + interval '2 days', now() + interval '2 days 1 hour',
                   'confirmed', 'call_of_the_victim', '+4915112345678', 'c') RETURNING id""",
        pods.victim.store.tenant,
    )
    for function, args in (
        ("cancel_appointment", {"appointment_id": str(appointment)}),
        ("reschedule_appointment", {"appointment_id": str(appointment), "start": START}),
        ("find_appointments", {}),
    ):
        answer = await pods.attacker.function(function, "call_of_the_victim", args)
        assert answer.status == 200
        assert str(appointment) not in json.dumps(answer.body)
        assert not answer.body.get("appointments")
    row = await pods.victim.db.fetchrow("SELECT status, version FROM appointments WHERE id = $1", appointment)
    assert row is not None
    assert tuple(row) == ("confirmed", 1)
