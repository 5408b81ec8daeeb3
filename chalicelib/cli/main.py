"""The operator's commands: one parser, one way to an installation, one table of exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.cli import accounts, money, pausing, standing, tables, work
from chalicelib.cli.installation import attach
from chalicelib.cli.terminal import Exit, NotConfirmedError, Terminal
from chalicelib.config import SettingsError
from chalicelib.domain.errors import BusyError, CreditsError
from chalicelib.domain.payment import PaymentRefusedError, PaymentsUnavailableError

PROGRAM = "python -m chalicelib.cli"

_EPILOG = """\
exit codes:
  0  done; in line
  1  a person is needed: differences are left, or a part failed, and it was said which
  2  the command line can't be read, or there is no installation to work on
  3  refused, as the API would refuse it; nothing was changed
  4  not confirmed; nothing was changed
  5  busy: the same command may succeed later

Every command works on the local stack of this checkout while make run runs, on the deployed stack
that --stack names, or on what the environment's variables name. One that writes says what it will
do and asks, unless --yes says so before; with --dry-run it only says. Results go to standard
output, as JSON with --json; questions and progress go to standard error.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: its arguments, what it does, and an example or two of it."""

    name: str
    help: str
    description: str
    examples: Sequence[str]
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Terminal], Exit]
    writes: bool


def commands() -> Sequence[Command]:
    """All commands, in the order in which the help tells them."""
    return [
        Command(**described)
        for module in (accounts, money, standing, work, tables, pausing)
        for described in module.COMMANDS
    ]


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    formatter = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Operate an installation of Gateway Credits.",
        epilog=_EPILOG,
        formatter_class=formatter,
    )
    below = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands():
        examples = "\n".join(f"  {PROGRAM} {example}" for example in command.examples)
        one = below.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{examples}",
            formatter_class=formatter,
        )
        command.arguments(one)
        where = one.add_argument_group("where")
        where.add_argument("--stack", help="the CloudFormation stack of a deployed installation")
        where.add_argument(
            "--environment",
            type=Path,
            metavar="FILE",
            help="a JSON file with an installation's variables",
        )
        how = one.add_argument_group("how")
        how.add_argument("--json", action="store_true", help="the result as JSON")
        if command.writes:
            how.add_argument("--dry-run", action="store_true", help="only say what would be done")
            how.add_argument("--yes", action="store_true", help="do it without asking")
        one.set_defaults(run=command.run, command=command.name, dry_run=False, yes=False)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; gives the exit code."""
    try:
        given = parser().parse_args(arguments)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else Exit.USAGE
    terminal = Terminal(as_json=given.json, dry_run=given.dry_run, yes=given.yes)
    try:
        attach(stack=given.stack, environment=given.environment)
        code: Exit = given.run(given, terminal)
    except tuple(_CODES) as error:
        terminal.note(_words(error))
        return next(code for kind, code in _CODES.items() if isinstance(error, kind))
    return code


#: What ends a command early, and its exit code; the first that fits.
_CODES: Mapping[type[BaseException], Exit] = {
    NotConfirmedError: Exit.NOT_CONFIRMED,
    SettingsError: Exit.USAGE,
    BusyError: Exit.BUSY,
    PaymentsUnavailableError: Exit.BUSY,
    CreditsError: Exit.REFUSED,
    PaymentRefusedError: Exit.REFUSED,
    BotoCoreError: Exit.USAGE,
    ClientError: Exit.USAGE,
    PynamoDBException: Exit.USAGE,
    KeyboardInterrupt: Exit.BUSY,
}


def _words(error: BaseException) -> str:
    if isinstance(error, PaymentRefusedError):
        return f"Stripe refused: {error.failure.message}"
    if isinstance(error, KeyboardInterrupt):
        return "Broken off; the same command goes on where it was."
    if isinstance(error, BotoCoreError | ClientError | PynamoDBException):
        return f"AWS: {error}"
    if isinstance(error, CreditsError) and not isinstance(error, BusyError):
        return f"Refused: {error.detail}"
    return str(error)
