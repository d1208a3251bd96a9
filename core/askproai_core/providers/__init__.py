"""HTTP to Retell and Cal.com for both planes: one request at a time, guarded by a circuit breaker; the outcome is a value."""

from askproai_core.providers.errors import (
    CredentialMissing,
    CredentialRefused,
    HostNotAllowed,
    ProviderError,
    ProviderRefused,
    ProviderResting,
    ProviderUnavailable,
    RateLimited,
    UnknownOutcome,
)
from askproai_core.providers.http import (
    MAX_PAGE_BYTES,
    REQUEST_TIMEOUT,
    Json,
    ProviderHttp,
    Reply,
    TransportFailure,
    find_host_problem,
    is_host_listed,
    open_session,
)

__all__ = [
    "MAX_PAGE_BYTES",
    "REQUEST_TIMEOUT", "CredentialMissing", "CredentialRefused", "HostNotAllowed", "Json", "ProviderError", "ProviderHttp",
    "ProviderRefused", "ProviderResting", "ProviderUnavailable", "RateLimited", "Reply", "TransportFailure",
    "UnknownOutcome", "find_host_problem", "is_host_listed", "open_session",
]  # fmt: skip
