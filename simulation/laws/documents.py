"""Law 7: numbers without gaps or repeats, documents that never change, files that say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.domain.invoice_record import invoice_from_dict
from simulation.observer import Change, Observer, number, text
from simulation.services import PlainRenderer

if TYPE_CHECKING:
    from simulation.cloud import Request
    from simulation.world import World

_NUMBER = "7 one number, one invoice"
_FILE = "7 a stored invoice never changes"


class Documents:
    """Looks at sequences, invoices and files."""

    def __init__(self, world: World, observer: Observer) -> None:
        self._world = world
        self._observer = observer
        self._owners: dict[str, str] = {}
        observer.listeners.append(self.look)
        world.on_effect.append(self._file)

    def look(self, changes: list[Change]) -> None:
        """Check one write."""
        issued = [c for c in changes if c.table == "invoices"]
        taken = [c for c in changes if c.table == "sequences"]
        for change in taken:
            last = number(change.after, "last")
            if last != number(change.before, "last") + 1:
                self._world.violated(_NUMBER, f"{change.key[0]} went on to {last}")
            year = change.key[0].partition("#")[2]
            new = [c.key[1] for c in issued if c.before is None]
            if f"{year}-{last:06d}" not in new:
                self._world.violated(_NUMBER, f"{year}-{last:06d} was taken, and {new} issued")
        for change in issued:
            self._invoice(change, taken=bool(taken))

    def _invoice(self, change: Change, *, taken: bool) -> None:
        number_ = change.key[1]
        if change.after is None:
            self._world.violated(_FILE, f"{number_} was deleted")
            return
        if change.before is None:
            if not taken:
                self._world.violated(_NUMBER, f"{number_} was issued outside of its sequence")
            owner = self._owners.setdefault(number_, change.key[0])
            if owner != change.key[0]:
                self._world.violated(_NUMBER, f"{number_} is {owner}'s and {change.key[0]}'s")
        elif change.before["content"] != change.after["content"]:
            self._world.violated(_FILE, f"{number_} was changed")

    def _file(self, request: Request, _: dict[str, Any]) -> None:
        if request.service != "s3" or request.operation != "PutObject":
            return
        name = str(request.params["Key"])
        if name.startswith("invoices/"):
            self._compare(name)

    def _compare(self, name: str) -> None:
        _, organization_id, file = name.split("/")
        number_, _, form = file.rpartition(".")
        row = self._observer.table("invoices").get((organization_id, number_))
        bucket = self._world.cloud.environment["DOCUMENTS_BUCKET"]
        stored = self._world.cloud.s3.objects(bucket).get(name)
        if row is None or stored is None:
            self._world.violated(_FILE, f"{name} was stored for no invoice")
            return
        invoice = invoice_from_dict(json.loads(text(row, "content")))
        renderer = PlainRenderer()
        made = (
            renderer.render_pdf(invoice)
            if form == "pdf"
            else renderer.render_html(invoice).encode()
        )
        if made != stored:
            self._world.violated(_FILE, f"{name} isn't what was issued")

    def settled(self) -> None:
        """At the end of a history: no gaps, and every document's files are stored."""
        by_year: dict[str, list[int]] = {}
        bucket = self._world.cloud.environment["DOCUMENTS_BUCKET"]
        files = self._world.cloud.s3.objects(bucket)
        for (organization_id, number_), row in self._observer.table("invoices").items():
            year, _, serial = number_.partition("-")
            by_year.setdefault(year, []).append(int(serial))
            for form in ("pdf", "html"):
                if f"invoices/{organization_id}/{number_}.{form}" not in files:
                    self._world.violated("8 every invoice is stored", f"{number_}.{form} isn't")
            if "check_at" in row:
                self._world.violated("8 every invoice is stored", f"{number_} isn't done with")
        for year, serials in by_year.items():
            if sorted(serials) != list(range(1, len(serials) + 1)):
                self._world.violated(_NUMBER, f"{year} has {sorted(serials)}")
