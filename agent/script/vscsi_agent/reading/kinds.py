"""The sixteen histograms of a disk: the title each is printed under, and the limits of its buckets."""

# Bytes. The pairs such as 4095 and 4096 isolate the exact power of two.
_IO_LENGTH = (
    512, 1024, 2048, 4095, 4096, 8191, 8192, 16383, 16384, 32768, 49152, 65535, 65536, 81920, 131072, 262144, 524288,
)
# 512-byte blocks, signed.
_SEEK_DISTANCE = (
    -500000, -100000, -50000, -10000, -5000, -1000, -500, -128, -64, -32, -16, -8, -6, -4, -2, -1, 0, 1, 2, 4, 6, 8, 16,
    32, 64, 128, 500, 1000, 5000, 10000, 50000, 100000, 500000,
)
# Microseconds, for latency and interarrival time.
_MICROSECONDS = (1, 10, 100, 500, 1000, 5000, 15000, 30000, 50000, 100000)
# Commands in flight, the new one included.
_OUTSTANDING = (1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 64)

# In the order of `vscsiStats -p all`, the same in every capture known. Whole titles are compared, because three
# interarrival titles also begin with `latency`.
KINDS = (
    ("IO lengths of commands", _IO_LENGTH),
    ("IO lengths of Read commands", _IO_LENGTH),
    ("IO lengths of Write commands", _IO_LENGTH),
    ("distance (in LBNs) between successive commands", _SEEK_DISTANCE),
    ("distance (in LBNs) between successive Read commands", _SEEK_DISTANCE),
    ("distance (in LBNs) between successive Write commands", _SEEK_DISTANCE),
    ("distance (in LBNs) between each command from the closest of previous 16", _SEEK_DISTANCE),
    ("latency of IOs in Microseconds (us)", _MICROSECONDS),
    ("latency of Read IOs in Microseconds (us)", _MICROSECONDS),
    ("latency of Write IOs in Microseconds (us)", _MICROSECONDS),
    ("number of outstanding IOs when a new IO is issued", _OUTSTANDING),
    ("number of outstanding Read IOs when a new Read IO is issued", _OUTSTANDING),
    ("number of outstanding Write IOs when a new Write IO is issued", _OUTSTANDING),
    ("latency of IO interarrival time in Microseconds (us)", _MICROSECONDS),
    ("latency of IO interarrival time for Reads in Microseconds (us)", _MICROSECONDS),
    ("latency of IO interarrival time for Writes in Microseconds (us)", _MICROSECONDS),
)

INDEX = {title.encode("ascii"): index for index, (title, _) in enumerate(KINDS)}
