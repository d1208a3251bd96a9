"""Business models (B5): what a tenant's model chooses, and how the branch of a hotline's call is found."""

from askproai_runtime.business.branch import Found, Hints, Unclear
from askproai_runtime.business.call import branch_of_call
from askproai_runtime.business.models import MODELS

__all__ = ["MODELS", "Found", "Hints", "Unclear", "branch_of_call"]
