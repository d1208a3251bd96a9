"""The custom resources `askproai.de/v1alpha1` as frozen models; `crds/` and their reference are generated from them."""

from askproai_operator.api.agent import ManagementPolicy, RetellAgent, WebhookEvent
from askproai_operator.api.base import API_VERSION, GROUP, VERSION, Hours, Metadata, Resource, SecretKeyRef
from askproai_operator.api.branch import Branch, Staff
from askproai_operator.api.offering import ServiceOffering
from askproai_operator.api.tenant import (
    CalcomVersion,
    DataPolicy,
    DeletionPolicy,
    RetellStorage,
    RuntimeMode,
    Tenant,
)
from askproai_operator.key import Key

KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}

__all__ = [
    "API_VERSION",
    "GROUP",
    "KINDS",
    "VERSION",
    "Branch",
    "CalcomVersion",
    "DataPolicy",
    "DeletionPolicy",
    "Hours",
    "Key",
    "ManagementPolicy",
    "Metadata",
    "Resource",
    "RetellAgent",
    "RetellStorage",
    "RuntimeMode",
    "SecretKeyRef",
    "ServiceOffering",
    "Staff",
    "Tenant",
    "WebhookEvent",
]
