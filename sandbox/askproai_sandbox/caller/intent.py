"""What a German sentence is about, by a table of patterns. Pure.

docs/demo-agent.md lists what is understood.
"""

import re
from enum import Enum, auto

BYE = r"\b(?:schönes wochenende|bis dann|tschü(?:ss?|ß)i?|tschau|tschö|ciao|bye|ade|wieder(?:hören|sehen|schauen))\b"


_WHEN = r"\b(?:wann|um wie ?viel uhr|(?:um |zu )?welche[rn]? (?:uhr)?zeit|(?:an )?welche[mn] tag|wie spät)\b"
_FILLER = r"(?:denn|eigentlich|noch ?mal|nochmals|gleich|wieder|jetzt|nun|bitte|genau|noch)"
_IS = r"(?:ist|war|sind|waren|beginnt)"
_RATHER = r"(?:lieber|eben|halt|doch|besser)"
_ADDRESSEE = (  # of a message
    r"(?:ihm|ihr|ihnen|allen|(?:de[mr]|meine[mr]|eine[mr]|an die) (?-i:[A-ZÄÖÜ])[\w-]+"
    r"|(?-i:Ihre[mr]|Herrn|Frau|Doktor|Dr\.) (?-i:[A-ZÄÖÜ])[\w-]+"
    r"|(?!(?:Bescheid|Termine?|Ja|Nein)\b)(?-i:[A-ZÄÖÜ])[\w-]+)"
)
_TOO_LATE = r"(?:\bzu spät\b|\bverspät\w+|\b(?:Minuten|(?:Viertel)?stunde|etwas|bisschen) später\b)"
_LATER = (  # than the appointment is now
    r"\b(?:(?:\w*[Ss]tunden?|Minuten?|Tage?n?|Wochen?) (?:später|früher|eher|danach|davor|vorher|nach (?:hinten|vorne?))"
    r"|(?:nächsten|folgenden) Tag|(?:gleiche|selbe)[nr]? (?:Uhrz|Z)eit)\b"
)
_HAD = r"(?:den|die|das|ihn|es|mein\w* (?-i:[A-ZÄÖÜ])\w+)"
_NOT_OF_LIST = r"^(?!.*\bvon (?:der|Ihrer|eurer) (?:Warte)?liste\b).*"
_FOR_THAT = r"\b(?:für|zu[rm]?|beim?)\b[^.?!]*\b(?:eine?n?|meine?n?|die|den|das)"
_NO_DAY = r"(?!\w+tag\b|Mittwoch|Sonnabend)(?-i:[A-ZÄÖÜ])\w+"
_NO_MACHINE = r"(?![^.?!,]*\b(?:Anrufbeantworter|Band|Mailbox)\b)"
_GOES = r"(?:und )?(?:geht|ginge|passt|klappt)(?:'s| es)? (?:(?:denn|vielleicht|dafür|stattdessen) )*"
_ON_DAY = r"(?:auch )?(?:am )?(?:\w+tag|Mittwoch|Sonnabend|heute|morgen|übermorgen|nächste\w*)\b"
_OWED = r"\b(?:kostet|(?:be)?zahlen|berechne\w*|gebühr\w*)\b"
_TAG = r"(?:,\s*(?:oder(?: nicht)?|nicht(?: wahr)?|ja|richtig|gell?|stimmt's)\s*)?"  # ", oder?"
_WITHOUT_ONE = r"(?<!\bohne )(?<!\bohne Termin )"  # "Kann ich ohne Termin vorbeikommen?"
_NEEDS_ONE = r"^(?!.*\bkein Termin\b)(?!.*\b(?:muss|brauch\w*) (?:ich|man|wir)\b[^.!]*\btermin\b[^.!]*\?).*"
ASKS_FOR_OWN = re.compile(  # about a service: when the caller has it, not when it is free
    rf"(?:{_WHEN} (?:{_FILLER} )*(?:ist|war|beginnt)|(?:^\W*|\bund |{_WHEN} )habe? ich) (?:{_FILLER} )*"
    r"(?!(?:das|es|Sie|recht)\b)(?!(?:der|die|das) nächste\b)"
    r"(?![^.?!]*\b(?:möglich|frei|fertig|da|offen|geöffnet|am besten|richtig|Zeit)\b)"
    # "Steht mein Test?", "Fällt die Stunde morgen aus?", "Ich weiß nicht mehr, wann mein Test ist."
    r"|\b(?:steht|gilt|bleibt) (?:denn )?mein"
    r"|\b(?:findet|fällt) (?:denn )?(?:mein\w*|der|die|das)\b(?! nächste)[^.!]*\b(?:statt|aus)\W*\?"
    rf"|{_WHEN} (?:{_FILLER} )*(?:geht|fängt) (?:{_FILLER} )*(?:mein\w*|die|der|das) (?-i:[A-ZÄÖÜ])[^.?!]*\b(?:los|an)\W*\?"
    r"|\bwann mein\w* [^.!?]*\b(?:ist|war|beginnt)\b",
    re.IGNORECASE,
)


class Intent(Enum):
    """What a sentence is about, if it is not a time for a new appointment."""

    MESSAGE = auto()
    LATE = auto()  # for an appointment that there is, which is passed on
    WAITLIST = auto()
    TRANSFER = auto()
    CALLBACK = auto()
    CANCELLATION = auto()  # what it costs, and until when
    CANCEL = auto()
    MOVE = auto()
    NOTHING = auto()  # the caller wants no appointment, or not to change one
    LIST = auto()
    AI = auto()
    DETAILS = auto()  # how long a service takes, what it needs
    PRICES = auto()
    WORKING_HOURS = auto()  # of a person
    HOURS = auto()
    ADDRESS = auto()
    SERVICES = auto()
    LANGUAGES = auto()
    STAFF = auto()
    APPOINTMENT = auto()
    GOODBYE = auto()
    GREETING = auto()


_PATTERNS: dict[Intent, tuple[str, ...]] = {  # the first intent that matches counts
    Intent.AI: (
        r"\b(?:sind Sie|ist das|bist du|(?:spreche|rede|bin) ich.* mit)\b.*\b(?:KI|Roboter|Computer|Maschine|Mensch(?:en)?)\b",
        r"\b(?:sind Sie|bist du) (?:ein |eine )?echte?[nr]?\b",
        r"\bwer ist (?:denn |da )*(?:da|dran|am Apparat|am Telefon)\s*\?|\bmit wem (?:spreche|rede|hab\w*) ich\b",
    ),
    Intent.MESSAGE: (
        rf"\b(?:können|könnten|würden) Sie (?:bitte )?{_ADDRESSEE}\b[^.?!]*\bsagen,? (?:er|sie|die|der) (?:soll\w*|möchte)\b",
        r"(?<!nichts )(?<!nicht )\bausrichten\b(?! sollen Sie (?:nichts|nix|nicht)\b)",
        r"\b(?:soll|möge|möchte|könnte) (?:er|sie|die|der) (?:mich|uns)\b[^.?!]*\banrufen\b",
        r"\b(?:richten|sagen) Sie\b[^.?!]*\bdass\b",
        r"\brichten Sie\b[^.?!]*\baus\b",
        # not "Sagen Sie Freitag bitte ab"
        rf"\bsagen Sie (?:(?:bitte|doch|auch|das|es) )*{_ADDRESSEE}\b(?![^.?!,:]*\bab\b)",
        rf"\b(?:können|könnten|würden) Sie (?:bitte )?{_ADDRESSEE}\b[^.?!]*\bsagen,? dass\b",
        r"\bgeben Sie\b[^.?!]*\bweiter\b",
        r"\b(?:notieren|vermerken|schreiben) Sie\b[^.?!]*\bdass\b|\b(?:dazu)?(?:notieren|vermerken|schreiben),? dass\b",
        r"\b(?:können|könnten|würden) Sie (?!(?:bitte )?(?:mir|uns)\b)[^.?!]*\bBescheid (?:geben|sagen)\b",
        rf"\bsagt? (?:(?:bitte|doch|mal|das) )*(?!Ihnen\b){_ADDRESSEE}\b(?![^.?!,:]*\bab\b)",
        r"\b(?:möchte|wollte|will)\b[^.?!]*\b(?:Bescheid (?:sagen|geben)|sagen|mitteilen),? dass\b(?!.*\bnicht\b)",
        r"\b(?:geben|sagen) Sie (?!(?:bitte )?(?:mir|uns)\b)[^.?!]*\bBescheid\b",
        r"\b(?:weitergeben|weitersagen)\b",
        r"\b(?:meine|unsere) (?:neue )?(?-i:\w*[Aa]dresse|Anschrift|\w*[Nn]ummer)\b[^.?!]*\b(?:durchgeben|mitteilen|ändern)\b",
        r"\b(?:können|könnten|würden) Sie (?:bitte )?(?:das|es) (?:bitte )?(?:de[mr] )?(?-i:[A-ZÄÖÜ])[^.?!]*\bsagen\b",
        r"(?<!keine )\bNachricht\b[^.?!]*\b(?:hinterlassen|dalassen|aufgeben)\b",
        r"^\W*(?:(?:eine|ich habe? eine) )?Nachricht (?:an|für)\b",
    ),
    Intent.LATE: (
        r"\bverspäte mich\b|\bverspäten uns\b|\bsteh\w* (?:\w+ )?im Stau\b",
        r"\btermin\b[^.?!]*\b(?:verpasst|versäumt|verschlafen)\b",
        rf"\bich\b[^.?!]*{_TOO_LATE}[^.?!]*\bkomme\b",
        rf"\b(?:er|sie|mein\w* (?-i:[A-ZÄÖÜ])\w+)\b[^.?!]*\bkommt\b[^.?!]*{_TOO_LATE}(?!\?)",
        rf"\bich (?:komme?|werde?|bin)\b(?![^.?!]*\b(?:sonst|lieber)\b)[^.?!]*{_TOO_LATE}",
    ),
    Intent.WAITLIST: (
        # who waits already asks whether something is free: "Ich stehe bei Ihnen auf der Warteliste, ist etwas frei geworden?"
        r"^(?!.*\b(?:steh\w*|bin|war)\b[^.?!]*\bauf (?:der|Ihrer|eurer) Warteliste\b).*\bWarteliste\b",
        r"\b(?:Bescheid|ruf\w*|melde\w*)\b[^.?!]*\b(?:wenn|sobald|falls)\b[^.?!]*\bfrei\b",
        r"\b(?:setz\w*|schreib\w*|nehm\w*|trag\w*) (?:Sie )?(?:mich|uns)\b[^.?!]*\bauf (?:die|Ihre|eure|eine) (?:\w*[Ll]iste)\b",
        r"\b(?:Bescheid|ruf\w*|melde\w*|setz\w*|merk\w*)\b[^.?!]*\b(?:wenn|sobald|falls)\b[^.?!]*\b(?:abspring|absag|ausf[aä]ll)\w*",
        r"\b(?:falls|wenn|sobald) (?:da |doch )?(?:jemand|einer|wer|irgend\w+) (?:\w+ ){0,3}(?:abspringt|absagt|ausfällt)\b",
    ),
    Intent.TRANSFER: (
        r"\b(?:verbinde\w*|durchstellen|weiterleiten)\b|\bstellen Sie (?:mich|uns)\b[^.?!]*\bdurch\b",
        r"\b(?:mit|an) (?:(?:eine[mnr]|de[mnr]|Ihre[mnr]) )?(?:echten )?(?:Menschen?|Mitarbeiter(?:in)?|Kolleg\w+|jemande[mn])\b",
        r"\bmit (?!Ihnen\b)[^.?!,]*\b(?:sprechen|reden)\b",
        rf"\bich\b{_NO_MACHINE}[^.?!,]*\b(?:den|die|Frau|Herrn|Doktor|jemand\w*)\b[^.?!,]*\b(?:ge)?sp(?:re|ro)chen\b",
        r"\b(?:kann|könnte|möchte) ich\b[^.?!,]*\b(?:Chef|Leiter|Inhaber)(?:in)?\b[^.?!,]*\b(?:haben|sehen)\b",
        r"\bgeben Sie mir\b[^.?!,]*\b(?:Chef(?:in)?|Leiter(?:in)?|Inhaber(?:in)?|Frau|Herrn|Doktor)\b",
        r"\b(?:geben Sie|gib) mir\b[^.?!,]*\b(?:Menschen|Mitarbeiter(?:in)?|jemande?n?|(?-i:Echten?))\b",
        r"\bmit (?:\w+ )?(?:Automaten?|Computer|Roboter|Maschinen?|KI|Bot)\b[^.?!]*\b(?:rede|spreche|unterhalte) ich\b",
    ),
    Intent.CALLBACK: (
        r"\bRückruf\b",
        r"\bzurück(?:zu)?ruf(?:en|t|st)\b|\bdass (?:mich|uns)\b[^.?!]*\banruft\b",
        r"\bruf\w*\b[^.?!]*\bzurück\b",
        r"\b(?:kann|könnte|könnten)\b[^.?!]*\b(?:mich|uns)\b[^.?!]*\banrufen\b",
        r"\bsoll(?:en|te)? (?:mich|uns)\b[^.?!]*\banrufen\b|\brufen Sie (?:mich|uns)\b[^.?!]*\ban\b",
    ),
    Intent.MOVE: (
        r"\b(?:verschieben|(?:vor|zurück)?schieben|verlegen|umbuchen|verschoben|umlegen|vor(?:zu)?(?:ver)?legen|vor(?:zu)?ziehen)\b",
        r"\bmach\w*\b[^.?!]*\bdaraus\b",
        r"\b(?:auf|nach (?:vorne?|hinten))\b[^.?!]*(?-i:\blegen\b)",  # "Waschen und Legen" is a service
        rf"\b(?:kann|können|könnten?) (?:ich|wir|Sie) {_HAD}\b[^.?!]*{_LATER}[^.?!]*\b(?:machen|haben|nehmen)\b",
        rf"\b(?:mein\w*|unser\w*|den|diesen) (?-i:\w*[Tt]ermin)\b[^.?!]*{_LATER}",
        rf"\b(?:kann|könnte) (?:der|die|das)\b[^.?!]*{_LATER} (?:sein|stattfinden|werden)\b",
        r"\b(?:der|mein\w*) (?-i:\w*[Tt]ermin)\b[^.?!]*\b(?:kann|könnte) (?:der|er)\b[^.?!]*\b(?:sein|stattfinden)\W*\?",
        r"\b(?:der|mein\w*|unser\w*) (?-i:\w*[Tt]ermin)\b[^.?!]*\bausweichen\b",
        rf"\bob der (?-i:\w*[Tt]ermin)\b[^.?!]*{_LATER}[^.?!]*\b(?:geht|ginge|möglich|passt|klappt)\b",
        rf"\b(?:der|den) (?:am|vom|um)\b[^.!?]*\b(?:kann|könnte|geht|ginge) (?:der|den|ich den|man den)\b[^.?!]*{_LATER}",
        rf"\b(?:kann|könnte|geht|ginge) der Termin (?:von|für)\b[^.?!]*{_LATER}",
        r"\bhab\w*\b[^.?!]*\bbei (?:Ihnen|euch)\b[^.?!]*\b(?:schaffe?|kann)\b[^.?!]*\bnicht\b[^.?!]*\b(?:geht|ginge|passt)\b.*\?",
        rf"\b(?:kann|können|könnten?) (?:ich|wir|Sie) {_HAD}\b[^.?!]*\b(?:an)?statt (?:am|um)\b",
        rf"\b(?:kann|können|könnten?) (?:ich|wir)\b[^.?!]*\b(?:an)?statt {_ON_DAY}[^.?!]*\bkommen\b",
        rf"\b(?:hat|hab'?e?n?)\b[^.?!]*, (?:und )?(?:geht|ginge)\b[^.?!]*{_LATER}[^.!]*\?",
        # "Ich habe am Samstag eine Privatstunde, die schaffe ich erst um zwölf."
        r"\bhab'?e?n? (?:ich|wir)?[^.?!]*, (?:den|die|das|da) (?:schaff\w*|kann|können) (?:ich|wir) (?:\w+ )?(?:erst|nur)\b",
        # "Ich hab am Freitag Massage in Flöha, ginge das auch in Mitte?"
        r"\bhab'?e?n? (?:(?!Zeit\b|frei\b)[^.?!])*, (?:geht|ginge) (?:das|es|der|die) (?:denn |vielleicht )?auch (?:in|im)\b",
        # "Ich muss morgen absagen, geht Freitag?", "Ich hab um drei einen Termin, ich schaffe es nicht, geht auch vier?"
        rf"\b(?:absagen|nicht kommen)\b[^.?!]*, {_GOES}{_ON_DAY}[^.!]*\?",
        rf"\bhab'?e?n?\b[^.?!]*\btermin\b[^.?!]*\b(?:schaff|kann)\S*[^.?!]*\bnicht\b[^.?!]*, {_GOES}auch\b[^.!]*\?",
        r"\bmein\w* (?-i:\w*[Tt]ermin)\b[^.?!]*\blieber\b[^.?!]*\b(?:haben|machen|nehmen|wahrnehmen)\b",
        r"\bich hatte\b[^.?!]*\bgebucht, (?:könnte|kann|geht|ginge)\b[^.!]*\?",
        r"\b(?:den|mein\w*) Termin\b[^.!?]*\bnicht (?:ein)?halten\b[^.!?]*\b(?:geht|ginge|passt)\b[^.!]*\?",
        r"\bmein\w* Termin\b[^.!]*\b(?:geht|ginge|passt) (?:der|er|es|das|auch)\b|\bvon (?:\w+ )?\w+(?: Uhr)? auf \w+ Uhr\b",
        r"\bTermin\b.*\bden\b[^.?!]*\b(?:später|früher)\b[^.?!]*\b(?:machen|haben|nehmen)\b",
    ),
    Intent.CANCELLATION: (
        r"\b(?:kostet|bis wann|wie lange vorher)\b[^.!]*\b(?:abzusag|absag|storn)\w*",
        r"\bwie lange?\b[^.!]*\b(?:absag|storn)\w*\b[^.!]*\bvorher\b|\bwie lange?\b[^.!]*\bvorher\b[^.!]*\b(?:absag|storn)\w*",
        r"\b(?:kostenlos|kostenfrei|umsonst|gratis)\b[^.!]*\b(?:abzusag|absag|storn)\w*|\b(?:Storno|Ausfall|Absage)(?:gebühr|kosten)",
        r"\b(?:muss|soll) (?:ich|man|wir)\b[^.!]*\babsagen\b[^.!]*\bwenn\b[^.!]*\?",
        r"\b(?:kostet|(?:be)?zahlen|berechne\w*|gebühr\w*)\b[^.!]*\bwenn\b[^.!]*\b(?:absage|nicht (?:komme|erscheine))\b",
        r"\bwas\b[^.!]*\bwenn ich\b[^.!]*\b(?:absage|verhindert|nicht (?:kann|komme|erscheine))\b",
        rf"\b(?:wenn|falls) (?:ich|wir)\b[^.!?]*\b(?:absagen?|nicht (?:kommen?|erscheinen?))\b[^.!]*{_OWED}",
        rf"{_OWED}[^.!]*\b(?:wenn|falls) (?:ich|wir)\b[^.!]*\babsagen (?:muss|müsste|will|möchte)\b",
    ),
    Intent.CANCEL: (
        rf"{_NOT_OF_LIST}(?<!nicht )\b(?:absagen?|abzusagen|stornier\w*|streichen|löschen|rückgängig|canceln|annullieren)\b",
        r"\b(?:möchte|will|werde|wollen|werden)\b[^.?!]*\bnicht (?:mehr )?kommen\b",
        r"\b(?:ich|wir)\b[^.?!]*\bnicht (?:mehr )?(?:kommen|wahrnehmen) (?:kann|können|werden?)\b",
        r"\b(?:den|meinen|unseren) Termin\b[^.?!]*\bbrauche?n? (?:ich|wir)\b[^.?!]*\bnicht\b",
        r"\bbrauche?n?\b[^.?!]*\b(?:den|meinen|unseren) Termin\b[^.?!]*\bnicht\b",
        # After "Der andere Termin am … bleibt bestehen"
        r"\b(?:den|der) (?:ander|alt|früher|vorherig)en?(?: Termin)?\b[^.?!]*\bbrauche?n? (?:ich|wir)\b[^.?!]*\bnicht\b",
        r"\b(?:den|der) (?:ander|alt|früher|vorherig)en?(?: Termin)?\b[^.?!]*\b(?:kann|soll|muss|könnte?n?)\b[^.?!]*\bweg\b",
        r"\bsag\w*\b.*\bab\b(?!\s+\d)",
        r"\b(?:kann|(?:wir|den|ihn) könn(?:t?en)|könn(?:t?en) wir)\b.*\bnicht\b[^,.?!]*\b(?:kommen|wahrnehmen)\b",
        r"\bich komme\b[^.?!]*\bnicht\b",
        r"(?<!\bmir )\bfällt (?!mir\b)[^.?!]*\baus\b(?![^.?!]*\?)",
        r"\b(?:(?:muss|müsste|müssen|lassen?|soll)\b[^.?!]*\bausfallen|ausfallen lassen)\b(?![^.?!]*\?)",
        r"\bschaff(?:e|'?s)?\b[^.?!]*\bnicht\b,?[^,.?!]*\bzu kommen\b",
        r"\bhabe? \b[^.?!]*\btermin\b[^?!]*\bich schaffe? (?:das|es|den|ihn) (?:leider |doch )?nicht\s*(?:[,.!]|$)",
    ),
    Intent.NOTHING: (
        r"\b(?:will|möchte|brauche|wünsche)\b[^,.?!]*\bkeinen?\b[^,.?!]*\btermin(?![^.?!]*\bsondern\b)",
        r"\bich überleg'?e? (?:(?:es )?mir|noch|das)\b",
        r"^\W*(?:(?:ja|gut|okay|ok|dann|also|danke|nein)\W+)*ich melde? mich(?: dann| noch ?mal| wieder| später)*\W*$",
        r"\b(?:dann|da) (?:rufe?|melde?) ich (?:mich )?(?:da|dort|woanders|bei den(?:en)?)\b",
        r"\bdas (?:war|ist) (?:so )?(?:falsch|nicht richtig|ein (?:Versehen|Fehler))\W*$|\bdas stimmt (?:so )?nicht(?: so)?\W*$",
        r"\b(?:den|das|ihn) (?:will|möchte|brauche) ich (?:doch |lieber |gar )*nicht(?: mehr)?\W*$",
        r"\banders überlegt\W*$|\b(?:will|möchte) (?:ihn|den|meinen termin)\b[^.?!]*\bbehalten\b",
        r"\bich (?:ruf|meld)e?\b[^.?!]*\bspäter (?:noch ?mal|wieder)\b",
        r"\b(?:lassen wir (?:es|das|alles)|lassen Sie (?:es|alles|den|ihn)|vergessen Sie|hat sich erledigt)\b",
        r"\b(?:nichts|nix) buchen\b|\bbuchen (?:will|möchte) ich (?:(?:noch|jetzt|aber|gar) )*(?:nichts|nix)\b",
        r"^\W*(?:nein|nee)\b[^.?!]*\bkeinen (?:neuen|weiteren|anderen)\b",
        r"\b(?:um \w+|\w+tag|(?:der|mein) (?-i:Termin)) bleibt\s*(?:[.,!]|$)",
        r"\b(?:bleib\w* (?:bitte )?(?:alles|es so)|alles so bleib\w*|dann bleibt es|behalte ich (?:den|ihn|meinen))\b",
        r"\blass\w* ich (?:es|das)(?: lieber| so| bleiben)*\W*$",
        rf"^\W*(?:(?:nein|nee|ach|na|gut|okay|schade|danke)\W+)*(?:dann|{_RATHER}) (?:{_RATHER} )*nicht\W*(?:danke?\W*)?$",
    ),
    Intent.LIST: (
        rf"{_WHEN}[^.?!]*\bmeine?[nr]?\b[^.?!]*\btermin",
        rf"{_WHEN} (?:{_FILLER} )*{_IS} (?:{_FILLER} )*meine? (?:\w+ )?(?-i:[A-ZÄÖÜ])(?![^.?!]*\bfertig\b)",
        rf"{_WHEN}[^.?!,]*\b(?:ist|war|beginnt) (?:{_FILLER} )*der termin\b",
        rf"{_WHEN}(?: {_FILLER})* (?:war|ist) (?:das|es)(?: {_FILLER})*\W*$",
        r"\bwann ich (?:den|meinen|einen|die|das)\b[^.?!]*\bhabe?\b",
        r"\bwann ich\b[^.?!]*\b(?:dran bin|da sein (?:soll|muss)|kommen (?:soll|muss))\b",
        r"\bob ich\b[^.?!]*\btermine?\b[^.?!]*\bhabe?\b",
        r"\b(?:vergessen|weiß nicht mehr|nicht mehr(?: genau)?),? wann\b(?! (?:Sie|ihr)\b)",
        r"\b(?:mit|bei) wem (?:ich|wir)\b[^.?!]*\btermin\b[^.?!]*\bhaben?\b",
        r"\b(?:mein|unser)e? (?-i:[A-ZÄÖÜ])\w+ hat\b[^.?!]*\b(?:einen|nen) termin\b[^.!]*\bwann (?:der|er|das) ist\b",
        r"^\W*(?:(?:und|ach|ja|oh|okay)\W+)*bei wem (?:ist|war|bin) (?:denn |noch ?mal )*(?:der|die|das|ich)\b(?! [A-ZÄÖÜ])\W*$",
        r"\b(?:bei wem|wo|in welcher filiale)\b[^.?!]*\bmein\w* (?:\w+ )?termin",
        r"\b(?:steht|bleibt|gilt|stimmt)\b[^.?!]*\bmein\w* (?:\w+ )?termin",
        r"\bob (?:mein\w*|der|unser\w*) (?:\w+ )?termin\b[^.?!]*\b(?:steht|bleibt|gilt|stimmt)\b",
        r"\bob mein\w* (?:\w+ )?(?-i:[A-ZÄÖÜ])[^.?!]*\bnoch steht\b|^(?!\W*wo\b)[^.?!]*\bsteht (?:denn )?mein\w* [^.?!]*\bnoch\b",
        r"\b(?:welcher andere|was für ein anderer) termin\b(?![^.?!]*\b(?:frei|haben Sie|ginge|geht|passt|möglich)\b)",
        r"\b(?:welche[nrs]?|was für)\b(?![^.?!]*\bbrauch)[^.?!]*\btermine?\b[^.?!]*\b(?:ich|haben wir)\b",
        r"\bwas (?:habe?|hatte|haben|hatten) (?:ich|wir)\b[^.?!]*\btermine?\b",
        r"^\W*(?:und )?was habe? ich (?:denn )?jetzt(?: alles)?\W*$",
        r"\b(?:ich habe?|wir haben)\b[^.?!]*\btermine?\b[^.!]*\b(?:welche|wann|was) (?:sind|ist|waren?) (?:das|die|es|der)\b",
        r"\b(?:habe? ich|haben wir)\b[^.?!]*\btermine?\b|\bwie viele termine (?:ich|wir)\b",
        r"\b(?:ist|stimmt|gibt es|war)\b[^.?!]*\bmit (?:mein|unser)\w* (?:\w+ )?termin\b[^.!]*\?",
        rf"\bwas (?:habe?|hatte) ich (?:{_FILLER} |bei (?:Ihnen|euch) |alles )*(?:gebucht|eingetragen|stehen)\b",
        rf"{_WHEN} (?:{_FILLER} )*(?:bin ich\b|(?:muss|soll(?:te)?) ich\b(?=[^.?!]*\b(?:da|dran|hier|hin|kommen|wieder)\b|\W*$))",
        r"^\W*wie war (?:das|es|der termin) (?:noch|doch)\b",
        r"\bwann (?:kommt|kommen)\b[^.?!]*\bzu (?:uns|mir)\b",
        r"\b(?:der|die|das) (?-i:[A-ZÄÖÜ])[\w-]+ (?:am|um|vom)\b[^.?!]*\b(?:bleibt|steht|gilt)\b",
        r"\b(?:mir|uns) (?:das|es|den|ihn) (?!per\b|auch\b|schriftlich|noch per)(?:\w+ ){0,2}bestätigen\b(?! per)",
        r"\bmein\w* (?:\w+ )?termin\b[^.!?]*\bist (?:der|er) (?:\w+ ){0,2}(?:aktuell|gebucht|eingetragen|fest|richtig)\b",
        r"\b(?:meine|unsere) termine\b|\bwegen (?:mein|unser)\w* termins?\b|\btermin\b[^.?!]*\bbestätigen\b",
        r"^\W*(?:\w+\W+){0,2}?(?:ist|haben Sie|habt ihr|sehen Sie|finden Sie)\b[^.?!]*\bmein\w* termin\b",
        r"\bmuss ich (?:denn )?(?:heute|morgen|übermorgen|am \w+tag|nächste Woche)\b[^.?!]*\bkommen\b",
        rf"{_WHEN}[^.?!]*\b(?:eingetragen|vorgemerkt|angemeldet)\b",
        r"\bum wie ?viel uhr (?:ist|war|beginnt) (?:\w+ )?(?:die|das|der|mein\w*) (?!termin)(?-i:[A-ZÄÖÜ])",
        r"\bist (?:der|mein) termin\b[^.?!]*\b(?:eingetragen|gebucht|notiert|aktuell|bestätigt)\b",
    ),
    Intent.DETAILS: (
        # "Darf ich meinen Hund mitbringen?" asks for no service
        (
            r"(?:^|[.?!:])(?!(?:(?!\bwas\b)[^.?!:])*\b(?:kann|darf|könnte|können|dürfen) (?:ich|wir|man|er|sie|mein\w* \w+)\b)"
            r"[^.?!:]*\bmitbringen\b"
        ),
        r"\bbring(?:e|t)\b[^.?!]*\bmit\s*\?",
        r"\b(?:was|worauf|etwas|irgendwas)\b[^.?!]*\b(?:beachten|beachte|vorbereiten|achten)\b|\bbereite ich mich\b[^.?!]*\bvor\b",
        r"\bwas (?:darf|soll|sollte|muss) ich (?:davor|vorher)\b",
        r"\bwas (?:soll|sollte|muss) ich\b[^.?!]*\b(?:bereit(?:legen|halten|stellen)|dabei ?haben)\b",
        r"\b(?:muss|soll)\b[^.?!]*\bnüchtern\b[^.!]*\?|\bwas (?:soll\w*|muss|müssen) (?:ich|wir|sie|er) (?:\w+ )?anziehen\b",
        r"^\W*(?:und )?(?:was|welche (?-i:[A-ZÄÖÜ])\w+) brauche?n? (?:ich|wir)\b(?![^?]*\bfür\b)[^.!]*\?",
        r"^\W*(?:und )?was brauche?n? (?:ich|wir)\b[^.?!]*\bfür (?:den|die|das|mein\w*) (?:\w+ )?(?-i:Termin|Besuch|Stunde)\b",
        rf"\bist (?:das|es|(?:die|der|das) (?!termin)(?-i:[A-ZÄÖÜ])\w+) (?:auch |was |etwas )?für {_NO_DAY}(?: geeignet)?\W*\?",
        rf"^\W*(?:(?:und|aber)\W+)?brauche?n? (?:ich|wir|man)\b[^.?!]*{_FOR_THAT} (?!termin)(?-i:[A-ZÄÖÜ])\w+\W*\?",
        r"\bwie lange?\b[^.?!]*\b(?:sitze?|liege?|bin|brauche) ich\b(?:[^.?!]*\bd(?:a|abei|afür|ort)\b)",
        r"^\W*(?:(?:und|aber)\W+)?dauer(?:t|n)\b[^.?!]*\blange?\b[^.!]*\?",
        r"\bwie lange?\b[^.?!]*\b(?:dauer[nt]|dauert|braucht)\b|\bwie lange geht (?:das|es|die|der|so|eine?)\b",
    ),
    Intent.PRICES: (
        r"\b(?:kostenlos|kostenfrei|umsonst|gratis)\b",
        r"\b(?:kostet|kosten|preise?)\b|\bwie teuer\b",
        r"\b(?:teu(?:er|rer)|billiger|günstiger)\b[^.!?]*\?",  # not "Das ist aber teuer."
        r"\bwie ?viel (?:zahle|muss|macht|nehm\w+|verlang\w+|berechne\w*)\b",
        r"\bwas (?:muss|müsste|müssen|darf|soll)\b[^.?!]*\b(?:hinlegen|hinblättern|(?:be)?zahlen|ausgeben|berappen|investieren)\b",
        r"\bwas (?:nehmen|nehmt) (?:Sie|ihr)\b[^.?!]*\b(?:für|fürs|dafür)\b|\bwas (?:verlang\w+|berechne\w+) (?:Sie|ihr)\b",
        r"\bwas macht (?:das|es)\b[^.?!]*\b(?:zusammen|insgesamt|alles)\b",
    ),
    Intent.WORKING_HOURS: (
        r"\bwann\b[^.?!]*\barbeitet\b",
        r"^\W*(?:und )?arbeitet\b",
        r"\bob\b[^.?!]*\barbeitet\b",
        r"\bwer (?:arbeitet|ist)\b[^.?!]*\b(?:am|heute|morgen|übermorgen|\w+tags)\b",
        r"\bist (?!(?:das|es|dies|da)\b)(?![^?]*\b(?:termine?|was|etwas|frei)\b)[^.?!,]*\b(?:da|im Haus|anwesend)\s*\?",
        r"^\W*ist (?:(?:der|die) )?(?:Frau|Herr)\b[^.?!]*\bbei (?:Ihnen|euch)\s*\?",
    ),
    Intent.HOURS: (
        r"Öffnungszeit",
        r"\b(?:wann|wie lange?)\b[^.?!]*\b(?:offen|geöffnet|auf|zu|(?:auf|zu)mach\w+|öffne\w*|schließ\w*)\b",
        r"\b(?:offen|geöffnet) (?:habt|haben)\b",
        r"\b(?:ab wann|wann|wie lange?) (?:Sie|ihr)\b[^.?!]*\b(?:da|erreichbar) (?:sind|seid)\b",
        r"\bauf ?(?:habt|haben)\b",
        rf"\b(?:haben|habt) (?:Sie|ihr)\b[^.?!]*\b(?:offen|geöffnet|geschlossen|auf|zu)\s*{_TAG}\?",
        r"\b(?:haben|habt) (?:Sie|ihr)\b[^.?!]*\b(?:offen|geöffnet),? (?:oder|und) (?:auch )?(?:am|an|im)\b[^.?!]*\?",
        rf"\b(?:Sie|ihr) (?:haben|habt)\b[^.?!]*\b(?:offen|geöffnet|geschlossen|auf|zu)\s*{_TAG}\?",
        r"\bRuhetag\b",
        r"\bob\b[^.?!]*\b(?:jemand|wer|einer) (?:da|erreichbar) ist\b",
        r"\b(?:haben|habt|hätten) (?:Sie|ihr)\b[^.?!]*\b(?:offen|geöffnet|geschlossen)\W*$",  # as speech recognition writes it
        r"\bob (?:Sie|ihr)\b[^.?!]*\barbeite(?:n|t)\b",
        r"^\W*(?:und )?arbeiten Sie\b[^.!]*\b(?:am|an|samstags?|sonntags?|\w+tags)\b[^.!]*\?",
        r"\b(?:haben|habt) (?:Sie|ihr)\b[^.?!]*\b(?:offen|geöffnet|auf),? und (?:von |ab |bis )?(?:wann|wie lange?)\b[^.!]*\?",
        r"\b(?:haben|habt) (?:Sie|ihr) (?:(?:schon|noch|heute|jetzt|denn|gerade) )*(?:auf|offen|zu|geöffnet|geschlossen)\b[^.!]*\?",
        rf"\b(?:sind|seid) (?:Sie|ihr)\b[^.?!]*\b(?:da|erreichbar)\s*{_TAG}\?",
        rf"\bist\b[^.?!]*\b(?:offen|geöffnet|geschlossen)\s*{_TAG}\?",
    ),
    Intent.ADDRESS: (
        rf"\bwo (?:{_FILLER} )*(?:sind|seid|finde|ist|liegt|befindet)\b",
        r"\bwie komm\w* (?:ich|man|wir)\b[^.?!]*\b(?:Ihnen|euch|hin)\b",
        r"\badresse\b|\bwelche Haltestelle\b|\bwo\b[^.?!]*\baussteigen\b",
        r"\bpark(?:en|pl[aä]tze?|haus|häuser)\b",
    ),
    Intent.SERVICES: (
        r"\bwas (?:bieten|machen) Sie\b|\bwas (?:bietet|macht|habt) ihr\b[^.?!]*\b(?:an|so|alles|Angebot)\b",
        r"\bwas (?:gibt(?: es|'s)|haben Sie)(?![^.?!]*\b(?:frei\w*|termine?)\b)[^.?!]*\b(?:denn|so|alles|Angebot)\s*\?",
        r"\bwas kann (?:ich|man)\b[^.?!]*\bbuchen\b",
        r"\bwelche (?:leistungen|behandlungen|angebote)\b",
    ),
    Intent.LANGUAGES: (
        r"\b(?:spricht|sprechen|kann|können)\b[^.?!]*\b(?:wer|(?:irgend)?jemand|einer|eine)\b[^.?!]*\b(?-i:[A-ZÄÖÜ])[a-zäöü]+isch\b",
        r"\bwer\b[^.?!]*\b(?:spricht|kann)\b[^.?!]*\b(?-i:[A-ZÄÖÜ])[a-zäöü]+isch\b",
        r"\bjemanden?, de[rm] (?:\w+ )?(?-i:[A-ZÄÖÜ])[a-zäöü]+isch\b",
    ),
    Intent.STAFF: (
        r"\bwer (?:arbeitet|behandelt|macht|unterrichtet|leitet|betreut|repariert|schneidet|färbt|massiert|trainiert)\b",
        r"(?<!egal )(?<!egal, )\bbei wem\b",
        r"\bwelche (?:ärzte|mitarbeiter|kollegen)\b",
    ),
    Intent.APPOINTMENT: (
        rf"(?!.*\bohne (?:einen )?Termin\b){_NEEDS_ONE}{_WITHOUT_ONE}\b(?:termin|buchen|vereinbaren|vorbeikommen)\b",
        r"\bwann (?:kann|könnte|dürfte|können|könnten) (?:ich|wir|Sie|ihr|jemand|einer)\b[^.?!]*\bkommen\b",
        (
            r"\b(?:brauche|bräuchte|suche) (?:\w+ ){0,2}einen? "
            r"(?-i:\w*(?:[Aa]rzt|[Ää]rztin|[Aa]nwalt|[Aa]nwältin|[Tt]herapeut|[Ll]ehrer|[Tt]rainer|[Pp]fleger|[Bb]erater))"
        ),
    ),
    Intent.GOODBYE: (
        BYE,
        r"\b(?:schönen (?:tag|abend)|danke|vielen dank)\b(?!.*\?)",
        r"\bdas (?:war(?:'s|s| alles)|wäre alles)\b",
    ),
    Intent.GREETING: (r"^\W*(?:guten (?:tag|morgen|abend)|hallo|moin|servus|grüß gott)\W*$",),
}
PATTERN_OF = {intent: re.compile("|".join(patterns), re.IGNORECASE) for intent, patterns in _PATTERNS.items()}
PASSED_ON = frozenset({Intent.MESSAGE, Intent.LATE, Intent.CALLBACK})


_HAS_ONE = re.compile(  # "Ich hab morgen einen Termin, oder?"
    r"\b(?:ich hab'?e?|wir haben) (?:(?!nie\b|gerne?\b|zeit\b|möchte\b|will\b|wollte\b|brauche?\b|bräuchte\b|hätte\b|suche\b"
    r"|ge\w+(?:t|en)\b)[\w.]+ ){0,5}(?:(?:bei|mit) (?:[\w.-]+ ){1,4})?(?:einen|nen|meinen) termin\b"
    r"(?! (?:frei|zu|gehabt|gesehen)\b)(?!.*\bnoch ein)",
    re.IGNORECASE,
)


_ONLY_ASKS = re.compile(  # "Ich will nichts buchen, ich wollte nur wissen, ob am 23. jemand da ist"
    r"\bnur (?:mal )?(?:wissen|fragen),? (?P<what>(?:ob|wie|wann|was|wo|wer)\b.*)", re.IGNORECASE | re.DOTALL
)
_IN_DATE = re.compile(
    r"(?<=\d)\.(?= ?(?:[a-zäöü\d]|Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez))"
)  # ends no sentence


def find_intent(text: str) -> Intent | None:
    """Return what a sentence is about; None if it is a time, a name, a service or not understood."""
    text = _IN_DATE.sub("", text)
    found = next((intent for intent, pattern in PATTERN_OF.items() if pattern.search(text)), None)
    if found is Intent.NOTHING and (asks := _ONLY_ASKS.search(text)):
        return find_intent(asks["what"])
    return Intent.LIST if found is Intent.APPOINTMENT and _HAS_ONE.search(text) else found
