"""Nothing that customers or logos say makes the server ask anybody (SSRF), or read its files."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
from PIL import Image

from chalicelib.adapters.html_renderer import HtmlRenderer
from chalicelib.adapters.typst_renderer import TypstRenderer
from chalicelib.domain.invoice import Invoice
from tests.documents.samples import AMERICAN, SELLER, TEMPLATES, invoice_for
from tests.support.contract import contract, operations
from tests.support.loopback import Request, served


class Trap:
    """A server that nobody should ask; `asked` says who did."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def trap() -> Iterator[Trap]:
    caught = Trap()

    def answer(request: Request) -> None:
        caught.asked.append(request.path)
        request.answer()

    with served(answer) as caught.url:
        yield caught


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
BOX = 'viewBox="0 0 10 10" width="10" height="10"'
LOGOS = {
    "a picture from elsewhere": '{head} {box}><image href="{url}/a" width="9" height="9"/></svg>',
    "the same by xlink": '{head} {box}><image xlink:href="{url}/a" width="9" height="9"/></svg>',
    "a file of the server": '{head} {box}><image href="{file}" width="9" height="9"/></svg>',
    "a file by its path": '{head} {box}><image href="{path}" width="9" height="9"/></svg>',
    "a shape from elsewhere": '{head} {box}><use href="{url}/a#b"/></svg>',
    "a style from elsewhere": '{head} {box}><style>@import "{url}/a";</style></svg>',
    "a fill from elsewhere": '{head} {box}><path d="M0 0h9v9z" fill="url({url}/a#b)"/></svg>',
    "a font from elsewhere": '{head} {box}><style>@font-face{{font-family:x;src:url({url}/a)}}'
    '</style><text font-family="x">x</text></svg>',
    "a script": '{head} {box}><script>fetch("{url}/a")</script></svg>',
    "a script from elsewhere": '{head} {box}><script href="{url}/a"/></svg>',
    "a page within": '{head} {box}><foreignObject><iframe src="{url}/a"/></foreignObject></svg>',
    "a filter's picture": '{head} {box}><filter id="f"><feImage href="{url}/a"/></filter>'
    '<rect width="9" height="9" filter="url(#f)"/></svg>',
    "an entity that is a file": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{file}">]>'
    "{head} {box}><text>&x;</text></svg>",
    "a style sheet for the whole": '<?xml-stylesheet href="{url}/a"?>{head} {box}></svg>',
    "an endless entity": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">'
    '<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>'
    "{head} {box}><text>&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;</text></svg>",
}  # fmt: skip


def with_logo(svg: str) -> Invoice:
    return invoice_for(AMERICAN, seller=replace(SELLER, logo_svg=svg))


@pytest.mark.parametrize("name", LOGOS)
def test_a_logo_loads_nothing(trap: Trap, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(PIXEL)
    svg = LOGOS[name].format(
        head=HEAD, box=BOX, url=trap.url, file=secret.as_uri(), path=str(secret)
    )
    pdf = TypstRenderer(TEMPLATES).render_pdf(with_logo(svg))
    html = HtmlRenderer(TEMPLATES).render_html(with_logo(svg))
    assert pdf.startswith(b"%PDF-")
    assert trap.asked == []
    assert pictures_in(pdf) == [], "the file isn't in the document"
    # In HTML it is a picture, in which nothing runs and nothing is loaded; and so it stays.
    assert html.count("<svg") == 0
    assert html.count('src="data:image/svg+xml;base64,') == 1
    assert trap.url not in html


def test_the_test_would_notice_a_picture_that_was_loaded(tmp_path: Path) -> None:
    """A picture that is in the logo itself is drawn, so one that was loaded would be, too."""
    inside = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    svg = f'{HEAD} {BOX}><image href="{inside}" width="9" height="9"/></svg>'
    assert pictures_in(TypstRenderer(TEMPLATES).render_pdf(with_logo(svg)))


def test_addresses_in_a_buyers_details_are_text(trap: Trap) -> None:
    buyer = replace(AMERICAN, name=f'<img src="{trap.url}/a">#image("{trap.url}/b")')
    TypstRenderer(TEMPLATES).render_pdf(invoice_for(buyer))
    html = HtmlRenderer(TEMPLATES).render_html(invoice_for(buyer))
    assert '<img src="http' not in html
    assert trap.asked == []


def test_no_request_takes_an_address_to_fetch() -> None:
    """There is nothing in the contract by which a caller could name a server or a file."""
    document = contract()
    named: set[str] = set()
    for operation in operations(document).values():
        named |= set(names_in(operation.get("requestBody", {}), document))
        named |= set(names_in(operation.get("parameters", []), document))
    assert {"payment_method_id", "postal_code", "limit"} <= named, "the contract was read"
    words = ("uri", "url", "href", "link", "host", "callback", "webhook", "redirect", "file",
             "path", "template", "logo", "image")  # fmt: skip
    assert [name for name in named if any(word in name.lower() for word in words)] == []


def names_in(node: Any, document: Any) -> Iterator[str]:
    """The names of parameters and fields in a part of the contract, and formats of addresses."""
    if isinstance(node, list):
        for part in node:
            yield from names_in(part, document)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from names_in(found, document)
    if "in" in node:
        yield str(node["name"])
    yield from node.get("properties", {})
    if str(node.get("format", "")).startswith(("uri", "iri")):
        yield "uri"
    for value in node.values():
        yield from names_in(value, document)


def pictures_in(pdf: bytes) -> list[str]:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [image.name for page in pages for image in page.images]


def _pixel() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 10, 10)).save(written, "PNG")
    return written.getvalue()


PIXEL = _pixel()
