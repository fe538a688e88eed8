"""Taking one snapshot: print at the due moment, then make sure that what was printed is still what runs."""

from ..fault import fault_point
from ..host.drive import HostError
from ..host.resolve import Resolved, find_again, found_as
from ..reading import prints
from ..reading.listing import ListedVm
from .disks import AWAIT_MS, ask, await_commands, await_orders, await_switch, is_armed, is_foreign
from .record import Attempt, count_miss, count_usable, keep, note_restarts, record_missed, tell_missed
from .still import note_counters, note_fallen, start_still, still_disks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..command import Output
    from ..host.resolve import ResolvedDisk
    from ..reading.listing import Listing
    from .jobstate import JobState
    from .state import Collector
    from .timing import Due

# A listing of this age still tells which VMs run, so that jobs due together share it, milliseconds.
_LISTING_FRESH_MS = 500

# Missed snapshots recorded in one go, each of which is a file: signals and clients wait for them.
_MISSED_AT_ONCE = 50


def take(collector, state, due):
    # type: (Collector, JobState, Due) -> None
    """Takes the snapshot that is due and records those that were missed."""
    first, after = due.missed
    if first < after:
        upto = min(after, first + _MISSED_AT_ONCE)
        if not record_missed(collector, state, first, upto) or upto < after:
            return
        tell_missed(collector, state)
    await_commands(collector, state.disks(), AWAIT_MS)
    note_restarts(collector, state, due.sequence)
    flags = set(state.flags)
    if due.late:
        flags.add("late")
    if any(is_foreign(collector, disk) for disk in state.disks()):
        flags.add("foreign")
    disks = state.present()
    fault_point("snapshot-before-print")
    attempt = _print(collector, state, _group(state), disks)
    fault_point("snapshot-after-print")
    was_stopped = _was_stopped_before(collector, state)
    if was_stopped or _is_not_collected(collector, state):
        flags.add("new_baseline")
    listing, now_there = _find(collector, state, attempt, disks)
    if now_there is None:
        _record_gap(collector, state, due.sequence, flags, attempt)
        return
    attempt = _settled(collector, state, due.sequence, attempt, now_there, flags)
    if attempt.problem is None and isinstance(listing, HostError):
        words = "{}: the VMs could not be listed after snapshot {}: {}"
        collector.log(words.format(state.name, due.sequence, listing))
    if attempt.problem is not None:
        flags.add("failed")
    if collector.has_passed():
        # What the successor has by now it may have stopped before the print: the snapshot is the successor's to take.
        return
    note_counters(collector, now_there.world_group_id, attempt)
    if not keep(collector, state, due.sequence, now_there.disks, flags, attempt):
        return
    if was_stopped:
        # What was counted until then is no baseline either.
        state.flags.add("new_baseline")
    if attempt.problem is not None:
        count_miss(collector, state, due.sequence, attempt.problem)
    else:
        count_usable(collector, state, due.sequence, attempt)


def _was_stopped_before(collector, state):
    # type: (Collector, JobState) -> bool
    """What was just printed may have been stopped before, which a switch tells that was not ready at the print."""
    was_anew = "new_baseline" in state.flags
    await_switch(collector, min(AWAIT_MS, state.job["profile"]["interval_seconds"] * 250), lambda: collector.is_ready)
    return not was_anew and "new_baseline" in state.flags


def _is_not_collected(collector, state):
    # type: (Collector, JobState) -> bool
    """A disk of the job has no collection, because its `-s` failed: its counters stand still."""
    known = [collector.disks[key] for key in state.disks() if key in collector.disks]
    return any(disk.state == "failed" for disk in known)


def _record_gap(collector, state, sequence, flags, attempt):
    # type: (Collector, JobState, int, set[str], Attempt) -> None
    flags.add("gap")
    if state.misses > 0:
        # Listings of two snapshots have lacked it: its handles are gone, and are never given again.
        state.forget_disks()
    if keep(collector, state, sequence, [], flags, attempt):
        count_miss(collector, state, sequence, "the VM is not running on this host")


def _find(collector, state, attempt, disks):
    # type: (Collector, JobState, Attempt, list[ResolvedDisk]) -> tuple[Listing | HostError, Resolved | None]
    """Whether what was printed is still there, by a listing taken after the print."""
    listing = _fresh_listing(collector, attempt.monotonic_ms)
    now_there = _look_up(collector, listing, state, disks)
    if now_there is None or len(now_there.disks) < len(disks):
        # A listing may catch a host in the middle of a change: what it lacks is believed the second time.
        collector.listing = None
        listing = _fresh_listing(collector, attempt.monotonic_ms)
        now_there = _look_up(collector, listing, state, disks)
    return listing, now_there


def _settled(collector, state, sequence, first, now_there, flags):
    # type: (Collector, JobState, int, Attempt, Resolved, set[str]) -> Attempt
    """The attempt that counts: another follows new handles, one that failed, and a `-s` where counters stood still."""
    keys = now_there.keys()
    has_moved = now_there.world_group_id != _group(state) or now_there.disks != state.present()
    if has_moved or any(not is_armed(collector, disk) for disk in keys):
        if _follow(collector, state, sequence, now_there):
            flags.add("new_baseline")
        return _print(collector, state, now_there.world_group_id, now_there.disks)
    still = still_disks(collector, state, keys, first)
    if still:
        start_still(collector, still)
        second = _print(collector, state, _group(state), now_there.disks)
        if note_fallen(collector, state, sequence, sorted(still), first, second):
            flags.add("new_baseline")
            return second
        return first if first.problem is None else _better_of(first, second)
    if first.problem is None or not _may_retry(collector, state, sequence):
        return first
    flags.add("retried")
    return _better_of(first, _print(collector, state, _group(state), now_there.disks))


def _better_of(first, second):
    # type: (Attempt, Attempt) -> Attempt
    """The second attempt counts, unless it holds nothing and the first holds evidence."""
    return second if second.problem is None or second.output.stdout else first


def _group(state):
    # type: (JobState) -> int
    return int(state.job["target"]["world_group_id"])


def _print(collector, state, world_group_id, disks):
    # type: (Collector, JobState, int, list[ResolvedDisk]) -> Attempt
    # A print may take a third of the interval, so that there is time for a second attempt, within reason.
    deadline = min(max(state.job["profile"]["interval_seconds"] / 3.0, 1.0), 15.0)
    only = disks[0].handle_id if len(disks) == 1 else None
    attempt = Attempt(collector.wall(), collector.now_ms())
    try:
        attempt.output = collector.equipment.host.print_all(world_group_id, only, deadline)
        attempt.duration_ms = collector.now_ms() - attempt.monotonic_ms
        _look_at(attempt, attempt.output, disks)
    except HostError as error:
        attempt.duration_ms = collector.now_ms() - attempt.monotonic_ms
        attempt.problem = str(error)
    return attempt


def _look_at(attempt, output, disks):
    # type: (Attempt, Output, list[ResolvedDisk]) -> None
    """What keeps a print from being a whole snapshot of `disks`."""
    parsed = prints.parse(output.stdout)
    for printed in parsed.prints:
        for (_, handle_id), disk in printed.items():
            if disk.commands is not None:
                attempt.counted[handle_id] = disk.commands
    lacking = []
    for wanted in disks:
        if not any(printed.is_whole() for printed in parsed.disks(wanted.handle_id)):
            lacking.append(str(wanted.handle_id))
    if lacking:
        cause = output.complaint()
        if cause is None:
            cause = "printed " + parsed.diagnostics[0] if parsed.diagnostics else "ended well"
        words = "vscsiStats {}, and not all histograms of disk {} were printed"
        attempt.problem = words.format(cause, ", ".join(lacking))


def _may_retry(collector, state, sequence):
    # type: (Collector, JobState, int) -> bool
    grid = state.grid()
    if grid is None:
        return False
    behind = max(collector.now_ms() - grid.due_ms(sequence), 0)
    return behind * 2 <= grid.interval_ms or sequence == grid.samples


def _fresh_listing(collector, not_before_ms):
    # type: (Collector, int) -> Listing | HostError
    if collector.listing is not None and collector.listing[0] + _LISTING_FRESH_MS >= not_before_ms:
        return collector.listing[1]
    try:
        return collector.list_vms()
    except HostError as error:
        return error


def _look_up(collector, listing, state, present):
    # type: (Collector, Listing | HostError, JobState, list[ResolvedDisk]) -> Resolved | None
    target = state.job["target"]
    if isinstance(listing, HostError):
        # Without a listing nothing speaks against what was printed.
        return Resolved(ListedVm(_group(state), target["vm_name"], target["config_file"]), present)
    # Labels and UUIDs are looked up only when the plain path does not match.
    return find_again(listing, [], target) or find_again(listing, collector.volumes() or [], target)


def _follow(collector, state, sequence, now_there):
    # type: (Collector, JobState, int, Resolved) -> bool
    """Adopts new handles and has their collection started; true when counters begin anew."""
    wall = collector.wall()
    before, absent_before = set(state.all_disks()), state.absent
    after = now_there.keys()
    unarmed = [disk for disk in after if not is_armed(collector, disk)]
    is_new = bool(unarmed) or any(disk not in before for disk in after)
    target = state.job["target"]
    target["world_group_id"] = str(now_there.world_group_id)
    absent = set()
    for place, disk in enumerate(target["disks"]):
        found = found_as(disk, now_there.disks)
        if found is None:
            absent.add(place)
        else:
            disk["handle_id"] = str(found.handle_id)
    state.absent = absent
    if is_new:
        message = "the VM was away or has new handles, as after a power cycle or vMotion: counters start from zero"
        state.flags.add("new_baseline")
    elif absent <= absent_before:
        message = "a disk of the job is listed again, and its collection ran on"
    else:
        message = "a disk of the job is no longer listed: the job goes on with the others"
    state.note(wall, sequence, message)
    collector.log("{}: {}".format(state.name, message))
    for key in unarmed:
        ask(collector, key, "want")
    # One that hangs is tried again, and the job goes on meanwhile.
    await_orders(collector, unarmed, AWAIT_MS)
    return is_new
