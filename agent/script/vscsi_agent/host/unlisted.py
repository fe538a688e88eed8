"""Disks that listings lack, and when one of them is certainly gone."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from ..identifier import DiskKey
    from ..reading.listing import Listing

# How far apart two listings that lack a disk have to be to prove that it is gone, milliseconds.
#
# One alone proves nothing: a host prints it in the middle of a change, too. Less than the shortest interval of a job,
# so that the second snapshot that misses a VM is sure of it.
LIST_AGAIN_MS = 500


class Unlisted(object):
    """The disks that were not in the last listing, as after a power-off or vMotion.

    Such a disk has no collection to stop, and its handle is never given again.
    """

    def __init__(self):
        # type: () -> None
        # The first and the last listing in a row that lacked a disk, monotonic milliseconds.
        self._since = {}  # type: dict[DiskKey, tuple[int, int]]

    def take_in(self, listing, now_ms, disks):
        # type: (Listing, int, Iterable[DiskKey]) -> None
        """Takes in what the listing of the moment `now_ms` says about `disks`; any other disk is forgotten.

        A listing that could not be read whole proves nothing, and the proof begins anew after it.
        """
        before, self._since = self._since, {}
        if listing.diagnostics:
            return
        for disk in disks:
            if not listing.lists(disk):
                first, _ = before.get(disk, (now_ms, now_ms))
                self._since[disk] = (first, now_ms)

    def __contains__(self, disk):
        # type: (DiskKey) -> bool
        """The last listing lacked the disk."""
        return disk in self._since

    def is_certainly_gone(self, disk):
        # type: (DiskKey) -> bool
        """Listings have lacked the disk for so long that it is gone."""
        first, last = self._since.get(disk, (0, 0))
        return last - first >= LIST_AGAIN_MS
