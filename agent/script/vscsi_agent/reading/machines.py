"""What the host says about VMs: the running ones, the registered ones, and the files that describe one."""

import re

from .. import identifier
from . import records
from .findings import Findings, lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .findings import Line

# Bytes of a sector in a vmdk descriptor, whatever the device below.
_SECTOR = 512


class VmProcess(object):
    """A running VM; its cartel is what vscsiStats calls the world group ID."""

    def __init__(self, display_name, vmx_cartel_id, config_file):
        # type: (str, int | None, str) -> None
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
    """A vmdk descriptor: its type, its parent below a snapshot, and its extents."""

    def __init__(self):
        # type: () -> None
        self.create_type = ""
        self.parent_file_name = None  # type: str | None
        self.sectors = None  # type: int | None
        self.kinds = set()  # type: set[str]

    def is_raw_device_mapping(self):
        # type: () -> bool
        """The disk is a device that the VM is given as a whole: its data lie on none of the devices below the
        datastore of this file.
        """
        is_map = self.create_type.lower() in ("vmfsrawdevicemap", "vmfspassthroughrawdevicemap")
        return is_map or "vmfsrdm" in self.kinds

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
        record.number("World ID", 64, findings)
        cartel = record.number("VMX Cartel ID", 64, findings)
        config_file = record.required("Config File", findings)
        if config_file is not None:
            found.append(VmProcess(record.get("Display Name") or record.heading, cartel, config_file))
    return found, findings.told()


def registered(output):
    # type: (bytes) -> tuple[list[RegisteredVm], list[str]]
    """Reads `vim-cmd vmsvc/getallvms`.

    Columns are padded and not marked, and annotations run over any number of lines with any content. So only a line
    with a number, a name and `[datastore] …vmx` is a VM, and others below the column titles are taken for annotations,
    unless they have the number and the virtual hardware of a VM: these are reported.
    """
    findings = Findings()
    found = []
    below_titles = False
    for line in lines_of(output, findings):
        vm = _registered_vm(line, findings)
        if vm is not None:
            found.append(vm)
        elif line.text.startswith("Vmid "):
            below_titles = True
        elif _LOOKS_LIKE_A_VM.match(line.text) or (not below_titles and line.text.strip()):
            findings.unexpected(line.number, line.text)
    return found, findings.told()


# The number of a VM is padded to a column, and its virtual hardware has a number too.
_LOOKS_LIKE_A_VM = re.compile(r"\d+  .*(?<= )vmx-\d", re.ASCII | re.DOTALL)

# What names, datastores and paths end at: a bracket that opens after a blank, one that closes, and the ending of a
# configuration file. A template has a .vmtx.
_MARK = re.compile(r"(?<= )\[|\]|\.(?:vmx|vmtx)(?=[ \t])")


def _registered_vm(line, findings):
    # type: (Line, Findings) -> RegisteredVm | None
    words = re.match(r"(\d+)[ \t](.*)\Z", line.text, re.ASCII | re.DOTALL)
    if words is None or identifier.number(words.group(1), 32) is None:
        return None
    found = _name_and_path(words.group(2))
    if found is None:
        return None
    vm, rest = found
    # Its guest and its hardware, which nothing here needs.
    following = rest.split()[:2]
    if not line.ended and following and line.text.endswith(following[-1]):
        findings.cut_short(line.number, following[-1])
    return vm


def _name_and_path(text):
    # type: (str) -> tuple[RegisteredVm, str] | None
    """Name and path of `name   [datastore] path.vmx   …`, or of `name   [] /path.vmx   …` for a VM outside every
    datastore, and what follows.

    Names and paths may hold brackets too, so the padding before the datastore decides, and without it the last bracket.
    What stands behind the path, such as an annotation that names another one, does not count. Each character is looked
    at once: whoever may edit a VM may write anything into its name and its annotation.
    """
    # Before the name stands a single blank.
    text = "x " + text
    begin = None  # type: int | None
    plain = padded = None  # type: tuple[int, int] | None
    for mark in _MARK.finditer(text):
        at = mark.start()
        if mark.group() == "[":
            begin = at
        elif mark.group() == "]":
            if begin is not None and text[at + 1:at + 2] in (" ", "\t"):
                plain = (begin, at)
                padded = plain if text[begin - 2] == " " else padded
            begin = None
        elif padded or plain:
            opened, closed = padded or plain or (0, 0)
            datastore, path = text[opened + 1:closed], text[closed + 1:mark.end()].strip()
            # Without a datastore nobody knows where a relative path leads.
            if not datastore and not path.startswith("/"):
                return None
            config_file = "/vmfs/volumes/{}/{}".format(datastore, path) if datastore else path
            return RegisteredVm(text[1:opened].strip(), config_file), text[mark.end():]
    return None


_NODE = re.compile(r"(scsi|sata|ide|nvme)(\d+):(\d+)\.(.*)\Z", re.ASCII | re.IGNORECASE)


def vmx_disks(content):
    # type: (bytes) -> list[VmxDisk]
    """The devices at `scsi`, `sata`, `ide` and `nvme` nodes of a .vmx, ordered by node."""
    disks = {}  # type: dict[tuple[str, int, int], VmxDisk]
    for one in lines_of(content, Findings()):
        line = one.text.strip()
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
    for found in lines_of(content, Findings()):
        line = found.text.strip()
        extent = _EXTENT.match(line)
        if extent is not None and identifier.number(extent.group(1), 64) is not None:
            descriptor.sectors = (descriptor.sectors or 0) + int(extent.group(1))
            descriptor.kinds.add(extent.group(2).strip().split(" ")[0].lower())
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
