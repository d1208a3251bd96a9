"""Diagnose an installation: the data that `askproai doctor` reads, and the checks that judge it."""

from askproai_cli.doctor.examine import CHECKS, Scope, examine
from askproai_cli.doctor.findings import Finding, Outcome

__all__ = ["CHECKS", "Finding", "Outcome", "Scope", "examine"]
