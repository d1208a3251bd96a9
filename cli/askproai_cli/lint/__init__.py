"""Validate manifests offline as the API server would."""

from askproai_cli.lint.check import GROUP, Severity, lint
from askproai_cli.lint.command import lint_command
from askproai_cli.lint.documents import Document, Unreadable, read_documents

__all__ = ["GROUP", "Document", "Severity", "Unreadable", "lint", "lint_command", "read_documents"]
