"""The docs' picture of a mail shows the mail that is sent now."""

from hack.mail_picture import PICTURE, digest


def test_picture_shows_the_present_confirmation_mail() -> None:
    assert digest().encode() in PICTURE.read_bytes(), "draw it anew: python -m hack.mail_picture"
    assert f"images/{PICTURE.name}" in PICTURE.parents[1].joinpath("mails.md").read_text("utf-8")
