"""Retell and Cal.com as the operator sees them: clients, typed errors, and the checks before a key is used."""

from askproai_operator.external.calcom import (
    CalcomClient,
    EventTypeNeeds,
    Webhook,
    WebhookChange,
    ensure_calcom_webhook,
    event_type_problems,
    remove_calcom_webhook,
)
from askproai_operator.external.credentials import (
    CredentialProblem,
    KeyHolder,
    key_hash,
    secret_value,
    shared_key_conflict,
)
from askproai_operator.external.errors import (
    CredentialRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    UnknownOutcome,
)
from askproai_operator.external.hosts import host_problem
from askproai_operator.external.http import REQUEST_TIMEOUT, Json
from askproai_operator.external.providers import ProviderClients
from askproai_operator.external.retell import RetellClient

__all__ = [
    "REQUEST_TIMEOUT",
    "CalcomClient",
    "CredentialProblem",
    "CredentialRefused",
    "EventTypeNeeds",
    "Json",
    "KeyHolder",
    "ProviderClients",
    "ProviderError",
    "ProviderRefused",
    "ProviderUnavailable",
    "RateLimited",
    "RetellClient",
    "UnknownOutcome",
    "Webhook",
    "WebhookChange",
    "ensure_calcom_webhook",
    "event_type_problems",
    "host_problem",
    "key_hash",
    "remove_calcom_webhook",
    "secret_value",
    "shared_key_conflict",
]
