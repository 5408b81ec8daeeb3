"""Looks for secrets in the tracked files; what looks like one and is none is named here."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings, get_settings

ROOT = Path(__file__).resolve().parent.parent
#: Hashes of packages, letters drawn as curves, pictures: nothing that a person wrote.
_NOT_READ = re.compile(r"requirements(-dev)?\.txt|.*\.(ttf|otf|png|pdf|ico)")
#: A number of eleven digits is above detect-secrets' own limit for hexadecimal text, and a key of
#: 32 is above this one.
_HEX_LIMIT = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What looks like a secret if all of it fits `pattern`; `reason` says why it is none."""

    pattern: re.Pattern[str]
    reason: str


KNOWN = (
    Known(
        pattern=re.compile(r"[A-Za-z_:]+\}\}"),
        reason="the end of {{resolve:secretsmanager:…}}, which says where the secret is",
    ),
    Known(
        pattern=re.compile(r"(sk_test|sk_live|rk_live|whsec)_(?:[a-z_]+(,whsec_[a-z_]+)*|1|…)"),
        reason="words, for the local Stripe and for tests: Stripe's have digits and capitals",
    ),
    Known(
        pattern=re.compile(r"[a-z-]+/stripe|CursorSecret|api_key"),
        reason="what a secret is called in Secrets Manager, and a field of it",
    ),
    Known(
        pattern=re.compile(r"nobody|test|simulation"),
        reason="what emulated services take for a key: they ask for one and open to any",
    ),
    Known(
        pattern=re.compile(r"pi_3SWe2LK9d8fGh4Jk1QaZxSw2"),
        reason="the id of a payment, made up for sample invoices",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Something in a file that looks like a secret."""

    path: str
    line: int
    kind: str
    text: str

    @property
    def known(self) -> Known | None:
        """Why it is none, if it is known to be none."""
        return next((known for known in KNOWN if known.pattern.fullmatch(self.text)), None)


def tracked_files(root: Path) -> Sequence[str]:
    """The files that git knows."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def suspects(root: Path) -> Iterator[Suspect]:
    """Everything in the tracked files that looks like a secret, known or not."""
    with default_settings():
        settings = get_settings()
        settings.plugins["HexHighEntropyString"]["limit"] = _HEX_LIMIT
        for name in tracked_files(root):
            path = root / name
            if _NOT_READ.fullmatch(name) or path.is_symlink() or not path.is_file():
                continue
            for secret in scan_file(str(path)):
                yield Suspect(
                    path=name,
                    line=secret.line_number,
                    kind=secret.type,
                    text=secret.secret_value or "",
                )


def vain(found: Sequence[Suspect]) -> Iterator[Known]:
    """What is known of nothing that was found, and might hide something one day."""
    met = [one.known for one in found]
    return (known for known in KNOWN if known not in met)


def main() -> None:
    """Name what is not known to be harmless, without repeating it, and fail if there is any."""
    parser = argparse.ArgumentParser(prog="python -m scripts.find_secrets", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT)
    root = parser.parse_args().root
    found = list(suspects(root))
    if root == ROOT and (unused := [known.pattern.pattern for known in vain(found)]):
        sys.exit(f"Take these out of KNOWN, they permit nothing: {unused}")
    unknown = [one for one in found if one.known is None]
    for one in unknown:
        print(f"{one.path}:{one.line}: {one.kind}", file=sys.stderr)
    if unknown:
        print(
            "Take these out, and roll what was published: the history keeps it. What is none goes "
            "into KNOWN in scripts/find_secrets.py, with the reason.",
            file=sys.stderr,
        )
        sys.exit(1)
    print("Secrets: none in the tracked files")


if __name__ == "__main__":
    main()
