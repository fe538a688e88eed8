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
from .end import SETTLE_MS, end, is_settled, settle
from .jobstate import LOOKING, STARTING, JobState
from .later import Later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..desk import Asked
    from ..host.resolve import Resolved
    from ..reading.listing import Listing
    from .state import Collector

# Bytes one snapshot of one disk takes at most: the sixteen histograms with 20-digit counters and the header.
_SNAPSHOT_BYTES_PER_DISK = 12 * 1024


def create_for(collector, asked, request):
    # type: (Collector, Asked, dict) -> tuple[int, dict] | None
    """Begins a job for a client; the answer waits until its collection runs, or somebody else's has to be ruled out."""
    status, answer = create(collector, request)
    state = collector.jobs[request["name"]]
    if status == 200 or state.phase != STARTING:
        return status, answer

    def outcome(is_last):
        # type: (bool) -> tuple[int, Any] | None
        if not is_last and (state.phase == STARTING or state.hidden_until_ms is not None):
            return None
        state.hidden_until_ms = None
        return status, view(collector, state.name)

    collector.later.append(Later(asked, collector.now_ms() + SETTLE_MS, outcome))
    return None


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
    problem = collector.switch.problem()
    if problem is not None:
        raise Refusal("unavailable", "nothing can be started now: {}".format(problem), "try again in a moment")
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
    own = (request["profile"]["samples"] + 1) * printed_disks * _SNAPSHOT_BYTES_PER_DISK
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
    return left * max(collector.equipment.spool.largest_bytes(state.name), expected)


def stop(collector, asked, name, with_cleanup):
    # type: (Collector, Asked, str, bool) -> tuple[int, Any] | None
    """Ends a job; the answer waits until it is known what became of the collection."""
    state = _state(collector, name)
    if not state.is_active():
        return 200, view(collector, name)
    kept = []
    if not with_cleanup:
        # What another job uses is stopped by its own end, as if this job had never been.
        others = {disk for other in collector.active() if other is not state for disk in other.disks()}
        named = collector.switch.named()
        kept = [disk for disk in state.disks() if disk not in others and disk in named]
    if not kept:
        end(collector, state, "stopped", "stopped by a user")
        _settle_later(collector, asked, state)
        return None
    orders = {disk: collector.order("keep", disk) for disk in kept}

    def outcome(is_last):
        # type: (bool) -> tuple[int, Any] | None
        if not all(collector.switch.is_answered(disk, order) for disk, order in orders.items()):
            if is_last:
                raise Refusal("unavailable", "the process that keeps collections does not answer", "try again")
            return None
        problems = [seen.reason for seen in map(collector.switch.disk, kept) if seen.state != "kept" and seen.reason]
        if problems:
            raise Refusal("spool", problems[0], "free space in the agent's state directory")
        end(collector, state, "stopped", "stopped by a user", kept)
        state.hidden_until_ms = None
        return 200, view(collector, name)

    collector.later.append(Later(asked, collector.now_ms() + SETTLE_MS, outcome))
    return None


def _settle_later(collector, asked, state):
    # type: (Collector, Asked, JobState) -> None
    """Answers with the job when it is known whether its collection has ended."""

    def outcome(is_last):
        # type: (bool) -> tuple[int, Any] | None
        if not is_settled(state) and not is_last:
            return None
        state.hidden_until_ms = None
        return 200, view(collector, state.name)

    collector.later.append(Later(asked, collector.now_ms() + SETTLE_MS, outcome))


def cleanup(collector, asked, name):
    # type: (Collector, Asked, str) -> tuple[int, Any] | None
    """Stops the collection of a job that has ended without stopping it."""
    state = _state(collector, name)
    if state.is_active():
        words = "{} is {}, and still needs its collection".format(name, state.job["status"])
        raise Refusal("conflict", words, "stop the job, which also ends its collection")
    used = collector.used()
    disks = [disk for disk in state.all_disks() if collector.switch.disk(disk).is_named() and disk not in used]
    orders = {disk: collector.order("drop", disk) for disk in disks}

    def outcome(is_last):
        # type: (bool) -> tuple[int, Any] | None
        settle(collector)
        left = [disk for disk in orders if collector.switch.disk(disk).is_named()]
        failures = [collector.switch.disk(disk).reason for disk in left if collector.switch.disk(disk).reason]
        if left and not failures and not is_last:
            return None
        if left:
            words = "the collection was not stopped: {}".format(failures[0] if failures else "it is being tried still")
            raise Refusal("vscsi_stats", words, "run on the host: {}".format(stop_by_hand(left)))
        return 200, view(collector, name)

    collector.later.append(Later(asked, collector.now_ms() + SETTLE_MS, outcome))
    return None


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
