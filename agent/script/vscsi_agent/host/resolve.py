"""From what a user selected to what vscsiStats lists now."""

from .. import identifier
from ..identifier import DiskKey
from ..reading.storage import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..reading.listing import ListedVm, Listing
    from ..reading.storage import Volume


class Resolved(object):
    """A VM and the disks of interest as they are now, in the order asked for."""

    def __init__(self, vm, disks):
        # type: (ListedVm, list[ResolvedDisk]) -> None
        self.world_group_id = vm.world_group_id
        self.vm_name = vm.display_name
        self.config_file = vm.config_file
        self.disks = disks

    def keys(self):
        # type: () -> list[DiskKey]
        """The disks as commands name them, in their order."""
        return sorted({DiskKey(self.world_group_id, disk.handle_id) for disk in self.disks})


class ResolvedDisk(object):
    """A disk as it is now; the node is empty on hosts that print none."""

    def __init__(self, handle_id, node):
        # type: (int, str) -> None
        self.handle_id = handle_id
        self.node = node

    def __eq__(self, other):
        # type: (object) -> bool
        return isinstance(other, ResolvedDisk) and (self.handle_id, self.node) == (other.handle_id, other.node)

    def __hash__(self):
        # type: () -> int
        return hash((self.handle_id, self.node))


class Unresolved(Exception):
    """What was asked for is not there."""


def _vm_with_config_file(listing, volumes, path):
    # type: (Listing, list[Volume], str) -> ListedVm | None
    wanted = canonical(path, volumes)
    for vm in listing.vms:
        if vm.config_file == path or canonical(vm.config_file, volumes) == wanted:
            return vm
    return None


def _disk_of(vm, node, handle_id):
    # type: (ListedVm, str, int) -> ResolvedDisk | None
    """The disk by node, which survives a power cycle, and by handle where no node is known."""
    if node:
        for disk in vm.disks:
            if disk.node == node:
                return ResolvedDisk(disk.handle_id, disk.node)
    for disk in vm.disks:
        if disk.handle_id == handle_id and (not node or disk.node is None):
            return ResolvedDisk(disk.handle_id, disk.node or "")
    return None


def select(listing, volumes, selector, disks):
    # type: (Listing, list[Volume], dict, list) -> tuple[Resolved, list[str]]
    """Finds what a new job asks for, and the name the user gave each disk; no disks mean all of them.

    `Unresolved` names the first thing that is not there.
    """
    vm = _selected_vm(listing, volumes, selector)
    wanted = [(int(disk["handle_id"]), disk["node"], disk["lun"]) for disk in disks] or [
        (disk.handle_id, disk.node or "", str(disk.handle_id) if disk.node is None else disk.node) for disk in vm.disks
    ]
    found = []  # type: list[ResolvedDisk]
    luns = []
    for handle_id, node, lun in wanted:
        disk = _disk_of(vm, node, handle_id)
        if disk is None:
            raise Unresolved(_no_disk(vm, node or str(handle_id)))
        if disk not in found:
            found.append(disk)
            luns.append(lun)
    if not found:
        raise Unresolved(_no_disk(vm, "at all"))
    return Resolved(vm, found), luns


def _selected_vm(listing, volumes, selector):
    # type: (Listing, list[Volume], dict) -> ListedVm
    if "config_file" in selector:
        vm = _vm_with_config_file(listing, volumes, selector["config_file"])
        if vm is None:
            raise Unresolved("no running VM has the configuration file {}".format(selector["config_file"]))
        return vm
    wanted = identifier.number(selector["world_group_id"], 64)
    for vm in listing.vms:
        if vm.world_group_id == wanted:
            return vm
    raise Unresolved("no running VM has the world group ID {}".format(selector["world_group_id"]))


def _no_disk(vm, wanted):
    # type: (ListedVm, str) -> str
    listed = [
        str(disk.handle_id) if disk.node is None else "{} ({})".format(disk.handle_id, disk.node) for disk in vm.disks
    ]
    return "the VM `{}` has no disk {} that vscsiStats lists; it lists {}".format(
        vm.display_name, wanted, ", ".join(listed) or "none"
    )


def found_as(disk, found):
    # type: (dict, list[ResolvedDisk]) -> ResolvedDisk | None
    """Which of the disks found is the job's disk: by node, and by handle only where no node is known."""
    for candidate in found:
        if disk["node"] and candidate.node == disk["node"]:
            return candidate
    for candidate in found:
        if candidate.handle_id == int(disk["handle_id"]) and (not disk["node"] or not candidate.node):
            return candidate
    return None


def find_again(listing, volumes, target):
    # type: (Listing, list[Volume], dict) -> Resolved | None
    """Finds a job's VM again by its configuration file; disks that are gone are left out.

    `None` when the VM does not run here, or none of the job's disks is listed.
    """
    vm = _vm_with_config_file(listing, volumes, target["config_file"])
    if vm is None:
        return None
    found = [_disk_of(vm, disk["node"], int(disk["handle_id"])) for disk in target["disks"]]
    disks = [disk for disk in found if disk is not None]
    return Resolved(vm, disks) if disks else None
