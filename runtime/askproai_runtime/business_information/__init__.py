"""The tenant's declarations about its business, said to callers who ask: answered from the config alone."""

from askproai_runtime.business_information.answers import answer_question, same_everywhere
from askproai_runtime.business_information.question_parts import is_day
from askproai_runtime.business_information.questions import Question

__all__ = ["Question", "answer_question", "is_day", "same_everywhere"]
