"""Tenant: its checks, addresses, stores and status, without a cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.api_resource import ADOPT_FROM, ADOPT_WEBHOOK
from askproai_core.database.group_roles import RolesUnavailable
from askproai_core.providers import CredentialRefused, HostNotAllowed, ProviderUnavailable
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.conditions import first_failing
from askproai_operator.controllers.tenant.calendar_sync import synced_condition
from askproai_operator.controllers.tenant.checks import CHECKS
from askproai_operator.controllers.tenant.database import connection_limit, database_condition
from askproai_operator.controllers.tenant.reconcile import status_fields
from askproai_operator.controllers.tenant.run import Exposure, Inputs
from askproai_operator.controllers.webhook_urls import address_of, former_calcom_url
from askproai_operator.credentials import Credentials, secret_refs
from askproai_operator.grants import SubjectKind
from askproai_operator.providers import CredentialProblem
from askproai_operator.settings import Settings
from askproai_operator.store.row_owners import DataOwnedByOther
from askproai_operator.store.task_progress import AuditProgress, PollProgress
from askproai_operator.store.tenant_states import CalendarBacklog
from tests.worlds.rows import each_row
from tests.worlds.salon_models import credentials, raw, tenant

ADDRESS = address_of(tenant(), "https://voice.example")
OUTAGE = ProviderUnavailable("retell", "list-agents", "no answer")


def inputs(**changed: Any) -> Inputs:
    """Return the inputs of a salon that passes all checks, with some of them replaced."""
    usual = {
        "tenant": tenant(),
        "exposure": Exposure(ADDRESS, ADDRESS),
        "credentials": credentials(),
        "key_error": None,
        "was_provisioned": False,
        "keys": {},
        "shared_keys": frozenset(),
        "branches": (),
        "offerings": (),
        "agents": (),
        "foreign_numbers": {},
        "runtime_values": {"DATABASE_URL": "postgresql://planted"},
    }
    return Inputs(**usual | changed)


# Checks


def missing(*problems: CredentialProblem) -> Credentials:
    return Credentials({}, {}, problems, "", "")


LACKING = missing(CredentialProblem(Reason.SECRET_KEY_MISSING, "a"))
FORBIDDEN, REFUSED = HostNotAllowed("calcom", "connect", "x"), CredentialRefused("retell", "list-agents", 401)
UNTRIED = {"key_error": OUTAGE, "was_provisioned": True}
INVALID, LACKS = (Status.FALSE, Reason.CREDENTIALS_INVALID), (Status.FALSE, Reason.SECRET_KEY_MISSING)
SHARED = (Status.FALSE, Reason.CREDENTIALS_SHARED)
RETELL, CALCOM = frozenset({SubjectKind.RETELL_KEY}), frozenset({SubjectKind.CALENDAR_KEY})


@pytest.mark.parametrize(
    ("case", "changed", "expected"),
    [
        ("all is well", {}, None),
        ("a key is missing", {"credentials": LACKING}, LACKS),
        ("a host is not allowed", {"key_error": FORBIDDEN}, (Status.FALSE, Reason.PROVIDER_HOST_NOT_ALLOWED)),
        ("the key is refused", {"key_error": REFUSED}, INVALID),
        ("the key is refused, and pods may run", {"key_error": REFUSED, "was_provisioned": True}, INVALID),
        ("nobody could try the key", {"key_error": OUTAGE}, (Status.UNKNOWN, Reason.PROVIDER_UNAVAILABLE)),
        ("nobody could try the key, and pods may run", UNTRIED, None),
        ("another tenant has the Retell key", {"shared_keys": RETELL}, SHARED),
        ("another tenant has the Cal.com key", {"shared_keys": CALCOM}, SHARED),
        ("an untried key that another tenant has, and pods may run", UNTRIED | {"shared_keys": RETELL}, SHARED),
        ("a missing key is reported before a shared one", {"credentials": LACKING, "shared_keys": RETELL}, LACKS),
    ],
)
def test_the_first_failing_check_stops_a_tenant(case, changed, expected):
    failed = first_failing(CHECKS, inputs(**changed))
    assert (failed and (failed.status, failed.reason)) == expected, case
    if failed is not None:
        assert failed.type is ConditionType.CREDENTIALS_VALID
        assert "praxis" not in failed.message, "the other tenant may belong to somebody else"


def test_several_missing_keys_become_one_condition():
    problems = (CredentialProblem(Reason.SECRET_NOT_FOUND, "a"), CredentialProblem(Reason.SECRET_KEY_MISSING, "b"))
    condition = first_failing(CHECKS, inputs(credentials=missing(*problems)))
    assert (condition.reason, condition.message) == (Reason.SECRET_NOT_FOUND, "a; b")


def test_reconcile_inputs_representation_contains_no_secret():
    text = repr(inputs())
    assert "planted" not in text
    assert "_canary" not in text  # as credentials() has it


def test_calcom_block_of_a_local_calendar_is_ignored():
    """Its Secret need not exist, and its host gets no request."""
    local = raw("Tenant")["spec"]["calendar"] | {"provider": "Local"}
    assert set(secret_refs(tenant(calendar=local))) == {"retell-api-key"}


# Agreement with Cal.com

SINCE = datetime(2026, 11, 20, 9, 12, 31, tzinfo=UTC)


MINUTE = timedelta(minutes=1)
DIFFERS = (
    "from Cal.com, the first known since 2026-11-20 10:12 (Europe/Berlin)",
    "askproai calendar differences -t salon-mueller.salon-mueller",
)
REFUSED = "the Tenant's account: Cal.com did not list its bookings:\n401 " + "x" * 900


@each_row(
    ("backlog", "progress", "audit", "reason", "texts"),
    [
        *((CalendarBacklog(number, SINCE), None, None, Reason.CALENDAR_BEHIND, [text]) for number, text in (
            (1, "1 appointment is"), (10, "10 appointments are"), (11, "10 or more"), (49, "20 or more"), (1234, "1000 or more"),
            (5, "5 appointments are booked, moved or cancelled here, but not yet so at Cal.com"),
            (5, "since 2026-11-20 10:12 (Europe/Berlin)"),
        )),
        (CalendarBacklog(5, SINCE, dead=1), None, None, Reason.CALENDAR_BEHIND, [
            "but 1 appointment is given up: askproai events list --status dead -t salon-mueller.salon-mueller"]),
        *((CalendarBacklog(), progress, None, Reason.AS_DECLARED, text) for progress, text in (
            (None, ""), (PollProgress(MINUTE), ""),
            (PollProgress(MINUTE, taken_in=1), "imported 1 booking to come from Cal.com"),
            (PollProgress(MINUTE, taken_in=2000), "imported 2,000 bookings to come from Cal.com"),
            (PollProgress(MINUTE, taken_in=740, is_importing=True), "importing the bookings to come from Cal.com: 500 so far"),
            (PollProgress(MINUTE, taken_in=0, is_importing=True), "importing the bookings to come from Cal.com: 0 so far"),
        )),
        (CalendarBacklog(), PollProgress(195 * MINUTE, REFUSED), None, Reason.CALENDAR_BEHIND, [
            "for 3 h Cal.com could not be asked what has changed", "bookings: 401 xx"]),
        (CalendarBacklog(), PollProgress(31 * MINUTE), None, Reason.CALENDAR_BEHIND, ["no pod has done it"]),
        *((CalendarBacklog(), PollProgress(MINUTE), AuditProgress(MINUTE, number, SINCE, SINCE), Reason.CALENDAR_DIFFERS,
           [text, *DIFFERS]) for number, text in (
            (1, "1 appointment differs"), (2, "2 appointments differ"), (73, "50 or more appointments differ"),
        )),
        (CalendarBacklog(), PollProgress(MINUTE, taken_in=1), AuditProgress(MINUTE, compared_at=SINCE), Reason.AS_DECLARED,
         "imported 1 booking to come from Cal.com; all appointments to come were compared with Cal.com on 2026-11-20, and agree"),
        (CalendarBacklog(), PollProgress(MINUTE), AuditProgress(MINUTE), Reason.AS_DECLARED, ""),
    ],
)  # fmt: skip
def test_condition_shows_the_state_of_both_books(backlog, progress, audit, reason, texts):
    """The texts are parts of the message, or all of it."""
    condition = synced_condition(tenant(), backlog, progress, audit)
    assert (condition.reason, condition.good) == (reason, True), (
        "callers are served, and the appointments are kept here"
    )
    assert condition.status is (Status.TRUE if reason is Reason.AS_DECLARED else Status.FALSE)
    assert condition.message == texts if isinstance(texts, str) else all(text in condition.message for text in texts)
    assert len(condition.message) < 400


def test_local_calendar_reports_no_synchronization_backlog():
    assert synced_condition(tenant(), CalendarBacklog()).reason is Reason.AS_DECLARED
    local = synced_condition(tenant(calendar={"provider": "Local"}), CalendarBacklog(5, SINCE))
    assert (local.status, local.reason) == (Status.TRUE, Reason.NOT_REQUESTED)


def test_synced_condition_ignores_the_polls_delay_if_suspended():
    stale = PollProgress(300 * MINUTE)
    assert synced_condition(tenant(suspend=True), CalendarBacklog(), stale).reason is Reason.AS_DECLARED
    calendar = raw("Tenant")["spec"]["calendar"]
    only_v1 = calendar | {"calcom": calendar["calcom"] | {"apiVersions": ["V1"]}}
    condition = synced_condition(tenant(calendar=only_v1), CalendarBacklog(), None)
    assert (condition.reason, "no list of changes" in condition.message) == (Reason.AS_DECLARED, True)


# Addresses


@pytest.mark.parametrize(
    ("exposure", "base", "prefix"),
    [
        (None, "https://voice.example/salon-mueller/salon-mueller", "/salon-mueller/salon-mueller"),
        ({"host": "salon.example"}, "https://salon.example", ""),
        ({"host": "salon.example", "pathPrefix": "/voice"}, "https://salon.example/voice", "/voice"),
        (
            {"host": "s.example", "pathPrefix": "/voice", "baseUrl": "https://t.example/x"},
            "https://t.example/x",
            "/voice",
        ),
    ],
)
def test_senders_are_given_the_tenants_address(exposure, base, prefix):
    address = address_of(tenant(**({"exposure": exposure} if exposure else {})), "https://voice.example")
    assert (address.base_url, address.path_prefix) == (base, prefix)
    assert address.urls("inst")["calcom"] == f"{base}/webhooks/calcom/inst"


@pytest.mark.parametrize(
    ("registered", "expected"), [(True, "https://voice.example/"), (False, "https://old.example/")]
)
def test_status_records_former_webhook_until_the_new_registration(registered, expected):
    """Nothing else records a webhook that still has to be removed."""
    moved = tenant().model_copy(update={"status": {"webhookUrls": {"calcom": "https://old.example/x"}}})
    fields = status_fields(inputs(tenant=moved), "inst", config_hash="h", replicas=2, webhook_registered=registered)
    assert fields["webhookUrls"]["calcom"].startswith(expected)
    assert fields["webhookUrls"]["retell"].startswith("https://voice.example/")


# Stores


@pytest.mark.parametrize(
    ("error", "reason", "quoted", "hidden"),
    [
        (DataOwnedByOther("a.b", "uid-1"), Reason.DATA_OWNED_BY_OTHER, "askproai.de/adopt-data: <its UID>", "uid-1"),
        (RolesUnavailable("as a superuser, GRANT x"), Reason.DATABASE_UNAVAILABLE, "as a superuser, GRANT x", "--"),
        (OSError("db-7.internal:5432"), Reason.DATABASE_UNAVAILABLE, "OSError, PostgreSQL does not answer", "internal"),
    ],
)
def test_broken_database_is_reported_without_hosts_or_rows(error, reason, quoted, hidden):
    condition = database_condition(error)
    assert (condition.status, condition.reason) == (Status.FALSE, reason)
    assert quoted in condition.message
    assert hidden not in condition.message


def test_connection_limit_covers_all_pods_of_each_mode():
    assert connection_limit(tenant()) == 55
    assert connection_limit(tenant(runtime={"mode": "Split"})) == 55 + 12


def test_time_zone_unknown_to_pods_never_reaches_them():
    """The API server's database may have more names, and every call of pods with such a config would fail."""
    failed = first_failing(CHECKS, inputs(tenant=tenant(timeZone="Europe/Bielefeld")))
    assert (failed.type, failed.reason) == (ConditionType.RUNTIME_AVAILABLE, Reason.TIME_ZONE_UNKNOWN)
    assert "the pods do not know timeZone Europe/Bielefeld" in failed.message


# Ceilings


def test_value_above_a_ceiling_is_lowered_and_named():
    greedy = {"mode": "Split", "web": {"minReplicas": 30, "maxReplicas": 100}, "workers": {"maxReplicas": 100}}
    limits = {"rateLimits": {"webhooksPerSecond": 0, "functionsPerSecond": 5000}}
    lowered, sentences = apply_ceilings(tenant(runtime=greedy | limits), Settings())
    runtime = lowered.spec.runtime
    assert (runtime.web.min_replicas, runtime.web.max_replicas) == (20, 20)
    assert (runtime.workers.min_replicas, runtime.workers.max_replicas) == (1, 20)
    assert (runtime.rate_limits.webhooks_per_second, runtime.rate_limits.functions_per_second) == (1000, 1000)
    assert connection_limit(lowered) == 21 * 5 + 21 * 2
    assert sentences[1] == "runtime.web.maxReplicas is 20 instead of 100, by the platform's ASKPROAI_MAX_REPLICAS"
    assert [sentence.split()[0] for sentence in sentences] == [
        "runtime.web.minReplicas",
        "runtime.web.maxReplicas",
        "runtime.workers.maxReplicas",
        "runtime.rateLimits.webhooksPerSecond",
        "runtime.rateLimits.functionsPerSecond",
    ]


def test_tenant_within_the_platforms_ceilings_is_unchanged():
    assert apply_ceilings(tenant(), Settings()) == (tenant(), ())


def test_containers_stay_within_the_platforms_cpu_and_memory():
    greedy = {"cpuRequestMillicores": 4000, "memoryRequestMebibytes": 2000, "memoryLimitMebibytes": 4096}
    lowered, sentences = apply_ceilings(tenant(runtime={"workers": {"resources": greedy}}), Settings())
    found = lowered.spec.runtime.workers.resources
    assert (found.cpu_request_millicores, found.cpu_limit_millicores) == (2000, None)
    assert (found.memory_request_mebibytes, found.memory_limit_mebibytes) == (1024, 1024)
    assert sentences[-1] == (
        "runtime.workers.resources.memoryLimitMebibytes is 1024 instead of 4096, by the platform's ASKPROAI_MAX_MEMORY_MEBIBYTES"
    )
    assert len(sentences) == 3


PRIVILEGED = {
    "nodeSelector": {"pool": "voice"},
    "priorityClassName": "system-cluster-critical",
    "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}, {"key": "voice"}],
    "annotations": {"k8s.v1.cni.cncf.io/networks": "admin", "example.com/team": "salon"},
}


def test_unlisted_pod_setting_of_a_tenant_is_omitted():
    """An author of Tenants may not be allowed to create pods, and must not get more rights by the operator."""
    lowered, sentences = apply_ceilings(tenant(runtime={"pods": PRIVILEGED}), Settings())
    pods = lowered.spec.runtime.pods
    assert (pods.priority_class_name, pods.tolerations, pods.annotations) == (None, (), {})
    assert pods.node_selector == {"pool": "voice"}
    left_out = [
        ("priorityClassName system-cluster-critical", "ASKPROAI_PRIORITY_CLASSES"),
        ("tolerations of node-role.kubernetes.io/control-plane", "ASKPROAI_TOLERATION_KEYS"),
        ("tolerations of voice", "ASKPROAI_TOLERATION_KEYS"),
        ("annotations k8s.v1.cni.cncf.io/networks", "ASKPROAI_POD_ANNOTATIONS"),
        ("annotations example.com/team", "ASKPROAI_POD_ANNOTATIONS"),
    ]
    assert sentences == tuple(
        f"runtime.pods.{what} is left out: the platform's {setting} does not list it" for what, setting in left_out
    )


def test_pod_settings_listed_by_the_platform_stay(monkeypatch):
    monkeypatch.setenv("ASKPROAI_PRIORITY_CLASSES", "voice, system-cluster-critical")
    monkeypatch.setenv("ASKPROAI_TOLERATION_KEYS", "voice")
    monkeypatch.setenv("ASKPROAI_POD_ANNOTATIONS", "example.com/,prometheus.io/scrape")
    pods = apply_ceilings(tenant(runtime={"pods": PRIVILEGED}), Settings())[0].spec.runtime.pods
    assert pods.priority_class_name == "system-cluster-critical"
    assert [toleration.key for toleration in pods.tolerations] == ["voice"]
    assert pods.annotations == {"example.com/team": "salon"}


ELSEWHERE = {
    "cert-manager.io/cluster-issuer": "letsencrypt",
    "nginx.ingress.kubernetes.io/proxy-body-size": "9m",
    "nginx.ingress.kubernetes.io/server-alias": "other.example",
    "external-dns.alpha.kubernetes.io/hostname": "other.example",
    "cert-manager.io/alt-names": "other.example",
}
TO_OTHER_HOSTS = tuple(ELSEWHERE)[2:]


@pytest.mark.parametrize("field", ["exposure", "page"])
def test_ingress_annotations_that_reach_other_hosts_are_omitted(field: str):
    routed = {"host": "salon.example", "ingress": {"className": "nginx", "annotations": ELSEWHERE}}
    secret = {"clientId": "x", "clientSecretRef": {"name": "n", "key": "k"}}
    oidc = {"oidc": secret | {"issuer": "https://id.example", "roles": {"owner": ["bosses"]}}}
    allowed, sentences = apply_ceilings(tenant(**{field: routed | (oidc if field == "page" else {})}), Settings())
    kept = getattr(allowed.spec, field).ingress.annotations
    assert kept == {name: value for name, value in ELSEWHERE.items() if name not in TO_OTHER_HOSTS}
    assert sentences == tuple(
        f"{field}.ingress.annotations {name} is left out: the platform's ASKPROAI_INGRESS_ANNOTATIONS does not list it"
        for name in TO_OTHER_HOSTS
    )


def test_listed_ingress_annotations_are_kept_by_prefix():
    settings = Settings(ingress_annotations="external-dns.alpha.kubernetes.io/,x/y")
    routed = {"host": "salon.example", "ingress": {"annotations": ELSEWHERE | {"x/y": "1", "x/yz": "2"}}}
    kept = apply_ceilings(tenant(exposure=routed), settings)[0].spec.exposure.ingress.annotations
    assert sorted(kept) == ["external-dns.alpha.kubernetes.io/hostname", "x/y"]


# Moved from another installation


@pytest.mark.parametrize(
    ("url", "installation", "is_taken"),
    [
        ("https://old.example/webhooks/calcom/inst-0", "inst-0", True),
        ("https://voice.example/praxis/praxis/webhooks/calcom/inst-1", "inst-1", False),  # a neighbour's
        ("https://voice.example/praxis/praxis/webhooks/calcom/inst-1", "inst-0", False),
        ("https://crm.example/bookings", "inst-0", False),  # none of ours
    ],
)
def test_only_webhooks_of_the_former_installation_are_replaced(url: str, installation: str, is_taken: bool) -> None:
    moved = tenant()
    moved.metadata.annotations.update({ADOPT_WEBHOOK: url, ADOPT_FROM: installation})
    assert former_calcom_url(moved, "inst-1") == (url if is_taken else None)
