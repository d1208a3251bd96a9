"""Diagnose an installation: read data for `askproai doctor`, and judge it by checks."""

from askproai_cli.doctor.examine import CHECKS, Scope, examine
from askproai_cli.doctor.findings import Finding, Outcome

__all__ = ["CHECKS", "Finding", "Outcome", "Scope", "examine"]
