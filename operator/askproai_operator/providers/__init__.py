"""Retell, Cal.com and Redis as the operator sees them: clients, typed errors, and the checks before a key is used."""

from askproai_operator.providers.calcom import (
    CalcomClient,
    EventTypeNeeds,
    ensure_calcom_webhook,
    event_type_problems,
    remove_calcom_webhook,
)
from askproai_operator.providers.checks import (
    CredentialProblem,
    KeyHolder,
    key_hash,
    login_in,
    secret_value,
    shared_key_conflict,
)
from askproai_operator.providers.http import (
    REQUEST_TIMEOUT,
    CredentialRefused,
    HostNotAllowed,
    Json,
    ProviderError,
    ProviderRefused,
    ProviderResting,
    ProviderUnavailable,
    RateLimited,
    UnknownOutcome,
)
from askproai_operator.providers.providers import ProviderClients
from askproai_operator.providers.redis import RedisAdmin, RedisAway, RedisError, UsersBypassed, UsersUnsupported
from askproai_operator.providers.retell import RetellClient

__all__ = [
    "REQUEST_TIMEOUT", "CalcomClient", "CredentialProblem", "CredentialRefused", "EventTypeNeeds", "HostNotAllowed", "Json",
    "KeyHolder", "ProviderClients", "ProviderError", "ProviderRefused", "ProviderResting", "ProviderUnavailable",
    "RateLimited", "RedisAdmin", "RedisAway", "RedisError", "RetellClient", "UnknownOutcome", "UsersBypassed",
    "UsersUnsupported", "ensure_calcom_webhook", "event_type_problems", "key_hash", "login_in", "remove_calcom_webhook",
    "secret_value",
    "shared_key_conflict",
]  # fmt: skip
