"""Finds the route of a path with API Gateway's order of precedence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A route that fits a path."""

    pattern: str
    methods: tuple[str, ...]
    parameters: Mapping[str, str]


class RouteTable:
    """The patterns of an API: fixed words come before `{parameters}`, those before `{rest+}`."""

    def __init__(self, routes: Mapping[str, tuple[str, ...]]) -> None:
        self._routes = sorted(
            ((_segments(pattern), pattern, methods) for pattern, methods in routes.items()),
            key=lambda route: [_precedence(segment) for segment in route[0]],
        )

    def match(self, path: str) -> Match | None:
        """Return the first route that fits; a trailing slash does not count.

        Parameters keep their percent-encoding, as they do on API Gateway.
        """
        parts = _segments(path)
        for segments, pattern, methods in self._routes:
            parameters = _fit(segments, parts)
            if parameters is not None:
                return Match(pattern=pattern, methods=methods, parameters=parameters)
        return None


def _segments(path: str) -> list[str]:
    trimmed = path[:-1] if path.endswith("/") else path
    return trimmed.split("/")[1:]


def _precedence(segment: str) -> int:
    if not segment.startswith("{"):
        return 0
    return 2 if segment.endswith("+}") else 1


def _fit(segments: list[str], parts: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, segment in enumerate(segments):
        kind = _precedence(segment)
        if index >= len(parts) or (kind and not parts[index]):
            return None
        if kind == 0 and segment != parts[index]:
            return None
        if kind == 1:
            parameters[segment[1:-1]] = parts[index]
        if kind == 2:  # noqa: PLR2004 - the greedy kind, see _precedence
            parameters[segment[1:-2]] = "/".join(parts[index:])
            return parameters
    return parameters if len(parts) == len(segments) else None
