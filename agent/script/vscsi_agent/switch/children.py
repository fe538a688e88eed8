"""The commands that the switch has running, all at once."""

import os
import signal

from ..command import Output
from ..command.runner import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..command import Spec
    from .disk import Disk

# How long a killed command is waited for before its end counts as not seen, milliseconds.
KILLED_MS = 200

# How often it is looked whether a command that has closed its output has ended, milliseconds.
LOOK_EVERY_MS = 10


class Child(object):
    """A command that runs; raises `RunError` when it cannot be started."""

    def __init__(self, spec, disk, command, now_ms):
        # type: (Spec, Disk | None, str, int) -> None
        self.disk = disk
        self.command = command
        self._process = start(spec)
        self.pid = self._process.pid
        self._limit = spec.output_limit
        self._ends_ms = now_ms + int(spec.deadline * 1000)
        self._killed_ms = None  # type: int | None
        self._timed_out = False
        self._truncated = False
        # Whoever waits for it has been told that its end is not seen.
        self.is_given_up = False
        out, err = self._process.stdout, self._process.stderr
        self._streams = {}  # type: dict[int, bytearray]
        self._kept = [bytearray(), bytearray()]
        self._files = [file for file in (out, err) if file is not None]
        for file, kept in zip(self._files, self._kept):
            self._streams[file.fileno()] = kept

    def descriptors(self):
        # type: () -> list[int]
        """Where it prints."""
        return list(self._streams)

    def read(self, descriptor):
        # type: (int) -> None
        """Takes in what it has printed."""
        try:
            piece = os.read(descriptor, 64 * 1024)
        except OSError:
            piece = b""
        kept = self._streams[descriptor]
        if not piece:
            del self._streams[descriptor]
            return
        room = self._limit - len(kept)
        self._truncated |= len(piece) > room
        kept += piece[:room]

    def kill(self, now_ms):
        # type: (int) -> None
        """Kills it and its children, once."""
        if self._killed_ms is None:
            self._killed_ms = now_ms
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except OSError:
                # It has ended in the meantime, which is what is wanted.
                pass

    def has_ended(self, now_ms):
        # type: (int) -> bool
        """It has ended and all it printed is here; a killed one need not have closed its output."""
        if now_ms >= self._ends_ms and self._killed_ms is None:
            self._timed_out = True
            self.kill(now_ms)
        if self._streams and self._killed_ms is None:
            return False
        return self._process.poll() is not None

    def is_unseen(self, now_ms):
        # type: (int) -> bool
        """It was killed and has not ended since."""
        return self._killed_ms is not None and now_ms - self._killed_ms >= KILLED_MS and not self.is_given_up

    def next_ms(self, now_ms):
        # type: (int) -> int
        """When to look at it again."""
        if self._killed_ms is not None:
            return now_ms + (1000 if self.is_given_up else LOOK_EVERY_MS)
        return self._ends_ms if self._streams else now_ms + LOOK_EVERY_MS

    def output(self):
        # type: () -> Output
        """What came of it."""
        status = self._process.returncode
        output = Output(status if status is not None and status >= 0 else None)
        output.stdout, output.stderr = bytes(self._kept[0]), bytes(self._kept[1])
        output.timed_out, output.truncated = self._timed_out, self._truncated
        return output

    def close(self):
        # type: () -> None
        """Lets go of its pipes."""
        for file in self._files:
            file.close()
        self._streams = {}
