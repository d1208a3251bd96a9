"""Which services a sentence means that says what is done to something: "mein Piercing wechseln lassen". Pure.

A service may have a name that is a part of another one's: "Piercing" and "Piercingwechsel".
"""

import re
from itertools import pairwise

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.service import Service

_CHANGING = re.compile(  # what there is already; "stechen", "machen" are said of a new one
    r"\b(?:\w*(?P<stem>wechsel|tausch|laser|entfern|nachstech|auffrisch|überstech|repar|prüf|ausbesser|erneuer|nacharbeit|kürz"
    r"|nachbesser|säuber|reinig|kontroll)\w*"
    r"|weg ?(?:ge)?(?:mach|hab|bekomm|krieg|nehm)\w*|(?:he)?raus ?(?:zu)?(?:ge)?(?:mach|nehm|nomm)\w*"
    r"|ab ?(?:zu)?(?:ge)?(?:mach|nehm|nomm)\w*"
    r"|\w*änder\w* (?:lassen|haben|bekommen)|geändert|weg (?:haben|bekommen|kriegen)"
    r"|muss (?:wieder |endlich )?(?:raus|ab|weg))\b"
)
_CLAUSE = re.compile(r"[,.;!?]")
_ITS_VERB = re.compile(r"\s+(?:(?:bitte|gern|wieder|professionell|komplett|ganz)\s+)*")


def read_done(services: tuple[str, ...], text: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the services that a text means, of those that it names.

    A verb that no new thing is wanted with ("wechseln", "wegmachen") means the service with it in its name, where one of the other
    services with the named one in their names has it; else all of them are meant as alternatives.
    """
    services = _leave_out_objects(services, text, catalogue)
    read: list[str] = []
    for name in services:
        wider = _find_wider(name, catalogue)
        done = _find_verb(name, text, catalogue) if wider else None
        if done is None:
            read.append(name)
            continue
        exact = [each.name for each in wider if done["stem"] and _has(each, done["stem"])]
        read += exact if len(exact) == 1 else [name, *(each.name for each in wider)]
    return tuple(dict.fromkeys(read))


def _leave_out_objects(services: tuple[str, ...], text: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the services without those to which another one is done: the tattoo of "mein Tattoo lasern lassen".

    A verb that is a part of a name only is said of the thing before it: "ein Tattoo stechen lassen" beside "Ohrlochstechen".
    """
    if len(services) < 2:
        return services
    whole = {spoken.casefold() for each in catalogue.services for spoken in (each.name, *each.spoken_names)}
    objects: set[str] = set()
    for (start, end, names), (verb_start, verb_end, verbs) in pairwise(catalogue.find_service_words(text)):
        noun, verb = text[start:end], text[verb_start:verb_end]
        is_done = noun[0].isupper() and verb[0].islower() and verb.endswith("n")
        if is_done and _ITS_VERB.fullmatch(text[end:verb_start]) and names.isdisjoint(verbs):
            objects |= names if verb in whole else verbs
    return tuple(name for name in services if name not in objects) or services


def _find_wider(name: str, catalogue: Catalogue) -> list[Service]:
    """Return the services with the name of another one in theirs."""
    return [each for each in catalogue.services if each.name != name and name.casefold() in each.name.casefold()]


def _find_verb(name: str, text: str, catalogue: Catalogue) -> re.Match[str] | None:
    """Return the verb in the clause that names a service, which says what is done to it."""
    clauses = (each for each in _CLAUSE.split(text) if name in catalogue.find_services(each))
    return next((found for each in clauses if (found := _CHANGING.search(each))), None)


def _has(service: Service, stem: str) -> bool:
    return any(stem in each.casefold() for each in (service.name, *service.spoken_names))
