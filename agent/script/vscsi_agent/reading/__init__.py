"""What the host's commands print, and the files that describe a VM.

Every function takes bytes and gives what could be read together with findings about what could not. None fails as a
whole, and an empty output is an empty reading: esxcli prints nothing at all for an empty list. The rules are those of
the parsers in Rust.
"""
