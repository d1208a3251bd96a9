"""Validate manifests offline as the API server would."""

from askproai_cli.lint.cel_rules import CelMissing
from askproai_cli.lint.check import Report, find_refusals, lint
from askproai_cli.lint.command import lint_command
from askproai_cli.lint.documents import Document, Unreadable, read_documents
from askproai_cli.lint.findings import Finding, Identity, Severity, identity_of
from askproai_cli.lint.loader import KubectlLoader
from askproai_cli.lint.manifest import completed

__all__ = [
    "CelMissing", "Document", "Finding", "Identity", "KubectlLoader", "Report", "Severity", "Unreadable", "completed",
    "find_refusals", "identity_of", "lint", "lint_command", "read_documents",
]  # fmt: skip
