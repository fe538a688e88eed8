"""What clients ask the collector for."""

from collections import OrderedDict

from .. import job as jobs
from .. import moment
from ..fault import fault_point
from ..host.drive import HostError, stop_by_hand
from ..host.resolve import Unresolved, select
from ..job import Document
from ..limits import check_job
from ..spool import SpoolError
from ..wire import Refusal
from .begin import look_first
from .disks import AWAIT_MS, NOT_PASSING, ask, await_orders, is_armed, is_foreign
from .end import end, failure_of, settle
from .jobstate import LOOKING, JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..host.resolve import Resolved
    from ..identifier import DiskKey
    from ..reading.listing import Listing
    from .state import Collector

# Bytes one snapshot of one disk takes at most: the sixteen histograms with 20-digit counters and the header.
_SNAPSHOT_BYTES_PER_DISK = 12 * 1024


def create(collector, request):
    # type: (Collector, dict) -> tuple[int, dict]
    """Begins a job; repeating the request changes nothing."""
    name = request["name"]
    existing = collector.jobs.get(name)
    if existing is not None:
        if existing.record["request"] == request:
            return 200, view(collector, name)
        raise Refusal(
            "conflict",
            "another job with the name {} exists already".format(name),
            "choose another --name, or delete the other job first",
        )
    check_job(request)
    if not collector.is_ready or collector.passing != NOT_PASSING:
        raise Refusal(
            "unavailable",
            "the process that starts and stops collections does not run, so nothing is started",
            "try again in a moment; `vscsi-helper status` and the agent's log say more when that does not help",
        )
    listing, selected, luns = _select(collector, request)
    _make_room(collector, request, _printed_disks(listing, selected))
    record = OrderedDict(
        [
            ("request", request),
            ("boot_id", collector.equipment.boot.id),
            ("first_due_ms", None),
            ("acknowledged", None),
        ]
    )
    state = JobState(_new_document(collector, request, selected, luns), record, LOOKING)
    _refuse_mixed_modes(collector, state)
    try:
        collector.equipment.spool.create(state.document, record)
    except SpoolError as error:
        if error.kind == "exists":
            raise Refusal("conflict", str(error), "choose another --name, or move away what has this one") from None
        _delete_half(collector, name)
        raise _refuse_spool(error) from None
    fault_point("job-created")
    state.saved_ms = collector.now_ms()
    collector.jobs[name] = state
    look_first(collector, state)
    return 201, view(collector, name)


def _delete_half(collector, name):
    # type: (Collector, str) -> None
    """Half a job would come back as a failed one at the next start."""
    try:
        collector.equipment.spool.delete(name)
    except SpoolError as error:
        collector.log(str(error))


def _select(collector, request):
    # type: (Collector, dict) -> tuple[Listing, Resolved, list[str]]
    try:
        listing = collector.list_vms()
    except HostError as error:
        hint = "run `vscsi-agent doctor` on the host to see what is missing"
        raise Refusal("vscsi_stats", str(error), hint) from None
    try:
        # Labels and UUIDs are looked up only when the plain path does not match.
        selected, luns = select(listing, [], request["vm"], request["disks"])
    except Unresolved:
        try:
            selected, luns = select(listing, collector.volumes() or [], request["vm"], request["disks"])
        except Unresolved as error:
            hint = "list what there is with `vscsi-helper discover`"
            raise Refusal("no_such_target", str(error), hint) from None
    return listing, selected, luns


def _new_document(collector, request, selected, luns):
    # type: (Collector, dict, Resolved, list[str]) -> Document
    now = moment.text(collector.wall())
    host = OrderedDict(request["host"])
    host["hostname"] = host["hostname"] or collector.equipment.hostname
    profile, options = request["profile"], request["options"]
    disks = [
        {"handle_id": str(disk.handle_id), "node": disk.node, "lun": lun} for disk, lun in zip(selected.disks, luns)
    ]
    return Document(
        jobs.JOB(
            {
                "format_version": jobs.FORMAT_VERSION,
                "job_id": request["name"],
                "created_at": now,
                "updated_at": now,
                "status": "pending",
                "host": host,
                "target": {
                    "vm_name": selected.vm_name,
                    "world_group_id": str(selected.world_group_id),
                    "config_file": selected.config_file,
                    "disks": disks,
                },
                "profile": profile,
                "collection": {
                    "samples_collected": 0,
                    "samples_expected": profile["samples"],
                    "mode": options["mode"],
                    "max_misses": options["max_misses"],
                },
                "cleanup": {"vscsiStats_stopped": False},
            }
        )
    )


def _refuse_mixed_modes(collector, new):
    # type: (Collector, JobState) -> None
    """Restarting counters would cut the samples of another job on the same disk."""
    for other in collector.active():
        is_mixed = other.is_restarting() or new.is_restarting()
        if is_mixed and set(other.disks()) & set(new.disks()):
            words = "job {} is collecting one of these disks, and restart mode allows no second job on a disk"
            hint = "wait for it, or use cumulative counters for both"
            raise Refusal("conflict", words.format(other.name), hint)


def _printed_disks(listing, selected):
    # type: (Listing, Resolved) -> int
    """The disks that one print of the job shows: its own when it has one, and otherwise all of the VM."""
    wanted = len(selected.disks)
    for vm in listing.vms:
        if wanted > 1 and vm.world_group_id == selected.world_group_id:
            return len(vm.disks)
    return wanted


def _make_room(collector, request, printed_disks):
    # type: (Collector, dict, int) -> None
    """Refuses a job that would not fit, after dropping ended jobs whose samples are all safe on a client."""
    spool = collector.equipment.spool
    own = (request["profile"]["samples"] + 1) * spool.takes(printed_disks * _SNAPSHOT_BYTES_PER_DISK)
    running = sum(_still_needs(collector, state) for state in collector.active())

    def fits():
        # type: () -> bool
        free = spool.free_bytes()
        return spool.used_bytes() + own + running <= spool.limit_bytes and (free is None or own + running <= free)

    pulled = [
        state
        for state in collector.jobs.values()
        if not state.is_active() and state.next and state.record["acknowledged"] == state.next - 1
    ]
    for state in sorted(pulled, key=lambda state: (moment.parse(state.job["updated_at"]), state.name)):
        if fits():
            break
        collector.log("{}: removed from the spool to make room; all its samples were pulled".format(state.name))
        _remove(collector, state.name)
    if fits():
        return
    free = spool.free_bytes()
    words = (
        "the job may need {} bytes and the running jobs {} more; the spool holds {} of at most {}, "
        "and its volume has {} bytes free"
    )
    shown = "an unknown number of" if free is None else str(free)
    message = words.format(own, running, spool.used_bytes(), spool.limit_bytes, shown)
    raise Refusal("spool", message, "pull and delete old jobs, take fewer samples, or raise --spool-limit")


def _still_needs(collector, state):
    # type: (Collector, JobState) -> int
    """Bytes that the snapshots to come of a job may take."""
    expected = len(state.job["target"]["disks"]) * _SNAPSHOT_BYTES_PER_DISK
    left = max(state.job["profile"]["samples"] + 1 - state.next, 0)
    spool = collector.equipment.spool
    return left * spool.takes(max(spool.largest_bytes(state.name), expected))


def stop(collector, name, with_cleanup):
    # type: (Collector, str, bool) -> tuple[int, dict]
    """Ends a job."""
    state = _state(collector, name)
    if state.is_active():
        if not with_cleanup:
            # What another job uses is stopped by its own end, as if this job had never been.
            others = {disk for other in collector.active() if other is not state for disk in other.disks()}
            _keep_running(collector, [disk for disk in state.disks() if disk not in others])
        end(collector, state, "stopped", "stopped by a user")
    return 200, view(collector, name)


def _keep_running(collector, disks):
    # type: (Collector, list[DiskKey]) -> None
    """Has the switch leave these disks running; it is durable before this returns. What is just being started or
    restarted may end as a collection or as none, so that there is nothing to keep yet.
    """
    ours = [disk for disk in disks if is_armed(collector, disk) and not is_foreign(collector, disk)]
    await_orders(collector, ours, AWAIT_MS)
    for disk in ours:
        seen = collector.disks.get(disk)
        if seen is not None and seen.is_pending():
            words = "{} is just being started, and cannot be left running yet".format(disk)
            raise Refusal("unavailable", words, "try again in a moment, or stop the job together with its collection")
    for disk in ours:
        ask(collector, disk, "keep")
    await_orders(collector, ours, AWAIT_MS)
    for disk in ours:
        seen = collector.disks.get(disk)
        if seen is None or seen.state != "kept":
            why = None if seen is None else seen.reason
            _take_back(collector, ours)
            words = "{} cannot be left running: {}".format(disk, why or "the switch does not answer")
            hint = "free space in the agent's state directory, or stop the job together with its collection"
            raise Refusal("spool", words, hint)


def _take_back(collector, disks):
    # type: (Collector, list[DiskKey]) -> None
    """A switch that hears of a `keep` after it was refused would keep what nobody stops when this agent dies."""
    for disk in disks:
        seen = collector.disks.get(disk)
        if seen is not None and seen.is_pending():
            ask(collector, disk, "want")


def cleanup(collector, name):
    # type: (Collector, str) -> tuple[int, dict]
    """Stops the collection of a job that has ended without stopping it."""
    state = _state(collector, name)
    if state.is_active():
        words = "{} is {}, and still needs its collection".format(name, state.job["status"])
        raise Refusal("conflict", words, "stop the job, which also ends its collection")
    # What no job uses and the switch still has is asked for once more, which is tried at once.
    for disk in collector.outstanding(state):
        ask(collector, disk, "drop")
    state.ended_ms = collector.now_ms()
    return 200, view(collector, name)


def clean_up(collector, name):
    # type: (Collector, str) -> None
    """What came of `cleanup`: raises a `Refusal` where it failed."""
    settle(collector)
    left = collector.outstanding(_state(collector, name))
    failure = failure_of(collector, left)
    if failure is not None:
        words = "the collection was not stopped: {}".format(failure)
        raise Refusal("vscsi_stats", words, "run on the host: {}".format(stop_by_hand(left)))


def delete(collector, name):
    # type: (Collector, str) -> tuple[int, Any]
    """Removes a job from the spool."""
    state = _state(collector, name)
    if state.is_active():
        raise Refusal("conflict", "{} is {}".format(name, state.job["status"]), "stop the job first")
    _remove(collector, name)
    return 204, None


def _remove(collector, name):
    # type: (Collector, str) -> None
    try:
        collector.equipment.spool.delete(name)
    except SpoolError as error:
        raise _refuse_spool(error) from None
    collector.jobs.pop(name, None)
    collector.publish(name)


def acknowledge(collector, name, through):
    # type: (Collector, str, int) -> tuple[int, dict]
    """Samples are safe on a client."""
    state = _state(collector, name)
    if through >= state.next:
        raise Refusal("bad_request", "{} has no snapshot {} yet".format(name, through))
    known = state.record["acknowledged"]
    if known is None or known < through:
        record = OrderedDict(state.record, acknowledged=through)
        try:
            collector.equipment.spool.save_record(record)
        except SpoolError as error:
            raise _refuse_spool(error) from None
        state.record = record
        collector.publish(name)
    return 200, view(collector, name)


def view(collector, name):
    # type: (Collector, str) -> dict
    """The job as it is now."""
    collector.publish(name)
    found = collector.equipment.views.job(name)
    if found is None:
        raise _no_job(name)
    return found


def _state(collector, name):
    # type: (Collector, str) -> JobState
    state = collector.jobs.get(name)
    if state is None:
        raise _no_job(name)
    return state


def _no_job(name):
    # type: (str) -> Refusal
    words = "there is no job {} in the spool".format(name)
    return Refusal("not_found", words, "list the jobs with `vscsi-helper list`")


def _refuse_spool(error):
    # type: (SpoolError) -> Refusal
    return Refusal("spool", str(error), "free space in the agent's state directory")
