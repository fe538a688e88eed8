"""Fault points: named places at which a test kills the agent.

In what is shipped they do nothing. The tests put another file in the place of this one.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

FAULT_POINTS = ()  # type: tuple[str, ...]


def fault_point(name):
    # type: (str) -> None
    """Nothing, on every host."""


def environment(is_first):
    # type: (bool) -> Mapping[str, str] | None
    """That of a process to start; a test has one live that replaces one which died at its fault point."""
    return None
