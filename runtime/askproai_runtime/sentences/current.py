"""The language in which the present call is answered.

A context variable, which tasks inherit, spares functions that build sentences an argument. Outside of a call, such as at the
desk, the language is German.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import msgspec

from askproai_core.languages import Language
from askproai_runtime.sentences.catalogue import Sentences

SENTENCES: Final = {
    language: msgspec.toml.decode(Path(__file__).with_name(f"{language}.toml").read_bytes(), type=Sentences)
    for language in Language
}
_present: Final = ContextVar("language", default=Language.DE)


def present_language() -> Language:
    """Return the language of the present call, or German outside of a call."""
    return _present.get()


def say() -> Sentences:
    """Return the sentences in the language of the present call; German outside of a call."""
    return SENTENCES[_present.get()]


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Set the language of sentences for a block, and for tasks started in it."""
    token = _present.set(language)
    try:
        yield
    finally:
        _present.reset(token)
