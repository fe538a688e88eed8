"""The beginning of a job: look whether somebody else collects, have the collection started, fix the due times."""

from ..fault import fault_point
from ..host.drive import HostError
from ..job import move
from ..spool import SpoolError
from .disks import RETRY_MS, ask, is_armed, is_foreign
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

# Looks of a foreign collection that are further apart prove nothing about now, milliseconds.
_LOOKS_APART_MS = 3000

# After this many looks that failed the job fails.
_FAILED_LOOKS_AT_MOST = 3


def look_first(collector, state):
    # type: (Collector, JobState) -> None
    """First look at disks whose collection we did not start."""
    state.phase = LOOKING
    state.before = {disk: None for disk in state.disks() if not is_armed(collector, disk)}
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
        if earlier is None and counted is not None:
            unclear[disk] = counted
        elif earlier is not None and counted is not None and counted < earlier and not is_armed(collector, disk):
            # Somebody zeroed them, which does not tell whether they run.
            unclear[disk] = counted
        elif earlier is not None and counted != earlier and not is_armed(collector, disk):
            words = "{}: somebody else is collecting {}; that collection is used and left running"
            collector.log(words.format(state.name, disk))
            ask(collector, disk, "foreign")
            collector.disks[disk].armed_ms = collector.now_ms()
    if failure is not None:
        state.failed_looks += 1
        if state.failed_looks >= _FAILED_LOOKS_AT_MOST:
            words = "{}; nothing was started, because ending it would also end theirs"
            end(collector, state, "failed", words.format(failure))
            return
        collector.log("{}: {}".format(state.name, failure))
    if not unclear:
        _begin(collector, state)
        return
    # Counted from the end of the commands, which may take longer than counters need to grow.
    state.before, state.look_at_ms = unclear, collector.now_ms() + _LOOK_AGAIN_MS
    collector.publish(state.name)


def _begin(collector, state):
    # type: (Collector, JobState) -> None
    """Asks for the collection of every disk."""
    disks = state.disks()
    uses_foreign = any(is_foreign(collector, disk) for disk in disks)
    if uses_foreign and state.is_restarting():
        reason = (
            "restart mode would end a collection that somebody else started on this disk; "
            "use cumulative counters, or wait until theirs has ended"
        )
        end(collector, state, "failed", reason)
        return
    state.phase = STARTING
    state.job["collection"]["foreign"] = uses_foreign
    collector.publish(state.name)
    for disk in disks:
        if not is_foreign(collector, disk):
            ask(collector, disk, "want")


def commence_started(collector):
    # type: (Collector) -> None
    """Lets the jobs begin whose disks are all collected, and fails those of which one could not be started."""
    for state in collector.active():
        if state.phase != STARTING:
            continue
        disks = [collector.disks.get(key) for key in state.disks()]
        answered = [disk for disk in disks if disk is not None and not disk.is_pending()]
        failures = [disk.reason for disk in answered if not disk.runs()]
        if not failures and len(answered) == len(disks):
            _commence(collector, state)
        elif not collector.is_ready:
            reason = "collection did not start: the process that starts collections does not run"
            end(collector, state, "failed", reason)
        elif failures:
            end(collector, state, "failed", "collection did not start: {}".format(failures[0] or ""))


def _commence(collector, state):
    # type: (Collector, JobState) -> None
    """Fixes the due times: the baseline is due now."""
    state.record["first_due_ms"] = collector.now_ms()
    state.phase = SAMPLING
    if state.job["collection"]["foreign"]:
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


def look_at_foreign(collector, key):
    # type: (Collector, DiskKey) -> None
    """Extends somebody else's collection, when it has counted something since a look just before: what its owner has
    stopped is not to be revived.
    """
    try:
        counted = collector.equipment.host.commands_counted(key)
    except HostError:
        counted = None
    disk = collector.disks.get(key)
    if disk is None:
        return
    now_ms = collector.now_ms()
    if counted is None:
        disk.look_again_ms = now_ms + RETRY_MS
        return
    disk.look_again_ms = now_ms + _LOOK_AGAIN_MS
    before, disk.looked = disk.looked, (counted, now_ms)
    grew = before is not None and before[0] < counted and now_ms - before[1] <= _LOOKS_APART_MS
    if grew and disk.state == "foreign":
        disk.looked = None
        ask(collector, key, "again")
