"""The collector's side of the pipe: it starts the switch, asks it, knows what it has said, and replaces it."""

import os
import select
import signal
import subprocess
import sys
import threading
import time

from .. import secret
from ..fault import environment
from ..files import reason
from ..identifier import DiskKey, number
from ..pipe import Inbox, Outbox
from ..plain import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..boot import Boot
    from ..clock import Clock
    from ..log import Log
    from ..options import Options

# How often the collector says that it lives, milliseconds.
ALIVE_EVERY_MS = 1000

# From a switch that says nothing for this long nothing is expected any more; counted in time in which the collector
# itself ran, in steps of at most two seconds, milliseconds.
SILENT_MS = 10 * 1000
LONGEST_STEP_MS = 2000

# A switch that was started this long ago is waited for by who wants to start something, milliseconds.
COMING_MS = 5 * 1000

# How long to wait before each replacement in a row; one that has lived this long counts as new.
_RESTS_MS = (0, 1000, 2000, 4000, 8000, 16000, 32000, 60000)
_LIVED_MS = 60 * 1000

# The states in which something may be collected that this agent has to stop.
_NAMED = ("entering", "starting", "on", "failed", "stopping", "kept")


class Seen(object):
    """A disk as the switch told it last."""

    def __init__(self, state, armed_ms, order, why):
        # type: (str, int | None, int, str) -> None
        self.state = state
        # When the last `-s` that succeeded was, by the clock of the collector; `None` where there was none.
        self.armed_ms = armed_ms
        self.order = order
        self.reason = why

    def is_named(self):
        # type: () -> bool
        """It may be collected, and is to be stopped one day."""
        return self.state in _NAMED


_OFF = Seen("off", None, 0, "")


class Switch(object):
    """The switch as the collector knows it."""

    def __init__(self, options, boot, clock, log):
        # type: (Options, Boot, Clock, Log) -> None
        self._options = options
        self._boot = boot
        self._clock = clock
        self._log = log
        self._process = None  # type: subprocess.Popen[bytes] | None
        self._inbox = None  # type: Inbox | None
        self._outbox = None  # type: Outbox | None
        self._children = set()  # type: set[int]
        self._order = 0
        self._disks = {}  # type: dict[DiskKey, Seen]
        self._began_ms = 0
        self._deaths = 0
        self._starts = 0
        self._starts_at_ms = 0
        self._said_ms = 0
        self._quiet_ms = 0
        self._step_ms = clock.monotonic_ms()
        self._may_take = False
        self._journal_problem = None  # type: str | None
        self._start_problem = None  # type: str | None
        self._running = set()  # type: set[int]
        self.start = ""
        # It holds the lock: by a handover (`whole`) or because nobody else did (`alone`).
        self.ready = None  # type: str | None
        # It has told something that was not looked at yet.
        self.has_news = False
        # It became ready, and has not been told yet what is wanted.
        self.is_new = False
        # A handover was asked for: the answer, when it is there.
        self.is_passing = False
        self.passed = None  # type: bool | None
        # It was told to end, and its end is no reason for another one.
        self._is_ending = False

    # What it has said.

    def disk(self, key):
        # type: (DiskKey) -> Seen
        """A disk as it was told last; what was never told is off."""
        return self._disks.get(key, _OFF)

    def named(self):
        # type: () -> list[DiskKey]
        """Every disk that may be collected by this agent."""
        return sorted(key for key, seen in self._disks.items() if seen.is_named())

    def is_answered(self, key, order):
        # type: (DiskKey, int) -> bool
        """The order was done or has failed."""
        return self.disk(key).order >= order

    def problem(self):
        # type: () -> str | None
        """Why nothing can be started just now."""
        if self.ready is not None:
            return None
        if self._start_problem is not None:
            return self._start_problem
        return self._journal_problem or "the process that starts and stops collections is not ready"

    def is_coming(self):
        # type: () -> bool
        """It is not ready, and was started only just now."""
        age_ms = self._clock.monotonic_ms() - self._began_ms
        return self.ready is None and self._process is not None and age_ms < COMING_MS

    def journal_problem(self):
        # type: () -> str | None
        """Why the journal on the disk is not what it should be."""
        return self._journal_problem

    # What it is told.

    def order(self, word, key):
        # type: (str, DiskKey) -> int
        """Asks for something about a disk; gives the number by which its answer is known."""
        self._order += 1
        self._say(word, self._order, key.world_group_id, key.handle_id)
        return self._order

    def stop_unclaimed(self):
        # type: () -> None
        """Whatever was not wanted until now is not wanted."""
        self._say("all")

    def take(self):
        # type: () -> None
        """The agent before is gone: the lock may be taken as soon as it is free."""
        self._may_take = True
        self._say("take", self._boot.id, self._boot.over or "-")

    def hand_over(self, start):
        # type: (str) -> None
        """Has everything passed on to another switch; `passed` tells what came of it."""
        self.is_passing, self.passed = True, None
        self._say("handover", start)

    def runs(self, process):
        # type: (int) -> None
        """A program of the collector runs."""
        self._running.add(process)
        self._say("run", process)
        self._beat_around()

    def has_ended(self, process):
        # type: (int) -> None
        """A program of the collector has ended."""
        self._running.discard(process)
        self._say("done", process)
        self._beat_around()

    def _beat_around(self):
        # type: () -> None
        """Before and after each program of the loop, which may take long; other threads do not speak for the loop."""
        if threading.current_thread() is threading.main_thread():
            self._beat()

    def _beat(self):
        # type: () -> None
        self._said_ms = self._clock.monotonic_ms()
        self._say("alive")

    def _say(self, *words):
        # type: (*object) -> None
        outbox = self._outbox
        if outbox is not None:
            outbox.say(*words)

    # Its life.

    def descriptors(self):
        # type: () -> list[int]
        """What the loop watches."""
        return [] if self._inbox is None or self._inbox.has_ended else [self._inbox.descriptor]

    def next_ms(self):
        # type: () -> int
        """When to look after it although nothing happens."""
        return self._said_ms + ALIVE_EVERY_MS if self._process is not None else self._starts_at_ms

    def look_after(self, is_readable):
        # type: (bool) -> None
        """Takes in what it has said, says that the collector lives, and replaces it when it has died."""
        now_ms = self._clock.monotonic_ms()
        self._quiet_ms += min(max(now_ms - self._step_ms, 0), LONGEST_STEP_MS)
        self._step_ms = now_ms
        if self._inbox is not None and is_readable:
            for words in self._inbox.read():
                self._quiet_ms = 0
                self._hear(words, now_ms)
        if self._process is None:
            if now_ms >= self._starts_at_ms and not self._is_ending:
                self._begin(now_ms)
            return
        if now_ms - self._said_ms >= ALIVE_EVERY_MS:
            self._beat()
        is_gone = self._inbox is None or self._inbox.has_ended
        is_silent = self._quiet_ms >= SILENT_MS or (self._outbox is not None and self._outbox.is_broken)
        if is_gone or is_silent:
            self._bury(now_ms, is_silent and not is_gone)

    def wait_for(self, orders, seconds):
        # type: (dict[DiskKey, int], float) -> None
        """Waits until the orders are answered, but not for longer than this."""
        until = time.monotonic() + seconds
        while not all(self.is_answered(disk, order) for disk, order in orders.items()):
            left = until - time.monotonic()
            if left <= 0 or self._process is None:
                return
            waiting = select.poll()
            for descriptor in self.descriptors():
                waiting.register(descriptor, select.POLLIN)
            self.look_after(bool(waiting.poll(left * 1000)))

    def _begin(self, now_ms):
        # type: (int) -> None
        self.start = secret.hexadecimal(16)
        words = command_line(self._options, "switch", ["--start", self.start])
        try:
            process = subprocess.Popen(
                words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                close_fds=False, start_new_session=True, env=environment(not self._starts),
            )
        except (OSError, ValueError, MemoryError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self._start_problem = "the process that starts and stops collections cannot be started: {}".format(why)
            self._log.line(self._start_problem)
            self._rest(now_ms)
            return
        self._start_problem = None
        self._starts += 1
        self._process, self._began_ms, self._quiet_ms = process, now_ms, 0
        if process.stdin is not None and process.stdout is not None:
            self._outbox = Outbox(os.dup(process.stdin.fileno()))
            process.stdin.close()
            self._inbox = Inbox(process.stdout.fileno())
        for running in list(self._running):
            self._say("run", running)
        if self._may_take:
            self.take()

    def _rest(self, now_ms):
        # type: (int) -> None
        self._starts_at_ms = now_ms + _RESTS_MS[min(self._deaths, len(_RESTS_MS) - 1)]
        self._deaths += 1

    def _bury(self, now_ms, is_silent):
        # type: (int, bool) -> None
        """Lets go of a switch that has died, or says nothing any more, with everything that it had running."""
        process, self._process = self._process, None
        if process is None:
            return
        if not self._is_ending:
            how = "says nothing any more" if is_silent else "has died"
            self._log.line("the process that starts and stops collections {}; starting another one".format(how))
        for child in [process.pid] + sorted(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except OSError:
                # It has ended already.
                pass
        process.wait()
        if self._outbox is not None:
            self._outbox.close()
        if process.stdout is not None:
            process.stdout.close()
        self._inbox, self._outbox = None, None
        self._children.clear()
        self.ready, self.is_new, self.has_news = None, False, True
        if self.is_passing:
            self.is_passing, self.passed = False, False
        if now_ms - self._began_ms >= _LIVED_MS:
            self._deaths = 0
        self._rest(now_ms)

    def _hear(self, words, now_ms):
        # type: (list[str], int) -> None
        word, arguments = words[0], words[1:]
        if word == "disk" and len(arguments) >= 5:
            self._hear_disk(arguments, now_ms)
        elif word == "ready" and arguments:
            self.ready, self.is_new = arguments[0], True
        elif word == "journal":
            self._journal_problem = None if arguments == ["ok"] else " ".join(arguments)
        elif word in ("run", "done") and len(arguments) == 1 and number(arguments[0], 31):
            change = self._children.add if word == "run" else self._children.discard
            change(int(arguments[0]))
        elif word in ("passed", "remains") and self.is_passing:
            self.is_passing, self.passed = False, word == "passed"
        else:
            return
        self.has_news = True

    def _hear_disk(self, arguments, now_ms):
        # type: (list[str], int) -> None
        group, handle, age, order = (number(arguments[place], 64) for place in (0, 1, 3, 4))
        if group is None or handle is None or age is None or order is None:
            return
        armed_ms = now_ms - age if age else None
        key = DiskKey(group, handle)
        self._disks[key] = Seen(arguments[2], armed_ms, order, " ".join(arguments[5:]))

    def forget(self, key):
        # type: (DiskKey) -> None
        """A disk that is off and that nobody uses any more."""
        if self.disk(key).state == "off":
            self._disks.pop(key, None)

    def close(self, is_passed_on):
        # type: (bool) -> None
        """Ends the line: the switch stops what is left, or has passed everything on."""
        if not is_passed_on:
            self._is_ending = True
            self._say("end")
        if self._outbox is not None:
            self._outbox.close()
            self._outbox.flush(1.0)

    def wait_for_end(self, seconds):
        # type: (float) -> bool
        """Whether it has ended within this time."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def command_line(options, command, arguments):
    # type: (Options, str, list[str]) -> list[bytes]
    """The words that start this program once more, as it was started itself."""
    words = [sys.executable, "-BEs", options.program, command]
    words += ["--state-dir", options.state_directory, "--host-root", options.host_root]
    return [encoded(word) for word in words + arguments]
