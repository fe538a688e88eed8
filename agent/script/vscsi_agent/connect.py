"""`connect`: start the agent if it is not running, greet, and pass bytes to and from it."""

import os
import socket
import subprocess
import threading

from . import files, jsonfile, running
from .clock import until
from .files import reason
from .introduction import introduce
from .plain import encoded
from .switch.client import command_line
from .wire import greeting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Options

# How long a started agent gets until it answers, seconds: it may have an agent before it, and snapshots to check.
_START_TIMEOUT = 45.0

# How often it is looked whether the agent has started, seconds.
_LOOK_EVERY = 0.02

_CHUNK = 64 * 1024


class ConnectError(Exception):
    """There is no agent to connect to."""


def connect(options):
    # type: (Options) -> None
    """Connects standard input and output to the agent."""
    os.umask(0o077)
    agent, stream = _reach(options)
    try:
        _bridge(agent, stream)
    except OSError as error:
        raise ConnectError("the bridge to the agent broke: {}".format(reason(error))) from None


def _reach(options):
    # type: (Options) -> tuple[dict, socket.socket]
    found = _running(options)
    if found is not None and running.is_this_program(found[0]):
        return found
    if found is not None:
        # Its successor is this program: an upgrade takes jobs over without a gap in the counters.
        found[1].close()
        _start(options, ["--take-over"])
    else:
        _start(options, [])
    before = None if found is None else found[0]["process"]

    def answers():
        # type: () -> tuple[dict, socket.socket] | None
        agent = _running(options)
        if agent is not None and agent[0]["process"] == before:
            agent[1].close()
            return None
        return agent

    agent = until(_START_TIMEOUT, _LOOK_EVERY, answers)
    if agent is None:
        log = os.path.join(options.state_directory, "agent.log")
        words = "the agent was started and does not answer; the reason may be in {}"
        raise ConnectError(words.format(log))
    return agent


def _running(options):
    # type: (Options) -> tuple[dict, socket.socket] | None
    """The agent that answers at the port it told."""
    agent = running.load(options)
    if agent is None:
        return None
    stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        stream.connect(("127.0.0.1", agent["port"]))
        introduce(stream, agent["token"])
    except OSError:
        stream.close()
        return None
    return agent, stream


def _start(options, more):
    # type: (Options, list[str]) -> None
    """Starts the agent with all descriptors detached: an ssh channel would otherwise stay open until it ends."""
    words = ["--detached"] + more + ["--idle-exit", str(options.idle_exit)]
    words += ["--spool-limit", str(options.spool_limit // (1024 * 1024))]
    try:
        files.create_directory(options.state_directory)
        path = encoded(os.path.join(options.state_directory, "agent.out"))
        # Only what the last start says is of use, and a start that fails every minute would fill the volume.
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
        try:
            subprocess.Popen(
                command_line(options, "serve", words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
    except OSError as error:
        raise ConnectError("cannot start the agent {}: {}".format(options.program, reason(error))) from None


def _bridge(agent, stream):
    # type: (dict, socket.socket) -> None
    files.write_whole(1, jsonfile.compact(greeting(agent["token"], agent["port"])) + b"\n")
    # Not joined: when the agent closes, standard input may never end.
    threading.Thread(target=_pass_input, args=(stream,), daemon=True).start()
    while True:
        piece = stream.recv(_CHUNK)
        if not piece:
            return
        files.write_whole(1, piece)


def _pass_input(stream):
    # type: (socket.socket) -> None
    try:
        while True:
            piece = os.read(0, _CHUNK)
            if not piece:
                break
            stream.sendall(piece)
        stream.shutdown(socket.SHUT_WR)
    except OSError:
        # Whoever broke it, the other direction ends as well.
        pass
