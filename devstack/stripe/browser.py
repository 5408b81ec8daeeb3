"""What browsers load from the local Stripe: the stand-in of Stripe.js and its frames."""

from __future__ import annotations

import json
from pathlib import Path

from devstack.stripe.errors import Json
from devstack.stripe.messages import Response, to_bytes
from devstack.stripe.state import State

_STATIC = Path(__file__).with_name("static")
_SCRIPT = "text/javascript; charset=utf-8"
_PAGE = "text/html; charset=utf-8"
_CHALLENGE = "/v3/challenge/"

_FILES = {
    "/v3": ("stripe.js", _SCRIPT),
    "/v3/": ("stripe.js", _SCRIPT),
    "/stripe.js": ("stripe.js", _SCRIPT),
    "/v3/card": ("card.html", _PAGE),
    "/v3/card.js": ("card.js", _SCRIPT),
    "/v3/challenge.js": ("challenge.js", _SCRIPT),
}


def page(method: str, path: str, state: State) -> Response:
    """The file or frame at this path; 404 where there is none."""
    if method in ("GET", "HEAD"):
        if path in _FILES:
            name, kind = _FILES[path]
            return _answer(kind, (_STATIC / name).read_bytes())
        intent = state.find(path.removeprefix(_CHALLENGE)) if path.startswith(_CHALLENGE) else None
        if intent is not None and intent["object"] in ("payment_intent", "setup_intent"):
            return _answer(_PAGE, _challenge(intent))
    body = to_bytes({"error": {"message": f"nothing at {method} {path}"}})
    return Response(status=404, body=body, headers={"Content-Type": "application/json"})


def _answer(kind: str, body: bytes) -> Response:
    headers = {
        "Content-Type": kind,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",  # pages may load the script with `crossorigin`
    }
    return Response(status=200, body=body, headers=headers)


def _challenge(intent: Json) -> bytes:
    """The issuer's page for an intent; it can decide only while a challenge is open."""
    redirect = (intent["next_action"] or {}).get("redirect_to_url") or {}
    facts = {
        "id": intent["id"],
        "kind": intent["object"],
        "client_secret": intent["client_secret"],
        "return_url": redirect.get("return_url"),
        "open": intent["status"] == "requires_action",
        "about": _about(intent),
    }
    text = json.dumps(facts).replace("<", "\\u003c")  # nothing may end the script element
    template = (_STATIC / "challenge.html").read_text(encoding="utf-8")
    return template.replace("FACTS", text, 1).encode()


def _about(intent: Json) -> str:
    if intent["status"] != "requires_action":
        return "There is nothing to decide here any more."
    if intent["object"] == "setup_intent":
        return "A shop wants to save your card for later payments."
    cents, currency = int(intent["amount"]), str(intent["currency"]).upper()
    return f"A shop wants to charge {cents // 100}.{cents % 100:02d} {currency} to your card."
