"""Validate manifests offline as the API server would."""

from askproai_cli.lint.cel_rules import CelMissing
from askproai_cli.lint.check import Report, is_ours, lint
from askproai_cli.lint.command import lint_command
from askproai_cli.lint.documents import Document, Unreadable, read_documents
from askproai_cli.lint.findings import Finding, Severity
from askproai_cli.lint.manifest import GROUP, completed

__all__ = [
    "GROUP", "CelMissing", "Document", "Finding", "Report", "Severity", "Unreadable", "completed", "is_ours", "lint",
    "lint_command", "read_documents",
]  # fmt: skip
