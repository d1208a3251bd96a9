"""The default service of a branch without any (requirement P2). Pure."""

from typing import Any

from askproai_operator.api import Branch
from askproai_operator.engine import MANAGER, refs
from askproai_operator.kinds.branch.decide import default_service_name
from askproai_operator.kinds.offering.decide import AUTO_CREATED


def default_service(branch: Branch) -> dict[str, Any]:
    """Give the manifest of `<branch>-standardberatung`: 30 minutes, free of charge, all staff; its age is its created_at."""
    meta = branch.metadata
    return {
        "apiVersion": refs.OFFERINGS.api_version,
        "kind": refs.OFFERINGS.kind,
        "metadata": {
            "name": default_service_name(branch),
            "namespace": meta.namespace,
            "labels": {
                AUTO_CREATED: "true",
                "app.kubernetes.io/name": "askproai",
                "app.kubernetes.io/managed-by": MANAGER,
                "askproai.de/tenant": branch.spec.tenant_ref.name,
            },
            "annotations": {"askproai.de/reason": "branch_provisioning"},
            "ownerReferences": [
                {
                    "apiVersion": refs.BRANCHES.api_version,
                    "kind": refs.BRANCHES.kind,
                    "name": meta.name,
                    "uid": meta.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "branchRef": {"name": meta.name},
            "displayName": "Standardberatung",
            "durationMinutes": 30,
            "price": {"amount": "0.00", "currency": "EUR"},
        },
    }
