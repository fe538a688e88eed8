"""Where requests that change something wait for the collector, which performs them one after another."""

import threading
import time
from collections import deque

from .wire import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .waking import Waker

# How long a request waits for the collector, which may be waiting for vscsiStats, seconds.
TIMEOUT = 60.0


class Asked(object):
    """A request and, once it is there, its outcome."""

    def __init__(self, what, arguments):
        # type: (str, list) -> None
        self.what = what
        self.arguments = arguments
        self._done = threading.Event()
        self._outcome = None  # type: tuple[int, Any] | None
        self._refusal = None  # type: Refusal | None

    def answer(self, status, value):
        # type: (int, Any) -> None
        """It was done."""
        self._outcome = (status, value)
        self._done.set()

    def refuse(self, refusal):
        # type: (Refusal) -> None
        """It was not done."""
        self._refusal = refusal
        self._done.set()

    def wait(self):
        # type: () -> tuple[int, Any]
        """The outcome, or the refusal as an exception."""
        until = time.monotonic() + TIMEOUT
        # In short waits, because a wait follows the wall clock, which may be set.
        while not self._done.wait(1.0) and time.monotonic() < until:
            pass
        if self._refusal is not None:
            raise self._refusal
        if self._outcome is None:
            raise _unavailable()
        return self._outcome


class Desk(object):
    """The queue between HTTP threads and the collector."""

    def __init__(self, waker):
        # type: (Waker) -> None
        self._waker = waker
        self._mutex = threading.Lock()
        self._waiting = deque()  # type: deque[Asked]
        self._is_open = True

    def ask(self, what, arguments):
        # type: (str, list) -> tuple[int, Any]
        """Has the collector do something and waits for the outcome; called by HTTP threads."""
        asked = Asked(what, arguments)
        with self._mutex:
            if not self._is_open:
                raise _unavailable()
            self._waiting.append(asked)
        self._waker.wake()
        return asked.wait()

    def next(self):
        # type: () -> Asked | None
        """The next request; called by the collector."""
        with self._mutex:
            return self._waiting.popleft() if self._waiting else None

    def has_next(self):
        # type: () -> bool
        """A request waits."""
        return bool(self._waiting)

    def close(self):
        # type: () -> None
        """Nothing is done any more."""
        with self._mutex:
            self._is_open = False
            waiting, self._waiting = self._waiting, deque()
        for asked in waiting:
            asked.refuse(_unavailable())


def _unavailable():
    # type: () -> Refusal
    return Refusal("unavailable", "the agent is shutting down or busy", "try again in a moment")
