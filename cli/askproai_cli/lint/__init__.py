"""Validate manifests offline as the API server would."""

from askproai_cli.lint.cel_rules import CelMissing
from askproai_cli.lint.check import GROUP, Severity, lint
from askproai_cli.lint.documents import Document, Unreadable, read_documents

__all__ = ["GROUP", "CelMissing", "Document", "Severity", "Unreadable", "lint", "read_documents"]
