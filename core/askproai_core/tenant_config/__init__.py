"""TenantConfig: the contract between the operator, which renders it, and the runtime, which reads it.

It holds no secret: credentials are mounted files of their own. For tenant T it is the JSON text `tenant.json` of ConfigMap
`T-config`. Times of day are local wall-clock times in `TenantConfig.time_zone`.
"""

from askproai_core.tenant_config.branches import Branch, Staff
from askproai_core.tenant_config.config import Agent, TenantConfig, decode, encode
from askproai_core.tenant_config.services import Service
from askproai_core.tenant_config.vocabulary import CallerVerification, Function, NotificationChannel, Weekday, Withheld

__all__ = [
    "Agent", "Branch", "CallerVerification", "Function", "NotificationChannel", "Service", "Staff", "TenantConfig", "Weekday",
    "Withheld", "branches", "config", "decode", "encode", "notifications", "page", "services", "vocabulary",
]  # fmt: skip
