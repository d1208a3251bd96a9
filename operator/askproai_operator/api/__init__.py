"""The custom resources `askproai.de/v1alpha1` as frozen models; `crds/` and their reference are generated from them."""

from askproai_operator.api.agent import ManagementPolicy, RetellAgent
from askproai_operator.api.base import Hours, Resource, SecretKeyRef
from askproai_operator.api.branch import Branch, Staff
from askproai_operator.api.offering import ServiceOffering
from askproai_operator.api.tenant import DataPolicy, DeletionPolicy, Tenant
from askproai_operator.key import Key

KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}

__all__ = [
    "KINDS", "Branch", "DataPolicy", "DeletionPolicy", "Hours", "Key", "ManagementPolicy", "Resource", "RetellAgent",
    "SecretKeyRef", "ServiceOffering", "Staff", "Tenant",
]  # fmt: skip
