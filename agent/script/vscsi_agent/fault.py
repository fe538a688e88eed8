"""Fault points: named places at which a test kills the agent.

In what is shipped they do nothing. The tests put another file in the place of this one.
"""

FAULT_POINTS = ()  # type: tuple[str, ...]


def fault_point(name):
    # type: (str) -> None
    """Nothing, on every host."""
