"""The fleet's page: all tenants of the installation, the worst first. Served by each of the coordinator's pods, behind a login."""

from askproai_runtime.page.fleet.serving import FleetOidc, FleetSources, serve_fleet_page

__all__ = ["FleetOidc", "FleetSources", "serve_fleet_page"]
