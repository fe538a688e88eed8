"""The journal: which collections were started and not yet seen stopped.

It is written by the holder of the switch's lock alone, durably before each `-s`, and loses an entry only after the stop
was confirmed. A thread of its own writes it, so that storage that hangs keeps no `-x` from being run.
"""

import os
import threading

from .. import files, jsonfile
from ..fault import fault_point
from ..files import reason
from ..identifier import DiskKey
from ..shape import Default, Field, Many, Nullable, Shape, count, flag, host_identifier, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# The journal is a few hundred bytes for each disk.
_SIZE_LIMIT = 1024 * 1024

# How long a failed write rests before it is tried again, milliseconds.
RETRY_MS = 10 * 1000

_ENTRY = Shape(
    Field("world_group_id", host_identifier),
    Field("handle_id", host_identifier),
    Field("armed_ms", count(64)),
    Default("started", flag, True),
    Default("kept", flag, False),
)
_SWITCH = Shape(Field("process", count(32)), Field("start", text))
# `whole`: with everything running; otherwise what is left is what its holder could not stop.
_HANDOVER = Shape(Default("to", text, ""), Default("whole", flag, False))
_CONTENT = Shape(
    Field("boot_id", text),
    Default("switch", Nullable(_SWITCH), None),
    Default("handover", Nullable(_HANDOVER), None),
    Default("armed", Many(_ENTRY), ()),
)


def path(state_directory):
    # type: (str) -> str
    """Where the journal is."""
    return os.path.join(state_directory, "journal.json")


def read(state_directory):
    # type: (str) -> dict[str, Any]
    """The journal as it is; none there is an empty one. Raises `OSError` or `Unreadable`."""
    content = files.read_if_there(path(state_directory), _SIZE_LIMIT)
    if content is None:
        return _CONTENT({"boot_id": ""})
    return _CONTENT(jsonfile.read(content))


def key_of(entry):
    # type: (dict) -> DiskKey
    """The disk of an entry."""
    return DiskKey(int(entry["world_group_id"]), int(entry["handle_id"]))


class Journal(object):
    """The journal in memory and, as far as it got there, on the disk."""

    def __init__(self, state_directory, wake):
        # type: (str, Callable[[], None]) -> None
        self._state_directory = state_directory
        self._wake = wake
        self._condition = threading.Condition()
        self._content = {}  # type: dict
        self._wanted = None  # type: tuple[int, dict] | None
        self._written = 0
        self._tried = 0
        self._problem = None  # type: str | None
        self._to_stop = set()  # type: set[DiskKey]
        self._rests_until_ms = None  # type: int | None
        self.version = 0
        threading.Thread(target=self._write_all, name="journal", daemon=True).start()

    def found(self, content):
        # type: (dict) -> None
        """The file has this content already."""
        self._to_stop = _to_stop(content)

    def write(self, content):
        # type: (dict) -> int
        """Has the thread write the content; gives the version by which to ask what became of it."""
        with self._condition:
            self.version += 1
            self._content = content
            self._wanted = (self.version, content)
            self._condition.notify()
            return self.version

    def try_again(self, now_ms):
        # type: (int) -> None
        """Writes once more what could not be written, unless that failed only just now."""
        with self._condition:
            if self._problem is None or self._wanted is not None:
                self._rests_until_ms = None
            elif self._rests_until_ms is None:
                self._rests_until_ms = now_ms + RETRY_MS
            elif now_ms >= self._rests_until_ms:
                self._rests_until_ms = None
                self._wanted = (self.version, self._content)
                self._condition.notify()

    def is_durable(self, version):
        # type: (int) -> bool
        """This version, or a later one, is on the disk."""
        return self._written >= version

    def problem_since(self, version):
        # type: (int) -> str | None
        """Why the last attempt to write this version, or a later one, failed."""
        with self._condition:
            return self._problem if self._tried >= version > self._written else None

    def names_to_stop(self, key):
        # type: (DiskKey) -> bool
        """Whoever reads the file would stop this disk."""
        with self._condition:
            return key in self._to_stop

    def problem(self):
        # type: () -> str | None
        """Why the file is not what it should be."""
        with self._condition:
            return self._problem if self._written < self.version else None

    def is_settled(self):
        # type: () -> bool
        """The last version was written, or could not be."""
        with self._condition:
            return self._tried >= self.version

    def _write_all(self):
        # type: () -> None
        while True:
            with self._condition:
                while self._wanted is None:
                    self._condition.wait()
                version, content = self._wanted
                self._wanted = None
            problem = self._write(content)
            with self._condition:
                self._tried, self._problem = version, problem
                if problem is None:
                    self._written = version
                    self._to_stop = _to_stop(content)
            self._wake()

    def _write(self, content):
        # type: (dict) -> str | None
        fault_point("switch-before-write")
        try:
            files.write_atomically(path(self._state_directory), jsonfile.pretty(content))
            fault_point("switch-after-write")
        except OSError as error:
            return reason(error)
        return None


def _to_stop(content):
    # type: (dict) -> set[DiskKey]
    return {key_of(entry) for entry in content["armed"] if not entry["kept"]}
