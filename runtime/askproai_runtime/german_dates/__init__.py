"""German dates and times: what a caller says to what it can mean, and back. What it does not know it refuses, never guesses."""

from askproai_runtime.german_dates.grammar import understand, understand_parts
from askproai_runtime.german_dates.spoken import spoken
from askproai_runtime.german_dates.types import Candidate, Grain, Refusal, Understanding

__all__ = ["Candidate", "Grain", "Refusal", "Understanding", "spoken", "understand", "understand_parts"]
