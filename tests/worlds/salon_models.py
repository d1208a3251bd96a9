"""The salon's manifests as models, with fields of the spec replaced, for tests that need no cluster."""

import copy
from typing import Any

from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.credentials import Credentials, secret_refs
from askproai_sandbox.example_tenant import load_manifests

CREATED = "2026-11-01T08:00:00Z"


def raw(kind: str, **spec: Any) -> dict[str, Any]:
    """Return the salon's first object of a kind as the API server returns it; `spec` replaces fields of its spec."""
    manifest = copy.deepcopy(load_manifests()[kind][0])
    manifest["metadata"] |= {"uid": f"uid-{kind}", "creationTimestamp": CREATED}
    manifest["spec"] |= spec
    return manifest


def tenant(**spec: Any) -> Tenant:
    return Tenant.from_raw(raw("Tenant", **spec))


def branch(name: str = "mitte", uid: str = "uid-1", created: str = CREATED, **spec: Any) -> Branch:
    manifest = raw("Branch", **spec)
    manifest["metadata"] |= {"name": name, "uid": uid, "creationTimestamp": created}
    return Branch.from_raw(manifest)


def offering(**spec: Any) -> ServiceOffering:
    return ServiceOffering.from_raw(raw("ServiceOffering", **spec))


def agent(agent_id: str = "agent_1", **spec: Any) -> RetellAgent:
    return RetellAgent.from_raw(raw("RetellAgent", **spec) | {"status": {"agentId": agent_id}})


def credentials() -> Credentials:
    """Return the salon's credentials. Each value contains `canary`, so that a leak can be found in any text."""
    return Credentials(
        values={"retell-api-key": "key_canary", "calcom-api-key": "cal_canary", "calcom-webhook-secret": "whs_canary"},
        secret_refs=secret_refs(tenant()),
        problems=(),
        retell_base_url="https://api.retellai.com",
        calendar_base_url="https://api.cal.com",
    )
