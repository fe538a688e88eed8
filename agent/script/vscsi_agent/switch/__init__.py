"""The switch: the second process of an agent, which alone runs `vscsiStats -s` and `-x`.

What nobody asks for any more it stops: when a job ends, when the collector dies, when it freezes. It has no HTTP, no
spool and no schedule. The page of states, messages and handover is in the README beside the program in Rust.

It is Python and not `sh`, which would take 2 MB where this takes 10: what it does rests on fsync and rename, on process
groups that are killed together, on many commands at once, and on clocks that the shell of the host does not have.
"""
