"""Validate manifests offline as the API server would."""

from askproai_cli.lint.cel_rules import CelMissing
from askproai_cli.lint.check import Report, find_refusals, lint
from askproai_cli.lint.documents import Document, Unreadable, read_documents
from askproai_cli.lint.findings import Finding, Identity, Severity, identity_of
from askproai_cli.lint.judge import completed
from askproai_cli.lint.loader import KubectlLoader
from askproai_cli.lint.secrets import Reference, collect_secrets, find_references, keys_of, permits_use

__all__ = [
    "CelMissing", "Document", "Finding", "Identity", "KubectlLoader", "Reference", "Report", "Severity", "Unreadable",
    "collect_secrets", "completed", "find_references", "find_refusals", "identity_of", "keys_of", "lint", "permits_use",
    "read_documents",
]  # fmt: skip
