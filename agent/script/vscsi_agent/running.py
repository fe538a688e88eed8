"""The file by which a running agent is found: port, process, version and token, for its owner's eyes only.

The agent keeps the file locked for as long as it lives, and the kernel releases the lock however it ends. So a file
that is not locked is what a dead agent has left, whoever has its process number and its port by now.
"""

import os

from . import VERSION, files, jsonfile
from .plain import encoded
from .shape import Default, Field, Shape, count, text
from .wire import API

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import Options

# What this program calls itself, so that the other one hands over to it and this one to the other.
PROGRAM = "script"

# Largest file that is read, bytes; it has about 200.
_SIZE_LIMIT = 64 * 1024

_API = Shape(Field("min", count(32)), Field("max", count(32)))
_RUNNING = Shape(
    Field("process", count(32)),
    Field("port", count(16)),
    Field("version", text),
    Field("api", _API),
    Field("token", text),
    Default("program", text, "binary"),
)


class Announced(object):
    """An agent that can be found; whoever holds this is it."""

    def __init__(self, path, descriptor):
        # type: (str, int) -> None
        self._path = path
        self._descriptor = descriptor

    def withdraw(self):
        # type: () -> None
        """Takes the file away at the agent's end; one that stays is not locked any more, which every reader checks."""
        files.remove(self._path)
        os.close(self._descriptor)


def announce(options, port, token):
    # type: (Options, int, str) -> Announced
    """Lets this process be found: by a file in the state directory or, when its volume is full, below `/var/run`, so
    that samples can be pulled from a full volume too.
    """
    content = jsonfile.compact(
        {"process": os.getpid(), "port": port, "version": VERSION, "api": API, "token": token, "program": PROGRAM}
    )
    problem = None  # type: OSError | None
    for path in _places(options):
        try:
            return Announced(path, files.write_and_lock(path, content))
        except OSError as error:
            problem = error
    raise problem or OSError("there is no place for running.json")


def load(options):
    # type: (Options) -> dict[str, Any] | None
    """What the running agent says about itself; `None` when there is none."""
    for path in _places(options):
        try:
            content = files.read_if_locked(path, _SIZE_LIMIT)
            if content is not None:
                return _RUNNING(jsonfile.read(content))
        except (OSError, jsonfile.Unreadable):
            continue
    return None


def forget(options):
    # type: (Options) -> None
    """Removes what a dead agent has left; for whoever holds the lock of the state directory."""
    for path in _places(options):
        files.remove(path + files.TEMPORARY_SUFFIX)
        files.remove(path)


def is_this_program(running):
    # type: (dict) -> bool
    """It is this very program; any other one has this one as its successor."""
    return running["version"] == VERSION and running["program"] == PROGRAM


def _places(options):
    # type: (Options) -> list[str]
    """Where an agent may be found, in this order. The second place is one for each state directory, by whatever name it
    is called.
    """
    places = [os.path.join(options.state_directory, "running.json")]
    try:
        state = os.stat(encoded(options.state_directory))
    except OSError:
        return places
    name = "vscsi-agent.{:x}-{:x}.json".format(state.st_dev, state.st_ino)
    return places + [os.path.join(options.host_root, "var/run", name)]
