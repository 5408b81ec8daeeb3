"""The mark by which a PDF says that it is a Factur-X invoice: an entry in its XMP metadata.

Typst attaches the XML but has no way to write this entry, so it is put in afterwards.
"""

from __future__ import annotations

import re
from typing import Final

from chalicelib.adapters.factur_x import FILE_NAME

_NAMESPACE: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"

#: Name, value and description of each property, as the Factur-X specification has them.
_PROPERTIES: Final = (
    ("DocumentType", "INVOICE", "The type of the hybrid document in capital letters"),
    ("DocumentFileName", FILE_NAME, "The name of the embedded XML document"),
    ("Version", "1.0", "The version of the standard applying to the embedded XML document"),
    ("ConformanceLevel", "EN 16931", "The conformance level of the embedded XML document"),
)

_METADATA: Final = re.compile(
    rb"\d+ 0 obj\n<</Length (?P<length>\d+)/Type/Metadata/Subtype/XML>>\nstream\n"
)
_END_OF_SCHEMAS: Final = b"</rdf:Bag></pdfaExtension:schemas>"
_END_OF_RDF: Final = b"</rdf:RDF>"
_TABLE: Final = re.compile(rb"xref\n0 (?P<count>\d+)\n")
_START: Final = re.compile(rb"startxref\n(?P<offset>\d+)\n%%EOF\s*\Z")
_ENTRY_LENGTH: Final = 20


class NotMarkableError(Exception):
    """The PDF isn't laid out as Typst lays them out, so nothing was changed."""


def with_factur_x_mark(pdf: bytes) -> bytes:
    """The same PDF/A, made by Typst, with the mark and everything behind it moved along.

    Raises:
        NotMarkableError: if the file is laid out in another way than expected.
    """
    head = _METADATA.search(pdf)
    if head is None:
        raise NotMarkableError("there is no plain XMP stream")
    end = head.end() + int(head["length"])
    xmp = _marked(pdf[head.end() : end])
    length = str(len(xmp)).encode()
    changed = pdf[: head.start("length")] + length + pdf[head.end("length") : head.end()] + xmp
    return _with_moved_offsets(
        changed, pdf[end:], moved_from=head.start(), old_end=end, by=len(changed) - end
    )


def _marked(xmp: bytes) -> bytes:
    if xmp.count(_END_OF_SCHEMAS) != 1 or xmp.count(_END_OF_RDF) != 1:
        raise NotMarkableError("the XMP has no place for the mark")
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value, _ in _PROPERTIES)
    mark = f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">{values}</rdf:Description>'
    return xmp.replace(_END_OF_SCHEMAS, _schema().encode() + _END_OF_SCHEMAS).replace(
        _END_OF_RDF, mark.encode() + _END_OF_RDF
    )


def _schema() -> str:
    """The description of the properties, without which PDF/A allows none of its own."""
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, _, description in _PROPERTIES
    )
    return (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _with_moved_offsets(
    changed: bytes, rest: bytes, *, moved_from: int, old_end: int, by: int
) -> bytes:
    """Join the parts and let the cross-reference table say where the objects are now."""
    start = _START.search(rest)
    if start is None:
        raise NotMarkableError("there is no cross-reference table")
    table_at = int(start["offset"])
    table = _TABLE.match(rest, table_at - old_end)
    if table is None:
        raise NotMarkableError("the cross-reference table is of another kind")
    entries_end = table.end() + int(table["count"]) * _ENTRY_LENGTH
    entries = bytearray(rest[table.end() : entries_end])
    for at in range(0, len(entries), _ENTRY_LENGTH):
        offset = int(entries[at : at + 10])
        if offset > moved_from:
            entries[at : at + 10] = f"{offset + by:010d}".encode()
    return b"".join(
        (
            changed,
            rest[: table.end()],
            entries,
            rest[entries_end : start.start("offset")],
            str(table_at + by).encode(),
            rest[start.end("offset") :],
        )
    )
