"""Cancel that keeps what is there: work looks whether it should stop, and ends in good order.

In: tokens. Out: whether a token was cancelled, or its work is over. Knows nothing about what is
being done.

A token is a random word that one person's page holds; nobody else can cancel with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict

KEPT = 512  # tokens that are remembered, of each sort
TELL_EVERY_S = 0.4  # each time costs the browser some work


class Stops:
    """Remember what was cancelled and what is over; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()

    def new_token(self) -> str:
        """Make a token that nobody can guess."""
        return secrets.token_hex(16)

    def cancel(self, token: str | None) -> None:
        """Cancel the work with this token, also if it has not begun."""
        self._remember(self._cancelled, token)

    def is_cancelled(self, token: str | None) -> bool:
        """Tell whether the work with this token should stop."""
        with self._lock:
            return token in self._cancelled

    def finish(self, token: str | None) -> None:
        """Say that the work with this token has ended, whatever the reason."""
        self._remember(self._over, token)

    def is_over(self, token: str | None) -> bool:
        """Tell whether the work with this token has ended."""
        with self._lock:
            return token in self._over

    def _remember(self, tokens: OrderedDict[str, None], token: str | None) -> None:
        if token is None:
            return
        with self._lock:
            tokens[token] = None
            while len(tokens) > KEPT:
                tokens.popitem(last=False)


class Throttle:
    """Say a few times a second that there may be news."""

    def __init__(self) -> None:
        self._last = float("-inf")  # the first news is told, however young the clock

    def may(self) -> bool:
        """Tell whether it is time for news, and remember that there was some."""
        now = time.monotonic()
        if now - self._last < TELL_EVERY_S:
            return False
        self._last = now
        return True
