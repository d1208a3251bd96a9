"""The arithmetic of `make scale`: whose request it was, and whether it wrote."""

import importlib
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.load.scale import salons
from tests.load.scale.costs import sum_up
from tests.load.scale.counters import AuditLog, Counts, is_provider_read
from tests.load.scale.phases import PHASES, with_needed

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("module", ["__main__", "environment", "instrumented", "kubelet", "phases", "watching"])
def test_every_part_can_be_imported(module: str) -> None:
    importlib.import_module(f"tests.load.scale.{module}")


def line(user: str, verb: str, uri: str, agent: str = "python") -> str:
    ref = {"resource": "secrets", "namespace": "n", "name": "s"}
    body = {"verb": verb, "requestURI": uri, "requestReceivedTimestamp": "2026-11-21T04:00:00.0Z", "objectRef": ref}
    return json.dumps(body | {"user": {"username": user}, "userAgent": agent}) + "\n"


def test_requests_are_counted_by_sender_and_act(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(
        line("operator", "patch", "/x?fieldManager=askproai-operator&force=true")
        + line("operator", "patch", "/x?fieldManager=askproai-operator")
        + line("operator", "create", "/x?dryRun=All")
        + line("admin", "get", "/x", "kube-controller-manager/v1.34 (linux)")
    )
    found = [(each.party, each.kind) for each in AuditLog(log).read()]
    assert found == [
        ("operator", "apply"),
        ("operator", "patch"),
        ("operator", "dry-run"),
        ("kube-controller-manager", "get"),
    ]


def test_a_line_that_is_being_written_is_read_when_it_is_complete(tmp_path: Path) -> None:
    log, whole = tmp_path / "audit.log", line("operator", "get", "/x")
    audit = AuditLog(log)
    assert list(audit.read()) == []
    log.write_text(whole + whole[:20])
    assert len(list(audit.read())) == 1
    log.write_text(whole + whole)
    assert len(list(audit.read())) == 1


def test_leases_are_nobodys_cost_and_dry_runs_are_no_writes() -> None:
    requests = {("operator", verb, "secrets"): 1 for verb in ("get", "apply", "dry-run")}
    counts = Counts(Counter(requests | {("operator", "update", "leases"): 9, ("kubelet", "create", "pods"): 9}))
    assert (counts.reads("operator"), counts.writes("operator")) == (2, 1)


def test_a_list_by_post_is_a_read() -> None:
    assert is_provider_read("retell POST list-agents")
    assert is_provider_read("calcom GET list-webhooks")
    assert not is_provider_read("retell POST create-agent")


def test_salons_differ_in_all_that_must_be_theirs_alone() -> None:
    first, second = salons.salon(1), salons.salon(2)
    for name in ("namespace", "tenant", "number", "retell_key", "calcom_key"):
        assert getattr(first, name) != getattr(second, name)
    assert Counter(each["kind"] for each in salons.manifests(1)) == {"Namespace": 1, "Secret": 1, **salons.OBJECTS}


def test_a_phase_brings_those_that_it_needs_in_their_order() -> None:
    assert with_needed(["quiet"]) == ["one", "ready", "quiet"]
    assert with_needed(["raw"]) == ["one", "raw"]
    assert with_needed(list(PHASES)) == list(PHASES)


def test_a_reconcile_is_divided_by_what_it_waited_for() -> None:
    key = "Tenant n/t"
    request = {"what": "HTTP", "method": "GET", "url": "https://127.0.0.1:1/api/v1/secrets", "key": key, "ms": 3}
    whole = {"what": "ReconcileLoop", "method": "process", "url": "", "key": key, "ms": 10}
    found = sum_up([request, request, whole, request | {"key": ""}])
    assert found == {"Tenant": {"API server: GET": 6, "reconcile": 10, "count": 1}}
