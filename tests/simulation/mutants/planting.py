"""Planting a fault: a module of the product is changed as it is imported, in this process only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a module's text, found in it exactly once, and what takes its place."""

    module: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted fault: a name for it, what is wrong then, and the edits that make it so."""

    name: str
    says: str
    edits: tuple[Edit, ...]

    def texts(self) -> dict[str, str]:
        """The changed text of each module.

        Raises:
            ValueError: if an edit's text is not there, or more than once.
        """
        texts: dict[str, str] = {}
        for edit in self.edits:
            path = ROOT / (edit.module.replace(".", "/") + ".py")
            text = texts.get(edit.module) or path.read_text(encoding="utf-8")
            if text.count(edit.before) != 1:
                raise ValueError(f"{self.name}: {edit.before!r} is not once in {edit.module}")
            texts[edit.module] = text.replace(edit.before, edit.after)
        return texts


class _Loader(SourceLoader):
    """Loads a module from changed text."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str) -> bytes:
        return self._text.encode()

    def get_code(self, fullname: str) -> CodeType:
        # Never from what was compiled of the text as it is.
        return self.source_to_code(self._text.encode(), self._path)


class _Finder(MetaPathFinder):
    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._texts:
            return None
        spec: Any = PathFinder.find_spec(fullname, path)
        spec.loader = _Loader(spec.origin, self._texts[fullname])
        spec.cached = None
        return spec  # type: ignore[no-any-return]


def plant(mutant: Mutant) -> None:
    """Change the modules when they are imported, which none of them may have been yet."""
    texts = mutant.texts()
    early = sorted(texts.keys() & sys.modules.keys())
    if early:
        raise RuntimeError(f"imported before the fault was planted: {early}")
    sys.meta_path.insert(0, _Finder(texts))
