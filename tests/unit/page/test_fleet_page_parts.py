"""The pure parts of the fleet's page: search, filters and paging, marks of changes, sessions that have ended, its words."""

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from askproai_core.fleet import Drift, FleetCondition, FleetObject, FleetRow, Severity
from askproai_core.kube import AccessError, HttpTransport
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.page.fleet import FleetOidc, FleetSources, reading
from askproai_runtime.page.fleet.ended_sessions import EndedSessions, LoginLimit
from askproai_runtime.page.fleet.mirror import FleetMirror
from askproai_runtime.page.fleet.reading import FIGURES_EVERY, RANK_EVERY, FleetReader
from askproai_runtime.page.fleet.rights import FleetRights
from askproai_runtime.page.fleet.server import FLEET_WORDS, PAGE_ROWS, State, select_rows
from askproai_runtime.page.fleet.store import TenantJobs
from askproai_runtime.page.sessions import Signer
from askproai_runtime.redis.client import RedisClient
from tests.worlds.clock import FixedClock

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def row(number: int, severity: Severity = Severity.GOOD, **changes: Any) -> FleetRow:
    made = FleetRow(
        f"salon-{number:03}.salon", f"Salon {number:03}", severity, "Ready", None, 3, "99.0", "80.0", None, None, "0.1.0"
    )  # fmt: skip
    return replace(made, **changes)


FLEET = [
    *(row(number, Severity.FAILING, state="VoiceNotFound", what="RetellAgent a: no such voice") for number in range(3)),
    row(3, Severity.OVER_BUDGET),
    row(4, Severity.INTENDED, state="Paused"),
    *(row(number, drift=Drift.PLANNED if number == 5 else None) for number in range(5, 250)),
]


@pytest.mark.parametrize(
    ("query", "found", "first"),
    [
        ({}, 250, "salon-000.salon"),
        ({"state": "failing"}, 3, "salon-000.salon"),
        ({"state": "over_budget"}, 1, "salon-003.salon"),
        ({"state": "intended"}, 1, "salon-004.salon"),
        ({"state": "good"}, 245, "salon-005.salon"),
        ({"state": "drift"}, 1, "salon-005.salon"),
        ({"state": "everything"}, 250, "salon-000.salon"),
        ({"q": "SUCH voice"}, 3, "salon-000.salon"),
        ({"q": " salon 24 "}, 10, "salon-240.salon"),
        ({"q": "salon-1", "state": "failing"}, 0, None),
        ({"from": "100"}, 250, "salon-100.salon"),
        ({"from": "²"}, 250, "salon-000.salon"),
        ({"from": "9" * 5000}, 250, "salon-000.salon"),
        ({"from": "100", "rows": "all"}, 250, "salon-000.salon"),
    ],
)
def test_search_filter_and_page_keep_the_fleets_order(query: dict[str, str], found: int, first: str | None) -> None:
    selection = select_rows(FLEET, query)
    assert selection.found == found
    assert (selection.rows[0].tenant if selection.rows else None) == first
    assert len(selection.rows) <= (250 if query.get("rows") else PAGE_ROWS)


def test_filter_counts_match_the_search_and_links() -> None:
    selection = select_rows(FLEET, {"q": "salon-00", "state": "failing", "from": "1"})
    assert selection.counts == {
        State.ALL: 10, State.FAILING: 3, State.OVER_BUDGET: 1, State.INTENDED: 1, State.GOOD: 5, State.DRIFT: 1,
    }  # fmt: skip
    assert selection.link(rows="all") == "/?q=salon-00&state=failing&rows=all"
    assert selection.link(q="") == "/?state=failing"
    assert select_rows(FLEET, {}).link(state="") == "/"


class Mirror:
    """A mirror whose objects a test sets."""

    version, is_complete, problem = 1, True, None

    def __init__(self) -> None:
        self.tenants = [self.tenant("a"), self.tenant("b")]

    @staticmethod
    def tenant(name: str, status: str = "True", calls: int = 1) -> FleetObject:
        ready = FleetCondition("Ready", status, "AsDeclared", "", "2026-11-24T08:00:00Z")
        return FleetObject("Tenant", "n", name, name, None, None, None, (ready,), calls, None, None, None, None, 0)

    def put(self, *tenants: FleetObject) -> None:
        self.tenants, self.version = list(tenants), self.version + 1

    def objects(self) -> list[FleetObject]:
        return self.tenants


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> tuple[FleetReader, Mirror, FixedClock, list[str]]:
    """Return a reader over a mirror, with a clock and the counts of the database."""
    mirror, clock, counted = Mirror(), FixedClock(NOW), list[str]()

    async def count_jobs(_pool: object) -> dict[str, TenantJobs]:
        counted.append("jobs")
        return {"n.a": TenantJobs(2, 1)}

    async def find(_path: str) -> dict[str, Any]:
        return {"spec": {"holderIdentity": "pod-1"}}

    monkeypatch.setattr(reading, "count_jobs", count_jobs)
    transport = cast("HttpTransport", SimpleNamespace(find=find))
    shared = cast("RedisClient", SimpleNamespace(configured=False))
    reader = FleetReader(cast("FleetMirror", mirror), transport, "system", cast("Any", None), shared, clock)
    return reader, mirror, clock, counted


async def test_change_is_ranked_once_per_second_for_everybody(
    fleet: tuple[FleetReader, Mirror, FixedClock, list[str]],
) -> None:
    reader, mirror, clock, counted = fleet
    views = [await reader.view() for _ in range(20)]
    assert all(view is views[0] for view in views), "nothing has changed"
    assert counted == ["jobs"]
    assert [row.tenant for row in views[0].rows] == ["n.a", "n.b"]
    mirror.put(mirror.tenant("a"), mirror.tenant("b", "False"))
    assert (await reader.view()).rows is views[0].rows, "within the second"
    clock.advance(RANK_EVERY)
    after = await reader.view()
    assert [row.tenant for row in after.rows] == ["n.b", "n.a"]
    assert after.marks["tenants"] != views[0].marks["tenants"]
    await reader.close()


async def test_constantly_changing_figures_are_announced_every_15_seconds(
    fleet: tuple[FleetReader, Mirror, FixedClock, list[str]],
) -> None:
    reader, mirror, clock, _ = fleet
    marks = [(await reader.view()).marks]
    for second in range(60):
        clock.advance(RANK_EVERY)
        mirror.put(mirror.tenant("a", calls=second + 5), mirror.tenant("b"))
        await asyncio.sleep(0)
        marks.append((await reader.view()).marks)
    assert len({each["tenants"] for each in marks}) == 1
    assert 2 <= len({each["figures"] for each in marks}) - 1 <= timedelta(minutes=1) / FIGURES_EVERY
    await reader.close()


async def test_jobs_are_shown_without_the_api_server(fleet: tuple[FleetReader, Mirror, FixedClock, list[str]]) -> None:
    async def find(_path: str) -> dict[str, Any]:
        raise AccessError("no way to the API server")

    reader, _, clock, _ = fleet
    cast("Any", reader._transport).find = find
    await reader.view()
    clock.advance(RANK_EVERY)
    counted = (await reader.view()).counted
    assert (counted.jobs, counted.leaders) == ({"n.a": TenantJobs(2, 1)}, None)
    await reader.close()


def test_a_pod_answers_few_logins_in_a_second() -> None:
    clock = FixedClock(NOW)
    limit = LoginLimit(clock)
    assert sum(limit.admits() for _ in range(50)) == 5
    clock.advance(timedelta(seconds=2))
    assert limit.admits()


async def test_without_redis_logout_ends_the_pods_session() -> None:
    async def away(*_command: object) -> None:
        raise RedisUnavailable("away")

    shared = cast("RedisClient", SimpleNamespace(execute=away, key=lambda *parts: ":".join(map(str, parts))))
    signer = Signer("token-of-the-platform", "_")
    one, other = (signer.open(is_reader=True, name="", now=NOW) for _ in range(2))
    ended = EndedSessions(shared)
    await ended.add(one)
    assert (await ended.has(one), await ended.has(other)) == (True, False)


@pytest.mark.parametrize(
    ("host", "published"),
    [
        ("fleet.example", True), ("Fleet.EXAMPLE", True), ("fleet.example:443", True), ("fleet.example.", True),
        ("10.0.0.7:8081", True), ("askproai-coordinator:8081", True), ("localhost:8081", False), ("[::1]:9000", False),
    ],
)  # fmt: skip
def test_published_fleet_page_is_recognized_by_host(host: str, published: bool) -> None:
    oidc = FleetOidc("https://login.example", "fleet", ("operations",))
    sources = cast("FleetSources", SimpleNamespace(host="fleet.example", oidc=oidc, clock=FixedClock(NOW)))
    origin = FleetRights(sources).origin(
        make_mocked_request("POST", "/login", headers={"Host": host}, app=web.Application())
    )
    assert origin.is_published == published
    assert origin.is_secure == published
    assert (origin.redirect_uri == "https://fleet.example/login/callback") == published


def test_both_languages_have_each_filter_and_each_drift() -> None:
    for words in FLEET_WORDS.values():
        assert set(words.shown["states"]) == set(State)
        assert set(words.shown["drifts"]) == set(Drift)
        assert all(words.shown.values())


def test_fleet_page_tenant_has_no_field_about_callers() -> None:
    """The fields are names of the business, states and figures. A new field must be added here after a judgment."""
    assert {field.name for field in fields(FleetRow)} == {
        "tenant", "display_name", "severity", "state", "since", "calls_24h", "booked_percent", "budget_percent", "what", "drift",
        "release",
    }  # fmt: skip
    assert {field.name for field in fields(FleetObject)} == {
        "kind", "namespace", "name", "display_name", "created", "tenant", "branch", "conditions", "calls_24h", "booked_percent",
        "budget_percent", "release", "page_url", "planned",
    }  # fmt: skip
    assert {field.name for field in fields(TenantJobs)} == {"waiting", "dead"}
