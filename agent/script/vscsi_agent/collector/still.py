"""Counters that stand still: somebody may have stopped the collection, and another `-s` shows it."""

from .decide import still_needs_start
from .disks import AWAIT_MS, ask, await_orders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .jobstate import JobState
    from .record import Attempt
    from .state import Collector

# A foreign collection whose counters have stood still for so long is taken for one that has ended, milliseconds.
_FOREIGN_STILL_MS = 5 * 60 * 1000


def still_disks(collector, state, keys, printed):
    # type: (Collector, JobState, list[DiskKey], Attempt) -> dict[DiskKey, str]
    """What to ask for the disks that are collected and whose counters have stood still since the print before, or were
    not printed at all by a command that ended well.
    """
    if not collector.is_ready or not printed.output.succeeded():
        return {}
    asked = {key: _ask_for(collector, state, key, printed) for key in keys}
    return {key: word for key, word in asked.items() if word is not None}


def _ask_for(collector, state, key, printed):
    # type: (Collector, JobState, DiskKey, Attempt) -> str | None
    disk = collector.disks.get(key)
    if disk is None or disk.is_pending() or disk.counted is None or not disk.counts_on(state.is_restarting()):
        return None
    before, at_ms = disk.counted
    now_ms = printed.monotonic_ms
    if printed.counted.get(key.handle_id, before) != before or at_ms >= now_ms:
        return None
    if disk.state == "on":
        is_old = disk.armed_ms is None or still_needs_start(now_ms - disk.armed_ms, disk.restarts_while_still)
        return "again" if is_old else None
    return "want" if disk.state == "foreign" and now_ms - disk.moved_ms >= _FOREIGN_STILL_MS else None


def start_still(collector, asked):
    # type: (Collector, dict[DiskKey, str]) -> None
    """Starts disks that stood still."""
    for key, word in sorted(asked.items()):
        ask(collector, key, word)
        collector.disks[key].restarts_while_still += 1
    await_orders(collector, list(asked), AWAIT_MS)


def note_fallen(collector, state, sequence, keys, first, second):
    # type: (Collector, JobState, int, list[DiskKey], Attempt, Attempt) -> bool
    """Whether counters have fallen, or were there at all, only after the `-s` between two prints: they begin anew."""
    fallen = []
    for key in keys:
        before, after = first.counted.get(key.handle_id), second.counted.get(key.handle_id)
        if after is not None and (before is None or after < before):
            fallen.append(key)
    for key in fallen:
        disk = collector.disks.get(key)
        seconds = 0 if disk is None else (first.monotonic_ms - disk.moved_ms) // 1000
        collector.log("{}: the counters of {} began anew at snapshot {}".format(state.name, key, sequence))
        message = (
            "the counters of {} stood still for {} s and began anew with another `-s`: somebody else had stopped the "
            "collection, or a second `-s` zeroes the counters of this host; I/O in that time may be missing"
        )
        state.note(collector.wall(), sequence, message.format(key, seconds))
        # Whoever shares the disk has its counters begin anew as well.
        for other in collector.active():
            if other is not state and other.needs_collection() and key in other.disks():
                other.flags.add("new_baseline")
    return bool(fallen)


def note_counters(collector, world_group_id, attempt):
    # type: (Collector, int, Attempt) -> None
    """Remembers what was counted, for the next print to be compared with."""
    for key, disk in collector.disks.items():
        counted = attempt.counted.get(key.handle_id)
        if key.world_group_id != world_group_id or counted is None:
            continue
        before = None if disk.counted is None else disk.counted[0]
        if before != counted:
            disk.moved_ms = attempt.monotonic_ms
            if before is not None and before < counted:
                disk.restarts_while_still = 0
        disk.counted = (counted, attempt.monotonic_ms)
