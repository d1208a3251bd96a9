"""The words of the page, one file for each language: `de.toml`, `en.toml`.

The types list only the words that code uses; templates can use all words of the file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from askproai_core.languages import Language
from askproai_runtime.oidc import Failure

T = TypeVar("T", bound=msgspec.Struct)


class ActionWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words for actions. `notices` are keyed by `Notice`, `obstacles` by a problem document's `reason` or `outcome`."""

    expired: str
    log_in_first: str
    generic: str
    notices: Mapping[str, str]
    obstacles: Mapping[str, str]


class LoginWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words for a login at the tenant's issuer."""

    no_role: str  # with {issuer}, its host, and {name}, the visitor
    not_ready: str
    host_unknown: str
    failures: Mapping[Failure, str]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language. `outcomes` translates stored states and outcomes, and `arguments` names of function arguments;
    a value without a translation is shown as stored. `reasons` translates stored English sentences. `shown` has all words
    for templates.
    """

    language: str
    decimal_mark: str
    weekdays: tuple[str, ...]
    date: str  # with {weekday}, {day}, {month}, {year}
    short_date: str  # the same without the year
    key_hint: str  # with {tenant}, the Tenant's name
    wrong_key: str
    expired_form: str
    whole_day: str
    not_found: str
    failed_page: str
    hours: str
    act: ActionWords
    login: LoginWords
    outcomes: Mapping[str, str]
    arguments: Mapping[str, str]
    reasons: Mapping[str, str]
    audit: Mapping[str, str]  # labels of an entry's details, in the order of display
    yes: str
    no: str
    shown: Mapping[str, Any]


def convert_words(words: Mapping[str, Any], kind: type[T]) -> T:
    """Return words as `kind`, with all of them also in `shown`. Raises `ValidationError` if `kind` lacks a word."""
    return msgspec.convert({**words, "shown": words}, kind)


FILES: Final = {
    language: tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text("utf-8")) for language in Language
}
WORDS: Final = {language: convert_words(words, Words) for language, words in FILES.items()}


def choose_language(accept_language: str) -> Language:
    """Return the supported language with the highest weight in the header; German if the header names no supported language."""
    best, weight = Language.DE, 0.0
    for part in accept_language[:500].split(","):
        name, _, parameters = part.strip().partition(";")
        primary = name.strip().lower().partition("-")[0]
        given = parameters.strip().removeprefix("q=")
        try:
            value = float(given) if given else 1.0
        except ValueError:
            continue
        if primary in set(Language) and value > weight:
            best, weight = Language(primary), value
    return best
