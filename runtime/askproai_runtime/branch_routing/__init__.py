"""Business models (B5): what a tenant's model chooses, and how the branch of a hotline's call is found."""

from askproai_runtime.branch_routing.branch import Found, Hints, Unclear
from askproai_runtime.branch_routing.call import branch_of_call
from askproai_runtime.branch_routing.models import MODELS

__all__ = ["MODELS", "Found", "Hints", "Unclear", "branch_of_call"]
