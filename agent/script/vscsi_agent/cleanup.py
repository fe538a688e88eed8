"""`cleanup`: for cron, boot scripts and people. It is to a switch of its own what the collector is."""

import os
import signal

from . import lock, running
from .clock import until
from .files import remove
from .left import CleanupError, Left
from .plain import encoded
from .serve import LOCK
from .switch import succession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Options

# How long a running agent gets to end its jobs, seconds.
_END_TIMEOUT = 20.0

# How often it is looked whether they have, seconds.
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
    instance = lock.take(state_directory, LOCK)
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
            remove(os.path.join(options.host_root, "var/run/vscsi-agent.boot"))
        return done
    finally:
        left.close()
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
