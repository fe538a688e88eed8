"""`doctor`: tests what the agent needs from a host, and what is not known about hosts, and reports both."""

import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import threading
import time

from . import exit_code, files, lock, secret
from .clock import Clock
from .command import Programs, RunError, Runner, Spec
from .command.programs import ALL
from .files import reason
from .host.drive import Host, HostError
from .plain import decoded, encoded
from .reading import machines, storage
from .switch.client import command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .options import Options

# `ioctl` request that makes a descriptor nonblocking.
_FIONBIO = 0x5421

# The oldest version whose grammar and library the agent keeps to.
_OLDEST_PYTHON = (3, 5)


class _Failed(Exception):
    """A probe found that something does not work."""


def doctor(options, as_json):
    # type: (Options, bool) -> tuple[str, int]
    """Runs every probe; gives the text to print and the exit code."""
    findings = _examine(options)
    if as_json:
        text = json.dumps(findings, indent=2, ensure_ascii=False) + "\n"
    else:
        text = "".join(_line(finding) for finding in findings)
    failed = [finding["name"] for finding in findings if finding["need"] == "needed" and not finding["works"]]
    if "vscsiStats" in failed:
        return text, exit_code.VSCSISTATS_UNAVAILABLE
    return text, exit_code.FAILED if failed else exit_code.OK


def _line(finding):
    # type: (dict) -> str
    absent = "FAILS" if finding["need"] == "needed" else "absent"
    return "{:<7} {:<24} {}\n".format("works" if finding["works"] else absent, finding["name"], finding["detail"])


def _examine(options):
    # type: (Options) -> list[dict]
    programs = Programs(options.host_root)
    host = Host(Runner(), programs)
    existed = os.path.isdir(encoded(options.state_directory))
    own = os.path.join(options.state_directory, "doctor.{}".format(os.getpid()))
    run = os.path.join(options.host_root, "var/run")
    findings = [
        _find("Python", "needed", _python),
        _find("state directory", "needed", lambda: _make(own)),
        _find("write and fsync", "needed", lambda: _write_and_sync(own)),
        _find("rename and fsync", "needed", lambda: _rename_and_sync(own)),
        _find("fsync of a directory", "interesting", lambda: _sync_directory(own)),
        _find("file lock", "needed", lambda: _lock(own)),
        _find("threads", "needed", _threads),
        _find("timed wait", "needed", _timed_wait),
        _find("monotonic clock", "needed", _monotonic_clock),
        _find("clock of processes", "needed", lambda: _clock_of_processes(options)),
        _find("/dev/urandom", "needed", _urandom),
        _find("loopback", "needed", _loopback),
        _find("start a program", "needed", lambda: _start_program(programs)),
        _find("vscsiStats", "needed", lambda: _vscsi_stats(host)),
        _find("esxcli", "interesting", lambda: _esxcli(host)),
        _find("vim-cmd", "interesting", lambda: _vim_cmd(host)),
        _find("logger", "interesting", lambda: _logger(programs)),
        _find("marker in /var/run", "interesting", lambda: _write_and_sync(run)),
        _find("FIONBIO on a pipe", "interesting", _nonblocking_pipe),
        _find("FIONBIO on a socket", "interesting", _nonblocking_socket),
        _find("epoll", "interesting", _epoll),
    ]
    files.remove_tree(own)
    if not existed:
        # What was not there before is not left behind.
        try:
            os.rmdir(encoded(options.state_directory))
        except OSError:
            pass
    return findings


def _find(name, need, probe):
    # type: (str, str, Callable[[], str]) -> dict[str, Any]
    """Runs a probe; whatever it raises is a finding like any other."""
    began = time.monotonic()
    try:
        works, detail = True, probe()
    except OSError as error:
        works, detail = False, reason(error)
    except Exception as error:  # noqa: B902 (what a host does not have fails in ways that nobody has seen yet)
        works, detail = False, str(error) or type(error).__name__
    microseconds = int((time.monotonic() - began) * 1000000)
    return {"name": name, "works": works, "need": need, "detail": detail, "microseconds": microseconds}


def _python():
    # type: () -> str
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < _OLDEST_PYTHON:
        raise _Failed("{} at {}; 3.5 or newer is needed".format(version, sys.executable))
    return "{} at {}".format(version, sys.executable)


def _make(directory):
    # type: (str) -> str
    files.create_directory(directory)
    return directory


def _write_and_sync(directory):
    # type: (str) -> str
    path = os.path.join(directory, "vscsi-agent.doctor")
    files.append_durably(path, b"written")
    os.remove(encoded(path))
    return directory


def _rename_and_sync(directory):
    # type: (str) -> str
    began = time.monotonic()
    path = os.path.join(directory, "renamed")
    files.write_atomically(path, b"first")
    files.write_atomically(path, b"second")
    if files.read_if_there(path, 100) != b"second":
        raise _Failed("the old content stayed")
    return "{} us for each file".format(int((time.monotonic() - began) * 500000))


def _sync_directory(directory):
    # type: (str) -> str
    files.SyncSupport.missing = None
    files.sync_directory(directory)
    if files.SyncSupport.missing is not None:
        raise _Failed(reason(files.SyncSupport.missing))
    return "in the state directory"


def _lock(directory):
    # type: (str) -> str
    held = lock.take(directory, "lock")
    if held is None:
        raise _Failed("a free lock was refused")
    if lock.take(directory, "lock") is not None:
        raise _Failed("a lock was granted twice")
    held.release()
    again = lock.take(directory, "lock")
    if again is None:
        raise _Failed("a lock was not released with its holder")
    again.release()
    return "exclusive, and released with its holder"


def _threads():
    # type: () -> str
    results = []  # type: list[int]
    thread = threading.Thread(target=lambda: results.append(7))
    thread.start()
    thread.join()
    if results != [7]:
        raise _Failed("the thread did nothing")
    return "a thread returned 7"


def _timed_wait():
    # type: () -> str
    reading, writing = os.pipe()
    try:
        began = time.monotonic()
        waiting = select.poll()
        waiting.register(reading, select.POLLIN)
        waiting.poll(50)
        waited = int((time.monotonic() - began) * 1000000)
    finally:
        os.close(reading)
        os.close(writing)
    if waited < 50000:
        raise _Failed("a wait of 50 ms ended after {} us".format(waited))
    return "a wait of 50 ms took {} us".format(waited)


def _monotonic_clock():
    # type: () -> str
    clock = Clock()
    before = clock.monotonic_ms()
    clock.sleep(0.005)
    after = clock.monotonic_ms()
    if not before or after <= before:
        raise _Failed("it went from {} to {} ms in 5 ms".format(before, after))
    return "{} ms".format(after)


def _clock_of_processes(options):
    # type: (Options) -> str
    """Agents tell each other moments of the monotonic clock, so it has to be one clock for all processes."""
    clock = Clock()
    words = [decoded(word) for word in command_line(options, "clock", [])]
    before = clock.monotonic_ms()
    output = Runner().run(Spec(words[0], words[1:], 10.0, 1024))
    after = clock.monotonic_ms()
    complaint = output.complaint()
    if complaint is not None:
        raise _Failed("the command `clock` {}".format(complaint))
    words_of_both = "another process read {} ms while this one read {} to {} ms"
    told = words_of_both.format(int(output.stdout), before, after)
    if not before <= int(output.stdout) <= after:
        raise _Failed(told)
    return told


def _urandom():
    # type: () -> str
    if secret.hexadecimal(16) == secret.hexadecimal(16):
        raise _Failed("it returned the same bytes twice")
    return "two reads differ"


def _loopback():
    # type: () -> str
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 2, 0))
        client.sendall(b"ping")
        if server.recv(4) != b"ping":
            raise _Failed("other bytes arrived")
        server.close()
        return "bytes went through port {}".format(listener.getsockname()[1])
    finally:
        client.close()
        listener.close()


def _start_program(programs):
    # type: (Programs) -> str
    """Starts a program, with both outputs in pipes, in a session that can be killed as a whole."""
    path = next((found for found in (programs.find(program) for program in ALL) if found is not None), None)
    if path is None:
        raise _Failed("this host has none of the programs")
    spec = Spec(path, ["-h"], 10.0, 64 * 1024)
    try:
        output = Runner().run(spec)
    except RunError as error:
        raise _Failed(str(error)) from None
    if output.timed_out:
        raise _Failed("{} did not end".format(spec))
    return "{} printed {} bytes".format(spec, len(output.stdout) + len(output.stderr))


def _vscsi_stats(host):
    # type: (Host) -> str
    try:
        listing = host.list_vms()
    except HostError as error:
        raise _Failed("it is not on this host" if error.missing else str(error)) from None
    if listing.diagnostics:
        raise _Failed("its listing cannot be read: {}".format(listing.diagnostics[0]))
    return "lists {} VMs with {} disks".format(len(listing.vms), sum(len(vm.disks) for vm in listing.vms))


def _esxcli(host):
    # type: (Host) -> str
    volumes, _ = storage.filesystems(host.run_well("esxcli", ["storage", "filesystem", "list"]))
    return "lists {} volumes".format(len(volumes))


def _vim_cmd(host):
    # type: (Host) -> str
    vms, _ = machines.registered(host.run_well("vim-cmd", ["vmsvc/getallvms"]))
    return "lists {} VMs".format(len(vms))


def _logger(programs):
    # type: (Programs) -> str
    path = programs.find("logger")
    if path is None:
        raise _Failed("it is not on this host")
    return path


def _nonblocking_pipe():
    # type: () -> str
    reading, writing = os.pipe()
    try:
        fcntl.ioctl(reading, _FIONBIO, struct.pack("i", 1))
    finally:
        os.close(reading)
        os.close(writing)
    return "taken"


def _nonblocking_socket():
    # type: () -> str
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        fcntl.ioctl(listener.fileno(), _FIONBIO, struct.pack("i", 1))
    finally:
        listener.close()
    return "taken"


def _epoll():
    # type: () -> str
    if not hasattr(select, "epoll"):
        raise OSError(errno.ENOSYS, "this Python has none")
    watching = select.epoll()
    try:
        watching.poll(0)
    finally:
        watching.close()
    return "waits"
