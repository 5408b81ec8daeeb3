"""The Credits page and its static files, open to everybody: what is secret is behind the API."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from chalice.app import Request, Response

from chalicelib.api.http import Routes
from chalicelib.api.problems import Headers
from chalicelib.config import Settings
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.money import format_usd
from chalicelib.wiring import services

routes = Routes()

_YEAR_SECONDS = 365 * 24 * 3600
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
#: Stripe.js and its frames are served from here, says its integration security guide; anything
#: else that STRIPE_JS_URL names is the local stack's, whose one origin does all of it.
_STRIPE_JS = "https://js.stripe.com"
_STRIPE = {
    "script-src": f"{_STRIPE_JS} https://*.js.stripe.com",
    "frame-src": f"{_STRIPE_JS} https://*.js.stripe.com https://hooks.stripe.com",
    "connect-src": "https://api.stripe.com",
}
_SECURITY: Headers = {
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Strict-Transport-Security": f"max-age={_YEAR_SECONDS}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@routes.open("GET", "/")
def get_page(request: Request) -> Response:
    """The Credits page."""
    settings = services().settings
    html = services().page.render(base=_base(request), page=_page_settings(settings))
    headers: Headers = {
        **_SECURITY,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _policy(settings),
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=()",
        "Cache-Control": "no-cache",
        "ETag": f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(body="", status_code=304, headers=headers)
    return Response(body=html, headers=headers)


@routes.open("GET", "/static/{version}/{name}")
def get_static_file(request: Request, version: str, name: str) -> Response:  # noqa: ARG001
    """A file of the page, to be kept for ever under the address of its release."""
    page = services().page
    asset = page.asset(name)
    if asset is None:
        raise NotFoundError("There is no such file.")
    # A page that was opened before a release may ask for more of the old one; it gets the new,
    # which must not stay in a cache under the old address.
    kept = f"public, max-age={_YEAR_SECONDS}, immutable"
    headers: Headers = {
        **_SECURITY,
        "Content-Type": asset.content_type,
        "Cache-Control": kept if version == page.version else "no-store",
    }
    return Response(body=asset.text, headers=headers)


def _base(request: Request) -> str:
    """The path that leads here; API Gateway puts its stage, or a domain's mapping, before it."""
    path = str(request.context.get("path") or "/")
    return path.rstrip("/") + "/" if _PATH.fullmatch(path) else "/"


def _page_settings(settings: Settings) -> dict[str, object]:
    login = settings.login
    return {
        "login": {
            "client_id": login.client_id,
            "authorization_url": login.authorization_url,
            "token_url": login.token_url,
            "scope": login.scope,
            "audience": login.audience,
        },
        "stripe": {
            "js_url": settings.stripe_js_url,
            "publishable_key": settings.stripe_publishable_key,
        },
        "purchase": {
            "minimum": format_usd(settings.purchase_minimum_nanos),
            "maximum": format_usd(settings.purchase_maximum_nanos),
        },
        "seller": {"name": settings.seller.name, "email": settings.seller.email},
    }


def _policy(settings: Settings) -> str:
    """What the page may load, and from where: itself, Stripe, and the issuer's token endpoint."""
    origin = _origin(settings.stripe_js_url)
    stripe = _STRIPE if origin == _STRIPE_JS else dict.fromkeys(_STRIPE, origin)
    directives = {
        "default-src": "'none'",
        "base-uri": "'none'",
        "connect-src": f"'self' {stripe['connect-src']} {_origin(settings.login.token_url)}",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "frame-src": stripe["frame-src"],
        "img-src": "'self'",
        "script-src": f"'self' {stripe['script-src']}",
        "style-src": "'self'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
