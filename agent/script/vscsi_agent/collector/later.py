"""Requests whose outcome is known only when the switch has answered."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..desk import Asked


class Later(object):
    """A request that waits: `outcome` gives status and answer once they are there, or raises a `Refusal`.

    When its time is over, `outcome` is asked for the last time, and told so.
    """

    def __init__(self, asked, until_ms, outcome):
        # type: (Asked, int, Callable[[bool], tuple[int, Any] | None]) -> None
        self.asked = asked
        self.until_ms = until_ms
        self.outcome = outcome
