"""What the host says about VMs: the running ones, the registered ones, and the files that describe one."""

import re

from .. import identifier
from . import records
from .findings import Findings, lines_of

# Bytes of a sector in a vmdk descriptor, whatever the device below.
_SECTOR = 512


class VmProcess(object):
    """A running VM; its cartel is what vscsiStats calls the world group ID."""

    def __init__(self, display_name, vmx_cartel_id, config_file):
        # type: (str, int, str) -> None
        self.display_name = display_name
        self.vmx_cartel_id = vmx_cartel_id
        self.config_file = config_file


class RegisteredVm(object):
    """A VM the host knows, running or not, with the path of its .vmx."""

    def __init__(self, name, config_file):
        # type: (str, str) -> None
        self.name = name
        self.config_file = config_file


class VmxDisk(object):
    """A device at a virtual device node; its file is relative to the directory of the .vmx, or absolute."""

    def __init__(self, node):
        # type: (str) -> None
        self.node = node
        self.file_name = None  # type: str | None
        self.present = False
        self.device_type = ""

    def is_hard_disk(self):
        # type: () -> bool
        """It is a hard disk that is there, and not a CD drive or an empty node."""
        is_vmdk = self.file_name is not None and self.file_name.lower().endswith(".vmdk")
        return self.present and is_vmdk and "cdrom" not in self.device_type


class Descriptor(object):
    """A vmdk descriptor: its type, its parent below a snapshot, and its sectors."""

    def __init__(self):
        # type: () -> None
        self.create_type = ""
        self.parent_file_name = None  # type: str | None
        self.sectors = None  # type: int | None

    def capacity_bytes(self):
        # type: () -> int | None
        """Capacity of the virtual disk; `None` when the descriptor has no extent or one of absurd size."""
        if self.sectors is None or self.sectors * _SECTOR >= 1 << 64:
            return None
        return self.sectors * _SECTOR


def processes(output):
    # type: (bytes) -> tuple[list[VmProcess], list[str]]
    """Reads `esxcli vm process list`."""
    findings = Findings()
    found = []
    for record in records.blocks(lines_of(output, findings), findings):
        if record.required_number("World ID", 64, findings) is None:
            continue
        cartel = record.required_number("VMX Cartel ID", 64, findings)
        config_file = record.required("Config File", findings) if cartel is not None else None
        if cartel is None or config_file is None:
            continue
        found.append(VmProcess(record.get("Display Name") or record.heading, cartel, config_file))
    return found, findings.told()


def registered(output):
    # type: (bytes) -> tuple[list[RegisteredVm], list[str]]
    """Reads `vim-cmd vmsvc/getallvms`.

    Columns are padded and not marked, and annotations run over any number of lines with any content. So only a line
    with a number, a name and `[datastore] …vmx` counts, and others below the titles are taken for annotations.
    """
    findings = Findings()
    found = []
    below_titles = False
    for number, line in lines_of(output, findings):
        vm = _registered_vm(line)
        if vm is not None:
            found.append(vm)
        elif line.startswith("Vmid "):
            below_titles = True
        elif not below_titles and line.strip():
            findings.unexpected(number, line)
    return found, findings.told()


def _registered_vm(line):
    # type: (str) -> RegisteredVm | None
    words = re.match(r"(\d+)[ \t](.*)\Z", line, re.ASCII | re.DOTALL)
    if words is None or identifier.number(words.group(1), 32) is None:
        return None
    # The first path that ends in .vmx is the VM's; an annotation may mention others behind it.
    path = re.match(r"(.*?\.vmx)[ \t]", words.group(2), re.DOTALL)
    return None if path is None else _name_and_path(path.group(1))


def _name_and_path(text):
    # type: (str) -> RegisteredVm | None
    """Name and path of `name   [datastore] path`, or of `name   [] /path` for a VM outside every datastore.

    Names may hold brackets too, so the padding before the datastore decides, and without it the last bracket.
    """
    candidates = []
    for bracket in re.finditer(r"\[", text):
        name, rest = text[:bracket.start()], text[bracket.end():]
        datastore, separator, path = rest.partition("] ")
        if not separator or "]" in datastore or not name.endswith(" "):
            continue
        if datastore or path.startswith("/"):
            candidates.append((name, datastore, path))
    if not candidates:
        return None
    padded = [candidate for candidate in candidates if candidate[0].endswith("  ")]
    name, datastore, path = (padded or candidates)[-1]
    return RegisteredVm(name.strip(), "/vmfs/volumes/{}/{}".format(datastore, path) if datastore else path)


_NODE = re.compile(r"(scsi|sata|ide|nvme)(\d+):(\d+)\.(.*)\Z", re.ASCII | re.IGNORECASE)


def vmx_disks(content):
    # type: (bytes) -> list[VmxDisk]
    """The devices at `scsi`, `sata`, `ide` and `nvme` nodes of a .vmx, ordered by node."""
    disks = {}  # type: dict[tuple[str, int, int], VmxDisk]
    for _, line in lines_of(content, Findings()):
        line = line.strip()
        key, equals, value = line.partition("=")
        value = value.strip()
        if line.startswith("#") or not equals or len(value) < 2 or value[0] != '"' or value[-1] != '"':
            continue
        found = _NODE.match(key.strip())
        if found is None:
            continue
        node = (found.group(1).lower(), int(found.group(2)), int(found.group(3)))
        disk = disks.setdefault(node, VmxDisk("{}{}:{}".format(*node)))
        value = _unescaped(value[1:-1])
        what = found.group(4).lower()
        if what == "filename":
            disk.file_name = value
        elif what == "present":
            disk.present = value.lower() == "true"
        elif what == "devicetype":
            disk.device_type = value
    return [disk for _, disk in sorted(disks.items(), key=lambda entry: entry[0])]


def _unescaped(value):
    # type: (str) -> str
    """A character that would end the value is written as a bar and its code in hexadecimal: `|22` is a quote."""
    return re.sub(r"\|([0-7][0-9a-fA-F])", lambda code: chr(int(code.group(1), 16)), value)


_EXTENT = re.compile(r"(?:RW|RDONLY|NOACCESS) +(\d+) (.*)\Z", re.ASCII)


def vmdk_descriptor(content):
    # type: (bytes) -> Descriptor
    """Reads a vmdk descriptor. Comments and settings that say nothing about extents are passed over."""
    descriptor = Descriptor()
    for _, line in lines_of(content, Findings()):
        line = line.strip()
        extent = _EXTENT.match(line)
        if extent is not None and identifier.number(extent.group(1), 64) is not None:
            descriptor.sectors = (descriptor.sectors or 0) + int(extent.group(1))
            continue
        key, equals, value = line.partition("=")
        if line.startswith("#") or not equals:
            continue
        value = value.strip().strip('"')
        if key.strip() == "createType":
            descriptor.create_type = value
        elif key.strip() == "parentFileNameHint":
            descriptor.parent_file_name = value
    return descriptor
