"""The collector's side of the pipe: it starts the switch, asks it, knows what it has said, and replaces it."""

import os
import select
import signal
import subprocess
import sys
import threading

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


class Told(object):
    """What the switch says of a disk."""

    def __init__(self, state, age_ms, done, why):
        # type: (str, int, int, str | None) -> None
        self.state = state
        # How long ago the last `-s` that succeeded was.
        self.age_ms = age_ms
        # The last order that was done or has failed.
        self.done = done
        self.reason = why


class Report(object):
    """What the collector hears: `disk`, `ready`, `journal`, `passed`, `remains`, or `lost`: there is none any more."""

    def __init__(self, word, disk=None, told=None, is_whole=False, why=None):
        # type: (str, DiskKey | None, Told | None, bool, str | None) -> None
        self.word = word
        self.disk = disk
        self.told = told
        # It was handed over by the switch before, with everything that runs.
        self.is_whole = is_whole
        # What is wrong.
        self.reason = why


class Switch(object):
    """The switch as the collector knows it. Nothing here waits but `wait`."""

    def __init__(self, options, boot, clock, log):
        # type: (Options, Boot, Clock, Log) -> None
        self._options = options
        self._boot = boot
        self._clock = clock
        self._log = log
        # By this name an agent before hands over to the first of its switches.
        self.start = secret.hexadecimal(16)
        self._process = None  # type: subprocess.Popen[bytes] | None
        self._inbox = None  # type: Inbox | None
        self._outbox = None  # type: Outbox | None
        self._heard = []  # type: list[Report]
        # Processes that the switch runs, and those of this one.
        self._children = set()  # type: set[int]
        self._running = set()  # type: set[int]
        self._may_take = False
        # It was told to end, or has passed everything on: no other one is wanted.
        self._is_finished = False
        self._began_ms = 0
        self._starts = 0
        self._starts_at_ms = 0
        self._deaths = 0
        self._said_ms = 0
        self._quiet_ms = 0
        self._step_ms = clock.monotonic_ms()

    def is_coming(self):
        # type: () -> bool
        """It was started only just now."""
        return self._process is not None and self._clock.monotonic_ms() - self._began_ms < COMING_MS

    def hear(self):
        # type: () -> list[Report]
        """What was said since; one that has died or says nothing any more is replaced."""
        now_ms = self._clock.monotonic_ms()
        self._quiet_ms += min(max(now_ms - self._step_ms, 0), LONGEST_STEP_MS)
        self._step_ms = now_ms
        if self._inbox is not None and self._poll(0):
            for words in self._inbox.read():
                self._quiet_ms = 0
                self._take_in(words)
        self._look_after(now_ms)
        heard, self._heard = self._heard, []
        return heard

    def wait(self, milliseconds):
        # type: (float) -> None
        """Waits until something may have been said, or the time is over."""
        self._poll(milliseconds)

    def _poll(self, milliseconds):
        # type: (float) -> bool
        waiting = select.poll()
        for descriptor in self.descriptors():
            waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(max(milliseconds, 0)))

    def descriptors(self):
        # type: () -> list[int]
        """What the loop watches."""
        return [] if self._inbox is None or self._inbox.has_ended else [self._inbox.descriptor]

    def next_ms(self):
        # type: () -> int
        """When to hear it although it says nothing."""
        return self._said_ms + ALIVE_EVERY_MS if self._process is not None else self._starts_at_ms

    # What it is told.

    def order(self, word, order, key):
        # type: (str, int, DiskKey) -> None
        """Asks for something about a disk."""
        self._say(word, order, key.world_group_id, key.handle_id)

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
        """Has everything passed on to another switch."""
        self._say("handover", start)

    def end(self):
        # type: () -> None
        """Has it stop what is left, and end."""
        self._is_finished = True
        self._say("end")

    def has_ended(self):
        # type: () -> bool
        """It has ended by itself, as it does after `end`."""
        return self._process is None or self._process.poll() is not None

    def close(self):
        # type: () -> None
        """Closes the pipe: whatever is left is the switch's."""
        self._is_finished = True
        if self._outbox is not None:
            self._outbox.close()
            self._outbox.flush(1.0)

    def runs(self, process):
        # type: (int) -> None
        """A program of the collector runs."""
        self._running.add(process)
        self._say("run", process)
        self._beat_around()

    def is_done(self, process):
        # type: (int) -> None
        """A program of the collector has ended."""
        self._running.discard(process)
        self._say("done", process)
        self._beat_around()

    def _beat_around(self):
        # type: () -> None
        """Before and after each program of the loop, which may take long; other threads do not speak for the loop."""
        if threading.current_thread() is threading.main_thread():
            self.beat()

    def beat(self):
        # type: () -> None
        """Says that the collector is alive; not more often than once a second, however often it is called."""
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._said_ms >= ALIVE_EVERY_MS:
            self._said_ms = now_ms
            self._say("alive")

    def _say(self, *words):
        # type: (*object) -> None
        outbox = self._outbox
        if outbox is not None:
            outbox.say(*words)

    # Its life.

    def begin(self):
        # type: () -> None
        """Starts it; it takes no lock before `take`."""
        now_ms = self._clock.monotonic_ms()
        self._starts += 1
        start = self.start if self._starts == 1 else secret.hexadecimal(16)
        words = command_line(self._options, "switch", ["--start", start])
        try:
            process = subprocess.Popen(
                words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                close_fds=False, start_new_session=True, env=environment(self._starts == 1),
            )
        except (OSError, ValueError, MemoryError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self._rest(now_ms, "it could not be started: {}".format(why))
            return
        self._process, self._began_ms, self._quiet_ms = process, now_ms, 0
        if process.stdin is not None and process.stdout is not None:
            self._outbox = Outbox(os.dup(process.stdin.fileno()))
            process.stdin.close()
            self._inbox = Inbox(process.stdout.fileno())
        if self._may_take:
            self.take()
        for running in list(self._running):
            self._say("run", running)

    def _look_after(self, now_ms):
        # type: (int) -> None
        if self._process is None:
            if now_ms >= self._starts_at_ms and not self._is_finished:
                self.begin()
            return
        self.beat()
        if self._inbox is None or self._inbox.has_ended:
            self._bury(now_ms, "it died")
        elif self._quiet_ms >= SILENT_MS:
            self._bury(now_ms, "it does not answer")
        elif self._outbox is not None and self._outbox.is_broken:
            self._bury(now_ms, "it does not read what it is told")

    def _bury(self, now_ms, why):
        # type: (int, str) -> None
        """Ends a switch that is of no use, with all it has running: a `-s` on its way would outlive it."""
        process, self._process = self._process, None
        if process is None:
            return
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
        if now_ms - self._began_ms >= _LIVED_MS:
            self._deaths = 0
        self._rest(now_ms, why)

    def _rest(self, now_ms, why):
        # type: (int, str) -> None
        """The first failure costs no time, the others more and more."""
        if self._is_finished:
            return
        self._starts_at_ms = now_ms + _RESTS_MS[min(self._deaths, len(_RESTS_MS) - 1)]
        self._deaths += 1
        problem = "the process that starts and stops collections does not run: {}".format(why)
        self._log.line("{}; starting another one".format(problem))
        self._heard.append(Report("lost", why=problem))

    def _take_in(self, words):
        # type: (list[str]) -> None
        word, arguments = words[0], words[1:]
        if word == "disk" and len(arguments) >= 5:
            self._take_disk(arguments)
        elif word == "ready" and arguments:
            self._heard.append(Report("ready", is_whole=arguments[0] == "whole"))
        elif word == "journal":
            self._heard.append(Report("journal", why=None if arguments == ["ok"] else " ".join(arguments)))
        elif word in ("run", "done") and len(arguments) == 1 and number(arguments[0], 31):
            change = self._children.add if word == "run" else self._children.discard
            change(int(arguments[0]))
        elif word == "passed":
            self._is_finished = True
            self._heard.append(Report("passed"))
        elif word == "remains":
            self._heard.append(Report("remains", why=" ".join(arguments)))

    def _take_disk(self, arguments):
        # type: (list[str]) -> None
        group, handle, age, order = (number(arguments[place], 64) for place in (0, 1, 3, 4))
        if group is None or handle is None or age is None or order is None:
            return
        told = Told(arguments[2], age, order, " ".join(arguments[5:]) or None)
        self._heard.append(Report("disk", DiskKey(group, handle), told))


def command_line(options, command, arguments):
    # type: (Options, str, list[str]) -> list[bytes]
    """The words that start this program once more, as it was started itself."""
    words = [sys.executable, "-BEs", options.program, command]
    words += ["--state-dir", options.state_directory, "--host-root", options.host_root]
    return [encoded(word) for word in words + arguments]
