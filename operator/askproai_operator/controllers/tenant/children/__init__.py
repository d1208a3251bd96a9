"""The Kubernetes objects that a Tenant owns: one module per noun with its manifests and its condition, and `apply`, the order.

All but `apply` is pure, and the same input renders the same text, so that nothing is written twice.
"""

from askproai_operator.controllers.tenant.children.apply import (
    apply_children,
    apply_monitoring,
    apply_routes,
    remove_routes,
)

__all__ = ["apply_children", "apply_monitoring", "apply_routes", "remove_routes"]
