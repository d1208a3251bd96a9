"""What the tenant has declared about its business, said to callers who ask: answered from the config alone."""

from askproai_runtime.business_information.answers import Question, answer_question, same_everywhere

__all__ = ["Question", "answer_question", "same_everywhere"]
