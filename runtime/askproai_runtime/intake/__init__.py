"""Webhooks: verify, deduplicate, store, acknowledge. Start with `webhook.Webhooks.receive`, which calls each step in order."""

from askproai_runtime.intake.drain import Drainer
from askproai_runtime.intake.flush import Flusher
from askproai_runtime.intake.senders import (
    RETELL_SIGNATURE,
    IncomingEvent,
    MalformedEvent,
    ProviderId,
    Source,
    WebhookSource,
    find_webhook_source,
    hint_of_body,
    identify,
)
from askproai_runtime.intake.signatures import Signatures
from askproai_runtime.intake.store import (
    ERASED,
    EVENTS_OF_CALL,
    EventStore,
    StoredEvent,
    UnreadableBody,
    decrypt_body,
    is_stored,
    load_event,
    load_events,
    note_event,
    words_of_body,
)
from askproai_runtime.intake.webhook import Webhooks

__all__ = [
    "ERASED", "EVENTS_OF_CALL", "RETELL_SIGNATURE", "Drainer", "EventStore", "Flusher", "IncomingEvent", "MalformedEvent",
    "ProviderId", "Signatures", "Source", "StoredEvent", "UnreadableBody", "WebhookSource", "Webhooks", "decrypt_body",
    "find_webhook_source", "hint_of_body", "identify", "is_stored", "load_event", "load_events", "note_event", "spool",
    "words_of_body",
]  # fmt: skip
