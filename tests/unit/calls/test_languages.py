"""A call is answered in the language of its agent."""

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Agent, TenantConfig, decode, encode
from askproai_runtime.call_routes import Route
from askproai_runtime.calls.languages import language_of

GERMAN = Agent(name="anna", branch="mitte", agent_id="agent_de")
ENGLISH = Agent(name="amy", branch="nord", agent_id="agent_en", language="en-GB")
FRENCH = Agent(name="aimee", branch="west", agent_id="agent_fr", language="fr-FR")
CONFIG = TenantConfig(tenant="a.b", display_name="A", agents=(GERMAN, ENGLISH, FRENCH))


@pytest.mark.parametrize(
    ("route", "language"),
    [
        (Route("mitte", GERMAN), Language.DE),
        (Route("nord", ENGLISH), Language.EN),
        (Route("west", FRENCH), Language.DE),  # there are no sentences for it
        (Route("nord", None), Language.EN),  # by the number alone
        (Route("mitte", None), Language.DE),
        (None, Language.DE),
    ],
)
def test_call_is_answered_in_its_agents_language(route, language):
    assert language_of(CONFIG, route) is language


def test_answers_with_several_agent_languages_are_german():
    hotline = Agent(name="hotline", agent_id="agent_hotline")
    config = TenantConfig(tenant="a.b", display_name="A", agents=(ENGLISH, hotline))
    assert language_of(config, Route("nord", None)) is Language.DE


def test_german_agents_config_does_not_change_by_language():
    config = TenantConfig(tenant="a.b", display_name="A", agents=(GERMAN,))
    assert "language" not in encode(config)
    assert decode(encode(CONFIG)).agents[1].language == "en-GB"
