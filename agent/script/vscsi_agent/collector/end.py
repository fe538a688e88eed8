"""The end of a job and of the collection behind it, and what job.json says about both."""

from collections import OrderedDict

from .. import moment
from ..fault import fault_point
from ..host.drive import stop_by_hand
from ..job import move
from ..spool import SpoolError
from .disks import RETRY_MS, give_orders, is_foreign
from .jobstate import ENDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .jobstate import JobState
    from .state import Collector

# Time between two rewrites of the job.json of a running job whose progress alone has changed, milliseconds: renaming is
# expensive on VMFS, and progress is recounted from the snapshots after a crash.
_SAVE_PROGRESS_MS = 10 * 1000


def end(collector, state, status, reason):
    # type: (Collector, JobState, str, str) -> None
    """Ends a job. Its disks are stopped right after, unless another job uses them."""
    wall = collector.wall()
    still = _still(collector, state)
    if not move(state.job, status, wall):
        return
    for key, seconds, foreign in still:
        words = (
            "the counters of {}{} had not moved for {} s when the job ended: either nothing was read or written, or "
            "somebody else has stopped that collection, and I/O since then is missing"
        )
        whose = ", which somebody else collects," if foreign else ""
        state.note(wall, None, words.format(key, whose, seconds))
    if status != "completed":
        state.note(wall, None, reason)
    state.phase, state.ended_ms = ENDED, collector.now_ms()
    fault_point("end-before-job")
    # Published only after the stop, so that whoever sees the end also sees whether the collection has ended.
    _write(collector, state)
    fault_point("end-after-job")
    collector.log("{}: {}{}".format(state.name, status, ": " + reason if reason else ""))
    give_orders(collector)
    settle(collector)
    collector.publish(state.name)


def _still(collector, state):
    # type: (Collector, JobState) -> list[tuple[DiskKey, int, bool]]
    """Disks of a job whose counters stood still at the last print, for how many seconds, and whether they are somebody
    else's: those that no `-s` has been run for since, which would have shown that they were stopped.
    """
    found = []  # type: list[tuple[DiskKey, int, bool]]
    for key in state.disks():
        disk = collector.disks.get(key)
        if disk is None or disk.counted is None or disk.restarts_while_still > 0:
            continue
        printed_ms = disk.counted[1]
        is_still = disk.moved_ms < printed_ms and disk.counts_on(state.is_restarting())
        if disk.runs() and is_still:
            found.append((key, (printed_ms - disk.moved_ms) // 1000, is_foreign(collector, key)))
    return found


def settle(collector):
    # type: (Collector) -> None
    """Has the cleanup block of every ended job tell the truth."""
    for name, state in sorted(collector.jobs.items()):
        if state.is_active() or state.job["cleanup"]["vscsiStats_stopped"] or collector.is_being_stopped(state):
            continue
        cleanup = _cleanup(collector, collector.outstanding(state))
        if state.job["cleanup"] != cleanup or collector.equipment.views.shows_active(name):
            state.job["cleanup"] = cleanup
            save(collector, state)


def _cleanup(collector, outstanding):
    # type: (Collector, list[DiskKey]) -> dict
    stopped = not outstanding
    failure = failure_of(collector, outstanding)
    is_kept = all(collector.disks[key].state == "kept" for key in outstanding)
    return OrderedDict(
        [
            ("vscsiStats_stopped", stopped),
            ("stopped_at", moment.text(collector.wall()) if stopped else None),
            ("cleanup_error", failure),
            ("manual_cleanup_required", not stopped and (is_kept or failure is not None)),
            ("manual_cleanup_command", None if stopped else stop_by_hand(outstanding)),
        ]
    )


def failure_of(collector, keys):
    # type: (Collector, list[DiskKey]) -> str | None
    """Why the collection of one of these disks could not be stopped."""
    for key in keys:
        disk = collector.disks.get(key)
        if disk is not None and disk.reason is not None:
            return disk.reason
    return "the process that stops collections does not run" if keys and not collector.is_ready else None


def save(collector, state):
    # type: (Collector, JobState) -> None
    """Writes job.json and publishes the job."""
    _write(collector, state)
    collector.publish(state.name)


def _write(collector, state):
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
