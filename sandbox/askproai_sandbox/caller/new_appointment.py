"""What the demo's agent does for who wants a new appointment: it asks for free times, and books what is accepted. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from askproai_runtime.german_dates import WEEKDAYS, Argument, find_argument, fold
from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.agreement import is_unsure
from askproai_sandbox.caller.change import find_person, names_next_person, names_self
from askproai_sandbox.caller.choice import (
    Item,
    ask_again,
    ask_which,
    choose,
    find_at_time,
    find_ordinal,
    find_other_part,
    is_on_day,
    is_one_of_several,
    leave_out_days,
    name_offered_day,
    names_person,
    time_after,
)
from askproai_sandbox.caller.companions import MAX_COMPANIONS, Companion
from askproai_sandbox.caller.email_address import answer_email_question
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.memory import CalledAgent, Memory, Turn, call, loose_name, not_placed
from askproai_sandbox.caller.name_answer import read_names
from askproai_sandbox.caller.questions import TOPICS
from askproai_sandbox.caller.rejections import exclude, names_one_day, quote
from askproai_sandbox.caller.remarks import checks_appointment
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import are_understood, is_any_day, is_over, names_day
from askproai_sandbox.caller.team_requests import give_up

_ANY_TIME = re.compile(
    r"\b(?:egal|irgendwann|jederzeit|ganzen Tag|welche (?:Uhrz|Z)eiten|welche Termine)\b", re.IGNORECASE
)
_MAY_ANSWER_EMAIL = {None, Intent.GOODBYE, Intent.ADDRESS}  # "Ja, danke", "ohne Adresse"
_ASKS_WHO = re.compile(r"\bbei wem\b|\bwer macht\b", re.IGNORECASE)
_ALONE = re.compile(
    r"\beine?[nr]? gemeinsame[nrs]? (?:Termin|\w*[Ss]tunde|Sitzung|Besuch)\b|\b(?:nur|bloß) (?:für )?(?:mich|ich)\b"
    r"|\b(?:erst ?mal|zuerst|erstens|den ersten) (?:nur )?für mich\b"
    r"|\b(?:doch|ich) alleine?\b|\b(?:nur|bloß|bloss) ein(?:en)?(?: (?:einzige[nr]?|gemeinsame[nr]?))? Termin\b"
    r"|\b(?:nur|bloß|bloss) einen(?: (?:einzigen|gemeinsamen))?\b[^.?!]*\b(?:alle|zusammen|gemeinsam|uns)\b",
    re.IGNORECASE,
)
_WE = re.compile(  # "Meine Frau und ich möchten eine Beratung": which may be one for both
    r"\bfür (?:meine|unsere) \w*[Ee]ltern\b|\bfür die beiden\b|\b(?:[Mm]ein|[Uu]nser)e? [A-ZÄÖÜ]\w+ und ich\b"
    r"|\b[Ii]ch und (?:mein|unser)e? [A-ZÄÖÜ]\w+"
)
_EACH_OWN = re.compile(
    r"\b(?:jede[rs]?|jeweils|beide[rns]?|zwei|gleichzeitig|parallel|nebeneinander|getrennt)\b", re.IGNORECASE
)
_ALL_IN_ONE = re.compile(
    r"\b(?:zusammen|gemeinsam\w*|für (?:uns )?beide|ein(?:er|en|mal)? für|nur ein\w*)\b", re.IGNORECASE
)
_THEN = re.compile(r"\bdann\b", re.IGNORECASE)
_SELF, _RELATIVE = re.compile(r"\b(?:mich|mir|ich)\b", re.IGNORECASE), re.compile(r"\b(?:mein|unser)\w* [A-ZÄÖÜ]\w+")
_RATHER = re.compile(r"\b(?:aber|lieber|besser)\b", re.IGNORECASE)  # "Ja, aber lieber bei Anna"
_MAX_QUESTIONING_ANSWER = 2  # words
_MAX_WORDS_OF_ANSWER = 5  # "Und das Geld will ich auch zurück!" names no service
_NO_ANSWER = {("Und",), ("Aber",), ("Oder",)}
_MAY_BE_ABOUT_OFFERS = {None, Intent.APPOINTMENT, Intent.STAFF}  # "Bei wem wäre das?"


def hear_booking(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Book the offer that a sentence accepts, or ask for the times that it names."""
    accepted, memory = memory.accepted_offer, _drop_person(replace(memory, accepted_offer=None), sentence)
    prefers = _prefers_person(memory, sentence)
    chosen = None if prefers else find_chosen_offer(agent, memory, sentence)
    name = sentence.name or loose_name(agent, memory, sentence, asked=accepted is not None)
    person = None if accepted or sentence.companions else find_person(sentence, agent.catalogue)
    if person or (person is not None and memory.booked):  # without a name it is asked for
        kept = memory.details.get("customer_name", "") if memory.replaced_name is None else memory.replaced_name
        own = None if names_self(sentence) else kept
        memory = replace(memory.drop("customer_name"), replaced_name=own, is_person_declined=False)
        name = name or person
    names = read_names(sentence.text) if memory.companions else ()
    if len(names) == len(_nameless(memory)) + 1:  # "Ja, Anna Nym und Mia Nym"
        memory, name = _name_companions(memory, names[1:]), names[0]
    memory = memory.note(customer_name=name, email=sentence.email)
    if (
        accepted and chosen is None and sentence.other_time and not (name or sentence.when)
    ):  # "Geht auch später als vier?"
        return Turn(memory, phrases.ASK_TIME, phrases.NOT_UNDERSTOOD.format(sentence.text))
    if chosen is None and not sentence.no and not _asks_anew(memory, sentence):
        if accepted:
            chosen = accepted
        elif memory.offers and sentence.is_both and len(memory.offers) == 1 and not memory.companions:
            offer = memory.offers[0]
            return Turn(memory, phrases.ONE_AT_A_TIME.format(offer.get("spoken", offer["start"])))
        elif memory.offers and (sentence.yes or name):
            if len(memory.offers) > 1:
                return Turn(memory, ask_which(memory.offers))
            if memory.are_offers_earlier:
                return Turn(replace(memory, are_offers_earlier=False), ask_again(memory.offers))
            chosen = memory.offers[0]
    return _take(agent, memory, sentence, chosen) if chosen else _ask_day(agent, memory, sentence)


def _ask_day(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask for the day where offers of several days have the time that is named ("Um zehn"), and none of them is on the day that was
    asked for; else ask for free times.
    """
    same = () if _is_other_service(memory, sentence) else find_at_time(memory.offers, sentence, agent.now)
    asked_for = memory.requested_time.get("date", "")
    is_on_it = names_one_day(asked_for) and any(is_on_day(offer, asked_for, agent.now) for offer in same)
    if len({offer["start"] for offer in same}) > 1 and not is_on_it:
        return Turn(replace(memory, offers=same), ask_which(same))
    return _ask_availability(agent, memory, sentence)


def _drop_person(memory: Memory, sentence: Sentence) -> Memory:
    """Return the memory of who wants no one person any more, nor to be without one: for this appointment and the next."""
    is_any = sentence.any_staff and not sentence.staff
    return replace(memory.drop("staff"), rejected_people=frozenset()) if is_any else memory


def _take(agent: CalledAgent, memory: Memory, sentence: Sentence, chosen: Item) -> Turn:
    """Book a chosen offer, or say it once more where the sentence does not agree to it."""
    if is_unsure(agent, memory, sentence, chosen):
        return Turn(replace(memory, offers=(chosen,)), ask_again((chosen,)))
    return _book(agent, _note_day(memory, chosen), chosen)


def _note_day(memory: Memory, chosen: Item) -> Memory:
    """Return the memory with the day of a chosen offer as the requested one: "Lieber um vier" is of that day then."""
    day = {"date": str(chosen["start"]).partition("T")[0]}
    return replace(memory, requested_time={**memory.requested_time, **day})


def hear_unwanted_service(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Look again without the services of a visit that are not wanted any more ("Ja, aber ohne Fango"), or ask for the service.

    What is wanted instead of one of them is a part of the visit: "die Beine statt der Achseln".
    """
    known = memory.details.get("service", "").split(", ")
    left = tuple(name for name in known if name not in sentence.unwanted)
    instead = sentence.services if 0 < len(left) < len(known) and sentence.service else ()
    is_other = sentence.services or len(left) == len(known) or sentence.intent in TOPICS
    if is_other and not instead:
        return Turn(memory)
    if not left:
        return Turn(memory.drop("service"), phrases.ASK_SERVICE)
    visit = tuple(dict.fromkeys((*left, *instead)))
    wanted = replace(sentence, services=visit, wants_all_services=len(visit) > 1)
    return _ask_availability(agent, _drop_person(memory.note(customer_name=sentence.name), sentence), wanted)


def hear_email(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the booking whose e-mail address the last answer asks about."""
    booking = memory.last_call
    if not memory.is_email_asked or booking is None or sentence.intent not in _MAY_ANSWER_EMAIL:
        return Turn(memory)
    args = answer_email_question(sentence.text, sentence.email, booking.args, yes=sentence.yes, no=sentence.no)
    return Turn(memory) if args is None else call(agent, memory, booking.name, args)


def hear_who_is_first(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Look for the first one, after the question for whom of those who come: "Für mich", or a whole request."""
    if "den ersten" not in memory.question or not memory.companions:
        return Turn(memory)
    first = memory.companions[0]
    alone = replace(memory, companions=(), question="", wants_two=True)
    if sentence.when or sentence.services or sentence.for_several or sentence.intent is not None or sentence.no:
        return Turn(alone)
    if _RELATIVE.search(sentence.text):
        alone = alone.drop("staff", "service").note(
            service=first.service or memory.details.get("service"), staff=first.staff
        )
    elif not _SELF.search(sentence.text):
        return Turn(memory)
    return _search_as_known(agent, alone)


def hear_companions(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the booking with the names of those who come along, if the last answer asks for them."""
    booking = memory.last_call
    if not memory.are_companions_asked or booking is None:
        return Turn(memory)
    names = read_names(sentence.text)
    if len(names) != len(_nameless(memory)):
        return Turn(memory)
    memory = _name_companions(memory, names)
    return call(agent, memory, booking.name, {**booking.args, **_companion_args(memory)})


def hear_birth_date(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Book with the birth date that was asked for, if the sentence names a date."""
    is_asked, memory = memory.is_birth_date_asked, replace(memory, is_birth_date_asked=False)
    if not is_asked or memory.accepted_offer is None or "date" not in sentence.when or sentence.no:
        return Turn(memory)
    offer, memory = memory.accepted_offer, replace(memory, accepted_offer=None)
    return _book(agent, memory.note(birth_date=sentence.when["date"].rstrip(" .")), offer)


def hear_question_about_offers(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the offer that a question is about, which is no yes to it, unless it asks for something else."""
    is_about = sentence.intent in _MAY_BE_ABOUT_OFFERS or (sentence.intent is Intent.LIST and sentence.checks)
    here = memory.requested_time.get("branch") or next(iter(agent.catalogue.branches), "")
    is_elsewhere = sentence.branch is not None and sentence.branch != here
    if memory.offers and sentence.checks and is_elsewhere and here:  # "Moment, ist das in Bonn?"
        return Turn(memory, phrases.IS_AT.format(here, ask_again(memory.offers)))
    if not (memory.offers and sentence.is_question and is_about) or is_elsewhere:
        return Turn(memory)
    if sentence.intent is Intent.STAFF:
        return _say_with_whom(agent, memory, sentence)
    if chosen := find_chosen_offer(agent, memory, sentence):
        memory = replace(memory, offers=(chosen,), accepted_offer=None).note(staff=sentence.staff)
    elif not sentence.checks:
        return Turn(memory)
    is_about_it = chosen is not None or checks_appointment(sentence, agent.catalogue)
    remark = None if is_about_it else phrases.NOT_UNDERSTOOD.format(sentence.text)  # "Ist das schmerzhaft?"
    name = sentence.name or (loose_name(agent, memory, sentence, asked=False) if chosen else None)
    return Turn(memory.note(customer_name=name), ask_again(memory.offers), remark)


def _say_with_whom(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the offers, which name their people, after "Bei wem wäre das?"; with a remark where they do not."""
    if not _ASKS_WHO.search(sentence.text) or _is_other_service(memory, sentence):
        return Turn(memory)
    is_said = all(
        any(names_person(str(offer.get("spoken", "")), name) for name in agent.catalogue.staff)
        for offer in memory.offers
    )
    return Turn(memory, ask_again(memory.offers), None if is_said else phrases.NOT_UNDERSTOOD.format(sentence.text))


def repeat_with_branch(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat a call with the branch in the caller's words. Pressed keys are not repeated: they are in the transcript."""
    last = memory.last_call
    if memory.asked != "branches" or last is None or sentence.intent in TOPICS:
        return Turn(memory)
    if sentence.no and not (sentence.branch or sentence.when):
        return give_up(replace(memory, asked=None))
    args = {name: value for name, value in last.args.items() if name != "branch"}
    day = {"date": sentence.when.get("date", "")}
    if names_one_day(day["date"]) and are_understood(day):  # "Ja, in der Altstadt, aber lieber am Freitag"
        args |= sentence.when
        memory = replace(memory, requested_time={**memory.requested_time, **sentence.when})
    return call(agent, memory, last.name, args if sentence.is_pressed else {**args, "branch": sentence.text})


def find_chosen_offer(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Item | None:
    """Return the offer that a sentence names; None for another service, for a day alone that replaces the offered ones, and where
    the sentence names another time beside it.
    """
    replaces = sentence.no and sentence.when.keys() == {"date"}
    is_for_others = replaces or sentence.unplaced or _brings(agent, memory, sentence)
    if _is_other_service(memory, sentence) or sentence.branch or is_for_others:
        return None
    return choose(memory.offers, replace(sentence, services=()), agent.now)


def _asks_anew(memory: Memory, sentence: Sentence) -> bool:
    names = sentence.when or sentence.branch or sentence.staff or sentence.any_staff
    return bool(names) or _is_other_service(memory, sentence)


def _prefers_person(memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence wants another person than before at the time that was asked for, and names no offer by its time."""
    is_new = sentence.staff is not None and sentence.staff != memory.details.get("staff")
    names_offer = bool(sentence.when) or find_ordinal(sentence) is not None
    return is_new and not names_offer and bool(_RATHER.search(sentence.text))


def _brings(agent: CalledAgent, memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence says for the first time that somebody comes along, whom the functions take."""
    return sentence.for_several and agent.takes_companions and not (memory.companions or memory.booked)


def _is_other_service(memory: Memory, sentence: Sentence) -> bool:
    return bool(sentence.services) and sentence.service != memory.details.get("service")


def _ask_availability(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask for free times as soon as a time, a service, a staff member or a branch is named."""
    memory = memory.forget_time(sentence.rejected).exclude(sentence.exclusions, sentence.when.get("date"))
    offers = leave_out_days(memory.offers, [each.day for each in sentence.exclusions])
    is_none_left, memory = bool(memory.offers) and not offers, replace(memory, offers=offers)
    branch = {"branch": sentence.branch} if sentence.branch else {}
    other_part = find_other_part(memory.offers, sentence, memory.requested_time.get("date"), agent.now)
    requested = memory.requested_time.get("date", "")
    asked_for, dated = requested if memory.question else "", requested if memory.question or memory.offers else ""
    day = name_offered_day(memory.offers, sentence.when.get("date"), asked_for, agent.now, dated)
    asked_about = _find_asked_day(memory, sentence)
    when, remark = {**asked_about, **sentence.when, **day, **other_part, **branch}, None
    services = _requested_services(memory, sentence, has_time=bool(when))
    is_next = bool(memory.booked) and names_next_person(sentence)
    is_alone = bool(memory.companions and _ALONE.search(sentence.text))
    wants_any = (  # "Wir kommen zu zweit." looks again, for both
        sentence.any_staff
        or is_next
        or is_alone
        or _brings(agent, memory, sentence)
        or (sentence.intent is Intent.APPOINTMENT and not memory.offers)
    )
    if (sentence.after_last or sentence.before_last) and not when and (services or wants_any):
        memory, when, remark = _find_neighbour(memory, sentence)
    if not (when or services or sentence.staff or wants_any):
        return Turn(memory, phrases.ASK_TIME if is_none_left else None)
    if memory.booked and services and not sentence.staff:  # the person of the other appointment may not do this one
        able = agent.catalogue.find_able(services[0])
        memory = memory.drop("staff") if able and memory.details.get("staff") not in able else memory
    memory = memory.note(staff=sentence.staff)
    if when:
        memory = replace(memory, requested_time=_keep_time(agent, memory, sentence, when))
    memory = replace(memory, companions=()) if is_alone else memory
    if (group := _note_companions(agent, memory, sentence)).reaction:
        return group
    memory = group.memory
    if len(services) > 1:  # what was offered is of another one
        asking = replace(memory.drop("service"), offers=(), services_to_choose=services)
        return Turn(asking, _ask_which_service(services), remark)
    if memory.services_to_choose and not services:
        return Turn(memory, _ask_which_service(memory.services_to_choose), remark)
    memory = replace(memory.note(service=services[0] if services else None), services_to_choose=())
    searched = exclude(memory.requested_time, memory.exclusions)
    if searched is None:
        return not_placed(memory, quote(memory.exclusions), sentence.text)
    able = agent.catalogue.find_able(memory.details.get("service", "")) if memory.rejected_people else ()
    if "staff" not in memory.details:  # else the function may offer the rejected one
        memory = memory.note(staff=next((name for name in able if name not in memory.rejected_people), None))
    args = {**memory.details, **searched, **_companion_args(memory)}
    return call(agent, memory, "check_availability", args, remark)


def _find_asked_day(memory: Memory, sentence: Sentence) -> dict[str, str]:
    """Return the day of which the hours were asked for just before "Dann hätte ich gern …"."""
    args = memory.asked_business.args if memory.asked_business else {}
    is_next = args.get("topic") == "opening_hours" and _THEN.search(sentence.text) and not memory.offers
    return {"date": args["date"]} if is_next and args.get("date") and "date" not in sentence.when else {}


def hear_open_choice(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask again for one of several services, after "Ja, Anna Nym": nothing is booked while it is not known which."""
    is_open = memory.services_to_choose and not memory.offers and (sentence.yes or sentence.name)
    return Turn(memory, _ask_which_service(memory.services_to_choose) if is_open else None)


def _ask_which_service(services: Iterable[str]) -> str:
    return f"Möchten Sie {' oder '.join(services)}?"


def _nameless(memory: Memory) -> list[Companion]:
    return [each for each in memory.companions if not each.name]


def _name_companions(memory: Memory, names: Iterable[str]) -> Memory:
    """Return the memory with the names of those who come along and have none yet, in their order."""
    given = iter(names)
    named = tuple(each if each.name else each._replace(name=next(given, "")) for each in memory.companions)
    return replace(memory, companions=named)


def _companion_args(memory: Memory) -> dict[str, list[dict[str, str]]]:
    """Return the argument for those who come along; nothing if nobody does."""
    return {"companions": [each.args() for each in memory.companions]} if memory.companions else {}


def _note_companions(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Return the memory with who comes along, where the function takes them; or the question who gets which service."""
    if (
        memory.companions
        and sentence.services
        and not sentence.for_several
        and find_person(sentence, agent.catalogue) is not None
    ):
        return Turn(
            memory, phrases.ASK_SHARES, phrases.NOT_SHARED.format(sentence.text)
        )  # "aber für meine Frau lieber Fango"
    is_for_all = agent.catalogue.is_for_all(sentence.service or memory.details.get("service"), sentence.people)
    wants_one = bool(_ALONE.search(sentence.text))
    if not (sentence.for_several and agent.takes_companions) or memory.booked or is_for_all or wants_one:
        return Turn(memory)
    may_be_one = _WE.search(sentence.text) and not (_EACH_OWN.search(sentence.text) or sentence.companions)
    if may_be_one and sentence.people <= 2 and not memory.offers:
        asking = memory.note(service=sentence.service)
        return Turn(replace(asking, are_together_asked=True, question=phrases.ASK_TOGETHER), phrases.ASK_TOGETHER)
    others = max(sentence.people, 2) - 1
    if others > MAX_COMPANIONS:
        return Turn(memory, phrases.TOO_MANY, phrases.NO_GROUP.format(sentence.text))
    is_shared = bool(sentence.companions)
    if (is_shared and len(sentence.companions) < sentence.people - 1) or (not is_shared and len(sentence.services) > 1):
        return Turn(memory, phrases.ASK_SHARES, phrases.NOT_SHARED.format(sentence.text))
    companions = sentence.companions or (Companion(),) * others
    return Turn(replace(memory, companions=companions, wants_two=False))


def hear_together(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Look for one appointment, or for one each, after the question which of both is meant."""
    if not memory.are_together_asked:
        return Turn(memory)
    each = _EACH_OWN.search(sentence.text) and not _ALL_IN_ONE.search(sentence.text)
    companions = (Companion(),) if each else ()
    memory = replace(memory, are_together_asked=False, question="", companions=companions, wants_two=False)
    if sentence.when or sentence.services or sentence.intent not in {None, Intent.APPOINTMENT}:
        return Turn(memory)
    return _search_as_known(agent, memory)


def _search_as_known(agent: CalledAgent, memory: Memory) -> Turn:
    """Ask for free times with all that is known of the request."""
    args = {**memory.details, **(exclude(memory.requested_time, memory.exclusions) or {}), **_companion_args(memory)}
    return call(agent, memory, "check_availability", args)


def _keep_time(agent: CalledAgent, memory: Memory, sentence: Sentence, when: Mapping[str, str]) -> dict[str, str]:
    """Return the requested time with what is said now: "lieber um vier" keeps the day, and "und am Donnerstag?" the clock time."""
    requested = memory.requested_time
    if when.keys() == {"branch"}:  # "Ist das in Plagwitz?"
        return {**requested, **when}
    if memory.offers or memory.question:  # not of the next appointment
        when = {**when, **_name_day_of_span(requested.get("date", ""), when.get("date", ""), agent.now)}
    if "date" not in when:
        day = requested.get("date", "")
        is_kept = day and is_any_day(day) and not (agent.now and is_over(day, agent.now))  # "gestern um drei"
        return {**({"date": day} if is_kept else {}), **when}
    kept = {name: requested[name] for name in ("time", "part_of_day") if name in requested}
    says_time = bool(when.keys() & {"time", "part_of_day"}) or find_argument(when["date"]) is not Argument.DATE
    is_new = says_time or sentence.is_too or _ANY_TIME.search(sentence.text) or not names_day(when["date"])
    if is_new or _is_other_service(memory, sentence) or not are_understood({**kept, **when}):
        return dict(when)
    return {**kept, **when}


def _name_day_of_span(span: str, day: str, now: datetime | None) -> dict[str, str]:
    """Return the date of a weekday alone, if a week or a month was asked for before: "in zwei Wochen", "Donnerstag".

    Not if that day is over: on a Sunday "diese Woche" was answered with times of the next one.
    """
    words = [word for word in span.split() if WEEKDAYS.get(fold(word)) is None and word not in {"oder", "und"}]
    is_span = "woche" in fold(span) or (bool(span) and not names_one_day(span))
    joined = " ".join([*words, day])
    is_day = WEEKDAYS.get(fold(day)) is not None and is_span and are_understood({"date": joined})
    return {"date": joined} if is_day and not (now and is_over(joined, now)) else {}


def _requested_services(memory: Memory, sentence: Sentence, *, has_time: bool) -> tuple[str, ...]:
    """Return the services that a sentence names, or the word that answers the question for one; several are alternatives."""
    services = (sentence.service,) if sentence.service else _of_one_kind(memory, sentence.services)
    if not services and memory.services_to_choose and (number := find_ordinal(sentence)) is not None:
        services = memory.services_to_choose[number:][:1]
    services = services or ((sentence.unknown_service,) if sentence.unknown_service else ())
    is_sentence = (
        sentence.is_question and len(sentence.text.split()) > _MAX_QUESTIONING_ANSWER
    )  # "Eine Hufpflege?" is none
    answers = memory.asked == "services" and not (has_time or sentence.yes or sentence.name or is_sentence)
    is_said = len(sentence.text.split()) <= _MAX_WORDS_OF_ANSWER and sentence.loose_words[:1] not in _NO_ANSWER
    if not services and answers and sentence.loose_words and is_said:
        return (" ".join(sentence.loose_words),)
    return services


def _of_one_kind(memory: Memory, services: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of several services that were in the agent's question, or are like the one that is looked for: after a massage
    "lieber 30 Minuten" is the shorter massage, and not every service of that length.
    """
    wanted = memory.services_to_choose or (memory.details.get("service", ""),)
    kinds = _find_kinds(" ".join(wanted))
    alike = tuple(name for name in services if kinds & _find_kinds(name))
    return alike if len(services) > 1 and alike else services


def _find_kinds(name: str) -> set[str]:
    """Return the words of a service's name that name its kind, without those of its length."""
    return set(re.findall(r"[^\W\d]{5,}", name.casefold())) - {"minuten", "minute"}


def _find_neighbour(memory: Memory, sentence: Sentence) -> tuple[Memory, dict[str, str], str | None]:
    """Return the time after the appointment that was booked last; no time and a remark where that is not known."""
    if sentence.after_last and memory.booked_until and not memory.offers:
        return memory, time_after(memory.booked_until), None
    return memory.forget_time(("time", "part_of_day")), {}, phrases.NO_NEIGHBOUR.format(sentence.text)


def _book(agent: CalledAgent, memory: Memory, offer: Item) -> Turn:
    """Book an offer, or ask for what the function requires of the caller."""
    wanted = memory.details.get("staff")
    is_of_other = wanted is not None and not names_person(
        str(offer.get("spoken", "")), wanted
    )  # who was offered instead
    staff = {"staff": offer["staff"]} if is_of_other or is_one_of_several(offer, memory.offers) else {}
    further = {"another": True} if memory.booked else {}  # else the function asks whether it is meant instead
    args = {**memory.details, **staff, **further, **_companion_args(memory), "start": offer["start"]}
    turn = call(agent, memory, "book_appointment", args)
    missing = set(agent.schema("book_appointment").get("required", ())) - memory.details.keys()
    for name, question in (("customer_name", phrases.ASK_NAME), ("birth_date", phrases.ASK_BIRTH_DATE)):
        if name in missing:
            is_birth_date = name == "birth_date"
            return Turn(replace(turn.memory, accepted_offer=offer, is_birth_date_asked=is_birth_date), question)
    return turn
