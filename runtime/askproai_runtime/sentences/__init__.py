"""The sentences that callers hear: one catalogue for each language, and the language of the present call."""

from askproai_runtime.sentences.catalogue import Sentences
from askproai_runtime.sentences.current import SENTENCES, present_language, say, speaking
from askproai_runtime.sentences.formats import (
    decline_name,
    format_call_back,
    format_clock,
    format_day,
    format_spoken,
    format_spoken_today,
    format_written_day,
    format_written_span,
    service_as_subject,
    speak_written_clocks,
    write_clock,
)

__all__ = [
    "SENTENCES", "Sentences", "decline_name", "format_call_back", "format_clock", "format_day", "format_spoken",
    "format_spoken_today", "format_written_day", "format_written_span", "present_language", "say", "service_as_subject",
    "speak_written_clocks", "speaking", "write_clock",
]  # fmt: skip
