"""The agent's log: one file with a size cap and one predecessor. Failing to log is never a reason to fail."""

import os
import threading

from . import moment, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .clock import Clock

# The log and its predecessor together take at most twice this, bytes.
SIZE_CAP = 512 * 1024

# Longest message, so that a host's garbage does not fill the log, characters.
MESSAGE_CAP = 2000


class Log(object):
    """Appends to `agent.log` in the state directory; in the foreground lines go to standard error as well."""

    def __init__(self, state_directory, clock, also_stderr):
        # type: (str, Clock, bool) -> None
        self._path = os.path.join(state_directory, "agent.log")
        self._clock = clock
        self._also_stderr = also_stderr
        self._mutex = threading.Lock()

    def line(self, message):
        # type: (str) -> None
        """Writes one line with a time stamp."""
        shown = plain.without_controls(message[:MESSAGE_CAP])
        line = plain.printable("{} {}\n".format(moment.text_in_milliseconds(self._clock.wall()), shown))
        with self._mutex:
            if self._also_stderr:
                try:
                    os.write(2, line)
                except OSError:
                    pass
            try:
                self._append(line)
            except OSError:
                pass

    def _append(self, line):
        # type: (bytes) -> None
        path = plain.encoded(self._path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(descriptor).st_size + len(line) > SIZE_CAP:
                os.close(descriptor)
                descriptor = -1
                try:
                    os.replace(path, path + b".1")
                except FileNotFoundError:
                    # Somebody took the log away, and a new one begins.
                    pass
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(descriptor, line)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def tail(self, lines):
        # type: (int) -> bytes
        """The last `lines` lines; an `OSError` when the log cannot be read."""
        descriptor = os.open(plain.encoded(self._path), os.O_RDONLY)
        try:
            length = os.fstat(descriptor).st_size
            os.lseek(descriptor, max(0, length - SIZE_CAP), os.SEEK_SET)
            text = b""
            while len(text) < SIZE_CAP:
                piece = os.read(descriptor, SIZE_CAP - len(text))
                if not piece:
                    break
                text += piece
        finally:
            os.close(descriptor)
        kept = text.splitlines(True)[-lines:] if lines else []
        return plain.printable(plain.decoded(b"".join(kept)))
