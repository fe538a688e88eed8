"""Every command line of `vscsiStats` stands in this file."""

from ..command import RunError, Spec
from ..command.run import OUTPUT_LIMIT, SHORT_DEADLINE
from ..reading import listing, prints
from ..reading.listing import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from ..command import Output, Programs, Runner
    from ..identifier import DiskKey

# How long telling syslog may hold up the agent, seconds.
SYSLOG_DEADLINE = 2.0


class HostError(Exception):
    """A command of the host did not do what it was asked; `missing` when this host does not have it."""

    def __init__(self, message, missing=False):
        # type: (str, bool) -> None
        Exception.__init__(self, message)
        self.missing = missing


class Host(object):
    """Drives the commands of the host."""

    def __init__(self, runner, programs):
        # type: (Runner, Programs) -> None
        self._runner = runner
        self._programs = programs

    def run(self, program, arguments, deadline):
        # type: (str, list[str], float) -> Output
        """Runs a program of the fixed list."""
        path = self._programs.find(program)
        if path is None:
            raise HostError("this host has no {}".format(program), missing=True)
        try:
            return self._runner.run(Spec(path, arguments, deadline, OUTPUT_LIMIT))
        except RunError as error:
            raise HostError(str(error)) from None

    def run_well(self, program, arguments, deadline=SHORT_DEADLINE):
        # type: (str, list[str], float) -> bytes
        """Runs a program whose failure has no use for its output."""
        output = self.run(program, arguments, deadline)
        complaint = output.complaint()
        if complaint is not None:
            raise HostError("`{} {}` {}".format(program, " ".join(arguments), complaint))
        return output.stdout

    def tell_syslog(self, message):
        # type: (str) -> None
        """Tells the host's syslog, so that whoever watches the host can tell this program from others."""
        try:
            self.run("logger", ["-t", "vscsi-agent", message], SYSLOG_DEADLINE)
        except HostError:
            # A host without logger is told nothing.
            pass

    def list_vms(self):
        # type: () -> Listing
        """The running VMs and their disks."""
        return listing.listing(self.run_well("vscsiStats", ["-l"]))

    def print_all(self, world_group_id, handle_id, deadline):
        # type: (int, int | None, float) -> Output
        """Prints all histograms of the VM, or of its one disk of interest, whatever comes out."""
        arguments = ["-p", "all", "-c", "-w", str(world_group_id)]
        if handle_id is not None:
            arguments += ["-i", str(handle_id)]
        return self.run("vscsiStats", arguments, deadline)

    def commands_counted(self, disk):
        # type: (DiskKey) -> int | None
        """The number of commands the disk's histograms hold; `None` when vscsiStats prints none.

        A `HostError` says that vscsiStats did not come to its end, or printed what is no text. Its exit status and its
        words prove nothing: what they are for a disk that was never collected is not documented.
        """
        arguments = ["-p", "ioLength", "-c", "-w", str(disk.world_group_id), "-i", str(disk.handle_id)]
        output = self.run("vscsiStats", arguments, SHORT_DEADLINE)
        if output.status is None or output.timed_out or output.truncated or not _is_text(output.stdout):
            complaint = output.complaint() or "printed bytes that are not text"
            raise HostError("`vscsiStats {}` {}".format(" ".join(arguments), complaint))
        printed = prints.parse(output.stdout).disks(disk.handle_id)
        return printed[0].commands if printed else None


def _is_text(data):
    # type: (bytes) -> bool
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def stop_by_hand(disks):
    # type: (Iterable[DiskKey]) -> str
    """The command a person can run to stop the collection of `disks`."""
    commands = ["vscsiStats -x -w {} -i {}".format(disk.world_group_id, disk.handle_id) for disk in sorted(disks)]
    return "; ".join(commands)
