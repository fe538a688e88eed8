"""The collector's one step, and the door for what clients ask."""

from ..wire import Refusal
from . import extend, requests, schedules
from .begin import go_on_starting, look
from .decide import decide
from .end import next_save_ms, save_unsaved, settle
from .recover import tell_switch
from .take import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..desk import Asked
    from .state import Collector

# How often the answers of the switch are looked at while somebody waits for one, milliseconds.
_LOOK_EVERY_MS = 250


def step(collector):
    # type: (Collector) -> int | None
    """Does the one thing that is most due; gives when it wants to be called again, monotonic milliseconds.

    One at a time, because a host that answers slowly may have something due always, and the agent must hear signals and
    clients all the same.
    """
    _keep_up(collector)
    started_job = schedules.run_due(collector)
    now_ms = collector.now_ms()
    waiting = [state.waiting() for state in collector.active()]
    decision = decide(now_ms, [one for one in waiting if one is not None], extend.latest(collector))
    if decision.kind == "extend" and decision.disk is not None:
        extend.extend(collector, decision.disk)
    elif decision.kind == "take" and decision.due is not None:
        take(collector, collector.jobs[decision.job], decision.due)
    elif decision.kind == "look":
        look(collector, collector.jobs[decision.job])
    elif not started_job:
        save_unsaved(collector)
        return next_wake_ms(collector, decision.wake_ms)
    return now_ms


def next_wake_ms(collector, decided_ms):
    # type: (Collector, int | None) -> int | None
    """When something is due besides what was decided."""
    moments = [decided_ms, schedules.next_run_ms(collector), next_save_ms(collector)]
    is_hiding = any(state.hidden_until_ms is not None for state in collector.jobs.values())
    is_awaited = is_hiding or collector.later or collector.waiting
    if is_awaited or any(state.phase == "starting" for state in collector.active()):
        moments.append(collector.now_ms() + _LOOK_EVERY_MS)
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None


def _keep_up(collector):
    # type: (Collector) -> None
    """Takes in what has changed by itself: the clocks, and what the switch has said."""
    equipment, switch = collector.equipment, collector.switch
    equipment.boot.keep_up()
    equipment.views.set_problem("boot.json", equipment.boot.problem)
    equipment.views.set_problem("switch", switch.problem())
    equipment.views.set_problem("journal.json", switch.journal_problem() if switch.ready is not None else None)
    if switch.is_new:
        tell_switch(collector)
    if switch.ready is not None:
        _want_again(collector)
    waiting, collector.waiting = collector.waiting, []
    for asked in waiting:
        perform(collector, asked)
    go_on_starting(collector)
    extend.look_after(collector)
    settle(collector)
    _answer(collector)
    switch.has_news = False


def _want_again(collector):
    # type: (Collector) -> None
    """What the switch has stopped although a job needs it, as after a time in which this process stood still."""
    for disk in collector.used():
        state = collector.switch.disk(disk).state
        if state not in ("off", "stopping") or disk in collector.foreign or not collector.is_answered(disk):
            continue
        users = [job for job in collector.users(disk) if job.phase == "sampling"]
        tended = extend.tend(collector, disk)
        if not users or collector.now_ms() < tended.rests_until_ms:
            continue
        tended.rests_until_ms = collector.now_ms() + extend.RETRY_MS
        collector.order("want", disk)
        message = "the collection of {} had been stopped and is started again: counters begin anew".format(disk)
        collector.log(message)
        collector.note_to_users(disk, message)
        for job in users:
            job.flags.add("new_baseline")


def _answer(collector):
    # type: (Collector) -> None
    """Answers the requests whose outcome is known by now."""
    still = []
    for later in collector.later:
        is_last = collector.now_ms() >= later.until_ms
        try:
            outcome = later.outcome(is_last)
        except Refusal as refusal:
            later.asked.refuse(refusal)
            continue
        if outcome is not None:
            later.asked.answer(*outcome)
        elif is_last:
            later.asked.refuse(Refusal("unavailable", "the agent is busy", "try again in a moment"))
        else:
            still.append(later)
    collector.later = still


def perform(collector, asked):
    # type: (Collector, Asked) -> None
    """Performs what a client asked for; what the switch has to do first is answered when it has."""
    what, arguments = asked.what, asked.arguments
    if what == "create" and collector.switch.is_coming():
        # What can be started in a moment is not refused now.
        collector.waiting.append(asked)
        return
    try:
        if what == "create":
            outcome = requests.create_for(collector, asked, *arguments)
        elif what == "stop":
            outcome = requests.stop(collector, asked, *arguments)
        elif what == "cleanup":
            outcome = requests.cleanup(collector, asked, *arguments)
        else:
            outcome = _DOORS[what](collector, *arguments)
    except Refusal as refusal:
        asked.refuse(refusal)
        return
    if outcome is not None:
        asked.answer(*outcome)


_DOORS = {
    "delete": requests.delete,
    "acknowledge": requests.acknowledge,
    "create_schedule": schedules.create_schedule,
    "delete_schedule": schedules.delete_schedule,
}  # type: dict[str, Callable[..., tuple[int, Any] | None]]
