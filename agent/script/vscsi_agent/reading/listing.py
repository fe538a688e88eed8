"""`vscsiStats -l`: the running VMs and their virtual disks."""

import re

from .. import identifier
from ..identifier import DiskKey
from ..plain import decoded, excerpt
from .findings import Findings

# Longest line that is looked at; what goes beyond belongs to no vscsiStats output and is dropped.
LONGEST = 4096

_LINE_END = re.compile(rb"\r\n|\n|\r")
_VM = re.compile(
    rb"Virtual Machine worldGroupID: (\d+), Virtual Machine Display Name: (.*), "
    rb"Virtual Machine Config File: (.*), \{\Z",
    re.DOTALL,
)
_DISK = re.compile(rb"Virtual SCSI Disk handleID: (\d+)(?:[ ]\s*\(([^)]*)\))?\Z")


class ListedDisk(object):
    """A virtual disk of the listing; hosts of the 4.x era print no node."""

    def __init__(self, handle_id, node):
        # type: (int, str | None) -> None
        self.handle_id = handle_id
        self.node = node


class ListedVm(object):
    """A running VM with its disks in the order printed."""

    def __init__(self, world_group_id, display_name, config_file):
        # type: (int, str, str) -> None
        self.world_group_id = world_group_id
        self.display_name = display_name
        self.config_file = config_file
        self.disks = []  # type: list[ListedDisk]


class Listing(object):
    """The listing with what could not be read of it."""

    def __init__(self):
        # type: () -> None
        self.vms = []  # type: list[ListedVm]
        self.diagnostics = []  # type: list[str]

    def lists(self, disk):
        # type: (DiskKey) -> bool
        """The disk is among those listed."""
        return any(
            vm.world_group_id == disk.world_group_id
            and any(listed.handle_id == disk.handle_id for listed in vm.disks)
            for vm in self.vms
        )


def listing(output):
    # type: (bytes) -> Listing
    """Reads `vscsiStats -l`. The closing `}` of a VM is accepted and not required.

    A name may hold any of the words between the values, so the last `, Virtual Machine Config File: ` ends it. A line
    cut short, a shell prompt, and disks below a VM line that cannot be read are findings: a disk is never given to
    another VM.
    """
    found = Listing()
    findings = Findings()
    in_vm = False
    lines = _LINE_END.split(output)
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        line = line[:LONGEST]
        if line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        line = line.rstrip(b" \t\n\x0c\r")
        trimmed = line.lstrip(b" \t\n\x0c\r")
        if not trimmed:
            continue
        vm = _VM.match(line)
        group = None if vm is None else identifier.number(vm.group(1).decode("ascii"), 64)
        disk = _DISK.match(trimmed)
        handle = None if disk is None else identifier.number(disk.group(1).decode("ascii"), 64)
        if trimmed == b"}":
            in_vm = False
        elif vm is not None and group is not None:
            name, path = (_text(part, number, findings) for part in vm.groups()[1:])
            found.vms.append(ListedVm(group, name, path))
            in_vm = True
        elif disk is not None and handle is not None and in_vm:
            node = disk.group(2)
            listed = ListedDisk(handle, None if node is None else _text(node, number, findings))
            found.vms[-1].disks.append(listed)
        else:
            in_vm = in_vm and not line.startswith(b"Virtual Machine worldGroupID: ")
            findings.report(number, "unexpected line `{}`".format(excerpt(line)))
    found.diagnostics = findings.told()
    return found


def _text(data, line, findings):
    # type: (bytes, int, Findings) -> str
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        findings.report(line, "`{}` is not UTF-8; the offending bytes were replaced".format(excerpt(data)))
        return decoded(data)
