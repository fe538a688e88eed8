"""The end of a job and of the collection behind it, and what job.json says about both."""

from collections import OrderedDict

from .. import moment
from ..fault import fault_point
from ..host.drive import stop_by_hand
from ..job import move
from ..spool import SpoolError
from .jobstate import ENDED
from .state import RETRY_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .jobstate import JobState
    from .state import Collector

# Time between two rewrites of the job.json of a running job whose progress alone has changed, milliseconds: renaming is
# expensive on VMFS, and progress is recounted from the snapshots after a crash.
_SAVE_PROGRESS_MS = 10 * 1000

# How long the end of a job is kept back until it is known whether its collection has ended too, milliseconds.
SETTLE_MS = 12 * 1000


def end(collector, state, status, reason, kept=()):
    # type: (Collector, JobState, str, str, tuple[DiskKey, ...] | list[DiskKey]) -> None
    """Ends a job. Its disks are stopped, unless another job uses them or a user asked to keep them."""
    wall = collector.wall()
    if not move(state.job, status, wall):
        return
    if status != "completed":
        state.note(wall, None, reason)
    state.phase = ENDED
    state.hidden_until_ms = collector.now_ms() + SETTLE_MS
    fault_point("end-before-job")
    write(collector, state)
    fault_point("end-after-job")
    collector.log("{}: {}{}".format(state.name, status, ": " + reason if reason else ""))
    used = collector.used()
    for disk in state.all_disks():
        if disk in used or disk in kept:
            continue
        collector.tended.pop(disk, None)
        if disk in collector.foreign or collector.switch.disk(disk).state != "off" or not collector.is_answered(disk):
            collector.foreign.discard(disk)
            collector.order("drop", disk)
    settle(collector)


def settle(collector):
    # type: (Collector) -> None
    """Has the cleanup block of every ended job tell the truth, and shows the ends that can be seen."""
    now_ms = collector.now_ms()
    for name, state in sorted(collector.jobs.items()):
        if state.is_active():
            continue
        if not state.job["cleanup"]["vscsiStats_stopped"]:
            cleanup = _cleanup(collector, state)
            if cleanup != state.job["cleanup"]:
                state.job["cleanup"] = cleanup
                write(collector, state)
                if state.hidden_until_ms is None:
                    collector.publish(name)
        hidden = state.hidden_until_ms
        if hidden is not None and (now_ms >= hidden or is_settled(state)):
            state.hidden_until_ms = None
            collector.publish(name)


def is_settled(state):
    # type: (JobState) -> bool
    """It is known whether the collection has ended, or why it cannot be stopped now."""
    cleanup = state.job["cleanup"]
    return cleanup["vscsiStats_stopped"] or cleanup["manual_cleanup_required"]


def _cleanup(collector, state):
    # type: (Collector, JobState) -> dict
    used = collector.used()
    outstanding, failures, are_kept = [], [], True
    for disk in state.all_disks():
        seen = collector.switch.disk(disk)
        if disk in used or (not seen.is_named() and collector.is_answered(disk)):
            continue
        outstanding.append(disk)
        are_kept = are_kept and seen.state == "kept"
        if seen.state == "stopping" and seen.reason:
            failures.append(seen.reason)
    stopped = not outstanding
    failure = failures[0] if failures else None
    return OrderedDict(
        [
            ("vscsiStats_stopped", stopped),
            ("stopped_at", moment.text(collector.wall()) if stopped else None),
            ("cleanup_error", failure),
            ("manual_cleanup_required", not stopped and (are_kept or failure is not None)),
            ("manual_cleanup_command", None if stopped else stop_by_hand(outstanding)),
        ]
    )


def save(collector, state):
    # type: (Collector, JobState) -> None
    """Writes job.json and publishes the job."""
    write(collector, state)
    collector.publish(state.name)


def write(collector, state):
    # type: (Collector, JobState) -> None
    """Writes job.json; a failure is retried until it succeeds."""
    state.job["updated_at"] = moment.text(collector.wall())
    views = collector.equipment.views
    try:
        collector.equipment.spool.save_job(state.document)
    except SpoolError as error:
        state.saved_ms = None
        problem = "{}; the agent tries again".format(error)
        collector.log(problem)
        views.set_problem("job.json", problem)
    else:
        state.saved_ms = collector.now_ms()
        views.set_problem("job.json", None)


def save_progress(collector, state):
    # type: (Collector, JobState) -> None
    """Writes job.json now when it is old, and otherwise only publishes."""
    if state.saved_ms is not None and collector.now_ms() - state.saved_ms < _SAVE_PROGRESS_MS:
        collector.publish(state.name)
    else:
        save(collector, state)


def save_unsaved(collector):
    # type: (Collector) -> None
    """Tries again what could not be written, unless that failed only just now."""
    unsaved = [state for _, state in sorted(collector.jobs.items()) if state.saved_ms is None]
    if not unsaved or collector.now_ms() < collector.save_again_ms:
        return
    for state in unsaved:
        save(collector, state)
    if any(state.saved_ms is None for state in unsaved):
        collector.save_again_ms = collector.now_ms() + RETRY_MS


def next_save_ms(collector):
    # type: (Collector) -> int | None
    """When to try again what could not be written."""
    lags = any(state.saved_ms is None for state in collector.jobs.values())
    return collector.save_again_ms if lags else None


def end_all(collector, reason):
    # type: (Collector, str) -> None
    """Ends every job: the agent has been told to end."""
    for state in collector.active():
        end(collector, state, "failed", reason)
