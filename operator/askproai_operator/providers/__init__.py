"""Retell and Cal.com as the operator uses them: clients that raise typed errors, and the checks before a key is used."""

from askproai_operator.providers.calcom import (
    EventTypeNeeds,
    default_minutes,
    ensure_calcom_webhook,
    find_coarse_interval,
    find_event_type_notes,
    find_event_type_problems,
    is_booked_by_host,
    list_calcom_webhook_ids,
    needs_confirmation,
    remove_calcom_webhook,
)
from askproai_operator.providers.calcom_fields import (
    compile_field,
    find_answered_fields,
    find_optional_notes,
    find_unknown_fields,
)
from askproai_operator.providers.checks import CredentialProblem, hash_key, pem_certificates, secret_value
from askproai_operator.providers.clients import ProviderClients
from askproai_operator.providers.retell import RetellClient

__all__ = [
    "CredentialProblem", "EventTypeNeeds", "ProviderClients", "RetellClient", "compile_field", "default_minutes",
    "ensure_calcom_webhook", "find_answered_fields", "find_coarse_interval", "find_event_type_notes",
    "find_event_type_problems", "find_optional_notes", "find_unknown_fields", "hash_key", "is_booked_by_host",
    "list_calcom_webhook_ids", "needs_confirmation", "pem_certificates", "remove_calcom_webhook", "secret_value",
]  # fmt: skip
