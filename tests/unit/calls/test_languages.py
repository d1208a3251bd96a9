"""A call is answered in the language of its agent."""

import pytest

from askproai_core.phone_numbers import Route
from askproai_core.tenant_config import Agent, Language, TenantConfig, decode, encode
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
def test_a_call_is_answered_in_the_language_of_its_agent(route, language):
    assert language_of(CONFIG, route) is language


def test_where_agents_of_several_languages_may_answer_it_is_german():
    hotline = Agent(name="hotline", agent_id="agent_hotline")
    config = TenantConfig(tenant="a.b", display_name="A", agents=(ENGLISH, hotline))
    assert language_of(config, Route("nord", None)) is Language.DE


def test_the_config_of_a_german_agent_does_not_change_by_its_language():
    config = TenantConfig(tenant="a.b", display_name="A", agents=(GERMAN,))
    assert "language" not in encode(config)
    assert decode(encode(CONFIG)).agents[1].language == "en-GB"
