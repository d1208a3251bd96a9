"""The custom resources `askproai.de/v1alpha1` as frozen models; `crds/` and their reference are generated from them."""

from askproai_operator.api import conditions, crd
from askproai_operator.api.agent import ManagementPolicy, RetellAgent, TransferMode
from askproai_operator.api.base import CustomResource, Hours, Key, Part, SecretKeyRef
from askproai_operator.api.branch import Branch, PhoneNumber, Staff
from askproai_operator.api.exposure import Exposure, Gateway, Ingress, ParentRef
from askproai_operator.api.offering import BookingField, EventType, Price, ServiceOffering, StaffPrice
from askproai_operator.api.page import Page
from askproai_operator.api.runtime import (
    Canary,
    ContainerResources,
    Pods,
    Runtime,
    RuntimeMode,
    Shadow,
    WebScale,
    WorkerScale,
)
from askproai_operator.api.tenant import Calcom, DataPolicy, DeletionPolicy, Tenant
from askproai_operator.api.tenant_status import (
    CanaryState,
    CanaryStatus,
    ShadowDifference,
    ShadowState,
    ShadowStatus,
    WebhookUrls,
)

KINDS: dict[str, type[CustomResource]] = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}

__all__ = [
    "KINDS", "BookingField", "Branch", "Calcom", "Canary", "CanaryState", "CanaryStatus", "ContainerResources", "CustomResource",
    "DataPolicy", "DeletionPolicy",
    "EventType", "Exposure", "Gateway", "Hours", "Ingress", "Key", "ManagementPolicy", "Page", "ParentRef", "Part", "PhoneNumber",
    "Pods",
    "Price", "RetellAgent", "Runtime", "RuntimeMode", "SecretKeyRef", "ServiceOffering", "Shadow",
    "ShadowDifference", "ShadowState", "ShadowStatus", "Staff", "StaffPrice", "Tenant",
    "TransferMode", "WebScale", "WebhookUrls", "WorkerScale",
    "conditions", "crd",
]  # fmt: skip
