"""The pictures of the six invoices that are looked at. Draw them anew, and look, with

python -m tests.documents.references
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from chalicelib.adapters.typst_renderer import TypstRenderer
from tests.documents.samples import GALLERY, TEMPLATES
from tests.documents.validators import run

FOLDER = Path(__file__).parent / "references"
_DOTS_PER_INCH = 96


def picture_of(pdf: bytes) -> Image.Image:
    """The first page as it is seen."""
    done = run("pdftoppm", "-r", str(_DOTS_PER_INCH), "-singlefile", "-png", "-", stdin=pdf)
    assert done.returncode == 0, done.stderr
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def draw_all() -> None:
    renderer = TypstRenderer(TEMPLATES)
    FOLDER.mkdir(exist_ok=True)
    for name, invoice in GALLERY.items():
        picture = picture_of(renderer.render_pdf(invoice))
        picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    draw_all()
