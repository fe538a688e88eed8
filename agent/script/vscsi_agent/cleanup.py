"""`cleanup`: for cron, boot scripts and people. It is to a switch of its own what the collector is."""

import os
import select
import signal
import time

from . import lock, running
from .boot import Boot
from .clock import Clock, until
from .command import Programs, Runner
from .files import remove
from .host.drive import Host, stop_by_hand
from .log import Log
from .plain import encoded
from .serve import LOCK
from .switch.client import Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .options import Options

# How long a running agent gets to end its jobs, and a switch to stop what is left, seconds.
_END_TIMEOUT = 20.0

# How often it is looked whether they have, seconds.
_LOOK_EVERY = 0.05


class CleanupError(Exception):
    """Collections may still run."""


def cleanup(options, with_all):
    # type: (Options, bool) -> str
    """Stops what a dead agent has left; `with_all` ends a running one first, and also stops what a user asked to keep.

    Says what it did.
    """
    os.umask(0o077)
    state_directory = options.state_directory
    if not os.path.isdir(encoded(state_directory)):
        return "no agent has run here: nothing to clean up"
    instance = lock.take(state_directory, LOCK)
    if instance is None:
        agent = running.load(options)
        if not with_all:
            who = "an agent" if agent is None else "the agent (process {})".format(agent["process"])
            return "{} is running and will stop its collections itself; to end it now, run `cleanup --all`".format(who)
        instance = _end_agent(options, None if agent is None else agent["process"])
    clock = Clock()
    boot = Boot(state_directory, options.host_root, clock)
    log = Log(state_directory, clock, False)
    switch = Switch(options, boot, clock, log)
    switch.look_after(False)
    switch.take()
    try:
        return _stop(options, switch, with_all)
    finally:
        switch.close(False)
        switch.wait_for_end(2.0)
        if with_all:
            remove(os.path.join(options.host_root, "var/run/vscsi-agent.boot"))
        instance.release()


def _end_agent(options, process):
    # type: (Options, int | None) -> lock.Lock
    """Ends a running agent: by asking first, and a frozen one by force; its switch stops what it had."""
    state_directory = options.state_directory
    for how, seconds in ((signal.SIGTERM, _END_TIMEOUT), (signal.SIGKILL, 5.0)):
        if process is not None:
            try:
                os.kill(process, how)
            except OSError:
                # It may have ended in the meantime, which is what is wanted.
                pass
        held = until(seconds, _LOOK_EVERY, lambda: lock.take(state_directory, LOCK))
        if held is not None:
            return held
        if process is None:
            break
    words = "the agent (process {}) does not end; kill it and run cleanup again"
    raise CleanupError(words.format(process or 0))


def _stop(options, switch, with_all):
    # type: (Options, Switch, bool) -> str
    """Has the switch stop what the journal names, and tells what it did."""
    end = time.monotonic() + _END_TIMEOUT
    if not _wait(switch, end, lambda: switch.ready is not None):
        raise CleanupError("cannot look at what is left running: {}".format(switch.problem()))
    named = switch.named()
    kept = [disk for disk in named if switch.disk(disk).state == "kept"]
    to_stop = named if with_all else [disk for disk in named if disk not in kept]
    switch.stop_unclaimed()
    if with_all:
        for disk in kept:
            switch.order("drop", disk)
    _wait(switch, end, lambda: not [disk for disk in to_stop if switch.disk(disk).is_named()])
    left = [disk for disk in to_stop if switch.disk(disk).is_named()]
    if to_stop:
        host = Host(Runner(), Programs(options.host_root))
        host.tell_syslog("cleanup stopped collections that a dead agent had left running")
    if left:
        words = "{} collections could not be stopped; run on the host: {}"
        raise CleanupError(words.format(len(left), stop_by_hand(left)))
    return _told(len(to_stop), 0 if with_all else len(kept))


def _wait(switch, end, is_so):
    # type: (Switch, float, Callable[[], bool]) -> bool
    while not is_so():
        left = end - time.monotonic()
        if left <= 0:
            return False
        waiting = select.poll()
        for descriptor in switch.descriptors():
            waiting.register(descriptor, select.POLLIN)
        switch.look_after(bool(waiting.poll(min(left, _LOOK_EVERY) * 1000)))
    return True


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
