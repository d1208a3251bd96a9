"""What the demo's agent does with questions about the business: topics for the function, answers from its prompt. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import CANCELS
from askproai_sandbox.caller.intent import PATTERN_OF, Intent
from askproai_sandbox.caller.memory import INFORMATION, CalledAgent, Memory, Turn, call
from askproai_sandbox.caller.sentence import Sentence

_OF_A_BRANCH = frozenset({"opening_hours", "address", "closed_days"})
_UNKNOWN = "Das kann ich Ihnen leider nicht sagen. Möchten Sie einen Termin vereinbaren?"
TOPICS = {
    Intent.DETAILS: "service",
    Intent.PRICES: "prices",
    Intent.HOURS: "opening_hours",
    Intent.ADDRESS: "address",
    Intent.CANCELLATION: "cancellation",
    Intent.LANGUAGES: "staff",
}
_FURTHER = re.compile(  # "Und am 28.?", "Gut, und am Freitag?"
    r"\W*(?:(?:gut|okay|ok|ja|aha|ach so|danke|alles klar|prima|super|schön)\W+)*(?:und|oder)\b(?:[^.?!]|(?<=\d)\.)*\?\W*",
    re.IGNORECASE,
)
_ASKS_OTHER = re.compile(
    r"\b(?:wie ?viele?|warum|wieso|wozu|welche\w*|muss|müssen|darf|dürfen|soll\w*|passen|braucht?)\b", re.IGNORECASE
)
_COSTS_THAT = re.compile(r"\b(?:kostet|kost) (?:mich )?(?:das|es)\b", re.IGNORECASE)
_FURTHER_NOUN = re.compile(
    r"\W*(?i:und|oder) (?:(?:was ist mit|wie ist es mit|die|der|das|den) )*([A-ZÄÖÜ][\wäöüß-]{2,})\W*"
)
_COST_OR_DEADLINE = re.compile(r"\b(?:gebühr\w*|\w*zahlen|berechne\w*|bis wann|wie lange vorher)\b", re.IGNORECASE)
# "bis wann muss ich …" looks like a question for the caller's appointments
_MAY_BE_ABOUT_CANCELLING = frozenset({None, Intent.LIST, Intent.PRICES})
# What an agent without that function cannot answer: a real model has only the free text of the manifest's `prompt`.
_UNANSWERED = {
    Intent.DETAILS: "how long a service takes and what it needs",
    Intent.PRICES: "prices",
    Intent.HOURS: "opening hours",
    Intent.ADDRESS: "an address",
    Intent.CANCELLATION: "the rule for cancellations",
    Intent.LANGUAGES: "who speaks which language",
}
_WHO_DOES_WHAT = "the prompt does not say who does this service; ask for a free time, which names the person"


_PARKS = re.compile(
    r"\b(?:\w+)?park(?:en?|t|pl[aä]tz\w*|h[aä]us\w*|möglichkeit\w*|gelegenheit\w*)\b"
    r"|\bwo\b[^.?!]*\b(?:Auto|Wagen)\b[^.?!]*\b(?:ab|hin|stehen|lassen|abstellen|hinstellen)\b",
    re.IGNORECASE,
)
_ENTERS = re.compile(  # who cannot climb stairs
    r"\b(?:Rollstuhl\w*|Rollator\w*|Kinderwagen|barrierefrei\w*|ebenerdig|behindertengerecht|Stufen|Treppen?|Aufzug|Fahrstuhl)\b",
    re.IGNORECASE,
)
_IS_WISH = re.compile(r"\b(?:frei|Termine?|Zeit|Platz)\b")  # for an appointment
_MAY_BE_KNOWN = frozenset({None, Intent.PRICES, Intent.APPOINTMENT})
_ASKS_IF_THERE_IS = re.compile(
    r"^(?!.*\b[Ww]as (?:brauch|bräucht|bekomm|krieg)e? ich\b).*"
    r"\b(?:[Bb]ekomm\w*|[Kk]rieg\w*|[Gg]ibt|[Hh]aben|[Hh]abt|hätten?|brauche|bräuchte|leihen|mieten|kaufen|[Vv]erkauf\w*)\b",
    re.DOTALL,
)
_ASKS_WHAT_IT_COSTS = PATTERN_OF[Intent.PRICES]


class _Answer(NamedTuple):
    """What the agent says, and the remark that the prompt has no answer."""

    text: str
    remark: str | None = None


def read_while_cancelling(sentence: Sentence) -> Sentence:
    """Return a sentence that is said while a cancellation is under way: what "it" costs is the cancellation, "Absagen" is a yes."""
    if CANCELS.fullmatch(sentence.text):
        return replace(sentence, yes=True)
    asks_price = sentence.intent is Intent.PRICES and not sentence.unknown_service
    asks = asks_price or bool(_COST_OR_DEADLINE.search(sentence.text))
    asks_own = bool(
        _COSTS_THAT.search(sentence.text)
    )  # "Kostet das trotzdem was, wenn das Kind krank ist", of services for children
    is_other = sentence.services and not asks_own
    if is_other or sentence.intent not in _MAY_BE_ABOUT_CANCELLING or not asks:
        return sentence
    return replace(sentence, intent=Intent.CANCELLATION, services=())


def hear_question(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask the function about the business, or answer from the prompt. A service in a question about it stays."""
    sentence = _read_topic(sentence)
    topic = TOPICS.get(sentence.intent) if sentence.intent else None
    known = agent.catalogue.find_question(sentence.text)
    parking = (
        _find_known(agent, sentence, _PARKS) if sentence.intent in {None, Intent.ADDRESS, Intent.APPOINTMENT} else ()
    )
    if not known and len(parking) == 1:
        return _ask(agent, memory, {"topic": "address", "question": parking[0], "branch": sentence.branch})
    entering = _find_known(agent, sentence, _ENTERS) if sentence.intent in {None, Intent.ADDRESS} else ()
    if not known and len(entering) == 1:
        return _ask(agent, memory, {"topic": "other", "question": entering[0], "branch": sentence.branch})
    if not known and (reworded := _find_reworded(agent, sentence)):
        return _ask(agent, memory, {"topic": "other", "question": reworded})
    if not known and (same := _find_same(agent, sentence)):
        return _ask(agent, memory, {"topic": "other", "question": same})
    if not known and topic is None and (near := _find_near(agent, sentence)):
        return Turn(memory, phrases.HELP, phrases.NEAR_QUESTION.format(sentence.text, "”, “".join(near)))
    if INFORMATION in agent.tools and (topic or known):
        wanted = {"question": known or sentence.text, "date": sentence.when.get("date"), "branch": sentence.branch}
        if topic in {"prices", "service"}:
            wanted["service"] = _find_topic(agent, memory, sentence)
            memory = _note_service(agent, memory, sentence)  # not by "Brauche ich ein Rezept?"
        asked = _ask(agent, memory, {"topic": topic or "other", **wanted})
        is_unknown = not known and topic == "address" and _PARKS.search(sentence.text)
        return replace(asked, remark=phrases.NO_PARKING.format(sentence.text)) if is_unknown else asked
    answer = _answer_question(sentence, agent.catalogue, sentence.service or memory.details.get("service"))
    if answer is None:
        return Turn(memory)
    if answer.remark and not _books(agent):  # the agent of a suspended tenant repeats its greeting
        return call(agent, memory, INFORMATION, {"question": sentence.text})
    memory = _note_service(agent, memory, sentence)
    change = replace(memory.change, to_confirm={})  # a yes after it is none to the question before it
    return Turn(replace(memory, change=change), answer.text, answer.remark)


def _read_topic(sentence: Sentence) -> Sentence:
    """Return a sentence with what its question is about.

    "Ist das Parken kostenlos?" is about where to park, not about the price of a service; "Was machen Sie beim Training?" is about
    one service, not about all of them.
    """
    if sentence.intent is Intent.SERVICES and sentence.services:
        return replace(sentence, intent=Intent.DETAILS)
    asks = sentence.intent is Intent.PRICES and not sentence.services and _PARKS.search(sentence.text)
    return replace(sentence, intent=Intent.ADDRESS, unknown_service=None) if asks else sentence


def _find_topic(agent: CalledAgent, memory: Memory, sentence: Sentence) -> str | None:
    """Return the service that a question is about: the one it names, or the word that names several ("Klavierstunde" of 30, 45 and
    60 minutes), else the one that was talked of last.
    """
    if agent.catalogue.names_any_visit(sentence.text):
        sentence = replace(sentence, services=())
    if len(sentence.services) > 1 and not sentence.service:
        text = unicodedata.normalize("NFC", sentence.text)
        said = [text[start:end] for start, end, _ in agent.catalogue.find_service_words(text)]
        return said[0] if len(said) == 1 else None
    if sentence.services or sentence.unknown_service:
        return sentence.service or sentence.unknown_service
    last = memory.asked_business
    return (last and last.args.get("service")) or memory.details.get("service") or _find_own(agent, memory)


def _find_own(agent: CalledAgent, memory: Memory) -> str | None:
    """Return the service of the only appointment of the caller that was named: "Und was muss ich da mitbringen?"."""
    own = memory.change.appointments
    spoken = str(own[0].get("spoken", "")) if len(own) == 1 else ""
    named = sorted((each.name for each in agent.catalogue.services if each.name in spoken), key=len)
    return named[-1] if named else None


def _note_service(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Memory:
    """Return the memory with the service of a question as the wanted one, but not beside offers, which are for another."""
    is_none = memory.offers or memory.accepted_offer or agent.catalogue.names_any_visit(sentence.text)
    return memory if is_none else memory.note(service=sentence.service)


def _books(agent: CalledAgent) -> bool:
    return "check_availability" in agent.tools


def _find_same(agent: CalledAgent, sentence: Sentence) -> str | None:
    """Return the known question about the same nouns as a sentence that asks, as it does, if there is something, or the price."""
    asks = agent.catalogue.cut_report(sentence.text)
    nouns = agent.catalogue.find_nouns(asks)
    is_further = bool(_FURTHER.fullmatch(asks))
    if INFORMATION not in agent.tools or sentence.intent not in _MAY_BE_KNOWN or sentence.when or _IS_WISH.search(asks):
        return None
    same = [each for each in agent.catalogue.questions if nouns and agent.catalogue.find_nouns(each) == nouns]
    is_same = len(same) == 1 and _kinds(same[0]) & (_kinds(same[0]) if is_further else _kinds(asks))
    return same[0] if is_same and not sentence.services else None


def _find_reworded(agent: CalledAgent, sentence: Sentence) -> str | None:
    """Return the known question that a sentence asks in other words, unless it asks for an appointment."""
    may_be = INFORMATION in agent.tools and sentence.intent in _MAY_BE_KNOWN and sentence.is_question
    says_other = sentence.services or sentence.when or _IS_WISH.search(sentence.text)
    return agent.catalogue.find_reworded_question(sentence.text) if may_be and not says_other else None


def _find_known(agent: CalledAgent, sentence: Sentence, about: re.Pattern[str]) -> tuple[str, ...]:
    """Return the known questions about what many words ask for ("parken", "Parkplatz", "Auto abstellen"), if the sentence does."""
    is_one = INFORMATION in agent.tools and not sentence.services and about.search(sentence.text)
    return tuple(each for each in agent.catalogue.questions if about.search(each)) if is_one else ()


def _kinds(question: str) -> set[str]:
    """Return what a question asks of its noun: what it costs, or whether there is one."""
    kinds = {"price": _ASKS_WHAT_IT_COSTS, "existence": _ASKS_IF_THERE_IS}
    return {kind for kind, pattern in kinds.items() if pattern.search(question)}


def _find_near(agent: CalledAgent, sentence: Sentence) -> tuple[str, ...]:
    """Return the known questions that are about what looks like a service that there is not."""
    may_be = INFORMATION in agent.tools and sentence.intent is None  # "Wann könnte ich vorbeikommen?" asks for one
    noun = sentence.unknown_service if may_be else None
    return agent.catalogue.find_questions_about(f"ein {noun}") if noun else ()


def is_known_question(agent: CalledAgent, sentence: Sentence) -> bool:
    """Return whether a sentence is a question of the prompt, word for word, which the function answers whatever it is about."""
    return INFORMATION in agent.tools and agent.catalogue.find_question(sentence.text) is not None


def hear_further_question(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask about the business again: with the service that the last answer asks for, or that a further question is about."""
    asked = memory.asked_business
    if asked is None or is_known_question(agent, sentence):
        return Turn(memory)
    wishes = sentence.when or sentence.intent is Intent.APPOINTMENT  # "Dann möchte ich die Kutschfahrt am Samstag"
    if memory.asked == "services" and sentence.services and not wishes:
        question = {"question": sentence.text} if sentence.is_question else {}
        return _ask(agent, memory, {**asked.args, **question, "service": sentence.service or sentence.services[0]})
    if _FURTHER.fullmatch(sentence.text) and (same := _find_same(agent, sentence)):
        return _ask(agent, memory, {"topic": "other", "question": same})
    further = _read_further_question(sentence, asked.args)
    return _ask(agent, _note_service(agent, memory, sentence), further) if further else Turn(memory)


def _ask(agent: CalledAgent, memory: Memory, args: Mapping[str, str | None]) -> Turn:
    return call(agent, memory, INFORMATION, {name: value for name, value in args.items() if value})


def _read_further_question(sentence: Sentence, args: Mapping[str, str]) -> dict[str, str] | None:
    """Return the arguments of a question that goes on from the last one, which had `args`: "Und Färben?"; None if it does not."""
    is_other = _ASKS_OTHER.search(sentence.text)  # "Und wie viele Personen passen in die Kutsche?"
    if sentence.intent is not None or is_other or not _FURTHER.fullmatch(sentence.text):
        return None
    noun = None if sentence.when else _FURTHER_NOUN.fullmatch(sentence.text)  # of a service that there is not
    service = sentence.service or next(iter(sentence.services), None) or sentence.unknown_service or (noun and noun[1])
    if args.get("topic") in {"prices", "service"} and service and not sentence.when:
        return {**args, "question": sentence.text, "service": service}
    if args.get("topic") in _OF_A_BRANCH and (sentence.branch or "date" in sentence.when) and not service:
        said = {"date": sentence.when.get("date"), "branch": sentence.branch}
        return {**args, "question": sentence.text, **{name: words for name, words in said.items() if words}}
    return None


def _answer_question(sentence: Sentence, catalogue: Catalogue, service: str | None) -> _Answer | None:
    """Return the answer to a question, about a service or not; None if it is none, or asks for a list that is empty."""
    names: tuple[str, ...] = ()
    match sentence.intent:
        case Intent.AI:
            return _Answer("Ich bin ein KI-Assistent.")
        case intent if intent in _UNANSWERED:
            remark = (
                f"the agent has no function that says {_UNANSWERED[intent]}: add BusinessInformation to spec.functions of"
                " its RetellAgent; a real model could read them in the free text of `llm.prompt`, which this one does not interpret"
            )
            return _Answer(_UNKNOWN, remark)
        case Intent.WORKING_HOURS:
            return _Answer(
                _UNKNOWN, "no function and no section of the prompt says when a person works; ask for a free time"
            )
        case Intent.SERVICES:
            names = tuple(service.name for service in catalogue.services)
        case Intent.STAFF if sentence.branch:
            names = catalogue.teams.get(sentence.branch, ())
            if not names:
                return _Answer(_UNKNOWN, phrases.TEAM_NOT_KNOWN.format(sentence.branch))
        case Intent.STAFF:
            names = catalogue.find_able(service) if service else catalogue.staff
            if service and not names:
                return _Answer(_UNKNOWN, _WHO_DOES_WHAT)
    return _Answer(f"Sie können wählen: {', '.join(names)}. Was möchten Sie?") if names else None
