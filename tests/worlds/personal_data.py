"""The registry of the tables that hold callers' words or identities, and of their retention.

A test compares it with the catalog: a new column of text, JSON, bytes or dates is decided here, in `PERSONAL` or in `IMPERSONAL`.
The rows of a tenant are those of the tenant and of its shadow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class No:
    """The reason why a step leaves out a table on purpose."""

    because: str


class Erasure(StrEnum):
    """The effect of the erasure of one caller on the rows of that caller."""

    DELETED = "deleted"
    EMPTIED = "emptied"  # the row stays, without the columns


@dataclass(frozen=True, slots=True)
class Personal:
    """The handling of the personal `columns` of a table.

    `refused` is the trigger that keeps them out for a caller who does not want the call to be kept. `exported` is a list of the
    document for a caller. `aged` are the fields of `spec.retention` that limit their days. `encrypted` are the
    columns that a Tenant with `encryptBodies` does not store plainly.
    """

    columns: tuple[str, ...]
    refused: str | No
    erased: Erasure | No
    exported: str | No
    aged: tuple[str, ...] | No
    encrypted: tuple[str, ...] | No


_ASKED_FOR: Final = No("the caller asked for it by name: without it nobody could do it")
_SEARCHED: Final = No("it is searched for by its value")
_BOOK: Final = No("a statement decides by it, or sends it: what was said word by word is encrypted")

PERSONAL: Final[Mapping[str, Personal]] = {
    "webhook_events": Personal(
        ("payload",),
        refused="keep_no_body",
        erased=Erasure.DELETED,
        exported="events",
        aged=("raw_event_days", "call_days"),
        encrypted=("payload",),
    ),
    "calls": Personal(
        ("from_number", "to_number", "transcript", "analysis"),
        refused="keep_no_texts",
        erased=Erasure.DELETED,
        exported="calls",
        aged=("transcript_days", "call_days"),
        encrypted=("transcript", "analysis"),
    ),
    "function_requests": Personal(
        ("arguments", "answer", "cause"),
        refused="keep_no_words",
        erased=Erasure.DELETED,
        exported="requests_in_calls",
        aged=("transcript_days", "call_days"),
        encrypted=("arguments", "answer"),
    ),
    "shadow_requests": Personal(
        ("body",),
        refused="keep_no_copy",
        erased=Erasure.DELETED,
        exported=No("a copy for seconds of what the call's own records say"),
        aged=No("replayed within seconds, and deleted after ten minutes"),
        encrypted=("body",),
    ),
    "appointments": Personal(
        ("customer_name", "caller", "attendee_email", "notes", "birth_date", "cancel_reason"),
        refused=_ASKED_FOR,
        erased=Erasure.EMPTIED,
        exported="appointments",
        aged=("appointment_days",),
        encrypted=_BOOK,
    ),
    "customers": Personal(
        ("phone", "name", "email"),
        refused=_ASKED_FOR,
        erased=Erasure.DELETED,
        exported="customer",
        aged=("customer_days",),
        encrypted=_SEARCHED,
    ),
    "messages": Personal(
        ("key", "caller", "name", "phone", "recipient", "text", "call_back", "note"),
        refused=_ASKED_FOR,
        erased=Erasure.DELETED,
        exported="messages",
        aged=("transcript_days", "call_days"),
        encrypted=_BOOK,
    ),
    "waitlist": Personal(
        ("key", "name", "phone", "caller", "requested", "spans"),
        refused=_ASKED_FOR,
        erased=Erasure.DELETED,
        exported="waiting_list",
        aged=("transcript_days", "call_days"),
        encrypted=_BOOK,
    ),
    "notifications": Personal(
        ("content", "error"),
        refused=_ASKED_FOR,
        erased=Erasure.DELETED,
        exported="notifications",
        aged=("transcript_days", "call_days"),
        encrypted=_BOOK,
    ),
    "call_actions": Personal(
        ("key", "answer"),
        refused=No("for minutes a repeated request of the call is answered by it: else it would be booked twice"),
        erased=Erasure.DELETED,
        exported=No("the answers of the call's own records"),
        aged=("call_days",),
        encrypted=_BOOK,
    ),
    "verifications": Personal(
        ("caller",),
        refused=No("it bounds the attempts to guess a birth date"),
        erased=Erasure.DELETED,
        exported="attempts_to_prove_who_it_is",
        aged=("raw_event_days",),
        encrypted=_SEARCHED,
    ),
    "reminder_opt_outs": Personal(
        ("address", "changed_by"),
        refused=_ASKED_FOR,
        erased=Erasure.DELETED,
        exported="no_reminders_to",
        aged=No("as long as it holds: without it the address would get reminders again"),
        encrypted=_SEARCHED,
    ),
    "erasures": Personal(
        ("caller",),
        refused=_ASKED_FOR,
        erased=No("the number is forgotten when the erasure is done"),
        exported=No("it is the request of an erasure, which ends by forgetting the number"),
        aged=("call_days",),
        encrypted=_SEARCHED,
    ),
}

_IDS: Final = "ids, keys and random values"
_LISTED: Final = "words of closed lists, Retell's, Cal.com's and ours"
_MANIFEST: Final = "names of the tenant's manifests"
_ERRORS: Final = "errors, without what may be a person (docs/decisions/0121-why-a-provider-failed.md)"
_OURS: Final = "what processes note for themselves and people at the desk: ids, numbers, times"

# The other columns of text, JSON, bytes and dates, by table and by why they say nothing of a caller.
IMPERSONAL: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "webhook_events": {
        _IDS: ("tenant", "event_id", "correlation_id"), _LISTED: ("source", "event_type", "status"), _ERRORS: ("note", "error"),
    },
    "calls": {
        _IDS: ("tenant", "call_id", "agent_id", "correlation_id"), _MANIFEST: ("branch",),
        _LISTED: ("direction", "status", "disconnection_reason"),
    },
    "function_requests": {
        _IDS: ("tenant", "call_id", "correlation_id"), _LISTED: ("function", "outcome"), _MANIFEST: ("track",),
    },
    "shadow_requests": {_IDS: ("tenant", "call_id", "correlation_id"), _LISTED: ("function", "outcome")},
    "appointments": {
        _IDS: ("tenant", "call_id", "external_id", "correlation_id"), _MANIFEST: ("branch", "service", "staff", "offers"),
        _LISTED: ("status", "cancelled_by"), _ERRORS: ("error",),
    },
    "customers": {_IDS: ("tenant",)},
    "messages": {_IDS: ("tenant", "call_id", "correlation_id"), _MANIFEST: ("branch",), _OURS: ("done_by",)},
    "waitlist": {
        _IDS: ("tenant", "call_id", "correlation_id"), _MANIFEST: ("branch", "service", "staff"), _LISTED: ("state",),
        _OURS: ("had",),
    },
    "waitlist_offers": {_IDS: ("tenant",), _MANIFEST: ("staff",), _LISTED: ("state",)},
    "freed_times": {_IDS: ("tenant",)},
    "notifications": {
        _IDS: ("tenant", "subject", "correlation_id"), _LISTED: ("kind", "recipient", "channel", "state"),
    },
    "call_actions": {_IDS: ("tenant", "call_id"), _LISTED: ("state",)},
    "verifications": {_IDS: ("tenant", "call_id")},
    "reminder_opt_outs": {_IDS: ("tenant",)},
    "erasures": {_IDS: ("tenant",), _LISTED: ("state",), _OURS: ("evidence",), _ERRORS: ("error",)},
    "erased_references": {_IDS: ("tenant", "reference"), _LISTED: ("kind",)},
    "call_notices": {_IDS: ("tenant", "call_id", "greeting"), _LISTED: ("storage",)},
    "claims": {_IDS: ("tenant",), _LISTED: ("state",)},
    "resources": {_IDS: ("tenant",), _MANIFEST: ("branch", "staff", "persons")},
    "refusals": {_IDS: ("tenant",), _OURS: ("reason",)},
    "free_times": {_IDS: ("tenant",), "a day of a calendar": ("day",)},
    "host_free_times": {_IDS: ("tenant",), "a day of a calendar": ("day",)},
    "jobs": {
        _IDS: ("tenant", "correlation_id", "traceparent", "worker"), _LISTED: ("kind", "priority", "state"),
        _ERRORS: ("last_error",),
    },
    "tasks": {_IDS: ("tenant", "worker"), _LISTED: ("name",), _OURS: ("watermark",), _ERRORS: ("last_error",)},
    "provider_calls": {
        _IDS: ("tenant", "correlation_id"), _LISTED: ("provider", "operation", "method", "outcome"),
        "paths and shapes without values": ("endpoint", "body_shape"), _ERRORS: ("error",),
    },
    "audit_log": {_IDS: ("tenant", "correlation_id"), _LISTED: ("actor", "action"), _OURS: ("detail",)},
    "billing": {_IDS: ("tenant", "subscription"), _LISTED: ("status",)},
    "tenants": {
        _IDS: ("tenant", "role", "uid", "retell_key_hash", "shadow_of"),
        "addresses of providers": ("retell_base_url", "calcom_base_url"),
    },
    "schema_migrations": {"the schema itself": ("name", "sha256")},
}  # fmt: skip
