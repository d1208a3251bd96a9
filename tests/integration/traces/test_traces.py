"""Traces of web and worker, as a collector receives them."""

import io
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stderr
from datetime import timedelta
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.notifications import (
    NOTIFICATION_KEY,
    BusinessNotifications,
    Notifications,
    WebhookSettings,
)
from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.tasks import TaskSettings
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve
from tests.worlds.notification_gateway import KEY, Gateway, running_gateway
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday, running_web, running_worker
from tests.worlds.trace_collector import running_collector
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

CALCOM_KEY = "cal_salon"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOWHERE = "http://127.0.0.1:9"


@asynccontextmanager
async def running_pod(pod: TenantPod, endpoint: str, ratio: float = 1) -> AsyncIterator[None]:
    """Run web and worker with traces; at the end both have sent what they had."""
    traced: dict[str, Any] = {"tracing_endpoint": endpoint, "tracing_sample_ratio": ratio}
    async with running_worker(pod, **traced) as port, running_web(pod, worker_port=port, **traced):
        yield


@asynccontextmanager
async def calcom_and_gateway(pod: TenantPod) -> AsyncIterator[Gateway]:
    """Set the tenant up with a simulated Cal.com, and a gateway to which new appointments are sent."""
    async with serve(CalcomSimulator(SystemClock())) as url, running_gateway() as gateway:
        for number, host in ((1001, "anna"), (1002, "mehmet")):
            body = {"key": CALCOM_KEY, "id": number, "lengthInMinutes": 45, "host": host}
            async with pod.session.post(f"{url}/_sim/event-types", json=body) as response:
                assert response.status == 201
        notifications = Notifications(
            webhook=WebhookSettings(url=gateway.url),
            business=BusinessNotifications(channels=(NotificationChannel.WEBHOOK,), news=(BusinessNews.NEW,)),
        )
        calendar = CalendarConfig(
            provider=CalendarProvider.CALCOM, base_url=url, attendee_email_domain="anrufer.salon.example"
        )
        pod.write_config(pod.config(calendar=calendar, notifications=notifications))
        pod.write_credential("calcom-api-key", CALCOM_KEY)
        pod.write_credential(NOTIFICATION_KEY, KEY)
        yield gateway


async def book(pod: TenantPod, call_id: str) -> None:
    args = {"service": "Haarschnitt", "staff": "anna", "customer_name": "Zora Kanarienvogel"}
    args["start"] = next_friday(pod, 10).isoformat()
    booked = await pod.function("book_appointment", call_id, args)
    assert booked.body["success"], booked.body


def new_call() -> str:
    return f"call_{secrets.token_hex(8)}"


async def test_each_call_request_is_one_complete_trace(stopped_pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    def often(**settings: Any) -> TaskSettings:
        return TaskSettings(look_every=timedelta(seconds=0.1), first_within=timedelta(), **settings)

    monkeypatch.setattr("askproai_runtime.worker.TaskSettings", often)
    pod, call_id = stopped_pod, new_call()
    async with running_collector() as collector, calcom_and_gateway(pod) as gateway:
        async with running_pod(pod, collector.url):
            await pod.retell("call_started", call_id)
            await pod.settled(f"{call_id}:call_started")
            await eventually(lambda: collector.named("free-times.refresh"), SOON, "the free times")
            await pod.function("check_availability", call_id, {"service": "Haarschnitt", "staff": "anna"})
            await book(pod, call_id)
            request = "UPDATE tasks SET due_at = clock_timestamp() WHERE tenant = $1 AND name = 'notifications'"
            await pod.db.execute(request, pod.store.tenant)
            await eventually(lambda: gateway.accepted, SOON, "the notification")
    entrance = collector.one("/webhooks/retell", event_type="call_started")
    assert (entrance.kind, entrance.parent, entrance.attributes["askproai.outcome"]) == ("SERVER", "", "accepted")
    job = collector.one("job", job_kind="webhook-event")
    assert (job.trace, collector.ancestors(job)) == (entrance.trace, ["event.commit", "/webhooks/retell"])
    read = collector.named("free-times.refresh")[0]  # for all who ask next, so it is a trace of its own
    assert (read.parent, read.trace == entrance.trace) == ("", False)
    requests = collector.named("provider.request")
    assert not [each for each in requests if each.trace == entrance.trace]
    asked = collector.one("/retell/functions/check_availability")
    slots = [each for each in requests if each.trace == read.trace]
    assert {(each.parent, each.attributes["url.template"]) for each in slots} <= {(read.id, "/v2/slots")}
    booked = collector.one("/retell/functions/book_appointment", outcome="booked", branch="mitte")
    (created,) = (
        each for each in collector.named("provider.request") if each.attributes["http.request.method"] == "POST"
    )
    way = ["booking.calendar", "booking", "/retell/functions/book_appointment"]
    assert (created.trace, collector.ancestors(created)) == (booked.trace, way)
    assert created.attributes | {"http.response.status_code": 201, "server.address": "127.0.0.1"} == created.attributes
    sent = collector.one("notification", channel="Webhook", outcome="sent")
    assert (sent.trace, collector.ancestors(sent)) == (booked.trace, ["booking.write", *way[1:]])
    assert len({entrance.trace, asked.trace, booked.trace}) == 3
    assert gateway.traceparents == [f"00-{sent.trace}-{sent.id}-01"]


async def test_stranger_can_neither_start_nor_join_a_trace(stopped_pod: TenantPod) -> None:
    pod = stopped_pod
    async with running_collector() as collector:
        for ratio in (0, 1):
            async with running_pod(pod, collector.url, ratio):
                await pod.post("/webhooks/retell", b"{}", {"traceparent": STRANGER})
            assert len(collector.named("/webhooks/retell")) == ratio
    refused = collector.one("/webhooks/retell", outcome="unauthorized")
    assert refused.trace not in STRANGER
    assert [f"00-{trace}-{span}-01" for trace, span in refused.links] == [STRANGER]


async def test_desk_request_is_named_by_endpoint_alone(stopped_pod: TenantPod) -> None:
    pod, unknown = stopped_pod, "call_of_zora"
    async with running_collector() as collector, running_pod(pod, collector.url):
        await pod.get(f"{pod.private_url}/livez")
        url = f"{pod.private_url}/api/v1/calls/{unknown}/timeline"
        assert (await pod.get(url, Authorization=f"Bearer {ADMIN_TOKEN}")).status == 404
        assert (await pod.get(url)).status == 401
        await eventually(lambda: len(collector.spans) >= 2, SOON, "the spans")
    paths = [each for each in collector.spans if each.kind == "SERVER"]
    assert {each.name for each in paths} == {"/api/v1/calls/{call_id}/timeline"}
    assert sorted(each.attributes["http.response.status_code"] for each in paths) == [401, 404]
    assert not [each for each in collector.spans if unknown in each.text]


async def test_disabled_tracing_changes_no_row_or_metric(stopped_pod: TenantPod) -> None:
    pod, call_id = stopped_pod, new_call()
    async with running_worker(pod) as port, running_web(pod, worker_port=port):
        await pod.retell("call_started", call_id)
        assert await pod.db.fetchval("SELECT count(traceparent) FROM jobs") == 0
        assert await scrape(pod, OPENMETRICS) == (TEXT, [])


async def test_booking_metric_links_to_its_trace(stopped_pod: TenantPod) -> None:
    pod = stopped_pod
    async with running_collector() as collector:
        async with running_pod(pod, collector.url):
            await book(pod, new_call())
            kind, exemplars = await scrape(pod, OPENMETRICS)
            assert await scrape(pod, "text/plain") == (TEXT, [])
    assert kind.startswith("application/openmetrics-text")
    assert exemplars == [collector.one("booking").trace]


async def scrape(pod: TenantPod, accept: str) -> tuple[str, list[str]]:
    """Return the form of the metrics, and the traces that exemplars of the booking histogram name."""
    url = f"http://127.0.0.1:{pod.web.metrics_port}/metrics"
    async with pod.session.get(url, headers={"Accept": accept}) as answer:
        text, kind = await answer.text(), answer.headers["Content-Type"]
    found = re.findall(r'^askproai_booking_duration_seconds_bucket.* # {trace_id="(\w+)"}', text, re.MULTILINE)
    return kind, sorted(set(found))


@pytest.mark.parametrize("writer_traces", [True, False])
async def test_a_job_runs_with_or_without_trace(stopped_pod: TenantPod, writer_traces: bool) -> None:
    """A process whose traces are off neither writes nor reads the context."""
    pod, call_id = stopped_pod, new_call()
    async with running_collector() as collector:
        traced: dict[str, Any] = {"tracing_endpoint": collector.url, "tracing_sample_ratio": 1}
        async with running_web(pod, worker_port=9, **(traced if writer_traces else {})):
            await pod.retell("call_started", call_id)
        async with running_worker(pod, **({} if writer_traces else traced)):
            assert (await pod.settled(f"{call_id}:call_started"))["status"] == "processed"
    row = await pod.job(f"{call_id}:call_started")
    assert row is not None
    assert (row["traceparent"] is not None) == writer_traces
    assert collector.named("job") == []


async def test_absent_collector_costs_only_counted_spans(stopped_pod: TenantPod) -> None:
    pod, call_id = stopped_pod, new_call()
    with redirect_stderr(io.StringIO()) as logs:  # before the processes open their logs
        await use_without_collector(pod, call_id)
    assert logs.getvalue().count("traces.collector_away") == 1


async def use_without_collector(pod: TenantPod, call_id: str) -> None:
    async with running_pod(pod, NOWHERE):
        await book(pod, call_id)
        assert (await pod.retell("call_started", call_id)).status == 200
        await pod.settled(f"{call_id}:call_started")

        async def dropped() -> bool:
            async with pod.session.get(f"http://127.0.0.1:{pod.web.metrics_port}/metrics") as answer:
                return 'askproai_spans_total{outcome="dropped"' in await answer.text()

        await eventually(dropped, SOON, "the count of dropped spans")
