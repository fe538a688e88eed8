"""Does what the command line says and gives the exit code."""

from . import VERSION, exit_code, files
from .files import reason
from .options import HELP, Options, UsageError
from .plain import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


def run(arguments):
    # type: (list[str]) -> int
    """The whole program; each command brings in only what it needs."""
    try:
        options = Options(arguments)
    except UsageError as error:
        _say("vscsi-agent: {}; see `vscsi-agent help`\n".format(error))
        return exit_code.USAGE
    try:
        return _COMMANDS[options.command](options)
    except OSError as error:
        _say("vscsi-agent: {}\n".format(reason(error)))
    except KeyboardInterrupt:
        _say("vscsi-agent: interrupted\n")
    return exit_code.FAILED


def _serve(options):
    # type: (Options) -> int
    from .serve import ServeError, serve

    return _attempt(serve, ServeError, options)


def _connect(options):
    # type: (Options) -> int
    from .connect import ConnectError, connect

    return _attempt(connect, ConnectError, options)


def _attempt(command, failure, options):
    # type: (Callable[[Options], None], type[Exception], Options) -> int
    try:
        command(options)
    except failure as error:
        _say("vscsi-agent: {}\n".format(error))
        return exit_code.FAILED
    return exit_code.OK


def _switch(options):
    # type: (Options) -> int
    from .switch import process

    process.run(options)
    return exit_code.OK


def _cleanup(options):
    # type: (Options) -> int
    from .cleanup import CleanupError, cleanup

    try:
        _print(cleanup(options, "--all" in options.flags) + "\n")
    except CleanupError as error:
        _say("vscsi-agent: {}\n".format(error))
        return exit_code.FAILED
    return exit_code.OK


def _doctor(options):
    # type: (Options) -> int
    from .doctor import doctor

    text, code = doctor(options, "--json" in options.flags)
    _print(text)
    return code


def _clock(options):
    # type: (Options) -> int
    from .clock import Clock

    _print("{}\n".format(Clock().monotonic_ms()))
    return exit_code.OK


def _version(options):
    # type: (Options) -> int
    _print("vscsi-agent {}\n".format(VERSION))
    return exit_code.OK


def _help(options):
    # type: (Options) -> int
    _print(HELP)
    return exit_code.OK


def _fault_points(options):
    # type: (Options) -> int
    from .fault import FAULT_POINTS

    if not FAULT_POINTS:
        _say("vscsi-agent: unknown command `fault-points`; see `vscsi-agent help`\n")
        return exit_code.USAGE
    _print("\n".join(FAULT_POINTS) + "\n")
    return exit_code.OK


_COMMANDS = {
    "serve": _serve,
    "connect": _connect,
    "switch": _switch,
    "cleanup": _cleanup,
    "doctor": _doctor,
    "clock": _clock,
    "version": _version,
    "help": _help,
    "fault-points": _fault_points,
}  # type: dict[str, Callable[[Options], int]]


def _print(text):
    # type: (str) -> None
    _write(1, text)


def _say(text):
    # type: (str) -> None
    _write(2, text)


def _write(descriptor, text):
    # type: (int, str) -> None
    try:
        files.write_whole(descriptor, printable(text))
    except OSError:
        # Whoever closed the stream does not want the text.
        pass
