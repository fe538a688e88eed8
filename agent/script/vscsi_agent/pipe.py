"""The pipe between collector and switch: lines of words, and nobody ever waits for it."""

import os
import threading
from collections import deque

from . import clock, files

# Lines that wait to be written; a side that leaves more of them unread is gone.
_QUEUE_LIMIT = 1024

# Longest line that is kept, bytes.
_LINE_LIMIT = 4096


class Outbox(object):
    """Writes lines from a thread of its own, so that a reader that stands still holds up nobody."""

    def __init__(self, descriptor):
        # type: (int) -> None
        self._descriptor = descriptor
        self._condition = threading.Condition()
        self._lines = deque()  # type: deque[bytes]
        self._is_open = True
        self._has_ended = False
        self.is_broken = False
        threading.Thread(target=self._write_all, name="pipe", daemon=True).start()

    def say(self, *words):
        # type: (*object) -> None
        """Sends one line; whatever would end it early is taken out of it."""
        line = " ".join(str(word) for word in words).encode("ascii", "replace").replace(b"\n", b" ")[:_LINE_LIMIT]
        with self._condition:
            if len(self._lines) >= _QUEUE_LIMIT:
                self.is_broken = True
            if not self.is_broken:
                self._lines.append(line + b"\n")
                self._condition.notify()

    def close(self):
        # type: () -> None
        """Sends what is queued, and then closes the pipe."""
        with self._condition:
            self._is_open = False
            self._condition.notify()

    def flush(self, seconds):
        # type: (float) -> None
        """Waits until what was said has been written, or nobody reads it."""
        clock.until(seconds, 0.005, lambda: True if self._has_ended else None)

    def _write_all(self):
        # type: () -> None
        while True:
            with self._condition:
                while self._is_open and not self._lines:
                    self._condition.wait()
                lines, self._lines = b"".join(self._lines), deque()
                is_last = not self._is_open
            try:
                files.write_whole(self._descriptor, lines)
            except OSError:
                self.is_broken = True
            if is_last or self.is_broken:
                self._end()
                return

    def _end(self):
        # type: () -> None
        try:
            os.close(self._descriptor)
        except OSError:
            self.is_broken = True
        self._has_ended = True


class Inbox(object):
    """Cuts what was read into lines of words."""

    def __init__(self, descriptor):
        # type: (int) -> None
        self.descriptor = descriptor
        self.has_ended = False
        self._rest = b""

    def read(self):
        # type: () -> list[list[str]]
        """Reads what is there, which `poll` has announced; a last line without its end is no message."""
        try:
            piece = os.read(self.descriptor, 64 * 1024)
        except OSError:
            piece = b""
        if not piece:
            self.has_ended = True
            return []
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()[-_LINE_LIMIT:]
        return [line.decode("ascii", "replace").split(" ") for line in lines]
