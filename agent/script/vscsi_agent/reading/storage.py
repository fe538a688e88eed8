"""What esxcli says about storage: volumes, the devices below them, and the paths to those."""

from . import records
from .findings import Findings, lines_of


class Volume(object):
    """A mounted or known volume; a volume may have no label, and only a mounted one has a mount point."""

    def __init__(self, uuid, name=None, mount_point=None):
        # type: (str, str | None, str | None) -> None
        self.uuid = uuid
        self.name = name
        self.mount_point = mount_point


class Extent(object):
    """A partition that holds a VMFS volume or a part of one."""

    def __init__(self, vmfs_uuid, device):
        # type: (str, str) -> None
        self.vmfs_uuid = vmfs_uuid
        self.device = device


class StoragePath(object):
    """A path from an adapter to a device; `device` is `None` for a path that leads to none."""

    def __init__(self, runtime_name, device):
        # type: (str, str | None) -> None
        self.runtime_name = runtime_name
        self.device = device


def filesystems(output):
    # type: (bytes) -> tuple[list[Volume], list[str]]
    """Reads `esxcli storage filesystem list`."""
    findings = Findings()
    volumes = []
    for record in records.table(lines_of(output, findings), findings):
        uuid = record.required("UUID", findings)
        if uuid is None:
            continue
        # Nothing here needs these, and what is wrong with them is told all the same.
        record.flag("Mounted", findings)
        record.number("Size", 64, findings)
        record.number("Free", 64, findings)
        volumes.append(Volume(uuid, record.get("Volume Name"), record.get("Mount Point")))
    return volumes, findings.told()


def extents(output):
    # type: (bytes) -> tuple[list[Extent], list[str]]
    """Reads `esxcli storage vmfs extent list`. A volume has one row per extent."""
    findings = Findings()
    found = []
    for record in records.table(lines_of(output, findings), findings):
        uuid = record.required("VMFS UUID", findings)
        if uuid is None:
            continue
        record.number("Extent Number", 32, findings)
        device = record.required("Device Name", findings)
        if device is None:
            continue
        record.number("Partition", 32, findings)
        found.append(Extent(uuid, device))
    return found, findings.told()


def paths(output):
    # type: (bytes) -> tuple[list[StoragePath], list[str]]
    """Reads `esxcli storage core path list`."""
    findings = Findings()
    found = []
    for record in records.blocks(lines_of(output, findings), findings):
        runtime_name = record.required("Runtime Name", findings)
        if runtime_name is None:
            continue
        device = record.get("Device")
        # A path without a device says so in words, and device identifiers hold no blanks.
        found.append(StoragePath(runtime_name, None if device is None or " " in device else device))
    return found, findings.told()


def raw_device(output):
    # type: (bytes) -> tuple[str | None, list[str]]
    """Reads `vmkfstools -q FILE`: the name of the device below `/dev/disks` that a raw device mapping leads to, in its
    `vml.…` form; `None` when the disk is no such mapping.
    """
    findings = Findings()
    device = None  # type: str | None
    for line in lines_of(output, findings):
        key, _, value = line.text.partition(":")
        value = value.strip()
        if key.strip().lower() == "maps to" and value:
            if line.ended:
                device = value
            else:
                findings.cut_short(line.number, value)
        elif line.text.strip() and "Raw Device Mapping" not in line.text:
            findings.unexpected(line.number, line.text)
    return device, findings.told()


_VOLUMES = "/vmfs/volumes/"


def canonical(path, volumes):
    # type: (str, list[Volume]) -> str
    """`/vmfs/volumes/<label or UUID>/rest` with the volume's UUID.

    vscsiStats, esxcli and vim-cmd name the same .vmx by either, so their lists are joined by this spelling. A UUID wins
    over a label that looks like it. Unchanged when the volume is not known or not unique.
    """
    if not path.startswith(_VOLUMES):
        return path
    wanted, slash, rest = path[len(_VOLUMES):].partition("/")
    if any(volume.uuid == wanted for volume in volumes):
        return path
    labelled = [volume for volume in volumes if volume.name == wanted]
    if len(labelled) != 1:
        return path
    return _VOLUMES + labelled[0].uuid + slash + rest


def volume_of(path, volumes):
    # type: (str, list[Volume]) -> Volume | None
    """The volume a canonical path lies on."""
    if not path.startswith(_VOLUMES):
        return None
    uuid = path[len(_VOLUMES):].partition("/")[0]
    return next((volume for volume in volumes if volume.uuid == uuid), None)
