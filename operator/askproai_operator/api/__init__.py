"""The custom resources `askproai.de/v1alpha1` as frozen models; `crds/` and their reference are generated from them."""

from askproai_operator.api import conditions, crd
from askproai_operator.api.agent import ManagementPolicy, RetellAgent, TransferMode
from askproai_operator.api.base import CustomResource, Hours, Key, Part, SecretKeyRef
from askproai_operator.api.branch import Branch, PhoneNumber, Staff
from askproai_operator.api.offering import ServiceOffering
from askproai_operator.api.tenant import Calcom, CalendarAccount, DataPolicy, DeletionPolicy, Tenant

KINDS: dict[str, type[CustomResource]] = {kind.kind: kind for kind in (Tenant, Branch, ServiceOffering, RetellAgent)}

__all__ = [
    "KINDS", "Branch", "Calcom", "CalendarAccount", "CustomResource", "DataPolicy", "DeletionPolicy", "Hours", "Key",
    "ManagementPolicy", "Part", "PhoneNumber", "RetellAgent", "SecretKeyRef", "ServiceOffering", "Staff", "Tenant",
    "TransferMode", "conditions", "crd", "exposure", "offering", "runtime", "tenant_status",
]  # fmt: skip
