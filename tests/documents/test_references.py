from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from chalicelib.adapters.typst_renderer import TypstRenderer
from tests.documents.references import FOLDER, picture_of
from tests.documents.samples import GALLERY, TEMPLATES, invoice_for
from tests.documents.validators import needs_poppler

#: A pixel is another one when a channel differs by this much of 255: more than antialiasing does
#: from one version of the drawing program to the next.
_ANOTHER = 80
#: A word is about a thousandth of the page, a moved line far more.
_MOST_OTHERS = 0.0005


def share_of_other_pixels(one: Image.Image, other: Image.Image) -> float:
    if one.size != other.size:
        return 1.0
    difference = ImageChops.difference(one, other).convert("L")
    return sum(difference.histogram()[_ANOTHER:]) / (one.width * one.height)


@needs_poppler
@pytest.mark.parametrize("name", GALLERY)
def test_the_invoice_looks_as_it_did_when_it_was_looked_at(name: str, tmp_path: Path) -> None:
    picture = picture_of(TypstRenderer(TEMPLATES).render_pdf(GALLERY[name]))
    picture.save(tmp_path / f"{name}.png")
    reference = Image.open(FOLDER / f"{name}.png").convert("RGB")
    share = share_of_other_pixels(picture, reference)
    assert share <= _MOST_OTHERS, f"{share:.2%} of {tmp_path / name}.png differ"


@needs_poppler
def test_a_changed_look_would_be_noticed() -> None:
    other = picture_of(TypstRenderer(TEMPLATES).render_pdf(invoice_for(GALLERY["a4"].buyer)))
    reference = Image.open(FOLDER / "a4.png").convert("RGB")
    assert share_of_other_pixels(other, reference) > 0
    moved = ImageChops.offset(reference, 0, 1)
    assert share_of_other_pixels(moved, reference) > _MOST_OTHERS
