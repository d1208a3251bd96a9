"""Test whether a public URL leads to its tenant's own pods, before any sender gets it."""

from askproai_operator.controllers.exposure.prober import Prober, host_is_trusted
from askproai_operator.controllers.exposure.reconcile import KIND, OPTIONS, ExposureController

__all__ = ["KIND", "OPTIONS", "ExposureController", "Prober", "host_is_trusted"]
