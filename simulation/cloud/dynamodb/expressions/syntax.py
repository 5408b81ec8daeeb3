"""What expressions are made of, and reading them word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from simulation.cloud.dynamodb.expressions.reserved import RESERVED
from simulation.cloud.dynamodb.invalid import InvalidError

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[#:]?[A-Za-z0-9_]+)|(?P<symbol><>|<=|>=|[=<>()\[\],.+-])|(?P<end>$))"
)
_NEAR = 3
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Path:
    """Where in an item: names, `#placeholders` and list positions."""

    parts: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A value of ExpressionAttributeValues, by its `:placeholder`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; as an operand it is `size` or an update's function."""

    function: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`left + right` or `left - right`."""

    sign: str
    left: Operand
    right: Operand


Operand = Path | Given | Call | Sum


class Reader:
    """Goes through an expression's tokens; `kind` is what messages call the expression."""

    def __init__(self, text: str, kind: str) -> None:
        self.kind = kind
        if not text.strip():
            self.refuse("The expression can not be empty;")
        if len(text.encode()) > _MAX_BYTES:
            size = len(text.encode())
            self.refuse(
                f"Expression size has exceeded the maximum allowed size; expression size: {size}"
            )
        self._tokens = self._split(text)
        self._at = 0
        #: The placeholders met, in their order.
        self.names: dict[str, None] = {}
        self.values: dict[str, None] = {}

    @property
    def token(self) -> str:
        """The token that comes next, empty at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    @property
    def following(self) -> str:
        """The token after that."""
        return self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""

    def take(self) -> str:
        """Take the next token."""
        token = self.token
        self._at += 1
        return token

    def took(self, *words: str) -> bool:
        """Take the next token if it is one of these; keywords are so in any case."""
        if self.token.upper() in words:
            self._at += 1
            return True
        return False

    def expect(self, symbol: str) -> None:
        """Take this token, or refuse the expression."""
        if self.token != symbol:
            self.fail()
        self._at += 1

    def fail(self) -> NoReturn:
        """Refuse the expression at the next token."""
        token = self.token or "<EOF>"
        near = " ".join(self._tokens[max(0, self._at - 1) : self._at - 1 + _NEAR])
        self.refuse(f'Syntax error; token: "{token}", near: "{near}"')

    def refuse(self, why: str) -> NoReturn:
        """Refuse the expression."""
        raise InvalidError(f"Invalid {self.kind}: {why}")

    def path(self) -> Path:
        """Take a document path."""
        parts: list[str | int] = [self._name()]
        while self.token in {".", "["}:
            if self.take() == ".":
                parts.append(self._name())
                continue
            position = self.take()
            if not position.isdigit():
                self._at -= 1
                self.fail()
            parts.append(int(position))
            self.expect("]")
        return Path(tuple(parts))

    def given(self) -> Given:
        """Take a value's placeholder."""
        if not self.token.startswith(":"):
            self.fail()
        name = self.take()
        self.values[name] = None
        return Given(name)

    def end(self) -> None:
        """Refuse whatever is left."""
        if self.token:
            self.fail()

    def _name(self) -> str:
        token = self.token
        if token.startswith("#"):
            self.names[token] = None
        elif not token or token[0].isdigit() or not (token[0].isalpha() or token[0] == "_"):
            self.fail()
        elif token.upper() in RESERVED:
            self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._at += 1
        return token

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                wrong = text[at:].strip()[:1]
                self.refuse(f'Syntax error; token: "{wrong}", near: "{text[at : at + 10].strip()}"')
            if match.lastgroup != "end":
                tokens.append(match[match.lastgroup or 0])
            at = match.end()
        return tokens
