"""The pictures of the pages in the docs show the present templates."""

import pytest
from hack.page_pictures import OF_FLEET, OF_SALON, Picture

SHOWN = [(each, "page.md") for each in OF_SALON] + [(each, "fleet-page.md") for each in OF_FLEET]


@pytest.mark.parametrize(("picture", "page"), SHOWN, ids=lambda each: getattr(each, "name", each))
def test_picture_shows_present_templates(picture: Picture, page: str) -> None:
    assert picture.digest().encode() in picture.file.read_bytes(), "draw it anew: python -m hack.page_pictures"
    assert f"images/{picture.file.name}" in (picture.file.parents[1] / "how-to" / page).read_text("utf-8")
