"""A Tenant's shadow: the images that may be named, its config, and the report of the condition."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from askproai_core.provider_names import CalendarApi, CalendarProvider
from askproai_core.tenant_config.config import CalendarConfig
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.api.runtime import Shadow
from askproai_operator.api.tenant_status import ShadowState, ShadowStatus
from askproai_operator.controllers import shadow
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.tenant.database import connection_limit
from askproai_operator.controllers.tenant.shadow import (
    CALENDAR_URL,
    is_of_shadow,
    is_over,
    own_account_keys,
    shadow_condition,
    shadow_config,
    wanted_shadow,
)
from askproai_operator.settings import Settings
from tests.worlds.compiled_salon import salon_config
from tests.worlds.salon_models import tenant

pytestmark = pytest.mark.nightly

IMAGE = "registry.example/voice/askproai:0.2.0"
SETTINGS = Settings(runtime_image="registry.example/voice/askproai:0.1.0")
SINCE = datetime(2026, 11, 25, 12, tzinfo=UTC)


def recorded(**changes: Any) -> ShadowStatus:
    fields = {"image": IMAGE, "hours": 24, "since": SINCE, "state": ShadowState.RUNNING, "has_begun": True}
    return ShadowStatus.model_validate(fields | changes)


def with_shadow(status: ShadowStatus | None = None, image: str = IMAGE, **spec: Any) -> Tenant:
    shown = {"shadow": status.model_dump(by_alias=True, mode="json")} if status else {}
    return tenant(runtime={"shadow": {"image": image}}, **spec).model_copy(update={"status": shown})


def test_image_of_an_unlisted_repository_is_omitted() -> None:
    allowed, sentences = apply_ceilings(with_shadow(image="elsewhere.example/x:1"), SETTINGS)
    assert allowed.spec.runtime.shadow is None
    assert "runtime.shadow of image elsewhere.example/x:1 is left out" in sentences[0]
    assert wanted_shadow(with_shadow(image="elsewhere.example/x:1"), SETTINGS) is None
    assert wanted_shadow(with_shadow(), SETTINGS) == Shadow(image=IMAGE, hours=24)


def test_suspended_tenant_has_no_shadow() -> None:
    assert wanted_shadow(with_shadow(suspend=True), SETTINGS) is None


def test_new_image_or_time_starts_another_shadow() -> None:
    assert is_of_shadow(recorded(), Shadow(image=IMAGE, hours=24))
    assert not is_of_shadow(recorded(), Shadow(image=IMAGE, hours=25))
    assert not is_of_shadow(recorded(), Shadow(image="a:1", hours=24))
    assert not is_over(recorded(), SINCE + timedelta(hours=23, minutes=59))
    assert is_over(recorded(), SINCE + timedelta(hours=24))


def test_shadow_requested_again_after_withdrawal_begins_anew() -> None:
    ended = recorded(state=ShadowState.ENDED, withdrawn=True)
    assert not is_of_shadow(ended, Shadow(image=IMAGE, hours=24))
    condition = shadow_condition(with_shadow(ended), SETTINGS)
    assert condition.reason is Reason.PROGRESSING
    assert "begins" in condition.message


async def test_deleting_tenant_gets_no_shadow() -> None:
    """Its deletion began after this run had listed the Tenants."""
    listed = with_shadow()
    metadata = listed.metadata.model_copy(update={"deletion_timestamp": SINCE})
    deleted = listed.model_copy(update={"metadata": metadata})
    context: Any = SimpleNamespace(relations=SimpleNamespace(tenant=lambda *_: deleted))
    assert not await shadow._bring_forward(listed, context)


async def test_status_truncated_by_old_crd_enqueues_no_tenant() -> None:
    """With a CRD that lacks `withdrawn`, Tenant and shadows would otherwise enqueue each other for ever."""
    ended, kept, due = recorded(state=ShadowState.ENDED), [with_shadow(recorded(state=ShadowState.ENDED))], list[Any]()
    withdrawn = ended.model_copy(update={"withdrawn": True})
    context: Any = SimpleNamespace(
        kube=SimpleNamespace(patch_status=AsyncMock()),
        cache=SimpleNamespace(get=lambda _: kept[-1]),
        enqueue=due.append,
    )
    await shadow._write(kept[0], ended, withdrawn, context)
    assert due == []
    kept.append(with_shadow(withdrawn))
    await shadow._write(kept[0], ended, withdrawn, context)
    assert due == [kept[0].key]


def test_network_policy_lets_replay_processes_connect() -> None:
    assert connection_limit(with_shadow()) == connection_limit(tenant()) + 4


def test_shadow_config_has_other_rows_and_no_provider() -> None:
    calendar = CalendarConfig(
        provider=CalendarProvider.CALCOM, base_url="https://api.cal.example", api_versions=(CalendarApi.V1, CalendarApi.V2),
        attendee_email_domain="anruf.example",
    )  # fmt: skip
    live = salon_config(calendar=calendar, shadow=True, encrypt_bodies=True)
    config = shadow_config(live, {1: 101, 2: 102})
    assert config.tenant == f"{live.tenant}:shadow"
    assert [each.resource_ids for each in config.branches[0].staff] == [(101,), (102,)]
    assert (config.calendar.base_url, config.calendar.api_versions) == (CALENDAR_URL, (CalendarApi.V2,))
    assert config.calendar.attendee_email_domain == "anruf.example"
    assert config.retell.base_url == ""
    assert config.encrypt_bodies
    assert not config.shadow
    same = ("services", "agents", "booking_limits", "caller_verification", "time_zone", "rate_limits")
    assert all(getattr(config, name) == getattr(live, name) for name in same)
    assert own_account_keys(live) == frozenset()
    assert shadow_config(live, {2: 102}).branches[0].staff[0].resource_ids == (), (
        "a row that is to come cannot be claimed"
    )


def test_condition_shows_the_progress_and_the_differences() -> None:
    assert shadow_condition(tenant(), SETTINGS) is None
    for status, expected in (
        (None, (Status.TRUE, Reason.PROGRESSING, "begins")),
        (recorded(has_begun=False), (Status.TRUE, Reason.PROGRESSING, "has replayed nothing yet")),
        (recorded(compared=3), (Status.TRUE, Reason.PROGRESSING, "it goes on")),
        (recorded(compared=3, state=ShadowState.ENDED), (Status.TRUE, Reason.AS_DECLARED, "it has ended")),
        (
            recorded(compared=3, not_compared=1, calls_that_differ=2),
            (Status.FALSE, Reason.SHADOW_DIFFERS, "in 2 calls (3 changes"),
        ),
        (recorded(image="a:1"), (Status.TRUE, Reason.PROGRESSING, "begins")),
    ):
        condition = shadow_condition(with_shadow(status), SETTINGS)
        assert (condition.status, condition.reason) == expected[:2]
        assert expected[2] in condition.message
