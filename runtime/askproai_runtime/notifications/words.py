"""The sentences of notifications, one file for each language. Pure; `render` fills them in with plain text."""

from pathlib import Path
from typing import Final

import msgspec

from askproai_core.languages import Language
from askproai_runtime.notifications.types import Kind


class Sentences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The title and first sentence of one kind of notification to one recipient, with `{when}`, `{business}`, `{customer}`."""

    title: str
    opening: str


class StopPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of the web page on which a customer stops reminders."""

    question: str
    button: str
    done: str
    unknown: str
    later: str


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words and sentences of one language."""

    customer: dict[Kind, Sentences]
    business: dict[Kind, Sentences]
    hello: str
    hello_nobody: str
    labels: dict[str, str]
    stop: str
    stop_by_link: str  # `{url}`
    stop_page: StopPage
    daily_none: str
    unconfirmed: str  # in a daily list: the remote calendar has yet to confirm the appointment
    calendar_event: str
    appointment: str  # replaces the name of an undeclared service
    former_service: str
    former_staff: str
    message: str  # the title
    corrected_message: str  # the title for an amended message
    freed: Sentences  # `{until}`: as long as the offer is open
    offer: Sentences  # the sentence for waiting callers
    offer_call: str  # `{number}`


WORDS: Final = {
    language: msgspec.toml.decode(Path(__file__).with_name(f"{language}.toml").read_bytes(), type=Words)
    for language in Language
}
