"""Branch: its phone numbers in E.164, and at least one service."""

from askproai_operator.controllers.branch.phone_numbers import read_phone_numbers
from askproai_operator.controllers.branch.reconcile import reconcile

__all__ = ["read_phone_numbers", "reconcile"]
