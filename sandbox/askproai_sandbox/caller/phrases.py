"""What the demo's agent says, in German, and its remarks on what it could not do, for the person who plays the call."""

HELP = "Wie kann ich Ihnen helfen?"
ASK_NAME = "Auf welchen Namen darf ich buchen?"
ASK_BIRTH_DATE = "Wie lautet das Geburtsdatum?"
ASK_SERVICE = "Was möchten Sie buchen?"
ASK_TIME = "Wann würde es Ihnen besser passen?"
ASK_WHEN = "Wann möchten Sie kommen?"
ASK_SHARES = "Für wen ist welche Leistung?"
TOO_MANY = "Zusammen kann ich höchstens vier Personen eintragen. Für wie viele soll ich suchen?"
ASK_MESSAGE = "Was darf ich ausrichten?"
ASK_NAME_TO_WAIT = "Auf welchen Namen darf ich Sie auf die Warteliste setzen?"
ASK_WHO = "Von wem darf ich das ausrichten?"
ASK_WHO_AT_LEAST = "Ohne Namen kann ich das nicht ausrichten. Von wem ist es?"
AND_THE_SECOND = "Das ist der erste Termin. Für den zweiten sagen Sie mir bitte Tag und Uhrzeit, und für wen er ist."
ASK_APPOINTMENT = "Welchen Ihrer Termine meinen Sie?"
ASK_THIS_APPOINTMENT = "Meinen Sie diesen Termin?"
ONE_AT_A_TIME = "Ich trage einen Termin nach dem anderen ein. Soll ich mit diesem beginnen: {}?"
ASK_YES = "Das ist {}. Soll ich das eintragen?"
GERMAN_ONLY = "Entschuldigung, das habe ich nicht verstanden. Wie kann ich Ihnen helfen?"
MORE = "Kann ich sonst noch etwas für Sie tun?"
GOODBYE = "Vielen Dank für Ihren Anruf. Auf Wiederhören!"
KEPT = "Gut, der Termin bleibt bestehen."
OTHER_BRANCH = (
    "Der Termin ist schon eingetragen, und in eine andere Filiale kann ich ihn nicht verschieben. Soll ich ihn absagen?"
)
ASK_TOGETHER = "Möchten Sie einen Termin für Sie zusammen, oder jeder einen eigenen?"
OTHER_SERVICE = "Eine andere Leistung ist ein neuer Termin. Soll ich den eingetragenen absagen?"
CANCEL_OR_MOVE = "Möchten Sie den Termin absagen oder verschieben?"
ENDS_AT = "Der Termin geht bis {}."
MOVE_BOOKED = "Soll ich den eingetragenen Termin verschieben: {}?"
IS_AT = "Das ist in {}. {}"
CHANGE_OR_FURTHER = "Möchten Sie den eingetragenen Termin ändern, oder noch einen Termin?"
NOTHING = f"Gut, dann buche ich nichts. {MORE}"
NO_MESSAGE = f"Gut, dann richte ich nichts aus. {MORE}"
NO_BRANCH_MOVE = "In eine andere Filiale kann ich einen Termin nicht verschieben. Soll ich das ausrichten?"
CANCELLED = "Der Termin ist schon abgesagt. Sagen Sie mir gern, wann Sie einen neuen möchten."
NOTED = f"Das ist schon notiert. {MORE}"
MOVED = "Der Termin ist schon verschoben. Auf wann soll ich ihn legen?"
OFFER_MESSAGE = "Damit kann ich Ihnen leider nicht selbst helfen. Soll ich etwas ausrichten?"
IMPOSSIBLE = "Das kann ich hier leider nicht für Sie erledigen."

SUSPENDED = "that of a suspended tenant has only the transfer, whatever spec.functions says"
NOT_UNDERSTOOD = "did not understand “{}”; docs/demo-agent.md lists what it understands"
NEAR_QUESTION = (
    "did not understand “{}”, and does not take it for a known question (“{}”), which a real model may do: ask that one"
    " word for word"
)
LEFT_PART = "looks only for the service that it knows: “{}” names none of the business, ask for it by itself"
ALSO_QUESTION = (
    "does one thing at a time: what the sentence asks beside the appointment (“{}”) has to be asked by itself"
)
ALSO_APPOINTMENT = "does one thing at a time: ask for the appointment of “{}” by itself"
NO_PARKING = "knows no question about parking: “{}” asks for the address, which may say nothing of it"
ONE_QUESTION = "answers one question at a time: ask the second one of “{}” by itself"
NOT_PLACED = (
    "cannot place “{}” of “{}”, and calls no function with the rest: say the day and the time in one phrase that"
    " `askproai when` understands"
)
NO_CHANGE = (
    "does not know whether “{}” is to cancel or to move an appointment, and calls no function: say so (“Ich möchte meinen"
    " Termin am … auf … verschieben”)"
)
NO_SECOND = (
    "does not know whether “{}” is to change the appointment that this call has booked or to make a further one, and calls no"
    " function: say so (“doch lieber am …”, “noch einen …”); into another service it changes none"
)
NO_SPAN = "does not count from another time (“{}”): say the time itself"
NO_NUMBER = (
    "does not pass on the telephone number of “{}”: it does with a message or a callback, in digits (“0171 5555555”)"
)
NO_ADDRESS = "passes on no e-mail address: “{}” has no word for the sign @ (“anna punkt m at gmx punkt de”)"
NOT_PASSED_ON = "“{}” was said with the yes to an offer that was not booked: it is not passed on"
NOT_JOINED = "put nobody on the waiting list, because the caller did not say a name"
NOT_LEFT = "“{}” is not passed on, because the caller did not say a name"
NO_NEIGHBOUR = "does not count from another appointment (“{}”): say the time itself"
ENGLISH = (
    "speaks German only: try phrases with `askproai when --language en`, functions with `askproai call --function`"
)
ONE_APPOINTMENT = "books one appointment after the other: after the first it asks for the second"
NOT_SHARED = (
    "does not know who gets which service of “{}”, and calls no function: say it of each person (“Fango für mich, Massage für"
    " meine Frau”)"
)
NO_GROUP = "calls no function for “{}”: no function takes more than three people who come along"
NOT_COUNTED = "takes “{}” for two people: say how many they are"
LEFT_OTHERS = "asks for one person and one branch at a time: “{}” of “{}” is in no function, ask for it by itself"
ONE_BY_ONE = (
    "does one thing after the other: once the first one is booked or cancelled, ask for the next one in the same call"
)
NOT_WITH = (
    "no function takes a person who is rejected ({}): it asks for {} instead, and takes no offer of the rejected one"
)
NOBODY_ELSE = "no function takes a person who is rejected ({}): it takes no offer of that person"
SAME_PERSON = "moves appointments in time only: with another person (“{}”) it would be a new appointment"
TEAM_NOT_KNOWN = (
    "the prompt does not say who works in “{}”: it has the team of the branches for which this agent answers"
)
ASKS_FIRST = "asks once more before it books: “{}” of “{}” may change what is wanted"
NO_OFFER = (
    "“{}” answers no offer: the last answer of the functions had none, or only of people whom the caller has rejected"
)
