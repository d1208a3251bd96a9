"""Test whether a public URL leads to its tenant's own pods, before any sender gets it."""

from askproai_operator.controllers.exposure.reconcile import KIND, OPTIONS, ExposureController
from askproai_operator.url_prober import Prober, host_is_trusted

__all__ = ["KIND", "OPTIONS", "ExposureController", "Prober", "host_is_trusted"]
