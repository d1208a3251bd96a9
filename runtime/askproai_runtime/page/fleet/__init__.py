"""The fleet's page: all tenants of the installation, the worst first. Served by each of the coordinator's pods, behind a login."""

from askproai_runtime.page.fleet.serving import serve_fleet_page
from askproai_runtime.page.fleet.sources import FleetOidc, FleetSources

__all__ = ["FleetOidc", "FleetSources", "serve_fleet_page"]
