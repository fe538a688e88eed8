"""Waking a loop that waits in `poll`: a pipe of which the loop watches one end.

`poll` waits by the monotonic clock and takes descriptors and time together, which no condition of `threading` does.
"""

import os
import select
import threading


class Waker(object):
    """Wakes the one loop that waits; waking it twice is waking it once."""

    def __init__(self):
        # type: () -> None
        self._reading, self._writing = os.pipe()
        self._mutex = threading.Lock()
        self._is_pending = False

    def wake(self):
        # type: () -> None
        """Ends the wait; called from any thread, and from a signal handler of the thread that waits."""
        # Taken without waiting: who holds it is waking the loop just now, or is the loop and looks around right after.
        if not self._mutex.acquire(False):
            return
        try:
            if not self._is_pending:
                self._is_pending = True
                os.write(self._writing, b"w")
        finally:
            self._mutex.release()

    def wait(self, descriptors, milliseconds):
        # type: (list[int], float) -> list[int]
        """Waits until one of the descriptors can be read or has ended, somebody wakes, or the time is over."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(max(0, milliseconds))]
        if self._reading in ready:
            with self._mutex:
                self._is_pending = False
                os.read(self._reading, 64)
            ready.remove(self._reading)
        return ready
