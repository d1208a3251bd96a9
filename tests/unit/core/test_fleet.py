"""The fleet: which tenant needs somebody first."""

from typing import Any

from askproai_core.fleet import NEGATIVE_TYPES, Drift, FleetRow, Severity, count, matches, read_object
from askproai_core.fleet import rank as rank_objects
from askproai_operator.api.conditions import NEGATIVE_TYPES as OPERATORS


def rank(objects: list[dict[str, Any]]) -> list[FleetRow]:
    return rank_objects(map(read_object, objects))


def condition(status: str, reason: str, since: str = "2026-11-23T10:00:00Z", message: str = "why") -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def made(kind: str, name: str, ready: dict[str, str] | None, namespace: str = "salon", **more: Any) -> dict[str, Any]:
    status = more.pop("status", {}) | ({"conditions": [{"type": "Other", "status": "False"}, ready]} if ready else {})
    meta = {"namespace": namespace, "name": name, "creationTimestamp": "2026-11-23T09:00:00Z"}
    return {"kind": kind, "metadata": meta, "spec": more, "status": status}


GOOD = condition("True", "AsDeclared")


def salon(
    namespace: str, ready: dict[str, str] = GOOD, agent: dict[str, str] = GOOD, **status: Any
) -> list[dict[str, Any]]:
    """A tenant with a branch and the branch's agent, all in a namespace of its own."""
    return [
        made("Tenant", "salon", ready, namespace, displayName=f"Salon {namespace}", status=status),
        made("Branch", "mitte", GOOD, namespace, tenantRef={"name": "salon"}),
        made("RetellAgent", "mitte", agent, namespace, branchRef={"name": "mitte"}),
    ]


def test_failing_tenants_precede_overspent_and_paused_ones() -> None:
    objects = [
        *salon("good", calls24h=3, bookingSuccessPercent="100.0", errorBudgetPercent="80.0"),
        *salon("suspended", condition("False", "Suspended"), condition("False", "TenantNotReady")),
        *salon("spent", errorBudgetPercent="0.0"),
        *salon("new", condition("False", "CredentialsInvalid", "2026-11-23T12:00:00Z")),
        *salon("old", agent=condition("False", "VoiceNotFound", "2026-11-22T12:00:00Z")),
    ]
    rows = rank(objects)
    assert [(row.tenant, row.severity) for row in rows] == [
        ("old.salon", Severity.FAILING),
        ("new.salon", Severity.FAILING),
        ("spent.salon", Severity.OVER_BUDGET),
        ("suspended.salon", Severity.INTENDED),
        ("good.salon", Severity.GOOD),
    ]
    assert count(rows) == {"failing": 2, "over_budget": 1, "intended": 1, "good": 1}
    good = rows[-1]
    assert (good.calls_24h, good.booked_percent, good.budget_percent) == (3, "100.0", "80.0")


def test_unready_object_of_a_tenant_has_its_cause() -> None:
    (row,) = rank(salon("a", agent=condition("False", "VoiceNotFound", message="no such voice")))
    assert (row.state, row.what) == ("VoiceNotFound", "RetellAgent mitte: no such voice")
    (row,) = rank(salon("a", condition("False", "DatabaseUnavailable"), condition("False", "TenantNotReady")))
    assert (row.state, row.what) == ("DatabaseUnavailable", "Tenant salon: why")


def test_paused_agent_is_not_a_branch_failures_cause() -> None:
    paused = salon("a", agent=condition("True", "Paused"))
    (row,) = rank(paused)
    assert (row.severity, row.state) == (Severity.INTENDED, "Paused")
    paused[1]["status"]["conditions"] = [condition("False", "NumberClaimedTwice")]
    (row,) = rank(paused)
    assert (row.severity, row.state) == (Severity.FAILING, "NumberClaimedTwice")


def test_fleet_shows_pause_time_but_no_suspension_time() -> None:
    """`Ready` stays True, so its time is when the object became Ready."""
    (row,) = rank(salon("a", condition("True", "Suspended", "2026-11-23T12:00:00Z")))
    assert (row.state, row.since) == ("Suspended", None)
    paused = salon("a", condition("True", "Paused", "2026-11-23T12:00:00Z"))
    paused[0]["status"]["conditions"] += [condition("True", "Paused", "2026-11-23T15:00:00Z") | {"type": "Paused"}]
    (row,) = rank(paused)
    assert (row.state, row.since) == ("Paused", "2026-11-23T15:00:00Z")


def test_unobserved_object_counts_as_failing_since_creation() -> None:
    (row,) = rank([made("Tenant", "salon", None)])
    assert (row.severity, row.state, row.since) == (Severity.FAILING, "NotReconciled", "2026-11-23T09:00:00Z")


def test_failing_agent_affects_only_its_own_namespaces_tenant() -> None:
    bad = condition("False", "VoiceNotFound")
    stray = made("RetellAgent", "stray", bad, "a", branchRef={"name": "gone"})
    rows = {row.tenant: row.severity for row in rank([*salon("a"), *salon("b", agent=bad), stray])}
    assert rows == {"a.salon": Severity.GOOD, "b.salon": Severity.FAILING}


def test_drifted_agent_is_shown_instead_of_planned_changes() -> None:
    planned = salon("a")
    planned[2]["status"]["plan"] = ["publish version 3"]
    assert [row.drift for row in rank(salon("a"))] == [None]
    assert [row.drift for row in rank(planned)] == [Drift.PLANNED]
    planned[2]["status"]["conditions"].append({"type": "Drifted", "status": "True"})
    assert [row.drift for row in rank(planned)] == [Drift.DRIFTED]


def test_tenant_is_found_by_any_part_of_text() -> None:
    (row,) = rank(salon("nord", agent=condition("False", "VoiceNotFound", message="no such voice")))
    assert all(matches(row, text) for text in (None, "", "NORD.sal", "salon n", "voicenot", "Such Voice"))
    assert not matches(row, "süd")


def test_fleet_and_operator_agree_on_negative_conditions() -> None:
    assert set(OPERATORS) == NEGATIVE_TYPES
