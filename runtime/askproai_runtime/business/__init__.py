"""Business models (B5): what a tenant's model chooses, and how the branch of a hotline's call is found."""

from askproai_runtime.business.branch import Found, Hints, Unclear
from askproai_runtime.business.call import branch_of_call, last_branch
from askproai_runtime.business.models import MODELS, Model

__all__ = ["MODELS", "Found", "Hints", "Model", "Unclear", "branch_of_call", "last_branch"]
