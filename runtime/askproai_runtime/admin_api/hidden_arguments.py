"""Hide a function's arguments from readers without the right to names, except those that surely name nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.admin_api.request import LEFT_OUT
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand_parts

# The arguments that are shown without `personal`, with the values that surely name nobody. All others can name the caller.
_OF_CONFIG = frozenset({"service", "staff", "branch", "recipient"})
_OF_TIME = frozenset({"date", "time", "part_of_day", "start", "appointment_date", "appointment_time", "call_back"})
_PERSON = frozenset({"customer_name", "phone", "email", "notes", "reason", "message", "birth_date"})
_ISO = date.fromisoformat, time.fromisoformat, datetime.fromisoformat


@dataclass(frozen=True, slots=True)
class Hiding:
    """The data that decide if a text may name a person: the names of the manifests, and the time zone for spoken times."""

    known_names: frozenset[str]
    zone: ZoneInfo

    @classmethod
    def of(cls, config: TenantConfig) -> Self:
        return cls(_known_names(config), ZoneInfo(config.time_zone))


def hide_arguments(arguments: dict[str, str | bool], hiding: Hiding, at: datetime) -> dict[str, str | bool]:
    """Return a function's arguments with `…` for each value that may name a person, and without unknown arguments."""
    known = _OF_CONFIG | _OF_TIME | _PERSON | {"another", "confirmed", "email_confirmed", "appointment_id"}
    return {
        name: value if _names_nobody(name, value, hiding, at) else LEFT_OUT
        for name, value in arguments.items()
        if name in known
    }


def _names_nobody(name: str, value: str | bool, hiding: Hiding, at: datetime) -> bool:
    if isinstance(value, bool):
        return True
    if name in _OF_CONFIG:
        return all(fold(each) in hiding.known_names for each in value.split(","))
    if name in _OF_TIME:
        text = (
            (None, None, value)
            if name == "part_of_day"
            else (None, value, None)
            if "time" in name
            else (value, None, None)
        )
        written = "-" in value or ":" in value  # digits alone may be a phone number
        is_time = any(_is_understood(text, at, hiding.zone, language) for language in Language)
        return is_time or (written and any(_parses(parse, value) for parse in _ISO))
    return name == "appointment_id" and _parses(UUID, value)


def _is_understood(
    parts: tuple[str | None, str | None, str | None], at: datetime, zone: ZoneInfo, language: Language
) -> bool:
    with speaking(language):
        return understand_parts(*parts, at=at, zone=zone).refused is None


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _known_names(config: TenantConfig) -> frozenset[str]:
    """Return all names of services, branches and staff members that callers use, folded for comparison."""
    services = (name for s in config.services for name in (s.name, s.display_name, *s.spoken_names))
    branches = (
        name for b in config.branches for name in (b.name, b.display_name, b.address.city, b.address.postal_code)
    )
    staff = (name for b in config.branches for s in b.staff for name in (s.id, s.display_name))
    return frozenset(fold(name) for name in (*services, *branches, *staff) if name)
