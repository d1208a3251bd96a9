"""Services: which can be booked, by which staff, and whether the week has time for them. Pure: `lint` uses the same rules."""

from askproai_operator.services.openings import openings_condition, overlap
from askproai_operator.services.staffing import (
    active_offerings,
    ambiguous_staff,
    branch_name_of,
    is_auto_created,
    is_offered_in,
    matched_staff,
    name_condition,
    namesakes,
    shared_words,
    staff_by_branch,
    staff_condition,
)

__all__ = [
    "active_offerings", "ambiguous_staff", "branch_name_of", "is_auto_created", "is_offered_in",
    "matched_staff", "name_condition", "namesakes", "openings_condition", "overlap", "shared_words", "staff_by_branch",
    "staff_condition",
]  # fmt: skip
