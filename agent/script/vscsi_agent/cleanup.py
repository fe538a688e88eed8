"""`cleanup`: for cron, boot scripts and people. It is to a switch of its own what the collector is."""

import os
import signal

from . import files, lock, running
from .clock import until
from .left import CleanupError, Left
from .plain import encoded
from .serve import LOCK
from .switch import succession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Options

# How long a running agent gets to end its jobs, seconds.
_END_TIMEOUT = 20.0

# A lock that is held for so long is held by an agent, seconds.
_LOCKED_TIMEOUT = 0.5

# How long an agent that takes over gets to do it, seconds.
_SUCCESSOR_TIMEOUT = 2.0

# How long a killed process gets to be gone, seconds.
_KILLED_TIMEOUT = 5.0

# How often it is looked whether they have ended, seconds.
_LOOK_EVERY = 0.05


def cleanup(options, with_all):
    # type: (Options, bool) -> str
    """Stops what a dead agent has left; `with_all` ends a running one first, and also stops what a user asked to keep.

    Says what it did.
    """
    os.umask(0o077)
    state_directory = options.state_directory
    if not os.path.isdir(encoded(state_directory)):
        return "no agent has run here: nothing to clean up"
    # A program that an agent was just starting when it was killed has its lock for a moment longer.
    instance = _taken(state_directory, _LOCKED_TIMEOUT)
    if instance is not None and not _is_free(state_directory, succession.LOCK):
        # Its collector may be about to take over from an agent that has just gone.
        instance.release()
        instance = _give_way(state_directory)
    if instance is None:
        agent = running.load(options)
        if not with_all:
            who = "an agent" if agent is None else "the agent (process {})".format(agent["process"])
            return "{} is running and will stop its collections itself; to end it now, run `cleanup --all`".format(who)
        instance = _end_agent(options, None if agent is None else agent["process"])
    left = Left(options)
    try:
        done = left.stop(with_all)
        if with_all:
            running.forget(options)
            succession.forget(state_directory)
            files.remove_temporary(state_directory)
            left.boot.remove_marker()
        return done
    finally:
        left.close()
        instance.release()


def _taken(state_directory, seconds):
    # type: (str, float) -> lock.Lock | None
    """The lock of the agent, as soon as it is free."""
    held = until(seconds, _LOOK_EVERY, lambda: lock.take(state_directory, LOCK))  # type: lock.Lock | None
    return held


def _is_free(state_directory, name):
    # type: (str, str) -> bool
    held = lock.take(state_directory, name)
    if held is None:
        return False
    held.release()
    return True


def _give_way(state_directory):
    # type: (str) -> lock.Lock | None
    """Lets an agent take its lock for which a switch waits or works already. Gives the lock where none does."""

    def has_come():
        # type: () -> bool | None
        is_still_to_come = _is_free(state_directory, LOCK) and not _is_free(state_directory, succession.LOCK)
        return None if is_still_to_come else True

    until(_SUCCESSOR_TIMEOUT, _LOOK_EVERY, has_come)
    return lock.take(state_directory, LOCK)


def _end_agent(options, process):
    # type: (Options, int | None) -> lock.Lock
    """Asks the agent to end, and kills one that does not answer, as when it was stopped or its storage is gone: its
    switch then stops everything.
    """
    for how, seconds in ((signal.SIGTERM, _END_TIMEOUT), (signal.SIGKILL, _KILLED_TIMEOUT)):
        if process is not None:
            try:
                os.kill(process, how)
            except OSError:
                # It may have ended in the meantime, which is what is wanted.
                pass
        held = _taken(options.state_directory, seconds)
        if held is not None:
            return held
    words = "the agent (process {}) was killed and does not end: it waits for its storage; run cleanup again"
    raise CleanupError(words.format(process or 0))
