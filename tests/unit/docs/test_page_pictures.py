"""The pictures of the pages in the docs are of the present templates."""

import pytest
from hack.page_pictures import OF_FLEET, OF_SALON, Picture

PICTURES = (*OF_SALON, *OF_FLEET)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.name)
def test_a_picture_is_of_the_present_templates_and_shown(picture: Picture) -> None:
    assert picture.digest().encode() in picture.file.read_bytes(), "draw it anew: python -m hack.page_pictures"
    assert f"images/{picture.file.name}" in picture.file.parents[1].joinpath("how-to.md").read_text("utf-8")
