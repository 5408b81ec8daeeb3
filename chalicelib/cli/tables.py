"""Commands that bring tables back to what backups of them have."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from chalicelib.adapters.dynamodb.table_copy import TableMismatchError
from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.config import TABLE_VARIABLES, SettingsError
from chalicelib.wiring import services

#: Numbers that were given out stay given out, whatever else is forgotten.
_NEVER_BACK = "sequences"
#: Rules of prices are only ever added, and nothing depends on there being no later ones.
_BY_ITSELF = "prices"


def list_tables(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Print the tables that go back together, by their names here and on AWS."""
    apart = set() if given.every else {_NEVER_BACK, _BY_ITSELF}
    found = {k: v for k, v in services().settings.tables.items() if k not in apart}
    terminal.result(found)
    for table, name in found.items():
        terminal.say(f"{table} {name}")
    return Exit.DONE


def restore_table(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Make a table equal to one that was restored beside it."""
    copy = services().table_copy(given.table, source=given.source)
    try:
        copy.check()
    except TableMismatchError as error:
        raise SettingsError(str(error)) from None
    puts = deletes = 0
    for change in terminal.progress(copy.changes(), of="differences found"):
        puts += change.item is not None
        deletes += change.item is None
    act = f"put {puts} items into {given.table} and delete {deletes} from it"
    body = {"table": given.table, "put": puts, "deleted": deletes}
    if not puts + deletes or not terminal.may(f"{act}, as {given.source} has them"):
        terminal.result({**body, "changed": False})
        terminal.say(f"{given.table}: {puts} to put, {deletes} to delete.")
        return Exit.DONE
    changes = terminal.progress(copy.make(copy.changes()), of="items", total=puts + deletes)
    done = sum(1 for _ in changes)
    terminal.result({**body, "changed": True})
    terminal.say(f"{given.table}: {done} items changed.")
    return Exit.DONE


def _add_restore_table(parser: argparse.ArgumentParser) -> None:
    tables = sorted(name for name in TABLE_VARIABLES if name != _NEVER_BACK)
    parser.add_argument("table", metavar="TABLE", choices=tables, help=", ".join(tables))
    parser.add_argument("source", metavar="RESTORED", help="the table that the backup was put into")


def _add_tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--every", action="store_true", help="those that don't go back, too")


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "tables",
        "help": "print the names of the tables that are restored together",
        "description": (
            "Print each table's name here and on AWS, a line each. Invoice numbers and prices are\n"
            "not among them: neither goes back with the rest."
        ),
        "examples": ["tables --stack gateway-credits"],
        "arguments": _add_tables,
        "run": list_tables,
        "writes": False,
    },
    {
        "name": "restore-table",
        "help": "make a table equal to one that was restored beside it",
        "description": (
            "Put what the restored table has, and delete what it hasn't; its name, stream\n"
            "and alarms stay. Only while nothing is served: see docs/operating.md.\n"
            "The invoice numbers' table isn't offered: what was given out stays given out."
        ),
        "examples": ["restore-table ledger credits-ledger-restored --dry-run"],
        "arguments": _add_restore_table,
        "run": restore_table,
        "writes": True,
    },
)
