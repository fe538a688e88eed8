"""How the lock of the switch passes from one switch to the next. At each step one living switch holds it, or the one
that held it takes it back.
"""

import os

from .. import files, jsonfile, lock
from ..shape import Field, Shape, count, text
from . import journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOCK = "switch.lock"

# How long the switch before waits for its successor to be in the journal, milliseconds.
PASS_MS = 5000

_SUCCESSOR = Shape(Field("process", count(32)), Field("start", text))


def _path(state_directory):
    # type: (str) -> str
    return os.path.join(state_directory, "successor.json")


def announce(state_directory, process, start):
    # type: (str, int, str) -> None
    """Says who waits for one of the two locks: a process, and its switch."""
    files.write_atomically(_path(state_directory), jsonfile.compact({"process": process, "start": start}))


def withdraw(state_directory, start):
    # type: (str, str) -> None
    """Nobody of this name waits any more."""
    waiting = announced(state_directory)
    if waiting is not None and waiting["start"] == start:
        files.remove(_path(state_directory))


def forget(state_directory):
    # type: (str) -> None
    """Removes what a dead successor has left; for whoever holds both locks."""
    files.remove(_path(state_directory))


def announced(state_directory):
    # type: (str) -> dict[str, Any] | None
    """Who waits, as far as its process lives."""
    try:
        content = files.read_if_there(_path(state_directory), 4096)
        successor = None if content is None else _SUCCESSOR(jsonfile.read(content))
    except (OSError, jsonfile.Unreadable):
        return None
    return successor if successor is not None and is_alive(successor["process"]) else None


def is_alive(process):
    # type: (int) -> bool
    """A process of this number exists."""
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def is_held_by(state_directory, start):
    # type: (str, str) -> bool
    """The switch of this name stands in the journal as the one that wrote it."""
    try:
        written_by = journal.read(state_directory)["switch"]
    except (OSError, jsonfile.Unreadable):
        return False
    return written_by is not None and written_by["start"] == start


class Passing(object):
    """The lock on its way to the switch `start`, seen from the one that had it."""

    def __init__(self, state_directory, start, by_order, now_ms):
        # type: (str, str, bool, int) -> None
        self._state_directory = state_directory
        self.start = start
        # The collector has asked for it, and is told what came of it.
        self.by_order = by_order
        self._until_ms = now_ms + PASS_MS

    def has_arrived(self):
        # type: () -> bool
        """The successor stands in the journal, so it holds the lock."""
        return is_held_by(self._state_directory, self.start)

    def taken_back(self, now_ms):
        # type: (int) -> lock.Lock | None
        """The lock again, when the successor has died, waits no more, or is late, and does not hold it."""
        waiting = announced(self._state_directory)
        waits = waiting is not None and waiting["start"] == self.start
        if now_ms < self._until_ms and waits:
            return None
        held = lock.take(self._state_directory, LOCK)
        if held is not None and self.has_arrived():
            held.release()
            return None
        return held
