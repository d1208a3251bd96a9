"""Routing by the config that is in use now."""

from collections.abc import Callable

from askproai_runtime.calls.payload import RetellCall
from askproai_runtime.config import TenantConfig
from askproai_runtime.numbers import Route, Routing, caller_or_none


class Router:
    """Builds its lookups again only when the config object changed."""

    def __init__(self, config: Callable[[], TenantConfig]) -> None:
        self._config = config
        self._built_for: TenantConfig | None = None
        self._routing = Routing(config())

    def route(self, call: RetellCall) -> Route | None:
        """Give where the call belongs; None when neither its agent nor its number is the tenant's."""
        config = self._config()
        if config is not self._built_for:
            self._routing, self._built_for = Routing(config), config
        return self._routing.route(call.agent_id, caller_or_none(call.to_number))
