"""Find the branch that a call is for, by the tenant's business model. Pure: what the database knows is passed in as hints."""

from askproai_runtime.branch_routing.matching import find_named_branch, is_answer
from askproai_runtime.branch_routing.routing import (
    BranchQuestion,
    FoundBranch,
    Hints,
    choose_branch,
    list_named_branches,
)

__all__ = [
    "BranchQuestion",
    "FoundBranch",
    "Hints",
    "choose_branch",
    "find_named_branch",
    "is_answer",
    "list_named_branches",
]
