"""The language of a call: that of the agent who answers."""

from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.call_routes import Route


def language_of(config: TenantConfig, route: Route | None) -> Language:
    """Return the language of the agent of a call, or of all agents that may answer it, if only its number is known.

    Return German if their languages differ, or if there are no sentences for the language.
    """
    branch = route.branch if route else None
    agents = (route.agent,) if route and route.agent else (a for a in config.agents if a.branch in {branch, None})
    spoken = {agent.language.partition("-")[0] for agent in agents}
    return Language.EN if spoken == {Language.EN.value} else Language.DE
