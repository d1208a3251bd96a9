"""Branch: its phone numbers in E.164, and at least one service."""

from askproai_operator.controllers.branch.reconcile import reconcile

__all__ = ["reconcile"]
