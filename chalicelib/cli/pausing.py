"""Commands that stop a deployed installation's functions for a while, and let them run again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.config import SettingsError

_FUNCTION = "AWS::Lambda::Function"
#: What a function without a reservation of its own has.
_NONE: int | None = None


def pause(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Let no function of the stack run, and keep what each had reserved."""
    client, file = _client(), _file(given)
    found = {name: _reserved(client, name) for name in _functions(given)}
    if not terminal.may(f"let none of {len(found)} functions of {given.stack} run"):
        return Exit.DONE
    # Paused twice, what is kept is from before the first time.
    kept = json.loads(file.read_text()) if file.exists() else found
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=2))
    for name in terminal.progress(found, of="functions", total=len(found)):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    terminal.result({"paused": sorted(found), "kept_in": str(file)})
    terminal.say(f"{len(found)} functions are paused; {file} has what they had reserved.")
    return Exit.DONE


def unpause(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Give each function back what it had reserved."""
    client, file = _client(), _file(given)
    if not file.exists():
        raise SettingsError(f"{file} is missing: it was written by the command pause.")
    kept: dict[str, int | None] = json.loads(file.read_text())
    if not terminal.may(f"let {len(kept)} functions of {given.stack} run again"):
        return Exit.DONE
    for name, reserved in terminal.progress(kept.items(), of="functions", total=len(kept)):
        if reserved is _NONE:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
    file.unlink()
    terminal.result({"running": sorted(kept)})
    terminal.say(f"{len(kept)} functions run again.")
    return Exit.DONE


def _client() -> Any:
    return boto3.Session().client("lambda")


def _functions(given: argparse.Namespace) -> Iterator[str]:
    if given.stack is None:
        raise SettingsError("Name the deployed installation with --stack.")
    pages = boto3.Session().client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=given.stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == _FUNCTION:
                yield resource["PhysicalResourceId"]


def _reserved(client: Any, name: str) -> int | None:
    answer: Mapping[str, int] = client.get_function_concurrency(FunctionName=name)
    return answer.get("ReservedConcurrentExecutions")


def _file(given: argparse.Namespace) -> Path:
    if given.stack is None:
        raise SettingsError("Name the deployed installation with --stack.")
    return Path(given.kept) if given.kept else Path("build") / f"paused-{given.stack}.json"


def _add_kept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kept",
        metavar="FILE",
        help="where it is kept what the functions had reserved (default: build/paused-STACK.json)",
    )


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "pause",
        "help": "let no function of a deployed installation run",
        "description": (
            "Reserve nothing for every function: requests are answered 5xx, messages wait in\n"
            "their queues. What runs at this moment ends within its time-out."
        ),
        "examples": ["pause --stack gateway-credits"],
        "arguments": _add_kept,
        "run": pause,
        "writes": True,
    },
    {
        "name": "unpause",
        "help": "let the functions of a paused installation run again",
        "description": "Give every function back what it had reserved when it was paused.",
        "examples": ["unpause --stack gateway-credits"],
        "arguments": _add_kept,
        "run": unpause,
        "writes": True,
    },
)
