"""The allowed connections to each port in an evaluation with two tenants, `networkPolicy.enabled` and a namespace of the
monitoring. docs/security.md states them, a unit test evaluates them, `make e2e` tries them on a node that enforces policies.
"""

from typing import Final

SALON, PRACTICE = "salon-mueller", "praxis-weber"
MONITORING: Final = "e2e-monitoring"  # the namespace that ASKPROAI_MONITORING_NAMESPACES names
STRANGER: Final = "e2e-stranger"  # a namespace that nobody names

_OURS = {"operator", "coordinator"}  # with policies of their own
_TENANTS = {SALON, PRACTICE}
_OTHERS = {"simulators", MONITORING, STRANGER}  # which no policy restricts
SOURCES: Final = frozenset(_OURS | _TENANTS | _OTHERS)
RELEASE: Final = ("operator", "coordinator", "simulators", "postgres", "valkey")  # pods in the release's namespace

# Target, port, and who reaches it. A tenant is not asked about its own pods.
REACH: Final[tuple[tuple[str, int, set[str]], ...]] = (
    *(
        row
        for tenant in (SALON, PRACTICE)
        for row in (
            (tenant, 8080, _OTHERS),  # webhooks and call functions: any ingress controller
            (
                tenant,
                8081,
                {"simulators", MONITORING},
            ),  # private API and page; the simulators are in the release's namespace
            (tenant, 9090, {*_OURS, "simulators", MONITORING}),
            (tenant, 9091, {"operator", "simulators", MONITORING}),
        )
    ),
    ("postgres", 5432, {*_OURS, *_TENANTS, "simulators"}),
    ("valkey", 6379, {*_OURS, *_TENANTS, "simulators"}),
    ("simulators", 9000, _OURS | _OTHERS),  # the shared host
    ("simulators", 9001, set(SOURCES)),  # Retell
    ("simulators", 9002, set(SOURCES)),  # Cal.com
    ("operator", 8081, _OTHERS),  # probes
    ("operator", 9090, _OURS | _OTHERS),  # metrics, without networkPolicy.metricsFrom
    ("coordinator", 9090, _OURS | _OTHERS),
    ("coordinator", 8081, set()),  # the fleet's page, without fleetPage.allowedFrom
)
API_SERVER: Final = _OURS | _OTHERS  # who reaches the Kubernetes API
