"""Parts of the object graph that are built on their first use, and only once.

Where requests are served by threads, the first ones come at the same moment. `cached_property`
would let each of them build a part of its own, and two threads that import the modules of one
package beside one another may be given a module that is only half there. So one thread builds,
and the others wait.
"""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

__all__ = ["BUILDING", "built_once"]

BUILDING = RLock()
"""Held while anything is built: one for all parts, since they need each other."""

if TYPE_CHECKING:
    # To those who read types it is what it extends, which they know to be a property.
    from functools import cached_property as built_once
else:

    class built_once(cached_property):  # noqa: N801 - a decorator, as the one that it extends
        """A `cached_property` that is computed by one thread, however many ask at once."""

        def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
            """See `cached_property`; what is built already isn't asked for here again."""
            with BUILDING:
                return super().__get__(instance, owner)
