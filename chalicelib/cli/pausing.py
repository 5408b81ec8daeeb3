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
#: On the way to being disabled counts as disabled.
_RUNNING = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


def pause(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Let no function of the stack run, and keep what each had."""
    client, file = _client(), _file(given)
    names = list(_functions(given))
    if not terminal.may(f"let none of {len(names)} functions of {given.stack} run"):
        return Exit.DONE
    found = {
        "reserved": {name: _reserved(client, name) for name in names},
        "sources": [source for name in names for source in _enabled_sources(client, name)],
    }
    # Paused twice, what is kept is from before the first time.
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=2))
    # Queues first: a message that a paused function is given counts as a failed try.
    for source in found["sources"]:
        client.update_event_source_mapping(UUID=source, Enabled=False)
    for name in terminal.progress(names, of="functions", total=len(names)):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    terminal.result({"paused": sorted(names), "kept_in": str(file)})
    terminal.say(f"{len(names)} functions are paused; {file} has what they had reserved.")
    return Exit.DONE


def unpause(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Give each function back what it had."""
    client, file = _client(), _file(given)
    if not file.exists():
        raise SettingsError(f"{file} is missing: it was written by the command pause.")
    kept = json.loads(file.read_text())
    reserved: dict[str, int | None] = kept["reserved"]
    if not terminal.may(f"let {len(reserved)} functions of {given.stack} run again"):
        return Exit.DONE
    for name, count in terminal.progress(reserved.items(), of="functions", total=len(reserved)):
        if count is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)
    for source in kept["sources"]:
        client.update_event_source_mapping(UUID=source, Enabled=True)
    file.unlink()
    terminal.result({"running": sorted(reserved)})
    terminal.say(f"{len(reserved)} functions run again.")
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


def _enabled_sources(client: Any, name: str) -> Iterator[str]:
    """The queues and streams that the function is fed from."""
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=name)
    for page in pages:
        for source in page["EventSourceMappings"]:
            if source["State"] in _RUNNING:
                yield source["UUID"]


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
            "Stop feeding the functions from queues and streams, and reserve nothing for any:\n"
            "requests are answered 5xx, messages wait. What runs now ends within its time-out."
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
