"""A tiny application that shows what the local stack does to an application."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

import boto3
from chalice.app import Chalice, Rate, Response

app = Chalice(app_name="stub", configure_logs=False)
GREEDY = "/files/{path+}"


def note(kind: str, text: str) -> None:
    """Append to the table what happened, for a test to read."""
    boto3.client("dynamodb").put_item(
        TableName=os.environ["SEEN_TABLE"],
        Item={"kind": {"S": kind}, "at": {"S": f"{time.time_ns():020}"}, "text": {"S": text}},
    )


@app.route("/", methods=["GET"])
def index() -> dict[str, str]:
    return {"shown": "index"}


@app.route("/settings")
def settings() -> dict[str, str]:
    return dict(os.environ)


@app.route("/echo/{word}", methods=["GET", "POST"], content_types=["application/json", "image/png"])
def echo(word: str) -> dict[str, Any]:
    request = app.current_request
    assert request is not None
    event = request.to_original_event()
    body = request.raw_body
    assert isinstance(body, bytes)
    return {
        "word": word,
        "body": body.hex(),
        "base64": event["isBase64Encoded"],
        "query": event["multiValueQueryStringParameters"],
        "header": request.headers.get("x-test"),
        "path": event["path"],
    }


@app.route("/echo/fixed")
def fixed() -> dict[str, str]:
    return {"shown": "fixed"}


@app.route(GREEDY)
def files(path: str = "") -> dict[str, Any]:
    request = app.current_request
    assert request is not None
    return {"parameters": request.uri_params}


@app.route("/cookies")
def cookies() -> Response:
    return Response(
        "moved", status_code=302, headers={"Location": "/", "Set-Cookie": ["a=1", "b=2"]}
    )


@app.route("/picture")
def picture() -> Response:
    return Response(b"\x89PNG\x00", headers={"Content-Type": "image/png"})


@app.route("/broken")
def broken() -> dict[str, object]:
    return {"not": threading.Lock()}


@app.route("/large")
def large() -> Response:
    return Response("x" * (6 * 1024 * 1024 + 1), headers={"Content-Type": "text/plain"})


_together = threading.Barrier(16)


@app.route("/together/{number}")
def together(number: str) -> dict[str, Any]:
    """Answer once sixteen requests are here at the same time, each with its own request."""
    _together.wait(timeout=100)
    request = app.current_request
    assert request is not None
    return {"number": number, "seen": request.uri_params}


@app.on_sqs_message(queue="${JobsQueue.QueueName}", batch_size=10)
def jobs(event: Any) -> dict[str, Any]:
    """Note each message; a message says by its text what shall become of it."""
    failed = []
    records = event.to_dict()["Records"]
    if any(record["body"] == "raise" for record in records):
        note("raised", json.dumps([record["body"] for record in records]))
        raise RuntimeError("asked to")
    for record in records:
        count = record["attributes"]["ApproximateReceiveCount"]
        note("job", f"{record['body']} {count}")
        if record["body"] == "never" or (record["body"] == "fail once" and count == "1"):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


@app.on_sqs_message(queue="${UsageQueue.QueueName}", batch_size=10)
def usage(event: Any) -> dict[str, Any]:
    """Note each message in order; from the first failed one on, its group's wait."""
    failed: list[dict[str, str]] = []
    held: set[str] = set()
    for record in event.to_dict()["Records"]:
        group = record["attributes"]["MessageGroupId"]
        if group not in held:
            count = record["attributes"]["ApproximateReceiveCount"]
            note("usage", f"{group} {record['body']} {count}")
            if record["body"].startswith("fail once") and count == "1":
                held.add(group)
        if group in held:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: Any) -> None:
    note("sweep", json.dumps(event.to_dict()))


@app.on_dynamodb_record(stream_arn="of the template")
def followed(event: Any) -> None:
    for record in event:
        note("followed", f"{record.event_name} {record.new_image['name']['S']}")
