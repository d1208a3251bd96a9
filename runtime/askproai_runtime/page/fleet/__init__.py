"""The fleet's page: all tenants of the installation, worst first. Each coordinator pod serves it, behind a login."""

from askproai_runtime.page.fleet.serving import serve_fleet_page
from askproai_runtime.page.fleet.sources import FleetOidc, FleetSources

__all__ = ["FleetOidc", "FleetSources", "serve_fleet_page"]
