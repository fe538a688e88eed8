"""Stopping what a dead agent or its switch has left running. It is to a switch of its own what the collector is."""

import os
import signal

from .boot import Boot
from .clock import Clock, until
from .command import Programs, Runner
from .host.drive import Host, stop_by_hand
from .jsonfile import Unreadable
from .log import Log
from .switch import journal
from .switch.client import Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .identifier import DiskKey
    from .options import Options
    from .switch.client import Told

# How long a switch gets to stop what is left, seconds.
_END_TIMEOUT = 20.0

# How often it is looked whether it has, seconds.
_LOOK_EVERY = 0.05


class CleanupError(Exception):
    """Collections may still run."""


class Left(object):
    """What a dead agent has left running, as a switch tells it."""

    def __init__(self, options):
        # type: (Options) -> None
        self._options = options
        clock = Clock()
        self.boot = Boot(options.state_directory, options.host_root, clock)
        self._switch = Switch(options, self.boot, clock, Log(options.state_directory, clock, False))
        self._is_ready = False
        self._with_all = False
        self._problem = None  # type: str | None
        self._disks = {}  # type: dict[DiskKey, Told]
        # Those of which the switch that runs now has told.
        self._current = set()  # type: set[DiskKey]
        self._orders = 0
        self._switch.begin()
        self._switch.take()

    def stop(self, with_all):
        # type: (bool) -> str
        """Has the switch stop what the journal names, and tells what it did."""
        self._with_all = with_all
        if not self._hears(lambda: self._is_ready) and not (with_all and self._end_holder()):
            words = "process {} is stopping collections and does not come to an end; wait, or run `cleanup --all`, "
            raise CleanupError(self._problem or (words + "which kills it").format(self._holder()))
        kept = [key for key, told in sorted(self._disks.items()) if told.state == "kept"]
        to_stop = [key for key in sorted(self._disks) if with_all or key not in kept]

        def left():
            # type: () -> list[DiskKey]
            return [key for key in to_stop if self._disks[key].state != "off"]

        self._hears(lambda: not left())
        if to_stop:
            host = Host(Runner(), Programs(self._options.host_root))
            host.tell_syslog("cleanup stopped collections that a dead agent had left running")
        if left():
            words = (
                "{} collections could not be stopped yet; it is tried until they have ended by themselves. "
                "To stop them by hand, run on the host: {}"
            )
            raise CleanupError(words.format(len(left()), stop_by_hand(left())))
        return _told(len(to_stop), 0 if with_all else len(kept))

    def _ask(self):
        # type: () -> None
        """Says what is to be stopped: to each switch anew, for one that replaces another knows the journal alone."""
        for key, told in self._disks.items():
            if key not in self._current:
                told.state = "off"
        self._switch.stop_unclaimed()
        for key, told in sorted(self._disks.items()):
            if self._with_all and told.state == "kept":
                self._orders += 1
                self._switch.order("drop", self._orders, key)

    def _holder(self):
        # type: () -> int
        """The process that holds the lock of the switches, as the journal says."""
        try:
            written_by = journal.read(self._options.state_directory)["switch"]
        except (OSError, Unreadable):
            written_by = None
        return written_by["process"] if written_by is not None else 0

    def _end_holder(self):
        # type: () -> bool
        """Kills a switch that does not let go: it may have been stopped, or hang; what it left is in the journal."""
        holder = self._holder()
        if not holder:
            return False
        try:
            os.kill(holder, signal.SIGKILL)
        except OSError:
            # It has ended in the meantime.
            pass
        return self._hears(lambda: self._is_ready)

    def _hears(self, is_enough):
        # type: (Callable[[], bool]) -> bool
        """Hears the switch until it has said enough; false when that takes too long."""

        def heard():
            # type: () -> bool | None
            self._switch.wait(_LOOK_EVERY * 1000)
            for report in self._switch.hear():
                if report.word == "disk" and report.disk is not None and report.told is not None:
                    self._disks[report.disk] = report.told
                    self._current.add(report.disk)
                elif report.word == "ready":
                    self._is_ready = True
                    self._ask()
                elif report.word == "lost":
                    self._is_ready = False
                    self._current.clear()
                if report.word in ("journal", "lost"):
                    self._problem = report.reason
            return True if is_enough() else None

        return until(_END_TIMEOUT, 0.0, heard) is not None

    def close(self):
        # type: () -> None
        """Leaves what is left to the switch."""
        self._switch.end()
        self._switch.close()
        until(2.0, _LOOK_EVERY, lambda: self._switch.has_ended() or None)


def _told(stopped, kept):
    # type: (int, int) -> str
    if stopped:
        one = "stopped 1 collection that was left running"
        told = one if stopped == 1 else "stopped {} collections that were left running".format(stopped)
    else:
        told = "nothing else was left running" if kept else "nothing was left running"
    if not kept:
        return told
    return "{}; {} that a user asked to keep may run on: `cleanup --all` stops them".format(told, kept)
