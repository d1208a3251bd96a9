"""The tenant's declarations about its business, said to callers who ask: answered from the config alone."""

from askproai_runtime.business_information.answers import answer_question, find_asked_branch, same_everywhere
from askproai_runtime.business_information.questions import Question

__all__ = ["Question", "answer_question", "find_asked_branch", "same_everywhere"]
