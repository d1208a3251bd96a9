"""Validate manifests offline as the API server would."""

from askproai_cli.lint.check import Finding, Severity, lint
from askproai_cli.lint.documents import Document, Unreadable, read_documents

__all__ = ["Document", "Finding", "Severity", "Unreadable", "lint", "read_documents"]
