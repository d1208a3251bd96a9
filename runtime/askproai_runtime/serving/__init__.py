"""What every HTTP answer of the runtime shares: problem documents, correlation ids, bounded bodies, rate limits."""

from askproai_runtime.serving.correlation import correlation_id
from askproai_runtime.serving.problems import Problem, boundary
from askproai_runtime.serving.rate import SlidingWindow
from askproai_runtime.serving.reading import read_json
from askproai_runtime.serving.requests import json_answer, read_body

__all__ = ["Problem", "SlidingWindow", "boundary", "correlation_id", "json_answer", "read_body", "read_json"]
