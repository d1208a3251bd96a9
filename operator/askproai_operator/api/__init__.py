"""The custom resources `askproai.de/v1alpha1` as frozen models; `crds/` and their reference are generated from them."""

from askproai_operator.api.agent import ManagementPolicy, RetellAgent
from askproai_operator.api.base import CustomResource, Hours, Key, SecretKeyRef
from askproai_operator.api.branch import Branch, Staff
from askproai_operator.api.offering import ServiceOffering
from askproai_operator.api.tenant import DataPolicy, DeletionPolicy, Tenant

KINDS: dict[str, type[CustomResource]] = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}

__all__ = [
    "KINDS", "Branch", "CustomResource", "DataPolicy", "DeletionPolicy", "Hours", "Key", "ManagementPolicy", "RetellAgent",
    "SecretKeyRef", "ServiceOffering", "Staff", "Tenant",
]  # fmt: skip
