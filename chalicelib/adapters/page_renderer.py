"""The Credits page by Jinja2, and the files it is made of, under addresses that say their content.

The address of a static file holds a digest of all of them, so that a browser may keep each for
ever and still never mixes the modules of two releases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

#: What is served, by its suffix; all of it is text, which API Gateway passes on as it is.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A static file of the page."""

    content_type: str
    text: str


class PageRenderer:
    """Makes the page and hands out its files; reads them once."""

    def __init__(self, templates_dir: Path) -> None:
        self._templates_dir = templates_dir

    @cached_property
    def version(self) -> str:
        """Stands for the content of all static files."""
        digest = hashlib.sha256()
        for name, asset in sorted(self._assets.items()):
            digest.update(f"{name}\0{len(asset.text)}\0{asset.text}".encode())
        return digest.hexdigest()[:_DIGEST_CHARACTERS]

    def asset(self, name: str) -> Asset | None:
        """The static file of that name, if there is one."""
        return self._assets.get(name)

    def render(self, *, base: str, page: Mapping[str, object]) -> str:
        """The page for an application that is served below `base`, which ends with a slash.

        Args:
            base: the path that leads to the application, "/" but for a stage or a mapping.
            page: what the page's scripts need to know.
        """
        # A "<" in a script element could end it; JSON may say it otherwise.
        text = json.dumps({"base": base, **page}).replace("<", "\\u003c")
        modules = sorted(name for name in self._assets if name.endswith(".js"))
        return self._template.render(
            static=f"{base}static/{self.version}/", modules=modules, settings=text
        )

    @cached_property
    def _assets(self) -> Mapping[str, Asset]:
        return {
            path.name: Asset(
                content_type=CONTENT_TYPES[path.suffix], text=path.read_text(encoding="utf-8")
            )
            for path in sorted((self._templates_dir / "static").iterdir())
            if path.suffix in CONTENT_TYPES
        }

    @cached_property
    def _template(self) -> Template:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

        environment = Environment(
            loader=FileSystemLoader(self._templates_dir),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("credits.html")
