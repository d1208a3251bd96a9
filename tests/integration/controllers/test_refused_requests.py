"""If all requests of a Tenant's own calls are refused, its condition and `askproai tenants --failing` report that."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from askproai_sandbox.cluster import ControlPlane
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready

pytestmark = pytest.mark.nightly

REFUSED = """INSERT INTO audit_log (tenant, at, actor, action, detail, correlation_id)
    SELECT $1, now() - make_interval(secs => ago), 'unverified', 'signature.refused', '{}', 'c'
    FROM unnest(ARRAY[90, 60, 30]) ago"""
PASSED = """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
    VALUES ($1, 'retell', 'e', 'call_started', '', 'c')"""


async def failing(control_plane: ControlPlane, namespace: TenantNamespace) -> dict[str, str]:
    """Return what `askproai tenants --failing` says of each tenant of the namespace."""
    arguments = ["--kubeconfig", str(control_plane.kubeconfig), "-n", namespace.name, "--failing", "-o", "json"]
    command = [Path(sys.executable).parent / "askproai", "tenants", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    shown, _ = await process.communicate()
    assert process.returncode == 0
    return {each["tenant"]: each["what"] for each in json.loads(shown)["tenants"]}


async def test_refusals_for_a_minute_make_a_tenant_fail(namespace, module_database, control_plane):
    tenant, key = namespace.tenant, namespace.key
    await namespace.create_salon(spec=RUNS)
    await make_deployment_ready(namespace, "web")
    await namespace.wait_until_ready()
    assert await failing(control_plane, namespace) == {}

    await rows(module_database, REFUSED, tenant)
    await namespace.operator.reconcile_again(key)
    refused = await namespace.wait_for_condition("RequestsVerified", "False", "RequestsRefused")
    assert "refused with 401" in refused["message"]
    await namespace.wait_for_condition("Ready", "False", "RequestsRefused")
    assert "refused with 401" in (await failing(control_plane, namespace))[tenant]

    await rows(module_database, PASSED, tenant)
    await namespace.operator.reconcile_again(key)
    await namespace.wait_until_ready()
    assert await failing(control_plane, namespace) == {}
