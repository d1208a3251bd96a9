"""The Tenant controller: its children, pods and conditions; with a real API server, PostgreSQL, and the providers' simulators."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from askproai_core.reader_token import reader_token_of
from askproai_operator.api import Key
from askproai_operator.store.admin import AdminStore
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS
from tests.worlds.waiting import SOON, eventually, until

CHILDREN = [
    ("ConfigMap", "salon-mueller-config"), ("Secret", "salon-mueller-runtime"), ("Secret", "salon-mueller-admin"),
    ("Secret", "salon-mueller-reader"), ("Secret", "salon-mueller-teardown"), ("Secret", "salon-mueller-signing-keys"),
    ("Service", "salon-mueller-web"), ("Service", "salon-mueller-admin"),
    ("Deployment", "salon-mueller-web"), ("ServiceAccount", "salon-mueller-runtime"), ("NetworkPolicy", "salon-mueller"),
    ("PodDisruptionBudget", "salon-mueller-web"),
]  # fmt: skip


def versions(objects: list[dict[str, Any] | None]) -> list[str]:
    return [live["metadata"]["resourceVersion"] for live in objects if live]


async def test_children_have_one_manager_and_are_written_once(namespace):
    tenant = await namespace.open_salon("Branch", "Tenant")
    assert tenant["status"]["key"] == namespace.tenant
    assert tenant["metadata"]["finalizers"] == ["askproai.de/cleanup"]
    assert namespace.calcom_webhooks() == [tenant["status"]["webhookUrls"]["calcom"]]
    assert tenant["status"]["webhookUrls"]["calcom"].endswith("/webhooks/calcom/inst-1")
    for kind, name in CHILDREN:
        child = await namespace.get(kind, name)
        managers = {entry["manager"] for entry in child["metadata"]["managedFields"] if entry["operation"] == "Apply"}
        assert managers == {"askproai-operator"}, name
        assert child["metadata"]["labels"]["askproai.de/tenant"] == "salon-mueller"
        assert child["metadata"]["ownerReferences"][0]["uid"] == tenant["metadata"]["uid"]
    teardown = set(await namespace.secret_data("salon-mueller-teardown"))
    assert teardown == {"retell-api-key", "calcom-api-key", "retell-base-url", "calcom-base-url"}

    await namespace.wait_until_ready("ServiceOffering", "mitte-standardberatung")
    for kind, name in (("Branch", "mitte"), ("ServiceOffering", "mitte-standardberatung")):
        await namespace.operator.reconcile_again(Key(kind, namespace.name, name))  # their writes are done now
    await namespace.reconcile_again()  # the Deployment's controller marks it once more
    before = [await namespace.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    writes_before, requests_before = len(namespace.operator.writes), len(namespace.operator.calcom.journal.entries)
    namespace.operator.context.kube._applied.clear()  # as after a restart
    await namespace.reconcile_again()
    requests = namespace.operator.calcom.journal.entries[requests_before:]
    after = [await namespace.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    assert versions(after) == versions(before)
    assert namespace.writes(writes_before) == []
    assert {entry["method"] for entry in requests if entry["key"] == namespace.calcom_key[-4:]} <= {"GET"}


async def test_pods_are_notified_of_a_changed_config_once(namespace):
    """The ConfigMap is written first, then the pods are notified; a new tenant's pods start with their config anyway."""
    await namespace.open_salon("Branch", "Tenant")
    config = await namespace.wait_for(
        "ConfigMap",
        "salon-mueller-config",
        lambda live: live and "standardberatung" in live["data"]["tenant.json"],
        "the default service",
    )
    assert config
    await namespace.reconcile_again()  # the first status is in the config by now

    def notifications() -> list[tuple[Any, ...]]:
        return [config for config in namespace.operator.config_syncs if config[0] == namespace.name]

    before = len(notifications())
    closed = {"spec": {"holidays": {"country": "DE", "subdivision": "BE", "closed": ["2026-12-31"]}}}
    await namespace.client.merge(namespace.path("Branch", "mitte"), closed)
    await eventually(lambda: len(notifications()) > before, SOON, "the pods to be notified")
    await namespace.reconcile_again()
    (notification,) = notifications()[before:]
    tenant = await namespace.get("Tenant")
    assert notification[:3] == (namespace.name, "salon-mueller", tenant["status"]["configHash"])
    assert "2026-12-31" in str(await namespace.config())


async def test_unreadable_secret_of_the_operator_is_rewritten(namespace):
    await namespace.open_salon()
    names = ("DATABASE_URL", "REDIS_URL")

    async def readable() -> bool:
        live = (await namespace.get("Secret", "salon-mueller-runtime"))["data"]
        return all(base64.b64decode(live[name]).startswith((b"postgresql://", b"redis://")) for name in names)

    for garbage in (b"postgres://[", b"\xff\xfe"):
        data = dict.fromkeys(names, base64.b64encode(garbage).decode())
        await namespace.client.merge(namespace.path("Secret", "salon-mueller-runtime"), {"data": data})
        await eventually(readable, SOON, f"the repair of {garbage!r}")
        await namespace.wait_until_ready()


@pytest.mark.parametrize(("name", "serves"), [("salon-mueller-admin", False), ("salon-mueller-reader", True)])
async def test_persons_secret_with_a_childs_name_is_untouched(namespace, name, serves):
    """Taking it over would keep its content, such as a token, and delete it with the Tenant. Pods do not need the second Secret."""
    await namespace.create_secret(name, {"token": "theirs"}, permitted=False)
    before = await namespace.get("Secret", name)
    await namespace.create_salon()
    reported = await namespace.wait_for_condition("Ready", "False", "OwnershipConflict")
    assert f"Secret {name} that the operator did not make" in reported["message"]
    assert await namespace.get("Secret", name) == before
    assert (await namespace.get("Deployment", "salon-mueller-web") is not None) is serves
    await namespace.client.delete(namespace.path("Secret", name))
    await namespace.wait_until_ready()


async def test_deleted_admin_token_also_replaces_the_reader_token(namespace, monkeypatch):
    names = ("salon-mueller-admin", "salon-mueller-reader")
    await namespace.open_salon()
    former = [(await namespace.secret_data(name))["token"] for name in names]
    assert former[1] == reader_token_of(former[0])
    web = await namespace.get("Deployment", "salon-mueller-web")
    database = namespace.operator.context.database
    ensure, deleted = database.ensure_resources, []

    async def delete_and_ensure(*resources: Any) -> Any:
        if not deleted:  # a reconcile that began with the former token must not write it again
            deleted.append(await namespace.client.delete(namespace.path("Secret", names[0])))
        return await ensure(*resources)

    monkeypatch.setattr(database, "ensure_resources", delete_and_ensure)
    namespace.operator.queue.add(namespace.key)

    async def replaced() -> bool:
        tokens = [(await namespace.secret_data(name)).get("token") for name in names]
        return bool(tokens[0]) and tokens[0] != former[0] and tokens[1] == reader_token_of(tokens[0])

    await eventually(replaced, SOON, "both tokens")
    present = await namespace.secret_data(names[1])
    await namespace.client.delete(namespace.path("Secret", names[1]))
    await until(lambda: namespace.secret_data(names[1]), lambda data: data == present, "the readers' Secret, unchanged")
    assert (await namespace.get("Deployment", "salon-mueller-web"))["spec"] == web["spec"], "no pod is restarted"


async def test_silent_database_is_reported_and_recovers_by_itself(namespace, postgres):
    """Also right after a restart of the operator, when it has never reached the database."""
    context = namespace.operator.context
    unreachable = AdminStore("postgresql://admin:geheim@127.0.0.1:9/none")
    real = context.database
    object.__setattr__(context, "database", unreachable)
    try:
        await namespace.create_salon()
        condition = await namespace.wait_for_condition("DatabaseReady", "False", "DatabaseUnavailable")
    finally:
        object.__setattr__(context, "database", real)
        await unreachable.close()
    assert "geheim" not in condition["message"]
    assert "127.0.0.1" not in condition["message"]
    await namespace.wait_until_ready()


@pytest.mark.parametrize(
    ("status", "text", "until_confirmed"),
    [
        (401, "put a valid key", True),
        pytest.param(None, "put a valid key", True, marks=pytest.mark.nightly),
        pytest.param(302, "redirected", True, marks=pytest.mark.nightly),
        (404, "eventTypes", False),
    ],
)
async def test_calcom_refusal_of_pods_is_a_condition(namespace, module_database, status, text, until_confirmed):
    """Callers hear that nothing is booked: a person must not have to find that in a log."""
    await namespace.open_salon("Branch", "Tenant")
    record = """INSERT INTO provider_calls
                    (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id)
                VALUES ($1, 'calcom', 'create-booking', 'POST', '/v2/bookings', $2, $3, 60, 'c')"""
    tenant, key = namespace.tenant, namespace.key
    await rows(module_database, record, tenant, status, "refused")
    namespace.operator.queue.add(key)
    condition = await namespace.wait_for_condition("CredentialsValid", "False", reason="BookingsRefused")
    assert text in condition["message"]
    await rows(module_database, record, tenant, 201, "confirmed")
    await namespace.reconcile_again()
    conditions = (await namespace.get("Tenant"))["status"]["conditions"]
    still = {each["type"]: each["status"] for each in conditions}["CredentialsValid"]
    assert still == ("True" if until_confirmed else "False"), "the confirmed booking may be of another event type"


async def test_appointments_waiting_for_calcom_are_shown_meanwhile(namespace, module_database):
    """Callers are served, so Ready stays True; its reason and message say how many wait, and since when."""
    await namespace.create_salon("Branch", "Tenant", spec=RUNS)
    tenant, key = namespace.tenant, namespace.key
    await namespace.wait_for_condition("CalendarSynced", "True")
    add = """WITH made AS (
                 INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
                 VALUES ($1, 'mitte', 'haarschnitt', 'anna', now() + $2::interval, now() + $2::interval + interval '1 hour',
                         'pending_sync', 'c') RETURNING tenant, id)
             INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, created_at)
             SELECT tenant, 'calendar-sync', 'high', $3, id, 'c', now() - $4::interval FROM made"""
    day, minute = timedelta(days=1), timedelta(minutes=1)
    for starts, state, waits in (
        (day, "ready", 3 * minute),
        (2 * day, "dead", 30 * minute),
        (3 * day, "running", minute),  # of a booking that is being made
        (4 * day, "done", 30 * minute),
        (-day, "dead", 30 * minute),  # is past
    ):
        await rows(module_database, add, tenant, starts, state, waits)
    await namespace.reconcile_again()
    condition = await namespace.wait_for_condition("CalendarSynced", "False", "CalendarBehind")
    assert condition["message"].startswith(
        "2 appointments are booked, moved or cancelled here, but not yet so at Cal.com"
    )
    assert "but 1 appointment is given up" in condition["message"]
    await rows(module_database, "UPDATE jobs SET state = 'done' WHERE tenant = $1", tenant)
    namespace.operator.queue.add(key)
    await namespace.wait_for_condition("CalendarSynced", "True")
