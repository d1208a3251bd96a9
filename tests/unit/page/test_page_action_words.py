"""Every reason why an action is not done, and everything that was done, has a sentence in both languages."""

import pytest

from askproai_core.http_server import Problem
from askproai_core.languages import Language
from askproai_runtime.admin_api import Right, Role, rights_of
from askproai_runtime.admin_api.desk import ChangeObstacle
from askproai_runtime.admin_api.refused_change import _WHY
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.desk.attendance import AttendanceObstacle
from askproai_runtime.desk.blocks import BlockObstacle
from askproai_runtime.desk.outcomes import ChangeRefusal
from askproai_runtime.page.actions import DONE_BEFORE, Notice, obstacle_of
from askproai_runtime.page.sessions import Session
from askproai_runtime.page.words import WORDS, ActionWords

GERMAN, ENGLISH = (WORDS[language].act for language in (Language.DE, Language.EN))


@pytest.mark.parametrize("words", [GERMAN, ENGLISH])
def test_every_reason_and_notice_has_its_sentence(words: ActionWords) -> None:
    of_moves = set(_WHY)
    assert {*Obstacle, ChangeRefusal.GONE, ChangeRefusal.REFUSED, ChangeRefusal.NOT_BOOKABLE} <= of_moves
    reasons = {*ChangeObstacle, *BlockObstacle, *AttendanceObstacle, *of_moves, DONE_BEFORE}
    assert sorted(str(each) for each in reasons if each not in words.obstacles) == []
    assert set(words.notices) == set(Notice)


def test_both_page_languages_have_the_same_sentences() -> None:
    assert set(GERMAN.obstacles) == set(ENGLISH.obstacles)
    german, english = (WORDS[language].shown["act"] for language in (Language.DE, Language.EN))
    assert [key for key in german if german[key] == english[key]] == []


def test_problem_maps_to_its_own_or_general_sentence() -> None:
    assert obstacle_of(Problem(409, "Not Dead", "", members=ChangeObstacle.NOT_DEAD.members)) == "not_dead"
    assert obstacle_of(Problem(409, "Not Moved", "", members={"outcome": Obstacle.TAKEN.value})) == "taken"
    assert obstacle_of(Problem(400, "Bad Request", "")) == "invalid"
    assert obstacle_of(Problem(409, "Ambiguous Id", "")) == ""


def test_reader_has_no_rights_and_owner_has_all() -> None:
    assert rights_of(Session("s", "salon.a", is_reader=True, name="", expires=0).role) == frozenset()
    assert rights_of(Session("s", "salon.a", is_reader=False, name="", expires=0).role) == set(Right)
    assert set(Right) - rights_of(Role.STAFF) == {Right.LISTEN, Right.REDRIVE, Right.ADMINISTER}


def test_unnamed_person_is_recorded_by_session_id_part() -> None:
    assert Session("0123456789", "salon.a", is_reader=False, name="", expires=0).actor == "page 01234567"
    assert Session("0123456789", "salon.a", is_reader=False, name="Karin", expires=0).actor == "Karin"
