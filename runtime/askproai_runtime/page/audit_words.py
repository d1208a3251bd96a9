"""Entries of the audit log in the language of the page, with local times. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from askproai_core.tenant_config import Language

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
# Ids, which the private API and the command line show. An entry of the page is beside what it is about.
_IDS: Final = frozenset(
    {"token", "request", "appointment", "block", "entry", "message", "event", "notification", "call", "job", "session"}
)
_LABELS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.DE: {
        "claimed_by": "durch", "start": "Beginn", "end": "Ende", "staff": "bei", "was": "vorher", "now": "jetzt", "reason": "Grund",
        "error": "Fehler", "agent_id": "Agent", "session_of": "Anmeldung von", "role": "Rolle",
    },
    Language.EN: {
        "claimed_by": "by", "start": "start", "end": "end", "staff": "with", "was": "before", "now": "now", "reason": "reason",
        "error": "error", "agent_id": "agent", "session_of": "session of", "role": "role",
    },
}  # fmt: skip


def say_audit(
    detail: str, language: Language, people: Mapping[str, str], moment: Callable[[datetime], str]
) -> str | None:
    """Return the detail of an entry as a person reads it: `durch Karin · vorher: Di, 24.11.2026 15:00, bei Anna · jetzt: …`.

    `people` are the display names of staff members, `moment` writes an instant. None for a value that is no detail of an entry.
    """
    try:
        facts = msgspec.json.decode(detail, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    labels = _LABELS[language]
    order = [*labels]

    def in_order(facts: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return the facts as one reads them: PostgreSQL keeps no order of an object's members."""
        return sorted(facts.items(), key=lambda fact: order.index(fact[0]) if fact[0] in order else len(order))

    def say(name: str, value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(
                (f"{labels['staff']} " if key == "staff" else "") + say(key, part) for key, part in in_order(value)
            )
        if isinstance(value, list):
            return ", ".join(say(name, part) for part in value)
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return moment(datetime.fromisoformat(value))
        return people.get(value.rpartition("/")[2], value) if name == "staff" and isinstance(value, str) else str(value)

    shown = ((name, value) for name, value in in_order(facts) if name not in _IDS and value not in (None, "", [], {}))
    without_colon = {"claimed_by", "staff"}
    return " · ".join(
        f"{labels.get(name, name.replace('_', ' '))}{'' if name in without_colon else ':'} {say(name, value)}"
        for name, value in shown
    )
