"""Validate manifests offline as the API server would."""

from askproai_cli.lint.cel_rules import CelMissing
from askproai_cli.lint.check import Report, find_refusals, lint
from askproai_cli.lint.documents import Document, Unreadable, read_documents
from askproai_cli.lint.findings import Finding, Identity, Severity, identity_of
from askproai_cli.lint.judge import completed
from askproai_cli.lint.loader import KubectlLoader

__all__ = [
    "CelMissing", "Document", "Finding", "Identity", "KubectlLoader", "Report", "Severity", "Unreadable", "completed",
    "find_refusals", "identity_of", "lint", "read_documents",
]  # fmt: skip
