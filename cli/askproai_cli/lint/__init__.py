"""What the API server would say to manifests, said offline."""

from askproai_cli.lint.check import Finding, Severity, lint
from askproai_cli.lint.documents import Document, Unreadable, read_documents

__all__ = ["Document", "Finding", "Severity", "Unreadable", "lint", "read_documents"]
