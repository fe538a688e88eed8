"""Files that are either there whole or not at all. Everything made here is for its owner alone."""

import errno
import fcntl
import os

from .plain import encoded

# Suffix of a file that is being written; such a file is never read and is removed at the next start.
TEMPORARY_SUFFIX = ".tmp"

# What a file system answers that cannot make a directory durable; VMFS and NFS may be among them.
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


class SyncSupport(object):
    """Whether directories can be made durable here, which is found out by trying."""

    missing = None  # type: OSError | None


def create_directory(path):
    # type: (str) -> None
    """Creates a directory and its missing parents."""
    os.makedirs(encoded(path), 0o700, exist_ok=True)


def create_new_directory(path):
    # type: (str) -> None
    """Creates a directory, which must not be there yet."""
    os.mkdir(encoded(path), 0o700)


def sync_directory(path):
    # type: (str) -> None
    """Makes the entries of a directory durable, where the file system can."""
    descriptor = os.open(encoded(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        SyncSupport.missing = error
    finally:
        os.close(descriptor)


def write_atomically(path, content):
    # type: (str, bytes) -> None
    """Writes a file in one step: temporary file, fsync, rename, fsync of the directory.

    After an error or a crash the old content is still there whole, or the new one is.
    """
    os.close(_write_and_keep(path, content, False))


def write_and_lock(path, content):
    # type: (str, bytes) -> int
    """The same, locked before it has its name; gives the descriptor that holds the lock."""
    return _write_and_keep(path, content, True)


def _write_and_keep(path, content, locked):
    # type: (str, bytes, bool) -> int
    temporary = path + TEMPORARY_SUFFIX
    descriptor = -1
    try:
        descriptor = os.open(encoded(temporary), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        write_whole(descriptor, content)
        os.fsync(descriptor)
        if locked:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.replace(encoded(temporary), encoded(path))
        sync_directory(os.path.dirname(path) or ".")
    except OSError:
        if descriptor >= 0:
            os.close(descriptor)
        # What is left of the attempt would otherwise take space on a disk that may just be full.
        remove(temporary)
        raise
    return descriptor


def append_durably(path, content):
    # type: (str, bytes) -> None
    """Adds to the end of a file and waits until it is on the disk."""
    descriptor = os.open(encoded(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        write_whole(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(descriptor, content):
    # type: (int, bytes) -> None
    """Writes all of `content`, in as many pieces as the kernel takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def read_if_there(path, limit):
    # type: (str, int) -> bytes | None
    """The first `limit` bytes of a file; `None` when there is none."""
    try:
        descriptor = os.open(encoded(path), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        pieces = []
        while limit > 0:
            piece = os.read(descriptor, min(limit, 1024 * 1024))
            if not piece:
                break
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def read_if_locked(path, limit):
    # type: (str, int) -> bytes | None
    """The content of a file that a process which lives has locked; `None` when none has."""
    try:
        descriptor = os.open(encoded(path), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(descriptor, limit)
        return None
    finally:
        os.close(descriptor)


def set_aside(path):
    # type: (str) -> str
    """Renames a damaged file so that it is kept and not read again; gives its new name."""
    aside = path + ".damaged"
    os.replace(encoded(path), encoded(aside))
    return aside


def remove(path):
    # type: (str) -> None
    """Removes a file whose absence is all that matters; one that stays is noticed by who needs its place."""
    try:
        os.remove(encoded(path))
    except OSError:
        pass


def remove_temporary(path):
    # type: (str) -> None
    """Removes what interrupted writes have left in a directory; for whoever alone may write there."""
    for name in names_in(path):
        if name.endswith(TEMPORARY_SUFFIX):
            remove(os.path.join(path, name))


def remove_tree(path):
    # type: (str) -> None
    """Removes a directory with everything in it; nothing to do when there is none. No link is followed."""
    directory = encoded(path)
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        entry = os.path.join(directory, name)
        if os.path.isdir(entry) and not os.path.islink(entry):
            remove_tree(entry.decode("utf-8", "surrogateescape"))
        else:
            os.remove(entry)
    os.rmdir(directory)


def names_in(path):
    # type: (str) -> list[str]
    """The names in a directory that are text, in order; none when there is no such directory."""
    try:
        names = os.listdir(encoded(path))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        try:
            found.append(name.decode("utf-8"))
        except UnicodeDecodeError:
            continue
    return sorted(found)


def free_bytes(path):
    # type: (str) -> int | None
    """Bytes that an ordinary write may still take on the volume of `path`; `None` when the kernel does not tell."""
    try:
        volume = os.statvfs(encoded(path))
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize


def free_files(path):
    # type: (str) -> int | None
    """Files that can still be made on the volume of `path`; `None` where it does not count them."""
    try:
        volume = os.statvfs(encoded(path))
    except OSError:
        return None
    return volume.f_favail if volume.f_files else None


def reason(error):
    # type: (OSError) -> str
    """Why a system call failed, as the other program says it."""
    if error.errno:
        return "{} (os error {})".format(os.strerror(error.errno), error.errno)
    return str(error)
