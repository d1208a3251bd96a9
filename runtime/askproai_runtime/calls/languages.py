"""In which language a call is answered: that of the agent who speaks in it."""

from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.call_routes import Route


def language_of(config: TenantConfig, route: Route | None) -> Language:
    """Return the language of a call's agent; where the number alone decided the route, that of all agents that may answer there.

    German if they differ, or speak one that there are no sentences for.
    """
    branch = route.branch if route else None
    agents = (route.agent,) if route and route.agent else (a for a in config.agents if a.branch in {branch, None})
    spoken = {agent.language.partition("-")[0] for agent in agents}
    return Language.EN if spoken == {Language.EN.value} else Language.DE
