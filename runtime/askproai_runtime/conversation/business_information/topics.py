"""The topics that can be answered, and the words of questions about them: closed lists of folded German and English words.

A word in no list is treated as unanswered. If a list lacks a word, the caller hears one unnecessary sentence.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """The topic of a caller's question: a value of the tool's argument `topic`."""

    PRICES = "prices"
    SERVICE = "service"
    OPENING_HOURS = "opening_hours"
    CLOSED_DAYS = "closed_days"
    ADDRESS = "address"
    STAFF = "staff"
    CANCELLATION = "cancellation"
    OTHER = "other"


# They ask nothing in any question, although some are nouns.
ASKS_NOTHING: Final = frozenset({
    "a", "abend", "aber", "actually", "aeh", "aehm", "afternoon", "already", "also", "am", "an", "and", "anruf",
    "anrufer", "anruferin", "answer", "any", "appointment", "appointments", "are", "as", "ask", "asks", "at", "auch",
    "auskunft", "be", "beim", "bescheid", "beschreiben", "bis", "bitte", "branch", "business", "but", "caller", "can",
    "christmas", "could", "customer", "danke", "dann", "darf", "das", "dass", "day", "days", "dein", "dem", "den",
    "denn", "der", "des", "describe", "dich", "die", "dies", "diese", "dieser", "dieses", "dir", "dlike", "do", "doch",
    "does", "dort", "du", "duerfen", "durchgeben", "eben", "eigentlich", "ein", "eine", "einem", "einen", "einer",
    "eines", "einmal", "entschuldigung", "erfahren", "erklaeren", "erstmal", "es", "euch", "euer", "eure", "euro",
    "euros", "evening", "excuse", "explain", "filiale", "for", "frage", "fragen", "fragt", "frau", "fuer", "fuers", "geben",
    "genau", "gern", "gerne", "geschaeft", "gibt", "give", "goodafternoon", "goodevening", "goodmorning", "gruess",
    "guten", "hab", "habe", "haben", "habt", "haette", "hallo", "halt", "hat", "have", "helfen", "hello", "help", "here",
    "herr", "herrn", "hey", "hi", "hier", "hm", "hoeren", "hour", "hours", "i", "ich", "id", "ihnen", "ihr", "ihre",
    "ihrem", "ihren", "ihrer", "ihres", "im", "in", "info", "information", "informationen", "infos", "interessieren",
    "interessiert", "is", "ist", "it", "its", "ja", "jahr", "jahre", "jahren", "jede", "jeden", "jeder", "jedes",
    "jetzt", "kann", "kein", "keine", "kindly", "know", "koennen", "koennt", "koennte", "koennten", "kunde", "kundin",
    "kurz", "laden", "leistung", "leistungen", "let", "ll", "madam", "mal", "man", "may", "me", "mein", "meine",
    "meinem", "meinen", "meiner", "mhm", "mich", "minute", "minuten", "minutes", "mir", "mitteilen", "moechte",
    "moechten", "moin", "moment", "monat", "monday", "morgen", "morning", "muessen", "muesste", "muss", "my", "na",
    "naemlich", "nein", "nenne", "nennen", "nicht", "night", "no", "noch", "nochmal", "nochmals", "not", "now", "nun",
    "nur", "ob", "oder", "of", "oh", "ok", "okay", "one", "or", "our", "perhaps", "please", "possibly", "praxis",
    "question", "quick", "quickly", "re", "sage", "sagen", "sagt", "salon", "say", "schoenen", "schon", "seid",
    "service", "services", "servus", "shop", "sich", "sie", "sind", "sir", "so", "sonst", "sorry", "sowie", "stunde",
    "stunden", "tag", "tage", "tagen", "tell", "termin", "termine", "terminen", "thank", "thanks", "that", "the", "then",
    "there", "this", "time", "times", "tja", "to", "today", "tomorrow", "tschuess", "tun", "uebrigens", "uhr", "um", "und",
    "uns", "unser", "unsere", "us", "ve", "verraten", "vielen", "vielleicht", "visit", "vom", "von", "vorab", "want",
    "wanted", "wants", "was", "we", "week", "weekend", "weeks", "welche", "welchem", "welchen", "welcher", "welches",
    "well", "what", "whats", "wheres", "which", "will", "wir", "wird", "wissen", "woche", "wochen", "wohl", "wollen",
    "wollte", "wondering", "would", "wouldlike", "wuerde", "wuerden", "wuesste", "year", "years", "yes", "you", "your",
    "yours", "zeit", "zeiten", "zum", "zunaechst", "zur",
})  # fmt: skip
BRANCHES: Final = frozenset({
    "branches", "filialen", "laeden", "locations", "niederlassungen", "praxen", "salons", "shops", "standorte", "standorten",
    "studios",
})  # fmt: skip
# With one of these a clause asks which branches there are, and for nothing else.
ASKS_BRANCHES: Final = ASKS_NOTHING | BRANCHES | {
    "alle", "all", "allen", "andere", "anderen", "weitere", "weiteren", "many", "other", "viele", "where", "wie", "how", "wo",
}  # fmt: skip
# They are no nouns, but may ask for something that an answer lacks.
NO_NOUNS: Final = frozenset({
    "about", "again", "all", "alle", "anybody", "anyone", "anything", "auf", "aus", "bei", "bieten", "bietet", "both",
    "by", "da", "damit", "dazu", "did", "durch", "each", "er", "etwas", "everybody", "everything", "free", "from",
    "ganz", "geht", "geld", "go", "good", "got", "gut", "her", "him", "how", "if", "jemand", "jemandem", "jemanden", "just",
    "kommt", "like", "long", "machen", "macht", "mit", "more", "much", "nach", "need", "nehmen", "nobody", "ohne", "old",
    "on", "out", "people", "place", "sein", "seine", "should", "sich", "so", "soll", "some", "somebody", "someone",
    "something", "take", "them", "these", "they", "those", "unter", "up", "vor", "wann", "warum", "way", "weg", "weil",
    "wem", "wen", "wenn", "wer", "werden", "were", "when", "where", "who", "whom", "wie", "wieso", "wieviel", "with",
    "wo", "wohin", "ziemlich", "zu", "zwischen",
    # A relative, for whom a caller asks.
    "bruder", "daughter", "ehemann", "freund", "freundin", "husband", "mann", "mother", "mutter", "oma", "opa", "schwester",
    "sohn", "son", "tochter", "vater", "wife",
})  # fmt: skip
# Words that the answer to a topic covers, beside those with which it is asked about.
_COVERED: Final[Mapping[Topic, frozenset[str]]] = {
    Topic.PRICES: frozenset({
        "about", "aktuell", "aktuelle", "aktuellen", "all", "alles", "around", "bei", "berechnen", "betraegt",
        "bezahle", "bezahlen", "bezahlt", "bieten", "bietet", "charge", "circa", "currently", "derzeit", "each",
        "einzeln", "er", "etwa", "everything", "geld", "genaue", "genauen", "gesamt", "guenstiger", "howexpensive",
        "howmuch", "insgesamt", "je", "jeweils", "kosten", "kostet", "list", "machen", "macht", "mit", "much",
        "nehmen", "nehmt", "nimmt", "normal", "normale", "normaler", "offer", "pay", "paying", "per", "pro", "teurer",
        "together", "total", "ungefaehr", "verlangen", "verlangt", "viel", "wenn", "wie", "wiehoch", "wieteuer",
        "wieviel", "wieviele", "with", "wo", "zahl", "zahle", "zahlen", "zahlst", "zahlt", "zu", "zusammen",
    }),
    Topic.SERVICE: frozenset({
        "about", "all", "alles", "along", "anbieten", "angebot", "angeboten", "anything", "beachten", "before", "bei",
        "bekomme", "bekommen", "bieten", "bietet", "book", "bookable", "brauche", "braucht", "bring", "buchbar",
        "buchen", "circa", "dafuer", "dauert", "dazu", "durchschnittlich", "einplanen", "er", "essen", "etwa",
        "etwas", "everything", "fruehstuecken", "geht", "gemacht", "get", "how", "howlong", "howmuch", "insgesamt",
        "jeweils", "kommen", "kriegen", "lassen", "mache", "machen", "macht", "make", "mit", "mitbringen",
        "mitzubringen", "much", "need", "normal", "normaler", "offer", "offered", "plan", "programm", "provide",
        "rechne", "rechnen", "sein", "should", "soll", "something", "take", "takes", "teurer", "together", "total",
        "ungefaehr", "vor", "vorbereiten", "vorher", "wenn", "wie", "wielange", "wieviel", "with", "zu", "zusammen",
    }),
    Topic.OPENING_HOURS: frozenset({
        "ab", "abends", "acht", "achtzehn", "after", "aktuell", "all", "alle", "allgemein", "anybody", "anyone",
        "arbeiten", "arbeitet", "around", "arrive", "auf", "aufmachen", "back", "bank", "before", "bei", "bereits",
        "between", "by", "closed", "come", "currently", "da", "daily", "diesem", "diesen", "drei", "dreizehn",
        "durchgehend", "during", "each", "earliest", "early", "easter", "eight", "eins", "einzeln", "eleven", "elf",
        "erst", "eve", "every", "exact", "exactly", "feiertag", "feiertags", "five", "four", "friday", "fridays",
        "from", "frueh", "fruehestens", "fuenf", "fuenfzehn", "ganz", "ganzen", "generally", "gerade", "geschlossen",
        "gewoehnlich", "gleich", "going", "guys", "halb", "heiligabend", "heute", "holiday", "how", "howearly",
        "howlate", "howlong", "immer", "jemand", "jemandem", "jemanden", "jeweils", "just", "komm", "komme", "kommen",
        "kommende", "kommenden", "laenger", "late", "later", "latest", "machen", "macht", "mittag", "mittags",
        "momentan", "mondays", "morgens", "nach", "nachmittags", "naechste", "naechsten", "naechster", "naechstes",
        "neujahr", "neun", "neunzehn", "new", "next", "nine", "noon", "normal", "normalerweise", "oclock",
        "oeffnungszeiten", "on", "open", "ostern", "over", "pm", "public", "regulaer", "regular", "right", "saturday",
        "saturdays", "sechs", "sechzehn", "seven", "sieben", "siebzehn", "silvester", "six", "somebody", "someone",
        "spaet", "spaetestens", "still", "sunday", "sundays", "taeglich", "ten", "three", "through", "thursday",
        "thursdays", "till", "tonight", "too", "tuesday", "tuesdays", "twelve", "two", "ueber", "ueblichen",
        "ueblicherweise", "until", "up", "usually", "vier", "viertel", "vierzehn", "vor", "vormittags", "wann",
        "wednesday", "wednesdays", "weekday", "weekdays", "weihnachten", "werktags", "when", "wie", "wieder",
        "wiefrueh", "wielange", "wiespaet", "wieviel", "zehn", "zu", "zumachen", "zwanzig", "zwei", "zwischen",
        "zwoelf",
    }),
    Topic.ADDRESS: frozenset({
        "based", "befinden", "befindet", "bei", "best", "besten", "bezirk", "by", "code", "directions", "erreiche",
        "exact", "exactly", "find", "finde", "finden", "findet", "full", "fuss", "ganze", "genaue", "genauen", "get",
        "go", "hausnummer", "heisst", "hin", "hinkommen", "how", "komme", "kommen", "kommt", "lautet", "liegen",
        "liegt", "located", "location", "on", "parken", "parking", "plz", "postcode", "postleitzahl", "reach",
        "situated", "stadt", "stadtteil", "standort", "strasse", "street", "vollstaendige", "way", "weg", "where",
        "wie", "wo", "wohin", "zip", "zu",
    }),
    Topic.STAFF: frozenset({
        "all", "alle", "alles", "anybody", "anyone", "arbeite", "arbeiten", "arbeitet", "bei", "besteht", "called",
        "da", "employees", "gehoeren", "gehoert", "heissen", "heisst", "jemand", "jemandem", "jemanden", "kollegen",
        "leute", "mitarbeiter", "names", "on", "people", "somebody", "someone", "speak", "speaks", "sprache",
        "sprechen", "sprecht", "spricht", "team", "welch", "wer", "who", "whos", "wie", "with", "work", "working",
        "works", "zaehlt", "zu",
    }),
    Topic.CANCELLATION: frozenset({
        "ab", "absagen", "anything", "auf", "bedingungen", "before", "berechnen", "berechnest", "berechnet", "charge",
        "charged", "cost", "costs", "einhalten", "entstehen", "entsteht", "erscheine", "etwas", "fee", "forget",
        "free", "frist", "from", "gelten", "gilt", "gleichen", "happens", "howlate", "howlong", "howmuch", "if",
        "komme", "kommen", "kosten", "kostenfrei", "kostenfreie", "kostenlos", "kostet", "kurzfristig", "late",
        "latest", "miss", "moeglich", "nichts", "notice", "passiert", "pay", "policy", "possible", "rechtzeitig",
        "regel", "regeln", "regelung", "rule", "rules", "same", "selben", "short", "something", "spaet", "spaetestens",
        "stornobedingungen", "till", "umsonst", "until", "up", "vergesse", "vergessen", "verpasse", "verpassen",
        "vorher", "wann", "wenn", "when", "wiehoch", "wiekurzfristig", "wielange", "wiespaet", "wieviel", "zahlen",
    }),
}  # fmt: skip


def is_covered(word: str, topic: Topic) -> bool:
    """Return whether the answer to a topic covers a folded word."""
    return word in _COVERED.get(Topic.OPENING_HOURS if topic is Topic.CLOSED_DAYS else topic, ())
