"""The language of a call: the language of the agent who answers it."""

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.call_routes import Route


def language_of(config: TenantConfig, route: Route | None) -> Language:
    """Return the language of a call's agent; if only the number is known, the language of all agents that may answer it.

    Return German if their languages differ, or if there are no sentences for the language.
    """
    branch = route.branch if route else None
    agents = (route.agent,) if route and route.agent else (a for a in config.agents if a.branch in {branch, None})
    languages = {Language.of(agent.language) or Language.DE for agent in agents}
    return languages.pop() if len(languages) == 1 else Language.DE
