"""The services, staff, branches and questions that an agent's prompt names, and which of them a caller's words mean.

The demo's agent knows about a business what a real model is given: the sections `Buchbar`, `Team` and `Häufige Fragen` of the
prompt at Retell.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from askproai_runtime.german_dates import is_understood
from askproai_sandbox.caller.known_questions import asked_words
from askproai_sandbox.caller.service import (
    INFINITIVE,
    Service,
    begins_name,
    find_said,
    find_said_exactly,
    is_together,
    names_of,
)
from askproai_sandbox.caller.spoken_time import Times
from askproai_sandbox.caller.visit_lengths import find_lengths
from askproai_sandbox.caller.word_forms import VISITS, alike, plain, stem, stem_of_noun, words_of

_SERVICE = re.compile(
    r"- (?P<name>.+) \((?P<minutes>\d+) Minuten(?:, davon \d+ Minuten Wartezeit|(?:, bei .+? \d+ Minuten)+)?"
    r"(?:; auch: (?P<spoken>.+))?\)(?P<only>, nur (?:in|bei) .+)?"
)
_ONLY_WITH = re.compile(r", nur bei (?P<staff>.+)")
_TEAM = re.compile(r"- (?P<branch>.+): (?P<staff>.+)")  # a branch may have a colon in its name
_LINE = re.compile(r"- (?P<text>.+)")
_TITLES = frozenset(
    {"dr", "doktor", "doktorin", "prof", "professor", "professorin", "frau", "herr", "herrn", "med", "dent"}
)
_SPELLINGS = {"dr": ("dr", "doktor"), "doktor": ("dr", "doktor"), "herr": ("herrn",)}  # of titles
_OWN_APPOINTMENT = re.compile(r"\b(?:den|meinen?|unseren?|der|mein) (?:\w+ )?Termine?\b")
_ANY_VISIT = re.compile("|".join((*VISITS, "dings")), re.IGNORECASE)
_FIRST_QUESTION = re.compile(r"[^?]*\?(?=\s+\w)")
_CLAUSE = re.compile(r"[,.;:!]\s+")
_WISHES = re.compile(
    r"\b(?:Termine?|buchen|brauche|bräuchte|möchte|hätte|würde|will|nehme|ja|nein|gerne?|verschieben|absagen|Warteliste)\b|\?",
    re.IGNORECASE,
)
_ONLY_MEANS = re.compile(  # "Ich möchte meiner Schwester was schenken"
    r"\b(?:möchte|will|würde)\b(?![^.?!]*\b(?:eine[nrs]?|\w*kommen|machen|haben)\b)", re.IGNORECASE
)
_MODALS = frozenset(
    {"muss", "müssen", "darf", "dürfen", "kann", "können", "soll", "bekomme", "gibt", "nehmen", "verkaufen"}
)
_FOR_TWO = re.compile(
    r"\bzu zweit\b|\bfür (?:zwei|2|Paare)\b|\bPaar(?!e\b)|\bPärchen|\bPartner|\bPartnerschaft", re.IGNORECASE
)
_FOR_MANY = re.compile(r"\bFamilien?\b|\bFamilien[a-zäöü-]|\bGruppen?\b|\bGruppen[a-zäöü-]", re.IGNORECASE)
_VISIT = "termin"
_NO_SERVICE_WORDS = frozenset(
    {_VISIT, "termine", "einen", "eine", "bitte", "haben", "hätte", "möchte", "brauche", "gerne", "schade"}
)
_WORD_OR_COMMA = re.compile(r"\w+|[,;]")
_BEFORE_WISH = re.compile(  # "eine Lymphdrainage und …", not "… für meine Katze"
    r"(?:^|[,;:.!?]|\b(?:ein(?:e[nmr]?)?|ne|nen|einmal|die|den|das|der|zur|zum|und|plus|sowie|oder|noch|auch|nur|lieber|doch"
    r"|dann|sondern|statt|nein|nee|ohne|keine?n?))\s*$",
    re.IGNORECASE,
)
_FAMILY_NAME = re.compile(r"Familie (?=[A-ZÄÖÜ])")  # "Ja, auf Familie Meier"
_NOUN = re.compile(r"(?<=[^.!?\s] )[A-ZÄÖÜ][\w-]{3,}")  # the first word of a sentence has a capital anyway
_ANY_NOUNS = frozenset({
    "ihnen", "ihre", "ihren", "ihrem", "euch", "termin", "termine", "moment", "frage", "danke", "stunde", "frau", "herr", "herrn",
    "doktor",
})  # fmt: skip
_AT_PLACE = (
    r"(?i:(?:ins?|im|am|ans?|nach|zu|zum|zur|bei|beim|auf)(?: (?:Ihnen|euch))?(?: (?:in|im|am|an|bei))?"
    r"(?: (?:der|die|das|den|dem))?)"
)
_NO_PREPOSITION = r"(?!(?:in|im|am|an|bei|zu|nach)\b)"  # "am Mittwoch in Bonn" is a day before a place
_PLACES = (
    "werkstatt",
    "schule",
    "praxis",
    "studio",
    "salon",
    "zentrum",
    "halle",
    "filiale",
    "laden",
    "atelier",
    "station",
)
_COMBINES = re.compile(r"\w (?:und|mit|&|\+) \w")  # a name of several things
_Positions: TypeAlias = dict[str, frozenset[int]]  # of words, by the name of the service


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the prompt names. `branches` are those that have staff; several are behind a hotline."""

    services: tuple[Service, ...] = ()
    staff: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()  # for which the agent answers
    other_branches: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the staff by branch

    @property
    def all_branches(self) -> tuple[str, ...]:
        """Return the other branches of the business, and then those for which the agent answers."""
        return (*self.other_branches, *self.branches)

    def find_able(self, services: str) -> tuple[str, ...]:
        """Return the staff who can do a visit's services (names, separated by ", "); nobody where the prompt does not say."""
        able = list(self.staff)
        for name in services.split(", "):
            service = next((each for each in self.services if each.name == name), None)
            if service is None or (service.staff is None and not service.is_everywhere):
                return ()
            able = [each for each in able if service.staff is None or each in service.staff]
        return tuple(able)

    def is_for_all(self, name: str | None, people: int) -> bool:
        """Return whether a service is one for so many people by its names: "Paarbehandlung" for two, "Verleih für Familien"."""
        names = [said for each in self.services if each.name == name for said in names_of(each)]
        return any(_FOR_MANY.search(each) or (people <= 2 and _FOR_TWO.search(each)) for each in names)

    def find_question(self, text: str) -> str | None:
        """Return the known question that a sentence is, word for word but for what only leads to it or fills it.

        A real model also recognises its meaning.
        """
        asked = {" ".join(words): question for question in self.questions if (words := asked_words(question))}
        ends = [text[at.end() :] for at in _CLAUSE.finditer(text) if not self._may_wish(text[: at.start()])]
        said = (" ".join(asked_words(each)) for each in (text, *ends, self.cut_report(text)))
        return next((asked[each] for each in said if each in asked), None)

    def cut_report(self, text: str) -> str:
        """Return a question without what is reported behind it: "Machen Sie auch Hausbesuche? Meine Mutter ist krank."."""
        asks = _FIRST_QUESTION.match(text)
        report = _ONLY_MEANS.sub("", text[asks.end() :]) if asks else ""
        return asks[0] if asks and not self._may_wish(report) else text

    def _may_wish(self, text: str) -> bool:
        """Return whether what is said before a question may ask for an appointment, or accept one: it is not left out then."""
        return bool(_WISHES.search(text) or self.find_services(text) or Times(text).marked != text)

    def find_reworded_question(self, text: str) -> str | None:
        """Return the only known question that begins as a sentence does, and has its nouns in other forms.

        "Muss ich etwas anzahlen?" is "Muss ich eine Anzahlung leisten?".
        """
        said, found = asked_words(text), list[str]()
        for question in self.questions:
            nouns = [plain(noun) for noun in _NOUN.findall(question)]
            is_alike = (
                said[:1]
                and said[0] in _MODALS
                and nouns
                and all(any(alike(noun, word) for word in said) for noun in nouns)
            )
            if is_alike and asked_words(question)[:2] == said[:2]:
                found.append(question)
        return found[0] if len(found) == 1 else None

    def find_questions_about(self, text: str) -> tuple[str, ...]:
        """Return the known questions with a noun of a text in them."""
        said = self.find_nouns(text)
        return tuple(each for each in self.questions if said & self.find_nouns(each))

    def find_nouns(self, text: str) -> frozenset[str]:
        """Return what a text is about, by the stems of its nouns, but for services, people, days and nouns such as "Termin"."""
        people = {word for name in self.staff for word in words_of(name)}
        nouns = (noun for noun in _NOUN.findall(text) if noun.casefold() not in _ANY_NOUNS | people)
        return frozenset(
            stem_of_noun(noun) for noun in nouns if not self.find_services(noun) and not is_understood(noun)
        )

    def find_services(self, text: str) -> tuple[str, ...]:
        """Return the names of the services that a sentence means, in the order said.

        They are those that are named in full, else those of which a word is said.

        A name that is part of another counts only if it is said apart from the other.
        """
        said = self._find_said(text)
        return tuple(sorted(said, key=lambda name: min(said[name])))

    def names_in_full(self, text: str) -> bool:
        """Return whether a sentence names a service in full, and not only by a word of it, which may mean something else."""
        said = {stem(word) for word in words_of(text)}
        names = [name for service in self.services for name in names_of(service)]
        return any({stem(word) for word in words_of(name)} <= said for name in names)

    def leave_out_verbs(self, text: str) -> str:
        """Return a text without the verb of a service that it names ("Rollrasen verlegen"), which says nothing else then.

        It is left in where an own appointment is spoken of: "meinen Termin für Rollrasen verlegen".
        """
        if _OWN_APPOINTMENT.search(text):
            return text
        said = {stem(word) for word in words_of(text)}
        for name in (each for service in self.services for each in names_of(service)):
            verbs = INFINITIVE.findall(name)
            nouns = {stem(word) for word in words_of(name)} - {stem(verb) for verb in verbs}
            if verbs and nouns and nouns <= said:
                forms = "|".join(f"{re.escape(verb.removesuffix('n').removesuffix('e'))}(?:e?n?|e?t)" for verb in verbs)
                text = re.sub(rf"\b(?:{forms})\b", "", text)
        return text

    def names_kind(self, noun: str) -> bool:
        """Return whether a noun ends a word of a service's name, and so names its kind: "Massagen" of Rückenmassage."""
        said = stem(plain(noun))
        return any(
            stem(word).endswith(said)
            for service in self.services
            for name in names_of(service)
            for word in words_of(name)
        )

    def means_all(self, text: str) -> bool:
        """Return whether all services of a sentence are wanted together: other words mean each of them, and no "oder" is said."""
        said = self._find_said(text)
        others = {name: frozenset[int]().union(*(said[other] for other in said.keys() - {name})) for name in said}
        apart = all(at - others[name] for name, at in said.items())  # "Waxing, Beine und Achseln"
        return apart and "oder" not in words_of(text)

    def names_any_visit(self, text: str) -> bool:
        """Return whether a text names a service only by a word for all of them: "so eine Behandlung" is no Warzenbehandlung."""
        text = unicodedata.normalize("NFC", text)
        said = [text[start:end] for start, end, _ in self.find_service_words(text)]
        return bool(said) and not self.names_in_full(text) and all(_ANY_VISIT.fullmatch(word) for word in said)

    def find_service_words(self, text: str) -> tuple[tuple[int, int, frozenset[str]], ...]:
        """Return where the words are that name services, in a text in the form NFC of Unicode, and which services each names."""
        said, tokens = self._find_said(text), self._service_tokens(text)
        named = {at: frozenset(name for name, found in said.items() if at in found) for at in range(len(tokens))}
        return tuple((token.start(), token.end(), named[at]) for at, token in enumerate(tokens) if named[at])

    def _find_said(self, text: str) -> dict[str, frozenset[int]]:
        text = unicodedata.normalize("NFC", text)
        tokens = self._service_tokens(text)
        words = [plain(token[0]) for token in tokens]
        named = {service.name: find_said(service, words, in_full=True) for service in self.services}
        by_word = {service.name: find_said(service, words, in_full=False) for service in self.services}
        of_length, at_length = self._find_of_length(text, tokens, by_word)
        if of_length:  # "eine Stunde" is then no "Probestunde"
            named = {name: at if name in of_length else at - at_length for name, at in named.items()}
            by_word = {name: of_length.get(name, frozenset()) for name in by_word}
        if any(named.values()):
            in_full = frozenset[int]().union(*named.values())
            wished = {at for at, token in enumerate(tokens) if _is_wish(text, token)}
            exact = {each.name: find_said_exactly(each, words) for each in self.services}
            # "eine Lymphdrainage und eine Massage": beside the name in full, the word of "Manuelle Lymphdrainage"
            named = {
                name: said or (by_word[name] & exact[name] & wished if by_word[name].isdisjoint(in_full) else said)
                for name, said in named.items()
            }
        else:
            named = self._with_compounds(by_word, words)
        exact = {each.name: find_said_exactly(each, words) for each in self.services if named[each.name]}
        others = _of_other_compounds(text, tokens, named)
        named = {name: frozenset() if said <= others else said for name, said in named.items()}
        together = {each.name: is_together(each, words) for each in self.services}
        combined = frozenset[int]().union(*(said for name, said in named.items() if _COMBINES.search(name)))
        # "Haare schneiden und Bart" is "Haare und Bart", and no "Haarschnitt" beside it
        named = {
            name: said if _COMBINES.search(name) or said.isdisjoint(combined) else frozenset()
            for name, said in named.items()
        }
        # "Paarmassage" is that service, and not "Massage", too; "Beratung" is not only "Telefonische Beratung"
        whole = {
            each.name: exact[each.name] & find_said(each, words, in_full=True)
            for each in self.services
            if each.name in exact
        }
        named = {
            name: frozenset(
                at for at in said if at in exact[name] or not any(at in whole[other] for other in exact.keys() - {name})
            )
            for name, said in named.items()
        }
        return {
            name: said
            for name, said in named.items()
            if said
            and not any(said < other and together[wider] for wider, other in named.items())
            # "Nägel" of "Nägel auffüllen" says what is done there, and is no second service such as "Gelnägel"
            and (said & exact[name] or not any(_are_beside(said, other) for other in exact.values()))
        }

    def _service_tokens(self, text: str) -> list[re.Match[str]]:
        """Return the words that may name a service, with the commas between them; "Termin" only of "erster Termin"."""
        before = {
            stem(first)
            for service in self.services
            for name in names_of(service)
            for first, second in pairwise(words_of(name))
            if second == _VISIT
        }
        words = list(_WORD_OR_COMMA.finditer(text))
        return [
            token
            for last, token in zip([None, *words], words, strict=False)
            if (plain(token[0]) not in _NO_SERVICE_WORDS and not _FAMILY_NAME.match(text, token.start()))
            or (last is not None and stem(plain(last[0])) in before and plain(token[0]) == _VISIT)
        ]

    def _with_compounds(self, by_word: _Positions, words: Sequence[str]) -> _Positions:
        """Return the services of a text's words, and where a word is only the end of a compound, those whose name it begins.

        "Klavier" is the end of Mietklavier, and may also mean Klavierstimmung or Klaviertransport: it is asked which.
        """
        exact = frozenset[int]().union(*(find_said_exactly(each, words) for each in self.services))
        ends = frozenset[int]().union(*by_word.values()) - exact
        return {
            each.name: by_word[each.name] | frozenset(at for at in ends if begins_name(words[at], each))
            for each in self.services
        }

    def _find_of_length(
        self, text: str, tokens: Sequence[re.Match[str]], by_word: _Positions
    ) -> tuple[_Positions, set[int]]:
        """Return the services of a length that a text says, of those that a word of it means, and where the length is said:
        "30 Minuten Klavier". A length alone means the service that has it in its name: "die mit 45 Minuten".
        """
        lengths = find_lengths(text)
        at = {
            index
            for index, token in enumerate(tokens)
            if any(start <= token.start() < end for start, end in lengths.values())
        }
        long = {each.name for each in self.services if each.minutes in lengths}
        found = {name: said for name, said in by_word.items() if name in long and said - at}
        if not found and not any(said - at for said in by_word.values()):
            named = (name for name in long if any(str(minutes) in words_of(name) for minutes in lengths))
            found = dict.fromkeys(named, frozenset(at))
        return (found, at) if found else ({}, set())

    def take_branch(self, text: str) -> tuple[str | None, str]:
        """Return the branch that a sentence names after a preposition, by a word that is in the name of no other; and the rest."""
        text = self._leave_out_replaced(text)
        for name in self.all_branches:
            named = rf"(?:{re.escape(name)}|(?:{_NO_PREPOSITION}\w+ ){{0,2}}?(?:{self._own_words(name)}))"
            if found := re.search(rf"\b{_AT_PLACE} {named}(?:-?[Ff]iliale)?\b", text):
                return name, f"{text[: found.start()]} , {text[found.end() :]}"
        return None, text

    def _leave_out_replaced(self, text: str) -> str:
        """Return a text without a branch that another one replaces: "statt nach Flöha auf den Kaßberg"."""
        for name in self.all_branches:
            replaced = rf"\b(?:an)?statt (?:{_AT_PLACE} )?(?:{re.escape(name)}|{self._own_words(name)})\b"
            left = re.sub(replaced, ",", text)
            others = (self._own_words(other) for other in self.all_branches if other != name)
            if left != text and any(re.search(words, left) for words in others):
                return left
        return text

    def is_place(self, word: str) -> bool:
        """Return whether a word is a place of business, or in the name of a branch: "bei der Tanzschule"."""
        return word.casefold().endswith(_PLACES) or any(word in branch.split() for branch in self.all_branches)

    def name_place(self, text: str) -> str:
        """Return a text that begins with a branch after a preposition: "in Mitte" for "Mitte"; else as it is."""
        for name in self.all_branches:
            if re.match(rf"\W*(?:{re.escape(name)}|{self._own_words(name)})\b", text):
                return f" in {text.lstrip(' ,')}"
        return text

    def _own_words(self, branch: str) -> str:
        """Return a pattern of the words of a branch's name that are in the name of no other."""
        others = {word for other in self.all_branches if other != branch for word in words_of(other)}
        own = [word for word in re.findall(r"[A-ZÄÖÜ][\w-]+", branch) if word.casefold() not in others]
        ends = [f"(?i:{re.escape(end)})" for word in own if (end := _last_part(word)) and not _is_end_of(end, others)]
        return "|".join((*map(re.escape, own), *ends)) or "(?!)"

    def find_staff(self, said: str) -> str | None:
        """Return the only staff member whose name has all words that were said, titles aside; None if there is not exactly one."""
        words = [word for word in words_of(said) if word not in _TITLES]
        found = {name for name in self.staff if words and set(words) <= set(words_of(name))}
        return found.pop() if len(found) == 1 else None

    def find_titled_staff(self, text: str) -> str | None:
        """Return the staff member whose full name of several words is in a sentence, however its title is spelt."""
        words = " ".join(words_of(text))
        for name in self.staff:
            title, *others = words_of(name)
            if others and any(f"{each} {' '.join(others)}" in words for each in {title, *_SPELLINGS.get(title, ())}):
                return name
        return None


def read_catalogue(prompt: str) -> Catalogue:
    """Read the sections `Buchbar`, `Team` and `Häufige Fragen` of a prompt; an unknown form of a line is skipped."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in prompt.splitlines():
        if line.startswith("## "):
            lines = sections.setdefault(line.removeprefix("## "), [])
        else:
            lines.append(line)
    services = _matches(_SERVICE, sections.get("Buchbar", ()))
    teams = _matches(_TEAM, sections.get("Team", ()))
    return Catalogue(
        services=tuple(map(_read_service, services)),
        staff=tuple(dict.fromkeys(name for m in teams for name in _split(m["staff"]))),
        teams={m["branch"]: tuple(_split(m["staff"])) for m in teams},
        branches=tuple(m["branch"] for m in teams),
        other_branches=tuple(m["text"] for m in _matches(_LINE, sections.get("Weitere Filialen", ()))),
        questions=tuple(m["text"] for m in _matches(_LINE, sections.get("Häufige Fragen", ()))),
    )


def _read_service(line: re.Match[str]) -> Service:
    only = line["only"] or ""
    able = _ONLY_WITH.search(only)
    staff = tuple(able["staff"].split(" und ")) if able else None
    everywhere = not only.startswith(", nur in ")
    return Service(line["name"], tuple(_split(line["spoken"])), staff, everywhere, int(line["minutes"]))


def _matches(pattern: re.Pattern[str], lines: Iterable[str]) -> list[re.Match[str]]:
    return [match for line in lines if (match := pattern.fullmatch(line))]


def _split(names: str | None) -> list[str]:
    return names.split(", ") if names else []


def _is_wish(text: str, token: re.Match[str]) -> bool:
    """Return whether a word is a noun that may be wanted for itself, by what is before it."""
    return token[0][0].isupper() and bool(_BEFORE_WISH.search(text[: token.start()]))


def _last_part(word: str) -> str | None:
    """Return what callers shorten a name to, where it has one of the usual ends: "werkstatt" of "Klavierwerkstatt"."""
    folded = word.casefold()
    return next((end for end in _PLACES if folded.endswith(end) and folded != end), None)


def _is_end_of(end: str, words: Iterable[str]) -> bool:
    return any(word.endswith(end) for word in words)


def _of_other_compounds(text: str, tokens: Sequence[re.Match[str]], named: _Positions) -> frozenset[int]:
    """Return the positions of the words before a hyphen and a noun that is in no service's name: "Make-up-Auffrischung"."""
    said = frozenset[int]().union(*named.values())
    found: set[int] = set()
    for at, token in enumerate(tokens):
        is_part = at > 0 and text[tokens[at - 1].end() : token.start()] == "-"
        is_end = not text[token.end() :].startswith("-")
        if is_part and is_end and at not in said and token[0][0].isupper() and not _ANY_VISIT.match(token[0]):
            first = at
            while first > 0 and text[tokens[first - 1].end() : tokens[first].start()] == "-":
                first -= 1
            found.update(range(first, at))
    return frozenset(found)


def _are_beside(some: frozenset[int], others: frozenset[int]) -> bool:
    return any(at - 1 in others or at + 1 in others for at in some)
