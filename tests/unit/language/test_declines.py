"""Only words that leave no doubt decline the offered times, so that no agreement is read as a no."""

from askproai_runtime.language.declines import declines_offer
from tests.worlds.rows import each_row


@each_row(
    "said",
    [
        "Am Dienstagvormittag passt mir keine der Zeiten, setzen Sie mich auf die Warteliste.",
        "da passt mir keine der Zeiten setzen Sie mich auf die Warteliste",
        "Nein, da kann ich nicht.", "Leider nichts dabei.", "Können Sie mich auf die Warteliste setzen?", "Nein.", "Nein danke.",
        "Das ist mir alles zu früh.", "zu spät", "Das ist zu spät, ich arbeite bis 18 Uhr.", "Zehn ist mir zu früh.",
        "Um zehn kann ich nicht.", "Zehn passt mir nicht, elf auch nicht.", "Nein, das geht nicht.", "Den nehme ich nicht.",
        "Davon nehme ich leider keinen.", "Okay, da kann ich leider nicht.", "Ja, auf die Warteliste bitte.",
        "Gut, dann setzen Sie mich auf die Warteliste, falls was passt.", "Ich warte lieber.", "Dann nehme ich die Warteliste.",
        "Nein, einen anderen Tag.", "Auf keinen Fall.", "Die passen alle schlecht.", "Nicht um zehn, lieber auf die Warteliste.",
        "Kein Problem, aber da kann ich nicht.", "Ich kann nicht um zehn.", "Nein, nein.",
        "None of those, please put me on the waiting list.", "I can't do any of these.", "too early", "That's too late for me.",
        "No, thanks.", "None of them works for me.", "Ten doesn't work.", "I'd rather wait.", "Unfortunately not.",
        "Could you put me on the waiting list?", "Okay, put me on the wait list then.", "No time suits me.",
        "I'll take none of them.",
    ],
)  # fmt: skip
def test_refusal_of_all_offered_times_is_a_decline(said: str) -> None:
    assert declines_offer(said)


@each_row(
    "said",
    [
        "kein Problem, zehn Uhr passt", "nicht schlecht, den nehme ich", "nein nein, zehn ist gut", "nein nein zehn ist gut",
        "Ich nehme zehn Uhr, nicht elf Uhr", "ich nehme zehn Uhr nicht elf Uhr",
        "ich will nicht auf die Warteliste, zehn Uhr nehme ich", "ich will nicht auf die Warteliste zehn Uhr nehme ich",
        "Nicht elf, zehn.", "Nicht um elf, sondern um zehn.", "Elf geht nicht, aber zehn passt.", "Nein, doch, den ersten bitte.",
        "Da spricht nichts dagegen, zehn Uhr.", "Ja, warum nicht.", "Ja, da habe ich nichts vor.", "Nein, okay.",
        "Nein, nicht warten, dann halb zehn.", "Zu früh ist mir neun, zehn Uhr bitte.", "Keine Warteliste, bitte um 10:30 Uhr.",
        "Leider kann ich um elf nicht, den frühen nehme ich.", "Ja, gern.", "Ja, um zehn passt.", "Gern, kein Thema.",
        "ten, not eleven", "ten not eleven", "not eleven, ten please", "no problem, ten works", "not bad, I'll take it",
        "no no, ten is fine", "No, the first one.", "Eleven doesn't work, but ten is great.",
        "Don't put me on the waiting list, ten o'clock is fine.", "I don't want to wait, I'll take the first one.",
        "Yes, I have nothing on then.", "No, that's perfect.", "Why not.", "no worries, at ten",
        "Ich kann leider nur um zehn.", "Ich habe nichts gegen zehn Uhr.", "I could do ten, not a minute later.",
    ],
)  # fmt: skip
def test_accepted_time_outranks_a_spoken_no(said: str) -> None:
    assert not declines_offer(said)


@each_row(
    "said",
    [
        "zehn Uhr bitte", "den ersten bitte", "the first one", "Max Müller", "hm", "", "Wie bitte?", "Was kostet das?", "Moment.",
        "Ich weiß nicht.", "Ich bin nicht sicher.", "Keine Ahnung.", "Das habe ich nicht verstanden.", "Ich möchte nicht warten.",
        "Was ist die Warteliste?", "Wie lang ist die Warteliste?", "Muss ich dann auf die Warteliste?",
        "Ich will nicht auf die Warteliste.",
        "Nein, ja.", "Geht es auch nicht bei Anna?", "Null eins fünf eins.", "Am Nachmittag.",
        "Nicht bei Mehmet.", "Ich kann nicht vor zehn.", "Macht nichts.",
        "I'm not sure.", "I don't know.", "I didn't catch that.", "How long is the waiting list?", "Hold on.", "What about Friday?",
        "I don't want to be on the waiting list.", "Peter Miller",
    ],
)  # fmt: skip
def test_unclear_words_decline_nothing(said: str) -> None:
    assert not declines_offer(said)
