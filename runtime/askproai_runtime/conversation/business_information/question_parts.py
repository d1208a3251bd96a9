"""Split a caller's question into the topics that our answers cover and the open parts that no answer covers. Pure.

Words are compared; no meaning is guessed. If a part is called open although the answer covers it, the caller hears one sentence
too many. If an open part is ignored, the caller takes the answer for a complete one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_runtime.conversation.business_information.subjects import find_subjects, subject_patterns
from askproai_runtime.conversation.business_information.topics import (
    ASKS_BRANCHES,
    ASKS_NOTHING,
    BRANCHES,
    NO_NOUNS,
    Topic,
    is_covered,
)
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES, present_language, say
from askproai_runtime.spoken_times import Refusal, understand
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.questions
_MOST_NAMED: Final = 2  # open parts that a listener can follow
_MOST_WORDS: Final = 40  # of a question
_MIN_LETTERS: Final = 3
_CATCHWORDS: Final = 2  # words of a question that is no sentence: "Hunde erlaubt?"
_SAME_ENDING: Final = 2  # letters in which two forms of a word differ
_MIN_STEM: Final = 4


def _any_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b")


# In each language of callers, whatever the language of the call is.
_WEEKDAYS: Final = frozenset(fold(day) for words in SENTENCES.values() for day in words.weekdays)
# Folded words with which a topic is asked about, whatever the model has called it.
_ASKS: Final[dict[Topic, re.Pattern[str]]] = {
    topic: _any_of(getattr(UNDERSTOOD.topics, topic)) for topic in Topic if topic is not Topic.OTHER
}
# Further words that say enough where the model has named the topic: alone they may be of anything.
_ASKS_OF_ARGUMENT: Final = {topic: _any_of(getattr(UNDERSTOOD.named_topics, topic)) for topic in _ASKS}
_ALIASES: Final = {
    topic: _any_of("|".join(word for word, name in UNDERSTOOD.topics.names.items() if name == topic))
    for topic in Topic
    if topic in UNDERSTOOD.topics.names.values()
}
# An answer to the first says what the second asks for.
_COVERS: Final = (
    (Topic.SERVICE, Topic.PRICES),
    (Topic.OPENING_HOURS, Topic.CLOSED_DAYS),
    (Topic.CLOSED_DAYS, Topic.OPENING_HOURS),
    (Topic.CANCELLATION, Topic.PRICES),
)
_QUESTION_END: Final = re.compile(r"(?<=[?!])\s+|(?<=[^\W\d]{2}\.)\s+")
_SENTENCE_END: Final = re.compile(r"(?<=[^\W\d]{3}[.!?])\s+(?=[A-ZÄÖÜ])")
YES_OR_NO: Final = re.compile(rf"(?:{_WORDS.yes_or_no})\s*[,.;:!–-]", re.IGNORECASE)
BETWEEN_CLAUSES: Final = re.compile(rf"\s+(?:{_WORDS.and_words})\s+|[,?!]\s*")
# Each pair means something else than its words do.
_PAIR: Final = re.compile(rf"\b({_WORDS.before_pair}) ({_WORDS.behind_pair})\b")
_AMOUNT_TO_PAY: Final = _any_of(f"{_WORDS.to_pay}|{_WORDS.something_to_pay}")
_WORD: Final = re.compile(r"[^\W\d_][\w'’-]*")
_NAMED_BEFORE: Final = _WORDS.titles | _WORDS.before_name
_NO_NOUNS: Final = ASKS_NOTHING | NO_NOUNS
_ARTICLE: Final = re.compile(_WORDS.article, re.IGNORECASE)
_ASKS_FOR_A_NOUN: Final = re.compile(_WORDS.asks_for_noun)
_INFLECTED: Final = re.compile(_WORDS.inflected)
_ADVERB: Final = re.compile(_WORDS.adverb)
_POSSESSIVE: Final = re.compile(r"(\w[\w-]*)['’]s")


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part of a question that no topic answers: its words, and the name of its subject if that is known, such as parking.

    `clause` is the folded clause around the words, set only if the words are not to be repeated to the caller.
    """

    words: str
    subject: str = ""
    clause: str = ""


def read_topic(said: str) -> Topic:
    """Return the topic of a folded argument: by its name, else by words that ask about one (`price`, `hours`), else `other`.

    A `cancellation_fee` is about the cancellation.
    """
    if (name := said.replace(" ", "_")) in set(Topic):
        return Topic(name)
    said = _drop_online_addresses(said)
    if _ASKS[Topic.CANCELLATION].search(said):
        return Topic.CANCELLATION
    found = (
        topic
        for asks in (_ASKS, _ASKS_OF_ARGUMENT, _ALIASES)
        for topic, pattern in asks.items()
        if pattern.search(said)
    )
    return next(found, Topic.OTHER)


def list_topics(argument: Topic, words: str, *, names_day: bool) -> list[Topic]:
    """Return the topics that folded words ask about, the model's own (`argument`) first; empty if no word asks about a topic.

    `names_day`: the question names a day. Then the topic hours needs no further word if the model has named it.
    """
    words = _drop_online_addresses(words)
    asked = [topic for topic, pattern in _ASKS.items() if pattern.search(words)]
    is_asked = (pattern := _ASKS_OF_ARGUMENT.get(argument)) is not None and pattern.search(words) is not None
    if argument in {Topic.OPENING_HOURS, Topic.CLOSED_DAYS} and names_day:
        is_asked = True
    covered = {second for first, second in _COVERS if first is argument}
    if argument not in asked and (is_asked or not covered.isdisjoint(asked)):
        asked.append(argument)
    for first, second in _COVERS:
        if first in asked and second in asked and (second is not argument or first is Topic.SERVICE):
            asked.remove(second)
    if {argument, Topic.CANCELLATION} <= {*asked} and argument is Topic.PRICES:  # "Kostet die Absage etwas?"
        clauses = [each for each in BETWEEN_CLAUSES.split(words) if _ASKS[Topic.PRICES].search(each)]
        if clauses and all(_ASKS[Topic.CANCELLATION].search(each) for each in clauses):
            asked.remove(Topic.PRICES)
    return sorted(asked, key=lambda topic: topic is not argument)


def _drop_online_addresses(words: str) -> str:
    return re.sub(subject_patterns()["online_address"], " ", words)


def asked_sentences(text: str) -> str:
    """Return the questions in a text; the whole text if it has no question mark."""
    sentences = _QUESTION_END.split(text)
    return " ".join([sentence for sentence in sentences if sentence.endswith("?")] or sentences)


def split_clauses(text: str) -> list[str]:
    """Return the clauses of the questions in a text."""
    return [each for each in BETWEEN_CLAUSES.split(asked_sentences(text)) if each]


def leave_out_branches(text: str) -> tuple[str, bool]:
    """Return a question without the clauses that only ask which branches exist, and whether it had such a clause."""
    clauses = BETWEEN_CLAUSES.split(text)
    others = [
        each
        for each in clauses
        if BRANCHES.isdisjoint(words := fold(each).split()) or not ASKS_BRANCHES.issuperset(words)
    ]
    return (f" {say().and_word} ".join(others), True) if len(others) < len(clauses) else (text, False)


def words_of_topic(topic: Topic, words: str, asked: Collection[Topic]) -> str:
    """Return the clauses that ask about no other topic, or all `words` if none is left. A day in them belongs to `topic`."""
    others = [pattern for each, pattern in _ASKS.items() if each in asked and each is not topic]
    clauses = [each for each in BETWEEN_CLAUSES.split(words) if each]
    own = [each for each in clauses if not any(pattern.search(fold(each)) for pattern in others)]
    return f" {say().and_word} ".join(own) or words


def list_parts(text: str, known: Collection[str], at: datetime, zone: ZoneInfo) -> list[OpenPart]:
    """Return the subjects and nouns of a question that no topic covers. `known` are folded words of the config."""
    asked = asked_sentences(text)
    found = _find_subjects(fold(asked))
    parts = [OpenPart(words[0], subject) for subject, words in found.items()]
    covered = {*known, *BRANCHES, *(word for words in found.values() for each in words for word in each.split())}
    covered |= UNDERSTOOD.question_words.counts
    for word in dict.fromkeys(_nouns(asked)):
        plain = fold(word)
        is_of_topic = any(each.search(plain) for each in (*_ASKS.values(), *_ASKS_OF_ARGUMENT.values()))
        is_known = not covered.isdisjoint(plain.split()) or _find_subjects(plain) or is_of_topic
        if not is_known and not is_day(word, at, zone):
            parts.append(OpenPart(word))
    return parts


def list_uncovered(
    text: str, topics: Collection[Topic], known: frozenset[str], at: datetime, zone: ZoneInfo
) -> list[OpenPart]:
    """Return the words that neither the answers to `topics` nor `known` words cover. Clauses with a subject are left out."""
    asks = [_ASKS[second] for first, second in _COVERS if first in topics]
    found = dict[str, OpenPart]()
    for clause in map(fold, BETWEEN_CLAUSES.split(asked_sentences(text))):
        words = [] if _find_subjects(clause) else _PAIR.sub(r"\1\2", clause).split()
        for before, word, behind in zip(["", *words], words, [*words[1:], ""], strict=False):
            is_known = (
                not known.isdisjoint({word, f"{before} {word}"})
                or word in ASKS_NOTHING
                or word in BRANCHES
                or before in _WORDS.titles
                or any(_counts_services(topic, before, word) for topic in topics)
            )
            if (
                not is_known
                and not word.isdecimal()
                and len(word) > 1
                and not (any(covers(topic, word) for topic in topics) or any(each.fullmatch(word) for each in asks))
                and not (is_day(word, at, zone) or is_day(f"{word} {behind}", at, zone))  # "boxing day"
            ):
                found[word] = OpenPart(word, clause=clause)
    return [*found.values()]


def _find_subjects(folded: str) -> dict[str, list[str]]:
    """Return the subjects in folded words, each with its matches. An amount to pay is a price, not the subject payment."""
    return find_subjects(_AMOUNT_TO_PAY.sub(" ", folded))


def _counts_services(topic: Topic, before: str, word: str) -> bool:
    """Return whether a folded word counts services whose price or length is asked for: "beide zusammen", "the two of them"."""
    is_of_people = before in UNDERSTOOD.question_words.before_people
    return word in UNDERSTOOD.question_words.counts and not is_of_people and topic in {Topic.PRICES, Topic.SERVICE}


def covers(topic: Topic, word: str) -> bool:
    """Return whether the answer to a topic covers a folded word."""
    patterns = (asks.get(topic) for asks in (_ASKS, _ASKS_OF_ARGUMENT, _ALIASES))
    return is_covered(word, topic) or any(each is not None and each.fullmatch(word) for each in patterns)


def _nouns(text: str) -> Iterator[str]:
    """Yield the nouns of a text. German nouns are found by the capital letter, which the first word of a sentence has anyway."""
    for sentence in _QUESTION_END.split(text):
        words = _WORD.findall(sentence)[:_MOST_WORDS]
        if present_language() is not Language.DE:
            yield from _nouns_by_words_before(words)
            continue
        if sentence[1:].islower() and len(words) > _CATCHWORDS:
            yield from _uncapitalised_nouns(words)
            continue
        for before, word in pairwise(["", *words]):
            folded = fold(word)
            if len(folded) < _MIN_LETTERS or folded in _NO_NOUNS or fold(before) in _NAMED_BEFORE:
                continue
            is_noun = word[0].isupper() and (bool(before) or len(words) <= _CATCHWORDS or word.isupper())
            if is_noun:
                yield word


def _uncapitalised_nouns(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(map(fold, words)):
        has_article = at > 0 and _ARTICLE.fullmatch(words[at - 1]) is not None
        is_asked_for = has_article or _ASKS_FOR_A_NOUN.fullmatch(" ".join(words[max(at - 2, 0) : at]))
        behind = fold(words[at + 1]) if at + 1 < len(words) else ""
        ends = not behind or (behind in _NO_NOUNS - _WORDS.nouns_of_nothing) or (has_article and behind.endswith("en"))
        says_nothing = len(word) < _MIN_LETTERS or word in _NO_NOUNS or _ADVERB.fullmatch(word)
        if is_asked_for and not says_nothing and (ends or not _INFLECTED.fullmatch(word)):
            yield words[at]


def _nouns_by_words_before(words: Sequence[str]) -> Iterator[str]:
    """Yield nouns in languages that do not capitalise them: by the word before them, with their owner (`owner's name`).

    An owner without a noun is a noun.
    """
    is_next, owner = len(words) == 1, ""
    for word in words:
        folded, possessive = fold(word), _POSSESSIVE.fullmatch(word)
        if is_next and (possessive or folded in _WORDS.beside_noun):
            owner = word if possessive else owner
            continue
        is_empty = len(folded) < _MIN_LETTERS or folded in _NO_NOUNS
        if is_next and not is_empty:
            yield f"{owner} {word}".strip()
        elif owner:
            yield owner[:-2]
        is_next, owner = word.casefold() in _WORDS.before_noun, ""
    if owner:
        yield owner[:-2]


def is_day(word: str, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a word is a day in the language of the call, or a weekday in any language."""
    understood = understand(word, at=at, zone=zone)
    is_weekday = fold(word).removesuffix("s") in _WEEKDAYS
    return bool(understood.candidates) or is_weekday or understood.refused in {Refusal.PAST, Refusal.IMPOSSIBLE}


def leave_open(parts: Sequence[OpenPart], answered: str) -> list[OpenPart]:
    """Return the parts of a question without a word in the text of the answers (`answered`): they stay unanswered."""
    said = fold(answered)
    return [part for part in parts if not _has_word(part, said)]


def drop_around_nouns(parts: Sequence[OpenPart]) -> list[OpenPart]:
    """Return the unanswered parts of a question; of a clause with an unanswered noun, only the noun is left for the caller."""
    nouns = [f" {fold(part.words)} " for part in parts if not part.clause]
    return [part for part in parts if not part.clause or not any(noun in f" {part.clause} " for noun in nouns)]


def _has_word(part: OpenPart, said: str) -> bool:
    if part.subject:
        return re.search(subject_patterns()[part.subject], said) is not None
    words = [each for each in fold(part.words).split() if len(each) >= _MIN_LETTERS]
    is_same = is_same_word if part.clause else _same_stem
    return any(is_same(each, word) for each in words for word in said.split())


def find_sentence(part: OpenPart, texts: Iterable[str]) -> str | None:
    """Return the first declared sentence with a word of the part, else the first about the part's subject, else None.

    For a part with a subject, only sentences about this subject count: "insurance card" is not about paying. A sentence that
    begins with yes or no answers another question, and is left out.
    """
    sentences = [each for text in texts for each in _SENTENCE_END.split(text) if each and not YES_OR_NO.match(each)]
    if part.subject:
        pattern = subject_patterns()[part.subject]
        sentences = [each for each in sentences if re.search(pattern, fold(each))]
    words = [each for each in fold(part.words).split() if len(each) >= _MIN_LETTERS and each not in _NO_NOUNS]
    for sentence in sentences:
        if any(is_same_word(each, word) for each in words for word in fold(sentence).split()):
            return sentence
    return next(iter(sentences), None) if part.subject else None


def is_same_word(said: str, word: str) -> bool:
    """Return whether two folded words are forms of one word, or `word` is a compound that ends with `said`: `Karte`,
    `EC-Karten`. A compound that only begins with `said` has another meaning: `Hund` and `Hundesalon`.
    """
    stem = said[: max(_MIN_STEM, len(said) - _SAME_ENDING)]
    is_form = abs(len(word) - len(said)) <= _SAME_ENDING and word.startswith(stem)
    at = word.rfind(stem)
    is_head = len(said) >= _MIN_STEM and at > 0 and len(word) - at - len(said) <= _SAME_ENDING
    return is_form or is_head


def _same_stem(said: str, word: str) -> bool:
    """Return whether two folded words are forms of one word, or one contains the other: `Karte` and `EC-Karten`."""
    stem = said[: max(_MIN_STEM, len(said) - _SAME_ENDING)]
    return stem in word or (len(word) > _MIN_STEM and said.startswith(word))


def say_open(parts: Sequence[OpenPart]) -> str:
    """Return the sentences about the parts of a question that stay unanswered."""
    own = [say().subjects_not_known[part.subject] for part in parts if part.subject]
    named = [part.words for part in parts if not part.clause and not part.subject]
    if 0 < len(named) <= _MOST_NAMED:
        own.append(say().nothing_about.format(words=join_list(named, say().and_word)))
    if len(named) > _MOST_NAMED or any(part.clause for part in parts):
        own.append(say().more_not_known)
    return " ".join(own)
