"""The file by which a running agent is found: port, process, version and token, for its owner's eyes only."""

import os

from . import VERSION, files, jsonfile
from .shape import Default, Field, Shape, count, text
from .wire import API

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What this program calls itself, so that the other one hands over to it and this one to the other.
PROGRAM = "script"

_API = Shape(Field("min", count(32)), Field("max", count(32)))
_RUNNING = Shape(
    Field("process", count(32)),
    Field("port", count(16)),
    Field("version", text),
    Field("api", _API),
    Field("token", text),
    Default("program", text, "binary"),
)


def _path(state_directory):
    # type: (str) -> str
    return os.path.join(state_directory, "running.json")


def load(state_directory):
    # type: (str) -> dict[str, Any] | None
    """What a running agent says about itself; `None` when there is nothing, or nothing that can be read."""
    try:
        content = files.read_if_there(_path(state_directory), 64 * 1024)
        return None if content is None else _RUNNING(jsonfile.read(content))
    except (OSError, jsonfile.Unreadable):
        return None


def save(state_directory, port, token):
    # type: (str, int, str) -> None
    """Says that this process is the running agent."""
    running = {
        "process": os.getpid(),
        "port": port,
        "version": VERSION,
        "api": API,
        "token": token,
        "program": PROGRAM,
    }
    files.write_atomically(_path(state_directory), jsonfile.compact(running))


def remove(state_directory):
    # type: (str) -> None
    """Removes it at the agent's end; a file that stays names a port at which nobody answers, which readers check."""
    files.remove(_path(state_directory))


def is_alive(running):
    # type: (dict) -> bool
    """Its process exists."""
    try:
        os.kill(running["process"], 0)
    except (OSError, OverflowError):
        return False
    return True


def is_this_program(running):
    # type: (dict) -> bool
    """It is this very program; any other one has this one as its successor."""
    return running["version"] == VERSION and running["program"] == PROGRAM
