"""Keeping collections running: when `-s` is asked for again, and what the counters do over it.

vscsiStats stops by itself 30 minutes after the last `-s`. Counters that stand still may also mean that somebody has
stopped the collection, so then `-s` is asked for at once, and again with growing pauses while they do not move.
"""

from ..host.drive import HostError
from .state import RETRY_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .state import Collector

# From this age of the last `-s` on, it is asked for again right after a print of the disk, milliseconds.
AFTER_PRINT_MS = 15 * 60 * 1000

# At this age it is asked for at once, milliseconds.
AT_LATEST_MS = 20 * 60 * 1000

# Pauses between the `-s` of a disk whose counters stand still, milliseconds.
_STILL_MS = (60 * 1000, 2 * 60 * 1000, 4 * 60 * 1000, 8 * 60 * 1000)


class Tended(object):
    """How the collection of a disk is kept running."""

    def __init__(self):
        # type: () -> None
        # Commands counted at the last print; `None` before the first.
        self.counted = None  # type: int | None
        # How often `-s` was asked for since the counters stand still, and when it is to be next.
        self.still = 0
        self.still_at_ms = 0
        # `-s` is under way: what was counted before it.
        self.before = None  # type: int | None
        self.is_extending = False
        # Nothing is tried before this moment, because the last attempt failed.
        self.rests_until_ms = 0


def tend(collector, disk):
    # type: (Collector, DiskKey) -> Tended
    """What is known of a disk."""
    return collector.tended.setdefault(disk, Tended())


def latest(collector):
    # type: (Collector) -> list[tuple[int, DiskKey]]
    """When `-s` is to be asked for at the latest, for each disk in use that is collected."""
    moments = []
    for disk in collector.used():
        seen = collector.switch.disk(disk)
        tended = tend(collector, disk)
        if collector.switch.ready is None or tended.is_extending or not collector.is_answered(disk):
            continue
        if disk in collector.foreign:
            # Somebody else's is extended only after a print in which it is seen to run.
            continue
        if seen.state == "failed":
            moments.append((tended.rests_until_ms, disk))
        elif seen.state == "on" and seen.armed_ms is not None:
            moments.append((max(seen.armed_ms + AT_LATEST_MS, tended.rests_until_ms), disk))
    return moments


def extend(collector, disk):
    # type: (Collector, DiskKey) -> None
    """Asks for `-s`."""
    tended = tend(collector, disk)
    tended.is_extending, tended.before = True, tended.counted
    collector.order("again", disk)


def after_print(collector, disk, counted):
    # type: (Collector, DiskKey, int) -> None
    """Right after a print that counted so many commands of the disk."""
    tended = tend(collector, disk)
    stands_still = tended.counted == counted
    tended.counted = counted
    if tended.is_extending or collector.switch.ready is None or not collector.is_answered(disk):
        return
    now_ms = collector.now_ms()
    seen = collector.switch.disk(disk)
    if disk in collector.foreign:
        _after_print_of_foreign(collector, disk, stands_still)
        return
    if seen.state != "on" or now_ms < tended.rests_until_ms:
        return
    if not stands_still:
        tended.still = 0
    elif tended.still == 0 or (tended.still <= len(_STILL_MS) and now_ms >= tended.still_at_ms):
        tended.still_at_ms = now_ms + _STILL_MS[min(tended.still, len(_STILL_MS) - 1)]
        tended.still += 1
        extend(collector, disk)
        return
    if seen.armed_ms is not None and now_ms - seen.armed_ms >= AFTER_PRINT_MS:
        extend(collector, disk)


def _after_print_of_foreign(collector, disk, stands_still):
    # type: (Collector, DiskKey, bool) -> None
    """One that its owner has stopped is not revived: where nothing is counted any more, ours takes its place."""
    if stands_still:
        collector.foreign.discard(disk)
        collector.order("drop", disk)
        collector.order("want", disk)
        tend(collector, disk).is_extending = True
        message = "the collection of {} that somebody else had started counts nothing any more: one of ours runs now"
        collector.log(message.format(disk))
        collector.note_to_users(disk, message.format(disk))
        return
    armed_ms = collector.switch.disk(disk).armed_ms
    now_ms = collector.now_ms()
    if armed_ms is None or now_ms - armed_ms >= AFTER_PRINT_MS:
        before = tend(collector, disk).counted
        if (_count(collector, disk) or 0) > (before or 0):
            extend(collector, disk)


def look_after(collector):
    # type: (Collector) -> None
    """Looks at what the counters did over each `-s` that has been answered."""
    for disk, tended in sorted(collector.tended.items()):
        if not tended.is_extending or not collector.is_answered(disk):
            continue
        tended.is_extending = False
        seen = collector.switch.disk(disk)
        failed = seen.reason if seen.state in ("on", "failed", "foreign", "off") else ""
        if failed:
            tended.rests_until_ms = collector.now_ms() + RETRY_MS
            collector.log("cannot extend the collection of {}: {}".format(disk, failed))
            collector.note_to_users(disk, "the collection could not be extended: {}".format(failed))
            continue
        tended.rests_until_ms = 0
        _look_for_a_fall(collector, disk, tended)


def _look_for_a_fall(collector, disk, tended):
    # type: (Collector, DiskKey, Tended) -> None
    before = tended.before
    if not before:
        return
    counted = _count(collector, disk)
    if counted is None or counted >= before:
        return
    message = (
        "the counters began anew when the collection was extended: "
        "it had been stopped, or `-s` zeroes them on this host"
    )
    collector.log("{}: {}".format(disk, message))
    collector.note_to_users(disk, message)
    tended.counted = counted
    for state in collector.users(disk):
        state.flags.add("new_baseline")


def _count(collector, disk):
    # type: (Collector, DiskKey) -> int | None
    try:
        counted = collector.equipment.host.commands_counted(disk)
    except HostError:
        return None
    return 0 if counted is None else counted
