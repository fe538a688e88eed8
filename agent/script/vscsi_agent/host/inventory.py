"""The VMs of the host and what lies below their disks, joined from several commands and files.

vscsiStats knows handles and nodes, the .vmx knows nodes and vmdk files, esxcli knows volumes, extents and paths,
vim-cmd knows the VMs that do not run. Each source may fail: the rest is still told, and what is missing is a warning.
"""

import os
from collections import OrderedDict

from .. import files
from ..files import reason
from ..plain import decoded, encoded
from ..reading import machines, storage
from ..reading.storage import canonical
from .drive import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..reading.listing import ListedVm
    from .drive import Host

# Largest .vmx or vmdk descriptor that is read, bytes; real ones have a few kilobytes.
_DESCRIPTOR_LIMIT = 256 * 1024

# Longest chain of snapshots that is followed to the disk below them; a VM has at most 32.
_MAX_SNAPSHOT_DEPTH = 40

_FILESYSTEMS = ["storage", "filesystem", "list"]


def volumes(host):
    # type: (Host) -> list[storage.Volume]
    """The mounted volumes, to which paths by label or UUID refer."""
    return storage.filesystems(host.run_well("esxcli", _FILESYSTEMS))[0]


def inventory(host, host_root):
    # type: (Host, str) -> dict[str, Any]
    """Everything that can be found out; what cannot is a warning."""
    sources = _Sources(host, host_root)
    return OrderedDict([("vms", sources.join()), ("warnings", sources.warnings)])


class _Sources(object):
    """What the commands said."""

    def __init__(self, host, host_root):
        # type: (Host, str) -> None
        self._host = host
        self._host_root = host_root
        self.warnings = []  # type: list[str]
        self._listed = self._list()
        self._volumes = self._ask("esxcli", _FILESYSTEMS, storage.filesystems)
        self._processes = self._ask("esxcli", ["vm", "process", "list"], machines.processes)
        self._extents = self._ask("esxcli", ["storage", "vmfs", "extent", "list"], storage.extents)
        self._paths = self._ask("esxcli", ["storage", "core", "path", "list"], storage.paths)
        self._registered = self._ask("vim-cmd", ["vmsvc/getallvms"], machines.registered)

    def _list(self):
        # type: () -> list[ListedVm]
        try:
            listing = self._host.list_vms()
        except HostError as error:
            self.warnings.append(str(error))
            return []
        self.warnings.extend("vscsiStats -l: " + found for found in listing.diagnostics)
        return listing.vms

    def _ask(self, program, arguments, read):
        # type: (str, list[str], Callable[[bytes], tuple[Any, list[str]]]) -> Any
        """What the program says; nothing where it fails."""
        try:
            output = self._host.run_well(program, arguments)
        except HostError as error:
            self.warnings.append(str(error))
            return []
        found, findings = read(output)
        self.warnings.extend("{} {}: {}".format(program, " ".join(arguments), finding) for finding in findings)
        return found

    def join(self):
        # type: () -> list[dict]
        """Every VM once, running ones first, by name."""
        vms = {}  # type: dict[str, dict]
        for listed in self._listed:
            vm = self._running_vm(listed)
            vms[vm["config_file"]] = vm
        # A VM without a disk that vscsiStats knows runs all the same.
        for process in self._processes:
            path = canonical(process.config_file, self._volumes)
            cartel = None if process.vmx_cartel_id is None else str(process.vmx_cartel_id)
            vms.setdefault(path, _vm(process.display_name, cartel, True, path, []))
        for registered in self._registered:
            path = canonical(registered.config_file, self._volumes)
            vms.setdefault(path, _vm(registered.name, None, False, path, []))
        ordered = [vm for _, vm in sorted(vms.items())]
        for vm in ordered:
            self._add_files(vm)
        return sorted(ordered, key=lambda vm: (not vm["powered_on"], vm["name"]))

    def _running_vm(self, listed):
        # type: (ListedVm) -> dict
        disks = [_disk(disk.node or "", str(disk.handle_id)) for disk in listed.disks]
        path = canonical(listed.config_file, self._volumes)
        return _vm(listed.display_name, str(listed.world_group_id), True, path, disks)

    def _add_files(self, vm):
        # type: (dict) -> None
        """Adds what the .vmx knows: vmdk files of listed disks, and disks that vscsiStats does not see."""
        try:
            found = machines.vmx_disks(self._read(vm["config_file"]))
        except _Unreadable as problem:
            self.warnings.append("{}: {}".format(vm["name"], problem))
            return
        for in_vmx in found:
            if not in_vmx.is_hard_disk() or in_vmx.file_name is None:
                continue
            vmdk = canonical(_beside(vm["config_file"], in_vmx.file_name), self._volumes)
            disk = next((disk for disk in vm["disks"] if disk["node"] == in_vmx.node), None)
            if disk is None:
                disk = _disk(in_vmx.node, None)
                vm["disks"].append(disk)
            self._add_storage(disk, vmdk)

    def _add_storage(self, disk, vmdk):
        # type: (dict, str) -> None
        volume = storage.volume_of(vmdk, self._volumes)
        label = None if volume is None else volume.name or volume.uuid
        try:
            is_raw, capacity_bytes = self._description(vmdk)
        except _Unreadable as problem:
            # It may be a pointer to any device, so none is named.
            self.warnings.append("{}: {}".format(vmdk, problem))
            disk["datastore"] = label
        else:
            disk["raw_device_mapping"], disk["capacity_bytes"] = is_raw, capacity_bytes
            if is_raw:
                disk["devices"] = self._raw_device(vmdk)
            else:
                below = [extent for extent in self._extents if volume is not None and extent.vmfs_uuid == volume.uuid]
                disk["devices"] = sorted({extent.device for extent in below})
                disk["datastore"] = label
        leading = {path.runtime_name for path in self._paths if path.device in disk["devices"]}
        disk["runtime_paths"] = sorted(leading)
        disk["vmdk"] = vmdk

    def _description(self, vmdk):
        # type: (str) -> tuple[bool, int | None]
        """Whether the descriptors, down to that of the disk below all snapshots, are those of a raw device mapping, and
        the capacity they give.
        """
        is_raw, capacity_bytes = False, None
        path = vmdk
        for _ in range(_MAX_SNAPSHOT_DEPTH):
            descriptor = machines.vmdk_descriptor(self._read(path))
            is_raw = is_raw or descriptor.is_raw_device_mapping()
            if capacity_bytes is None:
                capacity_bytes = descriptor.capacity_bytes()
            if descriptor.parent_file_name is None:
                break
            path = canonical(_beside(path, descriptor.parent_file_name), self._volumes)
        return is_raw, capacity_bytes

    def _raw_device(self, vmdk):
        # type: (str) -> list[str]
        """The device that a raw device mapping leads to, by its canonical name where the host has a link to it."""
        device = self._ask("vmkfstools", ["-q", vmdk], storage.raw_device)
        if not device:
            return []
        try:
            link = os.readlink(encoded(os.path.join(self._host_root, "dev/disks", device)))
        except OSError:
            return [device]
        return [decoded(os.path.basename(link)) or device]

    def _read(self, path):
        # type: (str) -> bytes
        try:
            content = files.read_if_there(os.path.join(self._host_root, path.lstrip("/")), _DESCRIPTOR_LIMIT)
        except OSError as error:
            raise _Unreadable("cannot read {}: {}".format(path, reason(error))) from None
        if content is None:
            raise _Unreadable("{} does not exist".format(path))
        return content


class _Unreadable(Exception):
    """A file of a VM could not be read."""


def _vm(name, world_group_id, is_on, config_file, disks):
    # type: (str, str | None, bool, str, list[dict]) -> dict
    return OrderedDict(
        [
            ("name", name),
            ("world_group_id", world_group_id),
            ("powered_on", is_on),
            ("config_file", config_file),
            ("disks", disks),
        ]
    )


def _disk(node, handle_id):
    # type: (str, str | None) -> dict
    return OrderedDict(
        [
            ("node", node),
            ("handle_id", handle_id),
            ("vmdk", None),
            ("raw_device_mapping", False),
            ("datastore", None),
            ("devices", []),
            ("runtime_paths", []),
            ("capacity_bytes", None),
        ]
    )


def _beside(file, name):
    # type: (str, str) -> str
    """`name` in the directory of `file`, unless it is absolute."""
    directory, slash, _ = file.rpartition("/")
    return name if name.startswith("/") or not slash else "{}/{}".format(directory, name)
