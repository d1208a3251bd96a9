"""In which language the present call is answered.

A context variable, which tasks inherit, so that what only computes a sentence needs no argument for it. Outside of a call, such as
at the desk, it is German.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.sentences.catalogue import Sentences
from askproai_runtime.sentences.english import ENGLISH
from askproai_runtime.sentences.german import GERMAN

SENTENCES: Final = {Language.DE: GERMAN, Language.EN: ENGLISH}
_present: Final = ContextVar("language", default=Language.DE)


def present_language() -> Language:
    """Return the language of the present call."""
    return _present.get()


def say() -> Sentences:
    """Return the sentences of the present call's language."""
    return SENTENCES[_present.get()]


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Answer in a language for as long as the block runs, also in tasks that it starts."""
    token = _present.set(language)
    try:
        yield
    finally:
        _present.reset(token)
