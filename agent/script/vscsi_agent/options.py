"""The command line."""

import os

from . import identifier

# An agent without job, schedule and requests for this long exits, seconds.
DEFAULT_IDLE_EXIT = 600

# What the snapshots may take unless told otherwise, MiB: a thousand samples of eight disks fit ten times.
DEFAULT_SPOOL_LIMIT_MIB = 1024

MIB = 1024 * 1024

HELP = """\
vscsi-agent: collects vscsiStats histograms on an ESXi host, in the host's own Python

Usage: python3 -BEs vscsi-agent COMMAND [OPTIONS]

Commands:
  connect             start the agent if it is not running, greet, and pass bytes to and from its HTTP port
  serve               run the agent in the foreground
  cleanup [--all]     stop what a dead agent has left running; with --all end a running agent first,
                      and also stop what a user asked to keep
  doctor [--json]     test what this host allows, one line for each capability
  version             print the version
  help                print this help

Options:
  --state-dir DIR     where jobs, journal and log are kept (default: the folder `state` beside this program)
  --host-root DIR     look for the host's programs below DIR (default: /)
  --idle-exit SECONDS exit after this long without a job, a schedule or a request; 0 means never (default: 600)
  --spool-limit MIB   limit of the space that snapshots take (default: 1024)

Exit codes: 0 done, 1 failed, 2 wrong command line, 12 vscsiStats is missing or not permitted.
"""

_COMMANDS = ("serve", "connect", "switch", "cleanup", "doctor", "clock", "version", "help", "fault-points")
_FLAGS = {"--detached": "serve", "--take-over": "serve", "--all": "cleanup", "--json": "doctor"}
_VALUES = ("--state-dir", "--host-root", "--idle-exit", "--spool-limit", "--start")


class UsageError(Exception):
    """The command line is wrong."""


class Options(object):
    """Everything the command line says."""

    def __init__(self, arguments):
        # type: (list[str]) -> None
        # The program as it was called, which is how the agent starts itself again.
        self.program = arguments[0] if arguments else ""
        self.command = ""
        self.host_root = "/"
        self.idle_exit = DEFAULT_IDLE_EXIT
        self.spool_limit = DEFAULT_SPOOL_LIMIT_MIB * MIB
        self.flags = set()  # type: set[str]
        # What the switch is called, where its collector knows it beforehand.
        self.start = ""
        state_directory = None
        words = list(arguments[1:])
        # ESXi: the VMkernel takes `++group=…` for itself, but only where it starts the program.
        while words and words[0].startswith("++"):
            words.pop(0)
        while words:
            word = words.pop(0)
            key, _, value = word.partition("=")
            if key in _VALUES:
                if "=" not in word:
                    if not words:
                        raise UsageError("missing argument for option '{}'".format(key))
                    value = words.pop(0)
                if key == "--state-dir":
                    state_directory = value
                else:
                    self._take(key, value)
            else:
                self._take_word(word)
        if not self.command:
            raise UsageError("a command is missing")
        if state_directory is None and self.command not in ("clock", "version", "help", "fault-points"):
            state_directory = _beside(self.program)
        self.state_directory = state_directory or ""

    def _take(self, key, value):
        # type: (str, str) -> None
        if key == "--host-root":
            self.host_root = value
            return
        if key == "--start":
            self.start = value
            return
        number = identifier.number(value, 63)
        if number is None:
            raise UsageError("cannot parse argument '{}' of option '{}': it is not a whole number".format(value, key))
        if key == "--idle-exit":
            self.idle_exit = number
        else:
            self.spool_limit = number * MIB

    def _take_word(self, word):
        # type: (str) -> None
        if word in ("--help", "-h"):
            self.command = "help"
        elif word in ("--version", "-V"):
            self.command = "version"
        elif word in _FLAGS and _FLAGS[word] == self.command:
            self.flags.add(word)
        elif word.startswith("-"):
            raise UsageError("invalid option '{}'".format(word))
        elif self.command:
            raise UsageError("unexpected argument '{}'".format(word))
        elif word not in _COMMANDS:
            raise UsageError("unknown command `{}`".format(word[:40]))
        else:
            self.command = word


def _beside(program):
    # type: (str) -> str
    """The folder `state` beside the program's own, by its own name: ESXi has no `/proc/self/exe` to ask."""
    folder = os.path.dirname(program.rstrip("/"))
    if not folder:
        raise UsageError("the folder of the agent is not known: call it by its path, or give --state-dir")
    return os.path.join(folder, "state")
