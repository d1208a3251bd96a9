"""Checks of `askproai doctor` on the installation: cluster, CRDs, rights, operator, coordinator, Secrets, clocks. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from askproai_cli.doctor.findings import Finding, failed, ok, skipped, warning
from askproai_cli.doctor.observations import LeaseSeen, Observations, Withheld, Workload
from askproai_cli.output import format_count
from askproai_operator.api import KINDS, crd
from askproai_operator.installation_report import InstallationReport
from askproai_operator.resources import CUSTOM
from askproai_operator.shards import LEASE_NAMES

COORDINATOR: Final = "askproai-coordinator"
_TESTED: Final = range(31, 36)  # minor versions of Kubernetes 1.x, as in docs/install.md
_OLDEST: Final = 30  # ValidatingAdmissionPolicies are stable from then on
_SKEW_WARNING_SECONDS: Final = 5.0
_SKEW_FAILED_SECONDS: Final = 60.0  # with more, signatures (five minutes) and tokens may be invalid
_LEASE_PRECISION_SECONDS: Final = 2.0
_INSTALL: Final = "docs/install.md"


def check_cluster(seen: Observations) -> Finding:
    """Return the finding on whether the cluster answers, with a Kubernetes version that this release supports."""
    name, answers = "cluster", f"{seen.server} answers, Kubernetes {seen.server_version}"
    found = re.match(r"v?1\.(\d+)", seen.server_version)
    minor = int(found[1]) if found else 0
    if minor in _TESTED:
        return ok(name, answers)
    if 0 < minor < _OLDEST:
        return failed(name, f"{answers} is too old", f"Upgrade the cluster to 1.{_TESTED[0]} or later.", _INSTALL)
    versions = f"1.{_TESTED[0]} to 1.{_TESTED[-1]}"
    return warning(name, f"{answers}; this release was made for {versions}", "See that it is meant to be.", _INSTALL)


def check_definitions(seen: Observations) -> Finding:
    """Return the finding on whether all custom resource definitions exist and are this release's."""
    name = "custom resources"
    if missing := [ref.kind for ref in CUSTOM if ref.kind not in seen.served_kinds]:
        todo = "Install the chart with crds.enabled=true, or kubectl apply --server-side -f crds/."
        return failed(name, f"the cluster does not serve {', '.join(missing)}", todo, _INSTALL)
    if isinstance(seen.definitions, Withheld):
        return skipped(name, f"all four kinds are served; whether they are of this release {seen.definitions.reason}")
    differing = [kind for kind, live in seen.definitions.items() if not _is_of_this_release(kind, live)]
    if differing:
        message = f"not those of release {seen.release}: {', '.join(differing)}"
        todo = "Upgrade the chart, or this command line, so that both are of one release."
        return failed(name, message, todo, _INSTALL)
    return ok(name, f"all {len(CUSTOM)} kinds are served, as release {seen.release} has them")


def _is_of_this_release(kind: str, live: Mapping[str, Any] | None) -> bool:
    """Return True if a CRD has this release's schemas. Its other fields are not compared: the API server adds defaults."""
    if live is None:
        return False
    stored = {version["name"]: version["schema"] for version in live["spec"]["versions"]}
    return all(stored.get(version["name"]) == version["schema"] for version in _shipped_versions(kind))


@cache
def _shipped_versions(kind: str) -> Sequence[Mapping[str, Any]]:
    """Return the versions of a kind's CRD in this release. Building the CRD reads the models' source files."""
    versions: Sequence[Mapping[str, Any]] = crd.build_crd(KINDS[kind])["spec"]["versions"]
    return versions


def check_rights(seen: Observations) -> Finding:
    """Return the finding on whether the operator's account has the rights of the chart's roles."""
    name = "operator's rights"
    match seen.missing_rights:
        case None:
            return skipped(name, "the operator does not run as the chart's Deployment")
        case Withheld() as withheld:
            return skipped(name, withheld.reason)
    if not seen.missing_rights:
        return ok(name, "the account has all that the chart's roles give")
    todo = "Upgrade the chart as cluster-admin; a changed ClusterRole or binding comes back by it."
    message = f"the account lacks {format_count(len(seen.missing_rights), 'right')}"
    return failed(name, message, todo, _INSTALL, tuple(map(str, seen.missing_rights)))


def check_operator(seen: Observations) -> Finding:
    """Return the finding on whether an operator leads each shard and all operator pods are ready."""
    names = LEASE_NAMES[: seen.shards]
    page = "docs/runbooks/operator-not-leading.md"
    return _check_workloads("operator", names, seen, "askproai.de/workload=operator", page)


def check_coordinator(seen: Observations) -> Finding:
    """Return the finding on whether a coordinator leads and its pods are ready."""
    page = "docs/runbooks/coordinator-not-leading.md"
    return _check_workloads("coordinator", [COORDINATOR], seen, "app.kubernetes.io/component=coordinator", page)


def _check_workloads(name: str, names: Sequence[str], seen: Observations, label: str, page: str) -> Finding:
    if isinstance(seen.leases, Withheld):
        return skipped(name, seen.leases.reason)
    todo = f"kubectl describe pods -n {seen.namespace} -l {label}; their log says the rest."
    known = {} if isinstance(seen.workloads, Withheld) else seen.workloads
    if any(each in known and known[each].wanted == 0 for each in names):
        todo = f"Set {name}.replicas of the chart: kubectl get deployments -n {seen.namespace}."
    problems = list(_list_problems(names, seen.leases, seen.workloads))
    broken = [text for is_broken, text in problems if is_broken]
    if broken:
        return failed(name, "; ".join(broken), todo, page)
    if problems:
        return warning(name, "; ".join(text for _, text in problems), todo, page)
    holders = ", ".join(seen.leases[each].holder for each in names)
    return ok(name, f"{holders} leads{_describe_pods(names, seen.workloads)}")


def _list_problems(
    names: Sequence[str], leases: Mapping[str, LeaseSeen], workloads: Mapping[str, Workload] | Withheld
) -> Iterator[tuple[bool, str]]:
    """Yield pairs of a flag and a problem of a Lease or Deployment. The flag is True if there is no leader or no ready pod."""
    known = {} if isinstance(workloads, Withheld) else workloads
    for each in names:
        lease, workload = leases.get(each), known.get(each)
        if lease is None or not lease.holder:
            yield True, f"nobody holds the Lease {each}"
        elif not lease.is_renewed:
            yield True, f"{lease.holder} holds the Lease {each} and does not renew it"
        if workload is not None and workload.ready < workload.wanted:
            why = f" ({workload.problem})" if workload.problem else ""
            yield workload.ready == 0, f"{workload.ready} of {workload.wanted} pods of {each} are ready{why}"
        elif workload is not None and workload.wanted == 0:
            yield True, f"Deployment {each} asks for no pod"


def _describe_pods(names: Sequence[str], workloads: Mapping[str, Workload] | Withheld) -> str:
    if isinstance(workloads, Withheld):
        return f"; whether its pods are ready {workloads.reason}"
    ready = [workloads[each].ready for each in names if each in workloads]
    return f", {format_count(sum(ready), 'pod')} ready" if ready else "; it runs outside of the cluster"


def check_secrets(seen: Observations) -> Finding:
    """Return the finding on whether the Secrets that the settings name exist and have the needed keys."""
    name = "named Secrets"
    withheld = {found.right for found in seen.secrets.values() if isinstance(found, Withheld)}
    problems = []
    for use, missing in seen.secrets.items():
        if missing is None:
            problems.append(f"{use.namespace}/{use.name} does not exist")
        elif isinstance(missing, frozenset) and missing:
            problems.append(f"{use.namespace}/{use.name} has no {', '.join(sorted(missing))}")
    if problems:
        message = f"{len(problems)} of {len(seen.secrets)} that the settings name cannot be used"
        return failed(name, message, "Create them: kubectl create secret generic …", _INSTALL, tuple(sorted(problems)))
    if withheld:
        return skipped(name, f"needs {', '.join(sorted(withheld))}")
    if not seen.secrets:
        return skipped(name, "no Deployment of the chart names any")
    return ok(name, f"{format_count(len(seen.secrets), 'Secret')} there, with the needed keys")


def check_clocks(seen: Observations) -> Finding:
    """Return the finding on whether these clocks agree: this machine, API server, operator, coordinator, PostgreSQL."""
    name = "clocks"
    skews = {text: skew for text, skew in _list_skews(seen) if abs(skew) >= _SKEW_WARNING_SECONDS}
    if not skews:
        if seen.skew_seconds is None:
            return skipped(name, "the API server's answers have no Date")
        return ok(name, f"none differs by {_SKEW_WARNING_SECONDS:.0f} s")
    worst = max(map(abs, skews.values()))
    make = failed if worst >= _SKEW_FAILED_SECONDS else warning
    details = tuple(f"{text} by {abs(skew):.0f} s" for text, skew in skews.items())
    return make(name, f"clocks differ by up to {worst:.0f} s", "Let NTP set the clock of that machine.", "", details)


def _list_skews(seen: Observations) -> Iterator[tuple[str, float]]:
    if seen.skew_seconds is not None:
        yield _ahead("the API server", "this machine", seen.skew_seconds), seen.skew_seconds
    for name, lease in {} if isinstance(seen.leases, Withheld) else dict(seen.leases).items():
        if lease.skew_seconds is not None and abs(lease.skew_seconds) > _LEASE_PRECISION_SECONDS:
            yield _ahead(f"the holder of {name}", "the API server", lease.skew_seconds), lease.skew_seconds
    if isinstance(seen.report, InstallationReport) and not seen.report.database.problem:
        skew = seen.report.database.skew_seconds
        yield _ahead("PostgreSQL", "the operator", skew), skew


def _ahead(one: str, other: str, skew: float) -> str:
    return f"{one} is {'ahead of' if skew > 0 else 'behind'} {other}"
