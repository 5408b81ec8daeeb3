"""Takes out of a package what no function ever reads, so that less is stored, sent and unpacked.

Chalice packs whole wheels. The Python in them stays as it is; what goes is data and types of what
isn't called, and the symbol tables of compiled libraries, which only debuggers read.
`make package-check` imports every module of what is left, and the end-to-end tests run it.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

#: The AWS services that `chalicelib` makes clients of, as botocore names them.
SERVICES = frozenset({"dynamodb", "events", "s3", "secretsmanager", "sesv2", "sqs"})
_SERVICE_DATA = "botocore/data/"
#: Why each is of no use in a Lambda.
UNUSED = {
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/": "a web page that isn't served",
    "boto3/data/": "descriptions of boto3's resources; only clients are made",
    "boto3/examples/": "documentation",
    "stdnum/imsi.dat": "numbers of telephones",
    "stdnum/oui.dat": "numbers of network cards",
    "stripe/params/": "types of parameters, which nothing but a type checker imports",
}
_ELF = b"\x7fELF"
_ELF_64_LITTLE = b"\x02\x01"
_PROGRAM_HEADER = "<IIQQQQQQ"


def slim(archive: Path) -> None:
    """Rewrite the package without what is unused; the same package always gives the same bytes."""
    slimmed = archive.with_suffix(".slim")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(slimmed, "w") as target:
        for entry in source.infolist():
            if is_needed(entry.filename):
                target.writestr(
                    entry,
                    stripped(source.read(entry)),
                    compress_type=zipfile.ZIP_DEFLATED,
                    compresslevel=9,
                )
    slimmed.replace(archive)


def is_needed(name: str) -> bool:
    """Whether a file of the package stays."""
    if name.startswith(_SERVICE_DATA):
        service, below, _ = name.removeprefix(_SERVICE_DATA).partition("/")
        # What is no folder is about all services: endpoints, partitions, retries.
        return not below or service in SERVICES
    return not name.startswith(tuple(UNUSED))


def stripped(content: bytes) -> bytes:
    """A shared library without its sections; anything else as it is.

    The loader goes by the program headers alone. Behind the last byte that they name there are
    only symbols for debuggers, and the table of sections that lists them.
    """
    if content[:4] != _ELF or content[4:6] != _ELF_64_LITTLE:
        return content
    (first,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    ends = [first + size * count]
    for number in range(count):
        header = struct.unpack_from(_PROGRAM_HEADER, content, first + size * number)
        offset, in_file = header[2], header[5]
        ends.append(offset + in_file)
    kept = bytearray(content[: max(ends)])
    # The sections' table is gone: its place, the size of its rows, how many, and the names'.
    struct.pack_into("<Q", kept, 40, 0)
    struct.pack_into("<HHH", kept, 58, 0, 0, 0)
    return bytes(kept)
