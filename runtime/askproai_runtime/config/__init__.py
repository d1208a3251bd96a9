"""TenantConfig: the contract between the operator, which renders it, and the runtime, which reads it.

It holds no secret: credentials are files of their own. It is JSON in the ConfigMap `T-config` under `tenant.json`.
"""

from askproai_runtime.config.model import (
    Absence,
    Address,
    Agent,
    Branch,
    BusinessModel,
    CalendarConfig,
    CalendarProvider,
    EventType,
    Function,
    Holidays,
    Hours,
    PhoneNumber,
    RateLimits,
    Retention,
    Service,
    Staff,
    TenantConfig,
    Weekday,
    config_hash,
    decode,
    encode,
)

__all__ = [
    "Absence",
    "Address",
    "Agent",
    "Branch",
    "BusinessModel",
    "CalendarConfig",
    "CalendarProvider",
    "EventType",
    "Function",
    "Holidays",
    "Hours",
    "PhoneNumber",
    "RateLimits",
    "Retention",
    "Service",
    "Staff",
    "TenantConfig",
    "Weekday",
    "config_hash",
    "decode",
    "encode",
]
