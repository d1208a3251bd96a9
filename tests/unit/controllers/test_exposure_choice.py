"""The URL that senders get, the former URL that stays served, and the condition."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_operator.api.conditions import ConditionType, Reason, Status, good
from askproai_operator.context import TenantUrl, Unverified, Verdict
from askproai_operator.controllers.exposure import KIND, ExposureController
from askproai_operator.controllers.tenant.children.routes import choose_name, sender_route
from askproai_operator.controllers.tenant.exposure import choose_exposure, exposed_condition, former_url_fields
from askproai_operator.controllers.webhook_urls import Address
from askproai_operator.settings import Settings
from askproai_operator.url_prober import host_is_trusted, is_public
from tests.worlds.rows import each_row
from tests.worlds.salon_models import agent, tenant

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OLD, NEW = "https://voice.example/salon/salon", "https://salon.example"
REQUESTED = Address(NEW, "")
FAILED, PROVEN = Verdict(NEW, "does not answer"), Verdict(NEW)


def at(base_url: str, *, uid: str = "uid-1", token: str = "token") -> TenantUrl:
    return TenantUrl("salon", "salon", uid, base_url, token)


ROUTED = good(ConditionType.EXPOSED, NEW)


def salon(
    in_use: str | None = None, *, former: str | None = None, changed_for: timedelta | None = None, **spec: Any
) -> Any:
    status: dict[str, Any] = {"webhookUrls": {"retell": f"{in_use}/webhooks/retell"}} if in_use else {}
    if former:
        status["formerUrl"] = former
    if changed_for is not None:
        status["formerUrlSince"] = (NOW - changed_for).isoformat(timespec="seconds")
    return tenant(**spec).model_copy(update={"status": status})


@pytest.mark.parametrize("verdict", [None, FAILED])
def test_senders_keep_the_former_url_until_verification(verdict):
    chosen = choose_exposure(salon(OLD), (), REQUESTED, verdict, NOW)
    assert (chosen.in_use.base_url, chosen.kept, chosen.is_settled) == (OLD, OLD, False)
    assert chosen.former_path_prefix == "/salon/salon", "the pods serve both paths meanwhile"
    assert former_url_fields(chosen)["formerUrl"] is None


@pytest.mark.parametrize("verdict", [None, FAILED])
def test_new_tenant_has_no_url_before_verification(verdict):
    chosen = choose_exposure(salon(), (), REQUESTED, verdict, NOW)
    assert (chosen.in_use, chosen.kept, chosen.former_path_prefix) == (None, None, "")


def test_senders_get_verified_url_during_running_calls():
    chosen = choose_exposure(salon(OLD), (), REQUESTED, PROVEN, NOW)
    assert (chosen.is_settled, chosen.kept, former_url_fields(chosen)["formerUrl"]) == (True, OLD, OLD)
    soon, late = timedelta(minutes=9), timedelta(minutes=11)
    later = choose_exposure(salon(NEW, former=OLD, changed_for=soon), (), REQUESTED, None, NOW)
    assert (later.is_settled, former_url_fields(later)["formerUrl"], later.former_path_prefix) == (
        True,
        OLD,
        "/salon/salon",
    )
    ended = choose_exposure(salon(NEW, former=OLD, changed_for=late), (), REQUESTED, None, NOW)
    assert (ended.is_settled, former_url_fields(ended)["formerUrl"], ended.former_path_prefix) == (True, None, "")


def test_former_urls_start_ignores_condition_times():
    chosen = choose_exposure(salon(OLD), (), REQUESTED, PROVEN, NOW)
    assert former_url_fields(chosen) == {"formerUrl": OLD, "formerUrlSince": NOW.isoformat()}
    recorded = salon(NEW, former=OLD, changed_for=timedelta(minutes=1))
    recorded.status["conditions"] = [
        {"type": "Exposed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ]
    again = former_url_fields(choose_exposure(recorded, (), REQUESTED, None, NOW))
    assert again == {"formerUrl": OLD, "formerUrlSince": (NOW - timedelta(minutes=1)).isoformat()}


def test_former_url_without_a_start_time_starts_now():
    chosen = choose_exposure(salon(NEW, former=OLD), (), REQUESTED, None, NOW)
    assert former_url_fields(chosen) == {"formerUrl": OLD, "formerUrlSince": NOW.isoformat()}


def with_url(base_url: str | None, **spec: Any) -> Any:
    url = {"webhookUrl": f"{base_url}/webhooks/retell"} if base_url else {}
    return agent(**spec).model_copy(update={"status": {"agentId": "agent_1", **url}})


@pytest.mark.parametrize(
    ("held", "agents", "calcom"),
    [
        (True, [with_url(NEW), with_url(OLD)], NEW),  # paused, in plan mode, or Retell refuses the change
        (True, [with_url(OLD, managementPolicy="ObserveOnly")], NEW),
        (True, [with_url(None)], NEW),  # its URL is not recorded
        (True, [], OLD),
        (False, [with_url(None, managementPolicy="ObserveOnly")], NEW),
        (False, [with_url(NEW), agent("")], NEW),  # the second one is not at Retell yet
    ],
)
def test_former_url_is_served_until_all_senders_change(held, agents, calcom):
    business = salon(NEW, former=OLD, changed_for=timedelta(days=1))
    business.status["webhookUrls"]["calcom"] = f"{calcom}/webhooks/calcom/inst-1"
    chosen = choose_exposure(business, agents, REQUESTED, None, NOW)
    assert chosen.kept == (OLD if held else None)


def test_outage_of_current_url_changes_no_condition():
    chosen = choose_exposure(salon(NEW), (), REQUESTED, FAILED, NOW)
    assert chosen.is_settled
    assert exposed_condition(tenant(), chosen, ROUTED) == ROUTED


def test_url_without_required_verification_is_used_at_once():
    verdict = Unverified().find(at(NEW))
    chosen = choose_exposure(salon(OLD), (), REQUESTED, verdict, NOW)
    assert (chosen.is_settled, chosen.kept) == (True, None)


HOST = {"host": "salon.example", "ingress": {}}


@pytest.mark.parametrize(
    ("in_use", "verdict", "spec", "status", "reason", "texts"),
    [
        (None, None, {}, Status.FALSE, Reason.PENDING, ["as soon as a pod is ready", "senders get no URL"]),
        (None, None, {"suspend": True}, Status.TRUE, Reason.SUSPENDED, ["when pods run again"]),
        (OLD, FAILED, {}, Status.FALSE, Reason.URL_NOT_ANSWERING, [f"{NEW} does not answer", f"senders keep {OLD}"]),
        (OLD, FAILED, {"exposure": HOST}, Status.FALSE, Reason.URL_NOT_ANSWERING, ["ingress has no tlsSecretName"]),
    ],
)  # fmt: skip
def test_condition_shows_senders_url_and_missing_parts(in_use, verdict, spec, status, reason, texts):
    chosen = choose_exposure(salon(in_use), (), REQUESTED, verdict, NOW)
    condition = exposed_condition(salon(in_use, **spec), chosen, ROUTED)
    assert (condition.status, condition.reason) == (status, reason)
    for text in texts:
        assert text in condition.message


def test_failed_url_condition_names_missing_gateway_api():
    routed = good(ConditionType.EXPOSED, "this cluster has no Gateway API", Reason.NOT_INSTALLED)
    condition = exposed_condition(salon(OLD), choose_exposure(salon(OLD), (), REQUESTED, FAILED, NOW), routed)
    assert condition.status is Status.FALSE
    assert "this cluster has no Gateway API" in condition.message


# Routes


@pytest.mark.parametrize(
    ("live", "kept", "name"),
    [
        ({}, None, "salon-mueller"),
        ({}, OLD, "salon-mueller"),
        ({"salon-mueller": OLD}, OLD, "salon-mueller.alternate"),
        ({"salon-mueller": OLD, "salon-mueller.alternate": NEW}, OLD, "salon-mueller.alternate"),
        ({"salon-mueller.alternate": NEW}, None, "salon-mueller.alternate"),  # never made anew under another name
        ({"salon-mueller": "https://abandoned.example", "salon-mueller.alternate": OLD}, OLD, "salon-mueller"),
        ({"salon-mueller": OLD}, None, "salon-mueller"),
    ],
)
def test_new_url_is_routed_beside_the_current_one(live, kept, name):
    manifest = sender_route(tenant(exposure=HOST), Settings())
    assert manifest is not None
    taken = {each for each, url in live.items() if url == kept}
    assert choose_name(tenant(), manifest, live, taken)["metadata"]["name"] == name


# Connections of the operator


@each_row(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False), ("10.0.0.1", False), ("172.16.5.4", False), ("192.168.1.1", False), ("100.64.0.1", False),
        ("169.254.169.254", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fd00:ec2::254", False), ("ff02::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:169.254.169.254", False), ("2002:7f00:1::", False), ("64:ff9b::7f00:1", False),
        ("2a00:1450:4001::1", True), ("::ffff:93.184.215.14", True), ("2002:5db8:d70e::1", True), ("64:ff9b::5db8:d70e", True),
        ("::7f00:1", False), ("::5db8:d70e", False), ("::ffff:0:7f00:1", False), ("fec0::1", False), ("5f00::1", False),
        ("64:ff9b:1::7f00:1", False), ("64:ff9b:1::5db8:d70e", False), ("2001:0:7f00:1::", False), ("2001:db8::1", False),
        ("3fff::1", False), ("4000::1", False), ("100::1", False),
    ],
)  # fmt: skip
def test_public_addresses_are_recognized_in_every_notation(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://127.0.0.1:8000/a/b", True),  # the shared host
        ("http://127.0.0.1:8001/a/b", False),
        ("https://salon.voice.example", True),
        ("http://salon.voice.example", False),
        ("https://salon.voice.example:8443", False),
        ("https://voice.example.org", False),
    ],
)
def test_only_platform_settings_make_private_hosts_trusted(url, trusted):
    assert host_is_trusted(url, "http://127.0.0.1:8000", ["*.voice.example"]) is trusted


# The controller


class Internet:
    """The answers of the URLs, and the count of requests to them."""

    def __init__(self) -> None:
        self.problems: dict[str, str | None] = {}
        self.asked: list[tuple[str, str]] = []

    async def find_problem(self, base_url: str, token: str) -> str | None:
        self.asked.append((base_url, token))
        return self.problems.get(base_url, "does not answer")


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def due() -> list[Key]:
    return []


@pytest.fixture
def controller(internet, due) -> ExposureController:
    return ExposureController(internet, due.append)


def context(woken: list[Key], *, exists: bool = True) -> Any:
    relations = SimpleNamespace(tenant=lambda *_: object() if exists else None)
    return SimpleNamespace(relations=relations, enqueue=woken.append)


PROOF_KEY, TENANT_KEY = Key(KIND, "salon", "salon"), Key("Tenant", "salon", "salon")


async def test_tenant_is_enqueued_only_when_urls_verdict_changes(controller, internet, due):
    woken: list[Key] = []
    controller.request(at(NEW))
    assert due == [PROOF_KEY]
    assert controller.find(at(NEW)) is None
    pauses = [(await controller.reconcile(PROOF_KEY, context(woken))).requeue_after for _ in range(12)]
    assert woken == [TENANT_KEY]
    assert controller.find(at(NEW)) == Verdict(NEW, "does not answer")
    assert pauses[0] <= timedelta(milliseconds=250)
    assert timedelta(minutes=2) < pauses[-1] <= timedelta(minutes=5)
    internet.problems[NEW] = None
    assert (await controller.reconcile(PROOF_KEY, context(woken))).gone, "what has answered is not asked again"
    assert woken == [TENANT_KEY] * 2
    assert controller.find(at(NEW)) == Verdict(NEW)
    assert set(internet.asked) == {(NEW, "token")}


async def test_repeated_url_request_does_not_reset_its_pause(controller, due):
    for _ in range(3):
        controller.request(at(NEW))
    assert due == [PROOF_KEY]
    for _ in range(9):
        await controller.reconcile(PROOF_KEY, context([]))
    controller.request(at(NEW), "2026-11-20T09:00")
    assert due == [PROOF_KEY] * 2
    again = await controller.reconcile(PROOF_KEY, context([]))
    assert again.requeue_after <= timedelta(milliseconds=250)
    controller.request(at(OLD))
    assert due == [PROOF_KEY] * 3
    assert controller.find(at(OLD)) is None, "the verdict was about another URL"


async def test_verdict_about_an_obsolete_url_is_discarded(controller, internet):
    controller.request(at(NEW))
    woken: list[Key] = []

    async def edited_meanwhile(*_: str) -> None:
        controller.request(at(OLD))

    internet.find_problem = edited_meanwhile
    assert (await controller.reconcile(PROOF_KEY, context(woken))).gone
    assert (woken, controller.find(at(NEW))) == ([], None)


async def test_url_of_a_deleted_tenant_is_not_probed(controller, internet):
    controller.request(at(NEW))
    assert (await controller.reconcile(PROOF_KEY, context([], exists=False))).gone
    assert internet.asked == []
    assert controller._targets == {}


async def test_changed_uid_or_token_discards_the_urls_verdict(controller, internet):
    internet.problems[NEW] = None
    controller.request(at(NEW))
    await controller.reconcile(PROOF_KEY, context([]))
    assert controller.find(at(NEW)) == Verdict(NEW)
    assert controller.find(at(NEW, uid="uid-2")) is None, "its former Tenant was deleted before the answer was used"
    assert controller.find(at(NEW, token="renewed")) is None
    controller.forget("salon", "salon")
    assert controller.find(at(NEW)) is None
