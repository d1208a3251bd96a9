"""The API server stores every status that our controllers write: a wrong type is refused, an unknown field is lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_operator import resources
from askproai_operator.api.conditions import ConditionType as C
from askproai_operator.api.conditions import Reason, bad
from askproai_operator.controllers.webhook_urls import Address
from askproai_operator.engine import Result
from askproai_operator.engine.ready_condition import update_for_error, update_for_pause, update_for_result

pytestmark = pytest.mark.nightly

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
URL = "https://" + "v" * 900
TENANT = (
    C.CREDENTIALS_VALID, C.DATABASE_READY, C.ROLLOUT_HEALTHY, C.RUNTIME_AVAILABLE, C.EXPOSED, C.WEBHOOKS_REGISTERED,
    C.CACHE_READY, C.CALENDAR_SYNCED, C.APPOINTMENTS_FIT, C.MONITORING_READY,
)  # fmt: skip
WRITTEN: dict[str, tuple[tuple[C, ...], dict[str, Any]]] = {
    "Tenant": (
        TENANT,
        {
            "key": "n" * 63 + "." + "t" * 40, "webhookUrls": Address(URL, "").urls("i" * 36), "configHash": "a" * 64,
            "branches": 3, "replicas": 0, "calls24h": 7, "bookingSuccessPercent": "97.5", "errorBudgetPercent": "50.0",
        },
    ),
    "Branch": (
        (C.SERVICES_READY, C.NUMBERS_VALID, C.NUMBERS_ANSWERED),
        {"phoneNumbers": [f"+4930123456{n:02}" for n in range(20)], "services": 0, "staff": 60},
    ),
    "ServiceOffering": (
        (C.STAFF_MATCHED, C.OPENING_FITS, C.NAME_UNIQUE, C.CALENDAR_LINKED),
        {
            "staff": ["p" * 63] * 50 * 60, "eventTypes": 200,  # it is offered by 50 branches
            "variableLengths": [{"eventTypeId": number, "defaultMinutes": 30} for number in range(1, 201)],
        },
    ),
    "RetellAgent": (
        (C.SYNCED, C.NUMBERS_BOUND, C.DRIFTED),
        {
            "agentId": "agent_" + "a" * 32, "llmId": "llm_" + "a" * 32, "publishedVersion": 0,
            "phoneNumbers": [f"+4930{n:07}" for n in range(50 * 20)], "tenant": "t" * 40, "plan": ["create the LLM"] * 20,
            "pending": {"what": "agent", "since": NOW.isoformat(timespec="seconds")},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
async def test_status_fields_and_conditions_are_stored_as_written(env, kind):
    types, fields = WRITTEN[kind]
    model = await env.create(kind, annotations={"askproai.de/reconcile-at": "now" * 99})
    conditions = tuple(bad(type_, Reason.PROVIDER_REFUSED, "ü" * 9000) for type_ in types)
    update = update_for_result(model, {}, Result(conditions, fields), NOW)
    assert await env.kube.patch_status(model, update.patch)
    live = await env.kube.get(resources.resource_of_kind(kind), env.namespace, model.key.name)
    assert live["status"] == update.patch
    repeated = update_for_result(env.cache.get(model.key), live["status"], Result(conditions, fields), NOW)
    assert not repeated.patch, "what comes back is what was written, else every reconcile would write"

    emptied = update_for_result(env.cache.get(model.key), live["status"], Result((), dict.fromkeys(fields)), NOW)
    assert await env.kube.patch_status(model, emptied.patch)
    live = await env.kube.get(resources.resource_of_kind(kind), env.namespace, model.key.name)
    assert not set(fields) & set(live["status"])


@pytest.mark.parametrize("kind", WRITTEN)
async def test_every_kind_can_report_pauses_and_operator_errors(env, kind):
    model = await env.create(kind)
    paused = bad(C.PAUSED, Reason.PAUSED, "paused")
    assert await env.kube.patch_status(model, update_for_pause(model, paused, NOW).patch)
    seen = env.cache.get(model.key)
    assert await env.kube.patch_status(seen, update_for_error(seen, seen.status, RuntimeError("x"), NOW).patch)
