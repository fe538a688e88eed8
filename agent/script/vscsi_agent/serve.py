"""The agent's life: one instance, its threads, its signals and its end."""

import os
import signal
import threading

from . import VERSION, collector, files, lock, running, secret
from .boot import Boot
from .clock import Clock, until
from .collector import Equipment, end, recover
from .command import Programs, Runner
from .desk import Desk
from .files import reason
from .host.drive import Host, HostError
from .http import Context, Server
from .log import Log
from .plain import decoded
from .spool import Spool
from .switch import succession
from .switch.client import Switch
from .waking import Waker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

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

# How long the beginning waits for the switch, milliseconds.
_READY_TIMEOUT_MS = 5000

# How long it waits until what the agent before has left is stopped, milliseconds.
_STOPPED_TIMEOUT_MS = 2500

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
        takes_over = "--take-over" in self._options.flags
        instance = None if takes_over else self._be_the_only_one(_LOCK_TIMEOUT if self._is_detached else 0.0)
        log = Log(self._state_directory, self._clock, not self._is_detached)
        boot = Boot(self._state_directory, self._options.host_root, self._clock)
        self._switch = Switch(self._options, boot, self._clock, log)
        self._switch.look_after(False)
        was_handed_over = False
        if instance is None:
            was_handed_over = self._take_over(log)
            instance = self._be_the_only_one(_LOCK_TIMEOUT, was_handed_over)
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
        work = recover.recover(equipment, self._switch, was_handed_over)
        server = Server()
        token = secret.hexadecimal(32)
        context = Context(equipment, self._desk, token, _esxi_version(host), self._options.host_root)
        server.start(context)
        self._wait_for_switch(work)
        announced = running.announce(self._options, server.port, token)
        is_passed_on = self._work(work, context)
        announced.withdraw()
        self._desk.close()
        self._switch.close(is_passed_on)
        if not is_passed_on and not self._switch.wait_for_end(_END_TIMEOUT):
            log.line("not every collection was stopped: the switch goes on trying")
        self._tell(log, host, "vscsi-agent ends")
        instance.release()

    def _be_the_only_one(self, timeout, is_heir=False):
        # type: (float, bool) -> lock.Lock
        """Takes the lock of the state directory, waiting for a predecessor that is about to end."""

        def take():
            # type: () -> lock.Lock | bool | None
            held = lock.take(self._state_directory, LOCK)
            if held is not None:
                return held
            # An agent that ends removes what it is found by first, so one that can be found stays, unless it has just
            # passed everything on.
            return False if running.load(self._options) is not None and not is_heir else None

        held = until(timeout, _LOOK_EVERY, take)
        if isinstance(held, lock.Lock):
            return held
        words = "another agent runs on {}: reach it with `vscsi-agent connect`"
        raise ServeError(words.format(self._state_directory))

    def _take_over(self, log):
        # type: (Log) -> bool
        """Has the agent before pass everything on; false when it had died, and nothing was passed on."""
        start = self._switch.start
        succession.announce(self._state_directory, os.getpid(), start)
        before = running.load(self._options)
        try:
            if before is not None:
                os.kill(before["process"], signal.SIGHUP)

            def decided():
                # type: () -> bool | None
                ready = self._waker.wait(self._switch.descriptors(), _LOOK_EVERY * 1000)
                self._switch.look_after(bool(ready))
                if self._switch.ready == "whole":
                    return True
                held = lock.take(self._state_directory, LOCK)
                if held is None:
                    return None
                held.release()
                return False

            found = until(_HANDOVER_TIMEOUT, 0.0, decided)
        finally:
            succession.withdraw(self._state_directory, start)
        if found is None:
            self._switch.close(False)
            raise ServeError("the agent before does not hand over; see {}/agent.log".format(self._state_directory))
        log.line("took over from the agent before" if found else "the agent before has ended without handing over")
        return bool(found)

    def _wait_for_switch(self, work):
        # type: (Collector) -> None
        """Whoever finds the agent finds it able to start something, and what was left running stopped, unless either
        takes long.
        """
        self._attend(_READY_TIMEOUT_MS, lambda: self._switch.ready is not None)
        collector.step(work)
        self._attend(_STOPPED_TIMEOUT_MS, lambda: recover.is_at_rest(work))
        collector.step(work)

    def _attend(self, milliseconds, is_enough):
        # type: (int, Callable[[], bool]) -> None
        """Hears the switch until it has said enough, but not for longer than this."""
        end_ms = self._clock.monotonic_ms() + milliseconds
        while not is_enough() and self._clock.monotonic_ms() < end_ms:
            self._switch.look_after(bool(self._waker.wait(self._switch.descriptors(), 50)))

    def _tell(self, log, host, message):
        # type: (Log, Host, str) -> None
        """Says something to the agent's own log and to the host's."""
        log.line(message)
        host.tell_syslog(message)

    def _work(self, work, context):
        # type: (Collector, Context) -> bool
        """The loop: what is due, one thing at a time, then waiting. True when everything was passed on."""
        while True:
            if self._signals.end:
                end.end_all(work, "the agent was told to end; its samples are kept")
                self._wait_for_stops(work)
                return False
            if self._signals.hand_over and not self._switch.is_passing:
                self._signals.hand_over = False
                self._hand_over(work)
            if self._switch.passed is not None:
                if self._switch.passed:
                    work.log("handing over to a successor")
                    for state in work.active():
                        end.save(work, state)
                    return True
                work.log("the successor did not take over: going on")
                self._switch.passed = None
            asked = self._desk.next()
            if asked is not None:
                collector.perform(work, asked)
            wake_ms = collector.step(work)
            now_ms = self._clock.monotonic_ms()
            if self._is_idle(work, context, now_ms):
                work.log("no job, schedule or request for a while: exiting")
                return False
            wake_ms = now_ms + _LONGEST_SLEEP_MS if wake_ms is None else min(wake_ms, now_ms + _LONGEST_SLEEP_MS)
            ready = self._waker.wait(self._switch.descriptors(), min(wake_ms, self._switch.next_ms()) - now_ms)
            self._switch.look_after(bool(ready))

    def _hand_over(self, work):
        # type: (Collector) -> None
        """Passes everything on to a successor that waits; without one there is nothing to do."""
        waiting = succession.announced(self._state_directory)
        if waiting is not None and self._switch.ready is not None:
            work.log("a successor waits: process {}".format(waiting["process"]))
            self._switch.hand_over(waiting["start"])

    def _wait_for_stops(self, work):
        # type: (Collector) -> None
        """The jobs are to say whether their collections have ended."""
        until_ms = self._clock.monotonic_ms() + int(_END_TIMEOUT * 1000)
        while self._clock.monotonic_ms() < until_ms:
            collector.step(work)
            if all(end.is_settled(state) for state in work.jobs.values()):
                return
            self._switch.look_after(bool(self._waker.wait(self._switch.descriptors(), 100)))

    def _is_idle(self, work, context, now_ms):
        # type: (Collector, Context, int) -> bool
        """There is no reason to stay: no job, no collection to stop, no schedule, no request for a while."""
        if not self._options.idle_exit or work.active() or work.schedules.all or work.later:
            return False
        busy = any(work.switch.disk(disk).state != "kept" for disk in work.switch.named())
        return not busy and now_ms - context.last_request_ms >= self._options.idle_exit * 1000


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
