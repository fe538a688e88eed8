"""The runner that starts real processes."""

import os
import select
import signal
import subprocess
import threading
import time

from ..files import reason
from ..plain import encoded
from .run import Output, RunError, Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..switch.client import Switch as Watcher

# Bytes read at a time.
_CHUNK = 64 * 1024

# How long killed programs get to let go of their pipes before those are abandoned, seconds.
REAP_TIMEOUT = 0.2

# So many killed programs may linger in the kernel before no other is started: each holds memory of the host.
LINGERING_AT_MOST = 8

# Only for what the program itself starts: ours is found by its absolute path.
ENVIRONMENT = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin"}


class Runner(object):
    """Starts each program in a session of its own and reads its pipes with `poll`, which needs no thread."""

    def __init__(self, watcher=None):
        # type: (Watcher | None) -> None
        # Told of every process, so that none outlives the agent unnoticed.
        self._watcher = watcher
        self._mutex = threading.Lock()
        self._lingering = []  # type: list[tuple[Spec, subprocess.Popen[bytes]]]

    def run(self, spec):
        # type: (Spec) -> Output
        """Runs `spec` to its end or its deadline; raises `RunError` when it could not be started."""
        count = len(self.lingering())
        if count >= LINGERING_AT_MOST:
            why = "{} programs that were killed have not ended; the host's storage may not answer".format(count)
            raise RunError("cannot run {}: {}".format(spec.program, why))
        ends = time.monotonic() + spec.deadline
        process = start(spec)
        if self._watcher is not None:
            self._watcher.runs(process.pid)
        streams = _Streams(process, spec.output_limit)
        output = Output()
        try:
            if streams.read_until(ends):
                output.status = wait_until(process, ends)
            if process.returncode is None:
                output.timed_out = True
                kill_group(process.pid)
                streams.read_until(time.monotonic() + REAP_TIMEOUT)
                wait_until(process, time.monotonic() + REAP_TIMEOUT)
        finally:
            streams.close()
            if process.returncode is None:
                kill_group(process.pid)
                with self._mutex:
                    self._lingering.append((spec, process))
            elif self._watcher is not None:
                self._watcher.is_done(process.pid)
        output.stdout, output.stderr = (bytes(kept) for kept in streams.kept)
        output.truncated = streams.truncated
        return output

    def lingering(self):
        # type: () -> list[Spec]
        """What was killed and has not ended yet: it may still do what it was started for."""
        with self._mutex:
            ended = [process for _, process in self._lingering if process.poll() is not None]
            self._lingering = [(spec, process) for spec, process in self._lingering if process not in ended]
            left = [spec for spec, _ in self._lingering]
        if self._watcher is not None:
            for process in ended:
                self._watcher.is_done(process.pid)
        return left


def start(spec):
    # type: (Spec) -> subprocess.Popen[bytes]
    """Starts the program with its output in pipes."""
    words = [encoded(spec.program)] + [encoded(argument) for argument in spec.arguments]
    try:
        # Every descriptor of this process closes at exec, so that none has to be closed one by one.
        return subprocess.Popen(
            words,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            close_fds=False,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise RunError("cannot run {}: {}".format(spec.program, reason(error))) from None
    except (MemoryError, ValueError) as error:
        raise RunError("cannot run {}: {}".format(spec.program, error or "out of memory")) from None


class _Streams(object):
    """Both outputs of a program while they come in."""

    def __init__(self, process, limit):
        # type: (subprocess.Popen[bytes], int) -> None
        self._limit = limit
        self._files = [file for file in (process.stdout, process.stderr) if file is not None]
        self._positions = {file.fileno(): position for position, file in enumerate(self._files)}
        self._poll = select.poll()
        for descriptor in self._positions:
            self._poll.register(descriptor, select.POLLIN)
        self.kept = [bytearray(), bytearray()]
        self.truncated = False

    def read_until(self, moment):
        # type: (float) -> bool
        """Reads until both have ended; `False` when `moment` of the monotonic clock came first."""
        while self._positions:
            left = moment - time.monotonic()
            if left <= 0:
                return False
            for descriptor, _ in self._poll.poll(left * 1000):
                self._read(descriptor)
        return True

    def _read(self, descriptor):
        # type: (int) -> None
        try:
            piece = os.read(descriptor, _CHUNK)
        except OSError:
            piece = b""
        if not piece:
            self._poll.unregister(descriptor)
            del self._positions[descriptor]
            return
        kept = self.kept[self._positions[descriptor]]
        room = self._limit - len(kept)
        self.truncated |= len(piece) > room
        kept += piece[:room]

    def close(self):
        # type: () -> None
        """Lets go of the pipes."""
        for file in self._files:
            file.close()


def wait_until(process, moment):
    # type: (subprocess.Popen[bytes], float) -> int | None
    """Waits for the end of a program that has closed its output, which it normally does by ending.

    Gives its exit status; `None` when a signal ended it, or when it has not ended (`returncode` is then `None` too).
    """
    pause = 0.0002
    while process.poll() is None:
        if time.monotonic() >= moment:
            return None
        time.sleep(pause)
        pause = min(pause * 2, 0.01)
    return process.returncode if process.returncode >= 0 else None


def kill_group(leader):
    # type: (int) -> None
    """Kills a program and its children; the group is gone when it has ended, which is just as well."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError:
        pass
