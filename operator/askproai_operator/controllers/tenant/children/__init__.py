"""The Kubernetes objects that a Tenant owns: one module per noun with its manifests and its condition, and `apply`, the order.

All but `apply` is pure, and the same input renders the same text, so that nothing is written twice.
"""

from askproai_operator.controllers.tenant.children.apply import (
    apply_children,
    apply_monitoring,
    apply_routes,
    remove_routes,
)
from askproai_operator.controllers.tenant.children.published_page import apply_page, take_page_host

__all__ = ["apply_children", "apply_monitoring", "apply_page", "apply_routes", "remove_routes", "take_page_host"]
