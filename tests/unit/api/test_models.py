"""The models parse what the API server returns: typed, with defaults filled in, and tolerant of unknown fields."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from askproai_core.tenant_config import Function, Weekday
from askproai_core.tenant_config.vocabulary import BusinessModel
from askproai_operator.api import Branch, Key, RetellAgent, ServiceOffering, Tenant

ROOT = Path(__file__).parents[3]


def manifest(kind: str, file: str = "salon.yaml") -> dict[str, Any]:
    return next(doc for doc in yaml.safe_load_all((ROOT / "examples" / file).read_text()) if doc["kind"] == kind)


def test_tenant_is_parsed_as_the_example_says() -> None:
    tenant = Tenant.from_raw(manifest("Tenant"))
    assert tenant.key == Key("Tenant", "salon-mueller", "salon-mueller")
    assert tenant.spec.business_model is BusinessModel.SIMPLE
    assert tenant.spec.retell.api_key_secret_ref.key == "retell-api-key"
    assert tenant.spec.slo.webhook_success_percent == Decimal("99.9")
    assert tenant.spec.runtime.web.min_replicas == 2
    assert tenant.status == {}


def test_absent_blocks_have_the_documented_defaults() -> None:
    tenant = Tenant.from_raw(manifest("Tenant", "second-tenant.yaml"))
    assert tenant.spec.time_zone == "Europe/Berlin"
    assert tenant.spec.runtime.web.min_replicas == 1
    assert (tenant.spec.runtime.web.max_replicas, tenant.spec.runtime.workers.max_replicas) == (10, 5)
    assert tenant.spec.retention.call_days == 365
    assert tenant.spec.privacy.ai_notice
    assert tenant.spec.calendar.calcom is None
    assert [
        str(event) for event in RetellAgent.from_raw(manifest("RetellAgent", "second-tenant.yaml")).spec.webhook_events
    ] == ["call_started", "call_ended", "call_analyzed"]


def test_branch_has_typed_times_and_dates() -> None:
    branch = Branch.from_raw(manifest("Branch"))
    anna, mehmet = branch.spec.staff
    assert anna.working_hours is None
    assert mehmet.working_hours is not None
    assert mehmet.working_hours[0].days == (Weekday.THU, Weekday.FRI)
    assert mehmet.working_hours[0].opens == time(12)
    assert (mehmet.absences[0].first, mehmet.absences[0].last) == (date(2026, 12, 28), date(2026, 12, 31))
    assert branch.spec.holidays is not None
    assert branch.spec.holidays.closed == (date(2026, 12, 24),)


@pytest.mark.parametrize("closes", ["24:00", "00:00"])
def test_day_ends_at_midnight_as_in_the_runtime(closes: str) -> None:
    raw = manifest("Branch")
    raw["spec"]["openingHours"][0]["closes"] = closes
    assert Branch.from_raw(raw).spec.opening_hours[0].closes == time(0)


def test_prices_and_temperatures_are_parsed_as_exact_decimals() -> None:
    offering, agent = (
        ServiceOffering.from_raw(manifest("ServiceOffering")),
        RetellAgent.from_raw(manifest("RetellAgent")),
    )
    assert offering.spec.price is not None
    assert str(offering.spec.price.amount) == "39.00"
    assert agent.spec.llm.temperature == Decimal(0)
    # Each business decides whether callers may refuse a recording.
    assert agent.spec.functions == tuple(each for each in Function if each is not Function.DECLINE_RECORDING)


@pytest.mark.parametrize("kind", [Tenant, Branch, ServiceOffering, RetellAgent])
def test_fields_of_a_newer_crd_are_ignored(kind: type[Tenant]) -> None:
    raw = manifest(kind.kind)
    raw["spec"]["inventedLater"] = {"deep": [1]}
    raw["metadata"]["managedFields"] = []
    assert kind.from_raw(raw).spec == kind.from_raw(manifest(kind.kind)).spec


def test_parsed_metadata_has_uid_generation_and_finalizers() -> None:
    raw = manifest("Branch")
    raw["metadata"] |= {
        "uid": "u1",
        "generation": 3,
        "creationTimestamp": "2026-11-20T09:00:00Z",
        "deletionTimestamp": "2026-11-20T10:00:00Z",
        "finalizers": ["askproai.de/cleanup"],
    }
    meta = Branch.from_raw(raw).metadata
    assert (meta.uid, meta.generation, meta.finalizers) == ("u1", 3, ("askproai.de/cleanup",))
    assert meta.deletion_timestamp == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_manifest_models_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Tenant.from_raw(manifest("Tenant")).spec.suspend = True  # type: ignore[misc]


def test_trailing_slash_of_a_base_url_is_ignored() -> None:
    raw = manifest("Tenant")
    raw["spec"]["retell"]["baseUrl"] = "http://127.0.0.1:9001/"
    assert Tenant.from_raw(raw).spec.retell.base_url == "http://127.0.0.1:9001"
