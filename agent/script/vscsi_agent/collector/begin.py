"""The beginning of a job: look whether somebody else collects, have the collection started, fix the due times."""

from ..fault import fault_point
from ..host.drive import HostError
from ..job import move
from ..spool import SpoolError
from .end import end, save
from .jobstate import LOOKING, SAMPLING, STARTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .jobstate import JobState
    from .state import Collector

# Time between the two looks at counters that were there before us, milliseconds.
#
# Histograms outlive the end of their collection, so counters alone prove nothing; counters that grow do. A collection
# over a disk that is idle for this long is not noticed, and is then treated as ours.
_LOOK_AGAIN_MS = 1000

# After this many looks that failed the job fails.
_FAILED_LOOKS_AT_MOST = 3


def look_first(collector, state):
    # type: (Collector, JobState) -> None
    """First look at disks whose collection we did not start."""
    state.phase = LOOKING
    state.before = {disk: None for disk in state.disks() if not collector.is_collected(disk)}
    state.failed_looks = 0
    look(collector, state)


def look(collector, state):
    # type: (Collector, JobState) -> None
    """One look: a disk without counters is collected by nobody, counters that have grown since the look before belong
    to a collection that runs, and where nobody could look it is tried again.
    """
    before = state.before
    unclear = {}  # type: dict[DiskKey, int | None]
    failure = None  # type: str | None
    for disk in sorted(before):
        earlier = before[disk]
        if failure is not None:
            # Asked again with the one that failed: where vscsiStats hangs, each question holds everybody up.
            unclear[disk] = earlier
            continue
        try:
            counted = collector.equipment.host.commands_counted(disk)
            if counted is None and earlier is not None:
                raise HostError("vscsiStats printed counters before and prints none now")
        except HostError as error:
            failure = "cannot tell whether somebody else is collecting {}: {}".format(disk, error)
            unclear[disk] = earlier
            continue
        if earlier is None and counted:
            unclear[disk] = counted
        elif earlier is not None and (counted or 0) > earlier and not collector.is_collected(disk):
            words = "{}: somebody else is collecting {}; that collection is used and left running"
            collector.log(words.format(state.name, disk))
            collector.foreign.add(disk)
    if failure is not None:
        state.failed_looks += 1
        if state.failed_looks >= _FAILED_LOOKS_AT_MOST:
            words = "{}; nothing was started, because ending it would also end theirs"
            end(collector, state, "failed", words.format(failure))
            return
        collector.log("{}: {}".format(state.name, failure))
    if not unclear:
        _ask(collector, state)
        return
    # Counted from the end of the commands, which may take longer than counters need to grow.
    state.before, state.look_at_ms = unclear, collector.now_ms() + _LOOK_AGAIN_MS
    collector.publish(state.name)


def _ask(collector, state):
    # type: (Collector, JobState) -> None
    """Asks for the collection of every disk."""
    disks = state.disks()
    is_foreign = any(disk in collector.foreign for disk in disks)
    if is_foreign and state.is_restarting():
        reason = (
            "restart mode would end a collection that somebody else started on this disk; "
            "use cumulative counters, or wait until theirs has ended"
        )
        end(collector, state, "failed", reason)
        return
    state.phase = STARTING
    state.job["collection"]["foreign"] = is_foreign
    for disk in disks:
        collector.order("foreign" if disk in collector.foreign else "want", disk)
    collector.publish(state.name)


def go_on_starting(collector):
    # type: (Collector) -> None
    """Has the jobs begin whose collection runs, and those fail whose collection does not start."""
    for state in collector.active():
        if state.phase != STARTING:
            continue
        disks = state.disks()
        if all(collector.is_answered(disk) for disk in disks):
            failures = [collector.switch.disk(disk).reason for disk in disks if not _runs(collector, disk)]
            if failures:
                reason = "collection did not start: {}".format(failures[0] or "it was stopped right away")
                end(collector, state, "failed", reason)
            else:
                _begin(collector, state, any(disk in collector.foreign for disk in disks))
        elif collector.switch.ready is None:
            reason = "collection did not start: the process that starts collections does not run"
            end(collector, state, "failed", reason)


def _runs(collector, disk):
    # type: (Collector, DiskKey) -> bool
    return collector.switch.disk(disk).state == ("foreign" if disk in collector.foreign else "on")


def _begin(collector, state, is_foreign):
    # type: (Collector, JobState, bool) -> None
    """Fixes the due times: the baseline is due now."""
    state.record["first_due_ms"] = collector.now_ms()
    state.phase = SAMPLING
    if is_foreign:
        state.flags.add("foreign")
    move(state.job, "running", collector.wall())
    try:
        collector.equipment.spool.save_record(state.record)
    except SpoolError as error:
        end(collector, state, "failed", str(error))
        return
    fault_point("running-after-record")
    save(collector, state)
    fault_point("running-after-job")
    collector.log("{}: collecting".format(state.name))
