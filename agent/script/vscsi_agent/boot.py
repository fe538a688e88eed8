"""Which boot of the host this is.

ESXi has no boot ID that a program could read, so the agents of a host make one and keep it in two places: in the state
directory together with both clocks, and in a marker below `/var/run`, which a host loses at boot where that is a RAM
disk. Nothing is forgotten before it is certain that the host was started again: the marker is gone, and the monotonic
clock went back, or the clocks moved against each other, as they do at a boot by the uptime before it. Neither a clock
nor a marker proves it alone. Jobs go on only where both clocks prove that they can.
"""

import os
import re

from . import files, jsonfile, moment, secret
from .files import reason
from .shape import Default, Field, Nullable, Shape, count, flag, instant, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .clock import Clock

# How far the distance of the clocks may drift within one boot while no agent runs, milliseconds.
DRIFT_MS = 10 * 60 * 1000

# How far that distance may move while an agent runs before it is noted anew, milliseconds.
NOTE_AFTER_MS = 60 * 1000

# How long a failed note rests before it is tried again, milliseconds.
RETRY_MS = 10 * 1000

# Bytes of randomness in a boot ID.
ID_BYTES = 16

_NOTED = Shape(
    Field("boot_id", text),
    Field("wall", instant),
    Field("monotonic_ms", count(64)),
    Field("marked", flag),
    Default("over", Nullable(text), None),
)

_GONE = object()
_UNREADABLE = object()


class Boot(object):
    """A boot of the host.

    `id` is the same for one boot; `clocks_agree` says that monotonic times of earlier agents with this ID can be
    compared with the clock of now; `problem` is why it could not be noted.
    """

    def __init__(self, state_directory, host_root, clock):
        # type: (str, str, Clock) -> None
        """Recognises this boot and leaves no trace."""
        self._note = os.path.join(state_directory, "boot.json")
        self._marker = os.path.join(host_root, "var/run/vscsi-agent.boot")
        self._clock = clock
        self.problem = None  # type: str | None
        wall, monotonic_ms = clock.wall(), clock.monotonic_ms()
        noted, found = _read_note(self._note), _read_marker(self._marker)
        if noted is not None and _is_over(noted, found, wall, monotonic_ms):
            self.over = noted["boot_id"]  # type: str | None
            noted = None
        else:
            self.over = noted["over"] if noted is not None else None
        self.clocks_agree = noted is not None and _moved_ms(noted, wall, monotonic_ms) <= DRIFT_MS
        if noted is not None:
            self.id = noted["boot_id"]  # type: str
        elif isinstance(found, str) and found != self.over:
            # Another agent of this host, with another state directory, has marked this boot already.
            self.id = found
        else:
            self.id = secret.hexadecimal(ID_BYTES)
        self._marked = False
        self._noted = self._content(wall, monotonic_ms)
        self._tried_ms = monotonic_ms

    def note(self):
        # type: () -> None
        """Has the next agent recognise this boot."""
        try:
            if _read_marker(self._marker) != self.id:
                files.create_directory(os.path.dirname(self._marker))
                files.write_atomically(self._marker, self.id.encode("ascii"))
            self._marked = True
        except OSError:
            # Without the marker its absence proves nothing, which the note says.
            self._marked = False
        self._write()

    def remove_marker(self):
        # type: () -> None
        """Takes the marker away when it is the one of this boot: nothing is left that it could be needed for."""
        if _read_marker(self._marker) == self.id:
            files.remove(self._marker + files.TEMPORARY_SUFFIX)
            files.remove(self._marker)

    def is_after(self, boot_id):
        # type: (str) -> bool
        """It is certain that the host was started again since the boot `boot_id`."""
        return self.over is not None and self.over == boot_id

    def keep_up(self):
        # type: () -> None
        """Notes the clocks anew when the wall clock was set, so that the next agent takes that for no reboot."""
        monotonic_ms = self._clock.monotonic_ms()
        if self.problem is not None:
            due = monotonic_ms - self._tried_ms >= RETRY_MS
        else:
            due = _moved_ms(self._noted, self._clock.wall(), monotonic_ms) > NOTE_AFTER_MS
        if due:
            self._write()

    def _content(self, wall, monotonic_ms):
        # type: (int, int) -> dict[str, Any]
        return {
            "boot_id": self.id,
            "wall": moment.text(wall),
            "monotonic_ms": monotonic_ms,
            "marked": self._marked,
            "over": self.over,
        }

    def _write(self):
        # type: () -> None
        self._tried_ms = self._clock.monotonic_ms()
        self._noted = self._content(self._clock.wall(), self._tried_ms)
        try:
            files.write_atomically(self._note, jsonfile.compact(self._noted))
            self.problem = None
        except OSError as error:
            self.problem = "cannot record the boot of the host: {}; the agent tries again".format(reason(error))


def _read_note(path):
    # type: (str) -> dict[str, Any] | None
    content = files.read_if_there(path, 4096)
    try:
        return None if content is None else _NOTED(jsonfile.read(content))
    except jsonfile.Unreadable:
        return None


def _read_marker(path):
    # type: (str) -> object
    """The boot ID that the marker holds, or that it is gone or unreadable."""
    try:
        content = files.read_if_there(path, 4096)
    except OSError:
        return _UNREADABLE
    if content is None:
        return _GONE
    written = content.decode("ascii", "replace")
    return written if re.match(r"[0-9a-fA-F]{%d}\Z" % (2 * ID_BYTES), written) is not None else _UNREADABLE


def _moved_ms(noted, wall, monotonic_ms):
    # type: (dict, int, int) -> int
    """How far the distance of the clocks has moved since."""
    then = moment.parse(noted["wall"]) // moment.MILLISECOND - noted["monotonic_ms"]
    return abs(wall // moment.MILLISECOND - monotonic_ms - then)


def _is_over(noted, found, wall, monotonic_ms):
    # type: (dict, object, int, int) -> bool
    """The host was certainly started again since the note."""
    marker_lost = found is _GONE or (isinstance(found, str) and found != noted["boot_id"])
    clocks_moved = monotonic_ms < noted["monotonic_ms"] or _moved_ms(noted, wall, monotonic_ms) > DRIFT_MS
    return noted["marked"] and marker_lost and clocks_moved
