"""File locks: locked while the process runs; the kernel releases them when it ends, however it ends.

They are those of `flock`, which the program in Rust takes too, so that the two exclude each other.
"""

import errno
import fcntl
import os

from .plain import encoded


class Lock(object):
    """A lock that is held until it is released or the process ends."""

    def __init__(self, descriptor):
        # type: (int) -> None
        self._descriptor = descriptor

    def release(self):
        # type: () -> None
        """Lets somebody else have it."""
        os.close(self._descriptor)


def take(state_directory, name):
    # type: (str, str) -> Lock | None
    """Takes the lock `name` in the state directory; `None` when another process holds it."""
    path = os.path.join(state_directory, name)
    descriptor = os.open(encoded(path), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    return Lock(descriptor)
