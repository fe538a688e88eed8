"""Running other programs: absolute path, argument vector, deadline, output limit, and never a shell."""

from .programs import Programs
from .runner import Runner
from .run import Output, RunError, Spec

__all__ = ["Output", "Programs", "RunError", "Runner", "Spec"]
