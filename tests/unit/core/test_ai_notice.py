"""A sentence is recognized as the announcement of an AI, or not."""

import pytest

from askproai_core.ai_notice import announces_ai, greeting_reference


@pytest.mark.parametrize(
    ("sentence", "announces"),
    [
        ("Sie sprechen mit einem KI-Assistenten.", True),
        ("Hier ist unsere „KI“, guten Tag!", True),
        ("Hier spricht eine künstliche Intelligenz.", True),
        ("You are speaking with an AI assistant.", True),
        ("An Artificial Intelligence answers.", True),
        ("Kino Mitte, guten Tag!", False),
        ("Praxis Dr. Aigner", False),
        ("", False),
    ],
)
def test_sentence_announces_an_ai_by_a_separate_word(sentence: str, announces: bool) -> None:
    assert announces_ai(sentence) is announces


def test_each_sentence_has_a_reference_of_its_own() -> None:
    assert greeting_reference("Guten Tag!") == greeting_reference("Guten Tag!")
    assert greeting_reference("Guten Tag!") != greeting_reference("Guten Tag.")
    assert len(greeting_reference("")) == 64
