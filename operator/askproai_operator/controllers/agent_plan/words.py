"""The texts of an agent at Retell, one file for each language: `de.yaml`, `en.yaml`.

An agent in any other language gets the German rules: a model follows them whatever language it speaks. Callers of such an agent
hear its fixed sentences in English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import yaml

from askproai_core.languages import Language
from askproai_core.providers import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptWords:
    """All texts of one language. `{{name}}` is a variable of Retell; other placeholders are those of `str.format`."""

    # The variables that the runtime's inbound webhook may send, with their values for a caller that it does not know.
    caller_variables: Mapping[str, str]
    rules_title: str
    basic_rules: tuple[str, ...]
    other_branch_rules: tuple[str, ...]
    hotline_rules: tuple[str, ...]
    catalogue_rules: tuple[str, ...]
    one_visit_rule: str
    visits_apart_rule: str  # where each service is an event type of the remote calendar
    information_rules: tuple[str, ...]
    message_rules: tuple[str, ...]
    no_transfer_rule: str
    waitlist_rules: tuple[str, ...]
    caller_rules: tuple[str, ...]
    verification_rules: tuple[str, ...]
    ai_rule: str
    now: str  # `{time}` is a variable of Retell
    greeting: str
    ai_notice: str
    recording_rule: str
    offer: str
    # of the catalogue
    bookable: str
    team: str
    other_branches: str
    questions: str
    minutes: str
    waiting: str
    minutes_with: str
    also: str
    only_in: str
    only_with: str
    and_word: str
    weekdays: Mapping[str, str]


# The parser in C takes 1 ms, the one in Python 40, for which `askproai plan` would wait. A PyYAML that was built without libyaml
# lacks it. Files of others are not read by it, since deep nesting ends the process there.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(language: Language) -> Json:
    text = Path(__file__).with_name(f"{language}.yaml").read_text(encoding="utf-8")
    texts: Json = yaml.load(text, _LOADER)  # noqa: S506  safe
    return texts


_TEXTS: Final = {language: _read(language) for language in Language}
_WORDS: Final = {language: msgspec.convert(texts["prompt"], PromptWords) for language, texts in _TEXTS.items()}


def words_of(locale: str, otherwise: Language = Language.DE) -> PromptWords:
    """Return the prompt's texts in an agent's language, such as `en-GB`; in `otherwise` for a language without a file."""
    return _WORDS[Language.of(locale) or otherwise]


def tools_of(locale: str, otherwise: Language = Language.DE) -> Json:
    """Return the tools and notices in an agent's language; in `otherwise` for a language without a file."""
    return _TEXTS[Language.of(locale) or otherwise]
