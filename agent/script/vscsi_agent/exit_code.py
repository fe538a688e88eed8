"""The documented exit codes, as far as the agent has them."""

OK = 0
FAILED = 1
USAGE = 2
VSCSISTATS_UNAVAILABLE = 12
