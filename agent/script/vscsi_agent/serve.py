"""The agent's life: one instance, its threads, its signals and its end."""

import os
import signal
import threading

from . import VERSION, files, lock, running, secret
from .boot import Boot
from .clock import Clock, until
from .collector import Equipment, end, loop, recover
from .command import Programs, Runner
from .desk import Desk
from .fault import fault_point
from .files import reason
from .host.drive import Host, HostError
from .http import Context, Server
from .jsonfile import Unreadable
from .left import CleanupError, Left
from .log import Log
from .plain import decoded
from .spool import Spool
from .switch import journal, succession
from .switch.client import Switch
from .waking import Waker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .collector import Collector
    from .options import Options

# Longest sleep of the loop, milliseconds.
_LONGEST_SLEEP_MS = 500

# Stack of every thread but the first: userworld memory on ESXi is reserved, not overcommitted.
_STACK_BYTES = 256 * 1024

# How long a detached agent waits for the one before it to end, which its caller has asked to, seconds.
_LOCK_TIMEOUT = 20.0

# How long the agent before gets to hand over, seconds.
_HANDOVER_TIMEOUT = 20.0

# How often it is looked whether the agent before has ended, seconds.
_LOOK_EVERY = 0.02

# How long the end waits for the switch to stop what is left; what takes longer the switch does alone, seconds.
_END_TIMEOUT = 12.0

LOCK = "agent.lock"


class ServeError(Exception):
    """The agent could not run."""


class _Signals(object):
    """What the signals ask for."""

    def __init__(self, waker):
        # type: (Waker) -> None
        self.end = False
        self.hand_over = False
        self._waker = waker
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGINT, self._on_end)
        signal.signal(signal.SIGHUP, self._on_hand_over)

    def _on_end(self, number, frame):
        # type: (int, object) -> None
        self.end = True
        self._waker.wake()

    def _on_hand_over(self, number, frame):
        # type: (int, object) -> None
        self.hand_over = True
        self._waker.wake()


def serve(options):
    # type: (Options) -> None
    """Runs the agent until it is told to end or has nothing to do."""
    os.umask(0o077)
    threading.stack_size(_STACK_BYTES)
    is_detached = "--detached" in options.flags
    if is_detached:
        try:
            os.setsid()
        except OSError:
            # This process leads a session already, which is what is wanted.
            pass
    try:
        _Agent(options, is_detached).run()
    except OSError as error:
        raise ServeError("cannot use the state directory: {}".format(reason(error))) from None


class _Agent(object):
    """Everything that lives as long as the agent."""

    def __init__(self, options, is_detached):
        # type: (Options, bool) -> None
        self._options = options
        self._state_directory = options.state_directory
        self._is_detached = is_detached
        files.create_directory(self._state_directory)
        self._clock = Clock()
        self._waker = Waker()
        self._desk = Desk(self._waker)
        self._signals = _Signals(self._waker)

    def run(self):
        # type: () -> None
        """From the first lock to the last line of the log."""
        log = Log(self._state_directory, self._clock, not self._is_detached)
        boot = Boot(self._state_directory, self._options.host_root, self._clock)
        self._switch = Switch(self._options, boot, self._clock, log)
        before = running.load(self._options) if "--take-over" in self._options.flags else None
        if before is None:
            instance = self._be_the_only_one()
            self._switch.begin()
        else:
            self._switch.begin()
            instance = self._take_over(before["process"])
        running.forget(self._options)
        boot.note()
        self._switch.take()
        host = Host(Runner(self._switch), Programs(self._options.host_root))
        self._tell(log, host, "vscsi-agent {} (script) starts".format(VERSION))
        if files.SyncSupport.missing is not None:
            log.line(
                "the file system of the state directory has no fsync for directories ({}): "
                "what was written just before a power failure may be lost".format(reason(files.SyncSupport.missing))
            )
        spool = Spool(os.path.join(self._state_directory, "jobs"), self._options.spool_limit)
        equipment = Equipment(self._clock, host, spool, log, boot, _hostname(host), self._state_directory)
        work = recover.recover(equipment, self._switch)
        server = Server()
        token = secret.hexadecimal(32)
        context = Context(equipment, self._desk, token, _esxi_version(host), self._options.host_root)
        server.start(context)
        announced = running.announce(self._options, server.port, token)
        is_passed_on = self._work(work, context)
        # Whoever asks from now on is to find the agent after this one.
        announced.withdraw()
        if not is_passed_on and not self._stop_everything(work):
            log.line("not every collection was stopped: the switch goes on trying")
        self._desk.close()
        self._switch.close()
        self._tell(log, host, "vscsi-agent ends")
        instance.release()

    def _be_the_only_one(self):
        # type: () -> lock.Lock
        """Takes the lock of the state directory, waiting for a predecessor that is about to end."""

        def take():
            # type: () -> lock.Lock | bool | None
            held = lock.take(self._state_directory, LOCK)
            # An agent that ends removes what it is found by first, so one that can be found stays.
            return False if held is None and running.load(self._options) is not None else held

        held = until(_LOCK_TIMEOUT if self._is_detached else 0.0, _LOOK_EVERY, take)
        if isinstance(held, lock.Lock):
            return held
        words = "another agent runs on {}: reach it with `vscsi-agent connect`"
        raise ServeError(words.format(self._state_directory))

    def _take_over(self, before):
        # type: (int) -> lock.Lock
        """Has the agent before, which is this process, pass everything on."""
        start = self._switch.start
        succession.announce(self._state_directory, os.getpid(), start)

        def take():
            # type: () -> lock.Lock | None
            self._switch.beat()
            return lock.take(self._state_directory, LOCK)

        try:
            fault_point("take-over-before-signal")
            os.kill(before, signal.SIGHUP)
            fault_point("take-over-after-signal")
            held = until(_HANDOVER_TIMEOUT, _LOOK_EVERY, take)
        finally:
            succession.withdraw(self._state_directory, start)
        if held is None:
            self._switch.close()
            raise ServeError("the agent before does not hand over; see {}/agent.log".format(self._state_directory))
        fault_point("take-over-after-lock")
        return held

    def _stop_everything(self, work):
        # type: (Collector) -> bool
        """Has the switch stop everything and end; false when it could not in time, and goes on by itself."""
        self._switch.end()

        def stopped():
            # type: () -> bool | None
            loop.attend_last(work)
            self._switch.wait(_LOOK_EVERY * 1000)
            return True if self._switch.has_ended() else None

        has_ended = until(_END_TIMEOUT, 0.0, stopped) is not None
        if work.has_passed():
            # The successor, which waits for this process to go, stops what no job needs.
            return True
        if not has_ended:
            return False
        # One that has just died, or that never had the lock, stops nothing: then another one does, from the journal.
        return not self._is_left() or self._stop_what_is_left()

    def _is_left(self):
        # type: () -> bool
        """The journal names something that is to be stopped."""
        try:
            armed = journal.read(self._state_directory)["armed"]
        except (OSError, Unreadable):
            return False
        return any(not entry["kept"] for entry in armed)

    def _stop_what_is_left(self):
        # type: () -> bool
        left = Left(self._options)
        try:
            left.stop(False)
        except CleanupError:
            return False
        finally:
            left.close()
        return True

    def _tell(self, log, host, message):
        # type: (Log, Host, str) -> None
        """Says something to the agent's own log and to the host's."""
        log.line(message)
        host.tell_syslog(message)

    def _work(self, work, context):
        # type: (Collector, Context) -> bool
        """The loop: what is due, one thing at a time, then waiting. True when everything was passed on."""
        # Whom everything is to pass to, until the switch has been asked.
        successor = None  # type: str | None
        while True:
            if self._signals.end:
                end.end_all(work, "the agent was told to end; its samples are kept")
                loop.attend(work)
                return False
            if self._signals.hand_over:
                self._signals.hand_over = False
                successor = self._waiting(work) or successor
            # A switch that is just being replaced is asked as soon as the next one is ready.
            if successor is not None and loop.pass_on(work, successor):
                successor = None
            asked = self._desk.next()
            if asked is not None:
                loop.perform(work, asked)
            wake_ms = loop.step(work)
            loop.answer(work)
            if work.has_passed():
                recover.save_for_successor(work)
                return True
            now_ms = self._clock.monotonic_ms()
            is_quiet = now_ms - context.last_request_ms >= self._options.idle_exit * 1000
            if self._options.idle_exit and is_quiet and not work.tickets and not loop.is_busy(work):
                work.log("no job, schedule or request for a while: exiting")
                return False
            latest_ms = min(now_ms + _LONGEST_SLEEP_MS, self._switch.next_ms())
            if self._desk.has_next():
                latest_ms = now_ms
            wake_ms = latest_ms if wake_ms is None else min(wake_ms, latest_ms)
            self._waker.wait(self._switch.descriptors(), wake_ms - now_ms)

    def _waiting(self, work):
        # type: (Collector) -> str | None
        """The switch of a successor that waits; without one there is nothing to do."""
        waiting = succession.announced(self._state_directory)
        if waiting is None:
            work.log("SIGHUP, but no successor waits: nothing is done")
            return None
        return str(waiting["start"])


def _esxi_version(host):
    # type: (Host) -> str
    try:
        lines = decoded(host.run_well("vmware", ["-v"])).splitlines()
    except HostError:
        return ""
    return lines[0].strip()[:200] if lines else ""


def _hostname(host):
    # type: (Host) -> str
    """The host's full name by its own tools; the kernel's name where those are missing."""
    try:
        text = decoded(host.run_well("esxcli", ["system", "hostname", "get"]))
    except HostError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "Fully Qualified Domain Name" and value.strip():
            return value.strip()
    return os.uname().nodename
