"""Stands for a provider of models: answers at once, and counts a word as a token."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice

_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered, and what that used."""

    text: str
    input_tokens: int
    output_tokens: int


def count_tokens(text: str) -> int:
    """How many tokens a text has; a real gateway has the provider's tokenizer for this."""
    return len(text.split())


def complete(prompt: str, *, max_tokens: int) -> Completion:
    """Answer twice as many words as were asked, up to a limit: the same for the same prompt."""
    input_tokens = count_tokens(prompt)
    output_tokens = min(max_tokens, 2 * input_tokens)
    return Completion(
        text=" ".join(islice(cycle(_WORDS), output_tokens)),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )
