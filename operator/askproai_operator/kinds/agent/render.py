"""What a RetellAgent should look like at Retell. Pure: the same objects give the same bodies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from askproai_operator.external import Json
from askproai_runtime.config import Function

MARKER_SEPARATOR: Final = " · "
OWNER_VARIABLE: Final = "askproai_owner"
TOOL_TIMEOUT_MS: Final = 8000
_STORAGE: Final = {
    "Everything": "everything",
    "EverythingExceptPii": "everything_except_pii",
    "BasicAttributesOnly": "basic_attributes_only",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that the agent should answer, as Retell sees it, and the import body if we may import it."""

    e164: str
    sip: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything of the cluster that the remote objects are made of; gathered by `ground.py`."""

    marker: str
    display_name: str
    business_name: str
    voice_id: str
    language: str
    model: str
    temperature: str
    prompt: str
    begin_message: str | None
    functions: tuple[str, ...]
    caller_recognition: bool
    webhook_events: tuple[str, ...]
    webhook_url: str
    functions_url: str
    time_zone: str
    ai_notice: bool
    storage: str
    retention_days: int
    numbers: tuple[Number, ...] | None  # None: not known yet, so leave them as they are


@dataclass(frozen=True, slots=True)
class Desired:
    """The bodies that we manage. `agent` lacks `response_engine`: it is set when the agent is created, and never again."""

    marker: str
    llm: Json
    agent: Json
    numbers: tuple[Number, ...] | None
    not_built: tuple[str, ...]


def desired(declared: Declared) -> Desired:
    """Render the LLM and the agent."""
    llm = {
        "start_speaker": "agent",
        "model_config": {
            "type": "cascading",
            "primary": {"model": declared.model},
            "temperature": float(declared.temperature),
        },
        "general_prompt": _prompt(declared),
        "begin_message": _begin_message(declared),
        "general_tools": [*_tools(declared.functions, declared.functions_url), _END_CALL],
        "default_dynamic_variables": {OWNER_VARIABLE: declared.marker},
    }
    agent = {
        "agent_name": f"{declared.display_name}{MARKER_SEPARATOR}{declared.marker}",
        "voice_id": declared.voice_id,
        "language": declared.language,
        "webhook_url": declared.webhook_url,
        "webhook_events": list(declared.webhook_events),
        "webhook_timeout_ms": 10000,
        "timezone": declared.time_zone,
        "data_storage_setting": _STORAGE[declared.storage],
        "data_storage_retention_days": declared.retention_days,
    }
    return Desired(declared.marker, llm, agent, declared.numbers, _not_built(declared))


def owner_of(agent: Json) -> str | None:
    """Give the marker in an agent's name, whoever's it is."""
    name = str(agent.get("agent_name") or "")
    head, separator, marker = name.rpartition(MARKER_SEPARATOR)
    return marker if separator and head and marker.count("/") == 2 and " " not in marker else None  # noqa: PLR2004


def owner_of_llm(llm: Json) -> str | None:
    """Give the marker in an LLM's variables."""
    return (llm.get("default_dynamic_variables") or {}).get(OWNER_VARIABLE)


def _not_built(declared: Declared) -> tuple[str, ...]:
    missing = [name for name in declared.functions if name not in _BUILT]
    return (*missing, *(["callerRecognition"] if declared.caller_recognition else []))


def _german(declared: Declared) -> bool:
    return declared.language.startswith("de")


def _begin_message(declared: Declared) -> str:
    """The first sentence says that it is an AI (EU AI Act, art. 50), unless the tenant's own one already does."""
    own = declared.begin_message or ""
    if not declared.ai_notice:
        return own or f"{declared.business_name}, guten Tag! Was kann ich für Sie tun?"
    words = {word.strip(".,!?;:()„“\"'").split("-")[0].casefold() for word in own.split()}
    if words & {"ki", "ai"} or "künstliche" in own.casefold() or "artificial intelligence" in own.casefold():
        return own
    notice = "Sie sprechen mit einem KI-Assistenten." if _german(declared) else "You are speaking with an AI assistant."
    return f"{own} {notice}" if own else f"{declared.business_name}, guten Tag! {notice} Was kann ich für Sie tun?"


def _prompt(declared: Declared) -> str:
    """The person's prompt, and the rules without which our functions can not keep their promises."""
    rules = [
        f"- Jetzt ist {{{{current_time_{declared.time_zone}}}}}.",
        "- Gib Zeitangaben des Anrufers wörtlich an die Funktionen weiter; rechne nicht selbst.",
        "- Sage, was `message` enthält. Nenne nur Zeiten aus `slots` oder `alternatives`, mit vollem Datum.",
        "- Buche erst, wenn der Anrufer einer Zeit zugestimmt und seinen Namen genannt hat; gib deren `start` unverändert weiter.",
        "- Ein Termin steht erst fest, wenn `book_appointment` mit `success: true` geantwortet hat.",
    ]
    if declared.ai_notice:
        rules.append("- Wer fragt, erfährt, dass du eine KI bist.")
    return declared.prompt.rstrip() + "\n\n## Regeln\n" + "\n".join(rules)


def _tools(functions: Iterable[str], base_url: str) -> list[Json]:
    return [_tool(base_url, *_BUILT[name]) for name in _BUILT if name in functions]


def _tool(base_url: str, name: str, description: str, filler: str, parameters: Json) -> Json:
    return {
        "type": "custom",
        "name": name,
        "description": description,
        "url": f"{base_url.rstrip('/')}/{name}",
        "method": "POST",
        "args_at_root": False,  # with true the body would lack the call, and with it the number and the call's id
        "timeout_ms": TOOL_TIMEOUT_MS,
        "max_retry": 0,
        "speak_during_execution": True,
        "execution_message_description": filler,
        "execution_message_type": "static_text",
        "speak_after_execution": True,
        "parameters": parameters,
    }


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


_WHEN: Final[Json] = {
    "date": _text("Der Tag, wörtlich wie gesagt („morgen“, „nächsten Freitag“, „am 5. Dezember“) oder als JJJJ-MM-TT"),
    "time": _text("Die Uhrzeit, wörtlich wie gesagt („halb drei“, „15 Uhr 30“) oder als HH:MM"),
}
_WHAT: Final[Json] = {
    "service": _text("Die gewünschte Leistung, wörtlich wie gesagt"),
    "staff": _text("Die Kennung der gewünschten Person aus `slots`, oder ihr Name; leer: egal wer"),
    "branch": _text("Die gewünschte Filiale, wenn es mehrere gibt"),
}

_BUILT: Final[Mapping[str, tuple[str, str, str, Json]]] = {
    Function.CHECK_AVAILABILITY: (
        "check_availability",
        "Sucht freie Zeiten. Immer zuerst aufrufen, sobald ein Termin gewünscht wird, und wieder bei jedem anderen Wunsch.",
        "Einen Moment, ich schaue nach.",
        {
            "type": "object",
            "properties": {
                **_WHAT,
                **_WHEN,
                "part_of_day": _text("Tageszeit ohne Uhrzeit: früh, vormittags, mittags, nachmittags oder abends"),
            },
        },
    ),
    Function.BOOK_APPOINTMENT: (
        "book_appointment",
        "Bucht einen Termin, dem der Anrufer zugestimmt hat. `start` ist der Wert aus `slots`; sonst `date` und `time`.",
        "Ich trage das für Sie ein.",
        {
            "type": "object",
            "properties": {
                "start": _text("`start` der gewählten Zeit aus `slots` oder `alternatives`, unverändert"),
                **_WHEN,
                **_WHAT,
                "customer_name": _text("Name, auf den der Termin läuft"),
                "phone": _text("Rückrufnummer, nur wenn der Anrufer eine andere nennt als die, von der er anruft"),
                "email": _text("E-Mail-Adresse, nur wenn genannt"),
                "notes": _text("Wünsche zum Termin"),
                "another": {"type": "boolean", "description": "true, wenn zur selben Zeit eine weitere Person kommt"},
            },
            "required": ["customer_name"],
        },
    ),
}

_END_CALL: Final[Json] = {
    "type": "end_call",
    "name": "end_call",
    "description": "Beendet das Gespräch, wenn alles geklärt ist und der Anrufer sich verabschiedet hat.",
}
