"""The application with an observer, who notes which rights each function's AWS calls need."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chalice.app import Chalice, Rate, Request, ScheduledEventConfig

from chalicelib import wiring
from chalicelib.workers import schedules
from devstack.settings import CHECKOUT
from devstack.web import API_FUNCTION
from tests.integration.recorded.rivals import Rivals
from tests.support.rights import AHEAD, NOTES, Arns, Recorder


def _load() -> Chalice:
    """The application itself, of whose name this module takes the place."""
    spec = importlib.util.spec_from_file_location("observed_app", CHECKOUT / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError("app.py is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    application: Chalice = module.app
    return application


recorder = Recorder(
    Path(os.environ[NOTES]),
    Arns(region=os.environ["AWS_REGION"], account_id=os.environ["AWS_ACCESS_KEY_ID"]),
)
recorder.watch()
app = _load()
Rivals(lambda: recorder.current).join()
for source in app.event_sources:
    if isinstance(source, ScheduledEventConfig):
        source.schedule_expression = Rate(1, unit=Rate.MINUTES)  # no test waits for hours


def _now() -> datetime:
    ahead = recorder.current == "reconcile" and Path(os.environ[AHEAD]).exists()
    return wiring.now() + timedelta(hours=ahead)


schedules.now = _now  # type: ignore[attr-defined]  # as its functions find it


@app.middleware("all")
def observe(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Every invocation passes by here, and is known by its function's name."""
    function = API_FUNCTION
    if isinstance(event, Request):
        recorder.note("route", event.method, event.context["resourcePath"])
    else:
        function = event.context.function_name
    recorder.note("function", function)
    with recorder.acting_as(function):
        return get_response(event)
