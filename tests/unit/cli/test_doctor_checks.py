"""The checks of `askproai doctor`: each judges what was seen, and says what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from askproai_cli.doctor import CHECKS, Outcome
from askproai_cli.doctor.examine import _with_age
from askproai_cli.doctor.observations import (
    Certificate,
    LeaseSeen,
    Observations,
    PodSeen,
    SecretUse,
    Url,
    Withheld,
    Workload,
)
from askproai_cli.doctor.outside import is_of_cluster
from askproai_cli.doctor.pods import find_problems
from askproai_cli.doctor.rights import Right, list_rights
from askproai_cli.doctor.tenant_checks import check_objects, check_providers
from askproai_cli.doctor_command import render
from askproai_operator.api import KINDS, crd
from askproai_operator.installation_report import (
    DatabaseReport,
    FailingProvider,
    InstallationReport,
    RedisReport,
    RedisServer,
)
from askproai_operator.shards import MAX_SHARDS
from tests.worlds.chart_render import ROOT
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DATABASE = DatabaseReport(version="18.1", schema=19, shipped=19)
SERVER = RedisServer(address="redis:6379", version="8.1", appends=True, evicts=False, policy="noeviction")
REPORT = InstallationReport(
    at=NOW - timedelta(seconds=20), every_seconds=60, release="0.1.0", shards=1, shared_base_url="https://voice.example",
    verify_exposure=True, database=DATABASE, redis=RedisReport(servers=(SERVER,)),
)  # fmt: skip
WORKLOAD = Workload("askproai-operator", 2, 2, "askproai-operator", "", (), {})
USE = SecretUse("askproai-system", "askproai-database", frozenset({"DATABASE_ADMIN_URL"}))


def tenant(kind: str = "Tenant", name: str = "salon", **conditions: tuple[str, str]) -> dict[str, Any]:
    """Return an object with conditions, given as status and reason; without Ready among them, Ready is True."""
    listed = {"Ready": ("True", "AsDeclared")} | conditions
    found = [
        {"type": name, "status": status, "reason": reason, "message": "why"}
        for name, (status, reason) in listed.items()
    ]
    return {
        "kind": kind,
        "metadata": {"namespace": "berlin", "name": name},
        "spec": {},
        "status": {"conditions": found},
    }


GOOD = Observations(
    namespace="askproai-system", release="0.1.0", server="https://k8s:6443", server_version="1.34.1", now=NOW, skew_seconds=0.2,
    definitions={kind: crd.build_crd(model) for kind, model in KINDS.items()}, served_kinds=frozenset(KINDS),
    workloads={each: replace(WORKLOAD, name=each) for each in ("askproai-operator", "askproai-coordinator")},
    leases={each: LeaseSeen("pod_1", True, 0.5) for each in ("askproai-operator", "askproai-coordinator")},
    missing_rights=(), report=REPORT, secrets={USE: frozenset()},
    objects=[tenant(Exposed=("True", "AsDeclared"), CredentialsValid=("True", "AsDeclared"), Paused=("False", "NotPaused"))],
    urls=[Url("berlin.salon", "https://voice.example/berlin/salon", None)],
    certificates=[Certificate("voice.example", NOW + timedelta(days=60))],
    pods=[PodSeen("berlin/salon-web-1", ())],
)  # fmt: skip


def report(**changes: Any) -> InstallationReport:
    database = {name: changes.pop(name) for name in list(changes) if name in DatabaseReport.__struct_fields__}
    whole = {name: getattr(DATABASE, name) for name in DatabaseReport.__struct_fields__} | database
    fields = {name: getattr(REPORT, name) for name in InstallationReport.__struct_fields__}
    return InstallationReport(**fields | {"database": DatabaseReport(**whole)} | changes)


def judge(**changes: Any) -> dict[str, tuple[Outcome, str]]:
    """Return outcome and text of each check, by its name."""
    found = [check(replace(GOOD, **changes)) for check in CHECKS]
    assert all(bool(each.todo) == (each.outcome in {Outcome.FAILED, Outcome.WARNING}) for each in found), found
    return {each.name: (each.outcome, " ".join((each.message, *each.details))) for each in found}


def test_a_working_installation_passes_every_check() -> None:
    found = judge()
    assert {outcome for outcome, _ in found.values()} == {Outcome.OK}, found
    assert len(found) == len(CHECKS), "names are unique"


SHORTER = {**GOOD.definitions, "Branch": crd.build_crd(KINDS["Tenant"])}  # type: ignore[dict-item]
UNTESTED = Url("a.b", "https://a", Withheld("get secrets in a"))
OPERATOR, COORDINATOR = "askproai-operator", "askproai-coordinator"


@each_row(
    ("name", "outcome", "text", "changes"),
    [
        ("cluster", "warning", "1.31 to 1.35", {"server_version": "1.36.0"}),
        ("cluster", "warning", "1.31 to 1.35", {"server_version": "of unknown version"}),
        ("cluster", "warning", "1.31 to 1.35", {"server_version": "1.30.4"}),
        ("cluster", "failed", "too old", {"server_version": "1.29.1+k3s1"}),
        ("custom resources", "failed", "not serve Branch", {"served_kinds": frozenset(KINDS) - {"Branch"}}),
        ("custom resources", "failed", "Branch", {"definitions": SHORTER}),
        ("custom resources", "failed", "Branch", {"definitions": {**GOOD.definitions, "Branch": None}}),  # type: ignore[dict-item]
        ("custom resources", "skipped", "needs get x", {"definitions": Withheld("get x")}),
        ("operator", "failed", "nobody holds", {"leases": {}}),
        ("operator", "failed", "nobody holds", {"leases": {OPERATOR: LeaseSeen("", False)}}),
        ("operator", "failed", "does not renew", {"leases": {OPERATOR: LeaseSeen("pod_1", False)}}),
        ("operator", "failed", "Lease askproai-operator-1", {"leases": {OPERATOR: LeaseSeen("pod_1_0-of-2", True)}}),
        ("operator", "warning", "1 of 2 pods", {"workloads": {OPERATOR: replace(WORKLOAD, ready=1)}}),
        ("operator", "failed", "0 of 2 pods", {"workloads": {OPERATOR: replace(WORKLOAD, ready=0)}}),
        ("operator", "failed", "asks for no pod", {"workloads": {OPERATOR: replace(WORKLOAD, ready=0, wanted=0)}}),
        ("operator", "ok", "outside of the cluster", {"workloads": {}}),
        ("operator", "skipped", "needs get leases", {"leases": Withheld("get leases")}),
        ("coordinator", "failed", "askproai-coordinator", {"leases": {OPERATOR: LeaseSeen("pod_1", True)}}),
        ("coordinator", "ok", "needs list", {"workloads": Withheld("list deployments.apps")}),
        ("operator's rights", "failed", "patch pods", {"missing_rights": [Right("", "pods", "patch")]}),
        ("operator's rights", "skipped", "Deployment", {"missing_rights": None}),
        ("operator's rights", "skipped", "needs create", {"missing_rights": Withheld("create reviews")}),
        ("named Secrets", "failed", "does not exist", {"secrets": {USE: None}}),
        ("named Secrets", "failed", "has no DATABASE_ADMIN_URL", {"secrets": {USE: USE.keys}}),
        ("named Secrets", "skipped", "needs get secrets", {"secrets": {USE: Withheld("get secrets in askproai-system")}}),
        ("named Secrets", "skipped", "no Deployment", {"secrets": {}}),
        ("clocks", "warning", "API server is ahead of this machine by 7 s", {"skew_seconds": 7.0}),
        ("clocks", "failed", "API server is behind this machine by 61 s", {"skew_seconds": -61.0}),
        ("clocks", "skipped", "no Date", {"skew_seconds": None}),
        ("clocks", "warning", "askproai-operator is ahead", {"leases": {OPERATOR: LeaseSeen("pod_1", True, 9.0)}}),
        ("clocks", "failed", "PostgreSQL is behind the operator by 90 s", {"report": report(skew_seconds=-90.0)}),
        ("operator's report", "failed", "has none", {"report": None}),
        ("operator's report", "failed", "10 min old", {"report": report(at=NOW - timedelta(minutes=10))}),
        ("operator's report", "ok", "3 min old", {"report": report(at=NOW - timedelta(minutes=3, seconds=50))}),
        ("operator's report", "ok", "20 min old", {"report": report(at=NOW - timedelta(minutes=20), every_seconds=600)}),
        ("operator's report", "failed", "due every 10 min", {"report": report(at=NOW - timedelta(minutes=23), every_seconds=600)}),
        ("operator's report", "warning", "release 0.2.0", {"report": report(release="0.2.0")}),
        ("operator's report", "skipped", "needs get configmaps", {"report": Withheld("get configmaps")}),
        ("PostgreSQL", "failed", "ConnectionRefusedError", {"report": report(problem="ConnectionRefusedError")}),
        ("PostgreSQL", "failed", "14.2 answers the operator and is too old", {"report": report(version="14.2")}),
        ("PostgreSQL", "warning", "up to 18", {"report": report(version="19.0")}),
        ("PostgreSQL", "warning", "up to 18", {"report": report(version="19beta1")}),
        ("PostgreSQL", "warning", "does not verify", {"report": report(is_authenticated=False)}),
        ("PostgreSQL", "skipped", "not known", {"report": None}),
        ("migrations", "failed", "not applied: 0019_x", {"report": report(pending=("0019_x",), schema=18)}),
        ("migrations", "failed", "another file now: 0003_y", {"report": report(changed=("0003_y",))}),
        ("migrations", "warning", "later release", {"report": report(schema=20)}),
        ("migrations", "skipped", "does not answer", {"report": report(problem="TimeoutError")}),
        ("database roles", "failed", "missing: askproai_backup", {"report": report(missing_roles=("askproai_backup",))}),
        ("database roles", "failed", "may not create roles", {"report": report(may_create_roles=False)}),
        ("database roles", "warning", "superuser", {"report": report(is_superuser=True, may_create_roles=False)}),
        ("Redis", "failed", "no answer", {"report": report(redis=RedisReport(problem="no answer"))}),
        ("Redis", "warning", "appendonly", {"report": report(redis=RedisReport(not_durable="set appendonly yes"))}),
        ("Redis", "skipped", "there is none", {"report": report(redis=None)}),
        ("tenants", "failed", "berlin/salon: Ready SecretNotFound: why", {"objects": [tenant(Ready=("False", "SecretNotFound"))]}),
        ("tenants", "warning", "Ready Progressing", {"objects": [tenant(Ready=("False", "Progressing"))]}),
        ("tenants", "warning", "CacheReady", {"objects": [tenant(CacheReady=("False", "CacheUnavailable"))]}),
        ("tenants", "warning", "Drifted", {"objects": [tenant("RetellAgent", Drifted=("True", "DriftFound"))]}),
        ("tenants", "failed", "no operator has looked", {"objects": [tenant() | {"status": {}}]}),
        ("tenants", "ok", "no Tenant yet", {"objects": []}),
        ("tenants", "skipped", "needs list", {"objects": Withheld("list tenants")}),
        ("providers", "failed", "CredentialsInvalid", {"objects": [tenant(CredentialsValid=("False", "CredentialsInvalid"))]}),
        ("providers", "warning", "RateLimited", {"objects": [tenant("RetellAgent", Synced=("Unknown", "RateLimited"))]}),
        ("providers", "ok", "1 Tenant", {"objects": [tenant(Exposed=("False", "UrlNotAnswering"))]}),
        ("providers", "skipped", "no Tenant", {"objects": []}),
        ("circuits", "warning", "calcom: the last requests of the pods of 1 Tenant failed a.b: calcom", {"report": report(
            failing_providers=(FailingProvider("a.b", "calcom"),))}),
        ("circuits", "skipped", "does not answer", {"report": report(problem="TimeoutError")}),
        ("circuits", "skipped", "not known", {"report": Withheld("get configmaps")}),
        ("tenants", "failed", "1 of 2 objects, and 1 condition to look at", {"objects": [
            tenant(Ready=("False", "SecretNotFound")), tenant(name="other", CacheReady=("False", "CacheUnavailable"))]}),
        ("providers", "failed", "RequestsRefused", {"objects": [tenant(RequestsVerified=("False", "RequestsRefused"))]}),
        ("pods", "warning", "salon-web-1: it works without Redis", {"pods": [PodSeen("salon-web-1", ("it works without Redis",))]}),
        ("pods", "ok", "1 pod asked, none knows of a trouble, 1 could not be asked", {"pods": [
            *GOOD.pods, PodSeen("b/b", Withheld("get pods/proxy in b"))]}),
        ("pods", "skipped", "needs get pods/proxy in b", {"pods": [PodSeen("b/b", Withheld("get pods/proxy in b"))]}),
        ("pods", "skipped", "no pod runs", {"pods": []}),
        ("pods", "skipped", "needs list pods", {"pods": Withheld("list pods in all namespaces")}),
        ("public URLs", "failed", "UrlNotAnswering", {"objects": [tenant(Exposed=("False", "UrlNotAnswering"))]}),
        ("public URLs", "skipped", "none was asked", {"objects": [tenant(Exposed=("False", "Pending"))], "urls": []}),
        ("public URLs", "failed", "does not answer", {"urls": [Url("a.b", "https://a", "does not answer"), *GOOD.urls]}),
        ("public URLs", "ok", "1 not tested (needs get secrets in a)", {"urls": [UNTESTED, *GOOD.urls]}),
        ("public URLs", "skipped", "needs get secrets in a", {"urls": [UNTESTED]}),
        ("certificates", "failed", "h: unable to get issuer", {"certificates": [Certificate("h", None, "unable to get issuer")]}),
        ("certificates", "failed", "h: ended on 22 Nov 2026", {"certificates": [Certificate("h", NOW)]}),
        ("certificates", "warning", "h: ends on 06 Dec 2026", {"certificates": [Certificate("h", NOW + timedelta(days=14))]}),
        ("certificates", "ok", "that of h, on 07 Dec 2026", {"certificates": [Certificate("h", NOW + timedelta(days=15))]}),
        ("certificates", "skipped", "no public URL is https", {"certificates": []}),
    ],
)  # fmt: skip
def test_each_check_finds_its_fault(name: str, outcome: str, text: str, changes: dict[str, Any]) -> None:
    found = judge(**changes)[name]
    assert found[0] == outcome, found
    assert text in found[1]


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://askproai-simulators.askproai-system:9000/a/b", True),
        ("http://askproai-simulators.askproai-system.svc/a/b", True),
        ("http://askproai-simulators.askproai-system.svc.cluster.local:9000", True),
        ("http://entrance:9000", True),
        ("https://voice.example.org", False),
        ("https://voice.example", False),
        ("https://svc.example.org", False),
        ("http://10.0.0.1:80", False),
    ],
)
def test_doctor_skips_urls_of_hosts_inside_the_cluster(url: str, inside: bool) -> None:
    assert is_of_cluster(url, {"askproai-system", "berlin"}) is inside


@pytest.mark.parametrize(
    ("metrics", "problems"),
    [
        (
            'askproai_circuit_state{provider="calcom",state="open",tenant="a.b"} 1.0',
            ["it asks calcom nothing any more"],
        ),
        ('askproai_circuit_state{provider="calcom",state="closed",tenant="a.b"} 1.0', []),
        ('askproai_redis_degraded{tenant="a.b"} 1.0', ["it works without Redis"]),
        ('askproai_redis_degraded{tenant="a.b"} 0.0', []),
        ('askproai_own_requests_refused{tenant="a.b"} 3.0', ["it has refused the last 3 requests of Retell"]),
        ('askproai_own_requests_refused{tenant="a.b"} 1.0', []),  # one request proves little
        ("no metrics", []),
    ],
)
def test_a_pods_metrics_show_its_problems(metrics: str, problems: list[str]) -> None:
    found = list(find_problems(metrics))
    assert len(found) == len(problems)
    assert all(text.startswith(start) for text, start in zip(found, problems, strict=True))


def test_doctor_line_shows_the_age_of_its_data() -> None:
    found = {each.name: each for each in (_with_age(check, GOOD) for check in CHECKS)}
    assert found["PostgreSQL"].seconds_ago == found["circuits"].seconds_ago == 20
    assert found["tenants"].seconds_ago == found["providers"].seconds_ago == 20, "conditions are as old as reconciles"
    assert found["pods"].seconds_ago == found["operator's report"].seconds_ago == 0
    assert next(render(found["PostgreSQL"], 200)).endswith("(20 s ago)")
    assert next(render(found["pods"], 200)).endswith("(now)")
    assert next(render(replace(found["PostgreSQL"], seconds_ago=300), 200)).endswith("(5 min ago)")
    unreported = _with_age(check_objects, replace(GOOD, report=None))
    assert next(render(unreported, 200)).endswith("(age unknown)")


def test_doctor_shows_how_long_a_condition_lasts() -> None:
    salon = tenant(Ready=("False", "RequestsRefused"))
    (ready,) = salon["status"]["conditions"]
    ready["lastTransitionTime"] = "2026-11-22T08:56:30Z"
    seen = replace(GOOD, objects=[salon], report=report(at=NOW - timedelta(minutes=9)))
    found = _with_age(check_objects, seen)
    assert found.details[0].endswith("why (for 3 min)")
    assert found.seconds_ago == 210, "the operator has written a condition since its last report"


def test_absent_provider_needs_no_correction() -> None:
    away = tenant(name="away", CredentialsValid=("Unknown", "ProviderUnavailable"))
    found = check_providers(replace(GOOD, objects=[away]))
    assert (found.outcome, found.page) == (Outcome.WARNING, "docs/runbooks/circuit-open.md")
    assert found.todo.startswith("Wait")
    wrong = tenant(CredentialsValid=("False", "CredentialsInvalid"))
    found = check_providers(replace(GOOD, objects=[away, wrong]))
    assert (found.outcome, found.page) == (Outcome.FAILED, "docs/runbooks/credentials-invalid.md")


def test_warning_that_ready_ignores_is_still_shown() -> None:
    """`kubectl get -o wide` only shows the message of Ready, which is empty then."""
    found = check_objects(replace(GOOD, objects=[tenant(CacheReady=("False", "CacheUnavailable"))]))
    assert found.todo.startswith("kubectl describe")


def test_doctor_checks_exactly_the_rights_of_chart_roles() -> None:
    golden = yaml.safe_load((ROOT / "tests/unit/chart/rbac.yaml").read_text("utf-8"))
    listed = set()
    for role, namespace in (("ClusterRole/askproai-operator", ""), ("Role/askproai-operator", "system")):
        for group, resource, *words in map(str.split, golden[role]):
            plural, _, subresource = resource.partition("/")
            names = [word.strip("[]") for word in words if word.startswith("[")] or [""]
            verbs = [word for word in words if not word.startswith("[")]
            api_group = "" if group == "core" else group
            listed |= {Right(api_group, plural, verb, subresource, namespace, name) for verb in verbs for name in names}
    assert set(list_rights("system", MAX_SHARDS)) == listed


@pytest.mark.parametrize("width", [80, 120])
def test_output_fits_the_terminal(width: int) -> None:
    objects = [tenant(name=f"salon-{number}", Ready=("False", "CredentialsInvalid")) for number in range(9)]
    seen = replace(GOOD, objects=objects, report=report(problem="ConnectionRefusedError"), served_kinds=frozenset())
    lines = [line for check in CHECKS for line in render(check(seen), width)]
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "salon-4" in text
    assert "salon-5" not in text
    assert "and 4 more: --output json has all" in text
    assert "FAILED   PostgreSQL         does not answer the operator" in text
    assert "         → See that the URL in the database's Secret is right" in text
