"""The collector's one step, and the door for what clients ask."""

from ..wire import Refusal
from . import requests, schedules
from .begin import commence_started, look, look_at_foreign
from .decide import decide
from .disks import NOT_PASSING, PASSING, facts, give_orders, hear
from .end import next_save_ms, save_unsaved, settle
from .jobstate import STARTING
from .state import ANSWER_MS
from .take import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..desk import Asked
    from .state import Collector


class Ticket(object):
    """A request whose answer has to wait for the switch, but not beyond a moment."""

    def __init__(self, asked, job, status, until_ms):
        # type: (Asked, str, int, int) -> None
        self.asked = asked
        self.job = job
        self.status = status
        self.until_ms = until_ms


def step(collector):
    # type: (Collector) -> int | None
    """Does the one thing that is most due; gives when it wants to be called again, monotonic milliseconds.

    One at a time, because a host that answers slowly may have something due always, and the agent must hear signals and
    clients all the same.
    """
    keep_up_with_clocks(collector)
    attend(collector)
    started_job = schedules.run_due(collector)
    now_ms = collector.now_ms()
    waiting = [state.waiting() for state in collector.active()]
    decision = decide(now_ms, [one for one in waiting if one is not None], facts(collector))
    if decision.kind == "take" and decision.due is not None:
        take(collector, collector.jobs[decision.job], decision.due)
    elif decision.kind == "look":
        look(collector, collector.jobs[decision.job])
    elif decision.kind == "foreign" and decision.disk is not None:
        look_at_foreign(collector, decision.disk)
    elif not started_job:
        save_unsaved(collector)
        moments = [decision.wake_ms, schedules.next_run_ms(collector), next_save_ms(collector)]
        known = [moment for moment in moments if moment is not None]
        return min(known) if known else None
    # A print or a look may be followed by an order at once.
    attend(collector)
    return now_ms


def keep_up_with_clocks(collector):
    # type: (Collector) -> None
    """Has the next agent recognise this boot even when somebody has set the wall clock."""
    boot = collector.equipment.boot
    boot.keep_up()
    collector.equipment.views.set_problem("boot.json", boot.problem)


def attend(collector):
    # type: (Collector) -> None
    """Hears what the switch has said, and asks it for what is missing."""
    has_heard = hear(collector)
    commence_started(collector)
    give_orders(collector)
    if has_heard:
        settle(collector)


def attend_last(collector):
    # type: (Collector) -> None
    """Hears the switch and has the jobs tell what came of it, and does nothing else: at the end of the agent."""
    if hear(collector):
        settle(collector)


def perform(collector, asked):
    # type: (Collector, Asked) -> None
    """Performs what a client asked for; what the switch has to do first is answered when it has."""
    if asked.what == "create" and not collector.is_ready and collector.switch.is_coming():
        # What can be started in a moment is not refused now.
        collector.waiting.append(asked)
        return
    try:
        status, answer = _DOORS[asked.what](collector, *asked.arguments)
    except Refusal as refusal:
        asked.refuse(refusal)
        return
    attend(collector)
    if asked.what in ("stop", "cleanup") or (asked.what == "create" and status == 201):
        job = asked.arguments[0]["name"] if asked.what == "create" else asked.arguments[0]
        ticket = Ticket(asked, job, status, collector.now_ms() + ANSWER_MS)
        if not _has_answered(collector, ticket):
            collector.tickets.append(ticket)
    else:
        asked.answer(status, answer)


def answer(collector):
    # type: (Collector) -> None
    """Answers the requests whose outcome is known by now."""
    waiting, collector.waiting = collector.waiting, []
    for asked in waiting:
        perform(collector, asked)
    collector.tickets = [ticket for ticket in collector.tickets if not _has_answered(collector, ticket)]


def _has_answered(collector, ticket):
    # type: (Collector, Ticket) -> bool
    state = collector.jobs.get(ticket.job)
    waits = state is not None and (state.phase == STARTING or collector.is_being_stopped(state))
    if waits and collector.now_ms() < ticket.until_ms:
        return False
    try:
        if ticket.asked.what == "cleanup":
            requests.clean_up(collector, ticket.job)
        ticket.asked.answer(ticket.status, requests.view(collector, ticket.job))
    except Refusal as refusal:
        ticket.asked.refuse(refusal)
    return True


def pass_on(collector, start):
    # type: (Collector, str) -> bool
    """Has the switch pass everything on to the switch `start`. Until it has, nothing else changes, and nothing is asked
    of it. False when there is no switch that is ready, or one is passing on already: nothing was asked.
    """
    collector.successor = start
    if not collector.is_ready or collector.passing != NOT_PASSING:
        return False
    collector.log("handing over to a successor")
    keep_up_with_clocks(collector)
    collector.passing = PASSING
    collector.switch.hand_over(start)
    return True


def is_busy(collector):
    # type: (Collector) -> bool
    """There is a reason to stay: a job that runs, a collection to stop, or a schedule."""
    is_collecting = any(disk.state != "kept" for disk in collector.disks.values())
    return bool(is_collecting or collector.schedules.all or collector.active())


_DOORS = {
    "create": requests.create,
    "stop": requests.stop,
    "cleanup": requests.cleanup,
    "delete": requests.delete,
    "acknowledge": requests.acknowledge,
    "create_schedule": schedules.create_schedule,
    "delete_schedule": schedules.delete_schedule,
}  # type: dict[str, Callable[..., tuple[int, Any]]]
