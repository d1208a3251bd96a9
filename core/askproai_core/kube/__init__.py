"""Kubernetes for both planes: HTTP to the API server, and leader election by a Lease.

The operator builds its own client (`askproai_operator.engine.kube`) on the transport; the sandbox and the fleet's page add
watches; the operator and the coordinator elect their leaders here. The errors are listed in `http` and `lease`; AccessError is
raised if there is no way to log in.
"""

from askproai_core.kube.access import (
    Access,
    AccessError,
    ExecUser,
    load_client_certificate,
    read_access,
    read_kubeconfigs,
)
from askproai_core.kube.collection import list_all, list_chunks, watch
from askproai_core.kube.http import ApiError, Conflict, HttpTransport, NoAnswer, Unreachable, api_error
from askproai_core.kube.lease import (
    Elector,
    LeaseApi,
    LeaseObserver,
    LeaseTimes,
    NotLeader,
    elector_from_settings,
    exit_when_lost,
    leadership,
    unique_identity,
)

__all__ = [
    "Access", "AccessError", "ApiError", "Conflict", "Elector", "ExecUser", "HttpTransport", "LeaseApi", "LeaseObserver",
    "LeaseTimes", "NoAnswer", "NotLeader", "Unreachable", "api_error", "elector_from_settings", "exit_when_lost", "leadership",
    "list_all", "list_chunks", "load_client_certificate", "read_access", "read_kubeconfigs", "unique_identity", "watch",
]  # fmt: skip
