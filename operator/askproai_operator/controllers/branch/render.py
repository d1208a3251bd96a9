"""The default service of a branch without any (requirement P2). Pure."""

from typing import Any

from askproai_operator.api import Branch
from askproai_operator.controllers.branch.decide import default_service_name
from askproai_operator.controllers.offering.decide import AUTO_CREATED
from askproai_operator.engine import MANAGER, TENANT_LABEL, resources


def default_service(branch: Branch) -> dict[str, Any]:
    """Give the manifest of `<branch>-standardberatung`: 30 minutes, free of charge, all staff; its age is its created_at."""
    return {
        "apiVersion": resources.OFFERINGS.api_version,
        "kind": resources.OFFERINGS.kind,
        "metadata": {
            "name": default_service_name(branch),
            "namespace": branch.metadata.namespace,
            "labels": {
                AUTO_CREATED: "true",
                "app.kubernetes.io/name": "askproai",
                "app.kubernetes.io/managed-by": MANAGER,
                TENANT_LABEL: branch.spec.tenant_ref.name,
            },
            "annotations": {"askproai.de/reason": "branch_provisioning"},
            "ownerReferences": [resources.BRANCHES.owner_reference(branch.metadata.name, branch.metadata.uid)],
        },
        "spec": {
            "branchRef": {"name": branch.metadata.name},
            "displayName": "Standardberatung",
            "durationMinutes": 30,
            "price": {"amount": "0.00", "currency": "EUR"},
        },
    }
