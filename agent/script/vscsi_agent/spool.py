"""The spool: the agent's directory of jobs and snapshots. A job is a folder with

- job.json: the job, as the client copies it;
- agent.json: what the agent needs to go on with it after a restart;
- samples/sample_000.csv, …: immutable snapshots;
- samples/SHA256SUMS: their checksums, for `sha256sum -c`;
- set-aside/: torn or corrupt files.
"""

import hashlib
import os
import re
import threading
from collections import OrderedDict

from . import files, identifier, jsonfile, snapshot
from .fault import fault_point
from .files import reason
from .job import Document
from .plain import encoded
from .shape import Default, Field, Nullable, Shape, count, text
from .wire import CREATE_JOB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Largest job.json, agent.json or SHA256SUMS that is read, bytes.
_TEXT_LIMIT = 16 * 1024 * 1024

# Largest snapshot that is read, bytes; a print of 64 disks takes less than half a megabyte.
_SNAPSHOT_LIMIT = 16 * 1024 * 1024

# Space that stays free on the volume, bytes: virtual machines live on it, and stop when it is full.
VOLUME_RESERVE = 64 * 1024 * 1024

# Files that the volume can still take when no snapshot is written any more: virtual machines need some too.
FILES_RESERVE = 256

# Unit of `st_blocks`, bytes, whatever the blocks of the file system are.
_STAT_BLOCK_BYTES = 512

# The smallest block that is assumed, and the size of the file by which blocks are measured, bytes.
_LEAST_BLOCK_BYTES = 4096
_PROBE_BYTES = 12 * 1024

_SUM = re.compile(rb"([0-9a-fA-F]{64})  (sample_[0-9]{3,10}\.csv)\n")

RECORD = Shape(
    Field("request", CREATE_JOB),
    Field("boot_id", text),
    Default("first_due_ms", Nullable(count(64)), None),
    Default("acknowledged", Nullable(count(32)), None),
)


class SpoolError(Exception):
    """The spool could not do what it was asked; `kind` is `missing` where there is no such thing, and `exists`."""

    def __init__(self, message, kind=""):
        # type: (str, str) -> None
        Exception.__init__(self, message)
        self.kind = kind


class Stored(object):
    """A job as it was found in the spool, with the number of its snapshots that hold usable output."""

    def __init__(self, document, record, usable):
        # type: (Document, dict, int) -> None
        self.document = document
        self.record = record
        self.usable = usable


class _Index(object):
    """The snapshots of a job by sequence, each as the manifest has it, and what was set aside."""

    def __init__(self):
        # type: () -> None
        self.samples = {}  # type: dict[int, dict]
        self.set_aside = []  # type: list[str]
        # The highest sequence that was ever written, whatever has become of it: none is used twice.
        self.last = None  # type: int | None
        # Bytes that the files take, those set aside too: file systems give space in blocks.
        self.taken_bytes = 0

    def passed(self, sequence):
        # type: (int) -> None
        """This sequence is used up."""
        self.last = sequence if self.last is None else max(self.last, sequence)

    def put_aside(self, name):
        # type: (str) -> None
        """A file was set aside: its sequence is used up."""
        self.set_aside = sorted(set(self.set_aside + [name]))
        sequence = snapshot.sequence_of(name)
        if sequence is not None:
            self.samples.pop(sequence, None)
            self.passed(sequence)

    def sums(self):
        # type: () -> list[tuple[int, str]]
        """Sequences and checksums, in order."""
        return [(sequence, str(entry["sha256"])) for sequence, entry in sorted(self.samples.items())]


class Spool(object):
    """The spool below a directory. Its index of snapshots is in memory and is rebuilt by `load`."""

    def __init__(self, directory, limit_bytes):
        # type: (str, int) -> None
        files.create_directory(directory)
        self._directory = directory
        self.limit_bytes = limit_bytes
        self._mutex = threading.Lock()
        self._index = {}  # type: dict[str, _Index]
        self._probe = os.path.join(directory, ".blocks")
        # What a probe left that was interrupted.
        files.remove(self._probe)
        # The block in which the file system gives space, bytes; 0 where it is not known yet.
        self._block_bytes = 0

    def _job(self, job):
        # type: (str) -> str
        return os.path.join(self._directory, job)

    def _samples(self, job):
        # type: (str) -> str
        return os.path.join(self._directory, job, "samples")

    def load(self):
        # type: () -> tuple[list[Stored], list[str]]
        """Everything in the spool; what cannot be used is set aside and reported in words."""
        jobs, notes = [], []  # type: list[Stored], list[str]
        for job in files.names_in(self._directory):
            if not identifier.is_name(job):
                notes.append("{} in the spool is not a job and was not touched".format(job))
                continue
            try:
                if self._is_unfinished(job):
                    self.delete(job)
                else:
                    jobs.append(self._load_job(job, notes))
            except SpoolError as error:
                notes.append(str(error))
            except (OSError, jsonfile.Unreadable) as error:
                why = reason(error) if isinstance(error, OSError) else str(error)
                notes.append("{} in the spool cannot be used and was not touched: {}".format(job, why))
        return jobs, notes

    def _is_unfinished(self, job):
        # type: (str) -> bool
        """A crash interrupted the creation of this job, whose job.json is written last: nobody was told of it."""
        of_creation = ("agent.json", "agent.json.tmp", "job.json.tmp", "samples")
        names = files.names_in(self._job(job))
        return all(name in of_creation for name in names) and not files.names_in(self._samples(job))

    def _load_job(self, job, notes):
        # type: (str, list[str]) -> Stored
        files.remove_temporary(self._job(job))
        document = Document.from_json(self._text(job, "job.json"))
        if document.job["job_id"] != job:
            raise jsonfile.Unreadable("job.json names another job")
        try:
            record = RECORD(jsonfile.read(self._text(job, "agent.json")))
        except jsonfile.Unreadable as error:
            notes.append("{} can be pulled and not be gone on with: agent.json is unusable: {}".format(job, error))
            record = RECORD(_record_of(document.job))
        index, usable = self._index_samples(job, notes)
        with self._mutex:
            self._index[job] = index
        return Stored(document, record, usable)

    def _text(self, job, name):
        # type: (str, str) -> bytes
        content = files.read_if_there(os.path.join(self._job(job), name), _TEXT_LIMIT)
        if content is None:
            raise jsonfile.Unreadable("{} is missing".format(name))
        return content

    def _index_samples(self, job, notes):
        # type: (str, list[str]) -> tuple[_Index, int]
        """The snapshots of a job, and how many hold usable output. `SHA256SUMS` then lists these and no others."""
        directory = self._samples(job)
        known, is_tidy = _sums(files.read_if_there(os.path.join(directory, "SHA256SUMS"), _TEXT_LIMIT) or b"")
        usable = newer = 0
        unreadable = []  # type: list[tuple[int, str]]
        index = self._index_of_set_aside(job)
        for sequence, name in self._names_of_samples(directory):
            index.passed(sequence)
            try:
                content, taken = _read(os.path.join(directory, name))
            except OSError as error:
                notes.append("{}: {} cannot be read and was not touched: {}".format(job, name, reason(error)))
                unreadable.extend([(sequence, known[sequence])] if sequence in known else [])
                continue
            digest = hashlib.sha256(content).hexdigest()
            index.taken_bytes += taken
            try:
                if known.get(sequence, digest) != digest:
                    raise snapshot.Unreadable("its checksum is wrong")
                usable += not snapshot.flags_of(content) & {"gap", "failed"}
            except snapshot.TooNew:
                usable, newer = usable + 1, newer + 1
            except snapshot.Unreadable as problem:
                notes.append("{}: {} {}: {}".format(job, name, self._try_to_set_aside(job, name), problem))
                index.put_aside(name)
                continue
            is_tidy = is_tidy and sequence in known
            index.samples[sequence] = _entry(sequence, len(content), digest)
        if newer:
            words = "{}: {} snapshots are of a newer format than this version reads and were not touched"
            notes.append(words.format(job, newer))
        if not is_tidy or len(known) != len(index.samples) + len(unreadable):
            self._write_sums(job, index.sums() + unreadable)
        return index, usable

    def _index_of_set_aside(self, job):
        # type: (str) -> _Index
        index = _Index()
        aside = os.path.join(self._job(job), "set-aside")
        for name in files.names_in(aside):
            index.put_aside(name)
            index.taken_bytes += _taken_bytes(os.stat(encoded(os.path.join(aside, name))))
        return index

    def _names_of_samples(self, directory):
        # type: (str) -> list[tuple[int, str]]
        """The snapshots in order. The rest of a write that a crash interrupted is removed: it was never there."""
        files.remove_temporary(directory)
        found = []
        for name in files.names_in(directory):
            sequence = snapshot.sequence_of(name)
            if sequence is not None:
                found.append((sequence, name))
        return sorted(found)

    def _try_to_set_aside(self, job, name):
        # type: (str, str) -> str
        """What came of it, in words."""
        try:
            self._set_aside(job, name)
        except OSError as error:
            return "could not be set aside: {}".format(reason(error))
        return "was set aside"

    def _set_aside(self, job, name):
        # type: (str, str) -> None
        aside = os.path.join(self._job(job), "set-aside")
        files.create_directory(aside)
        os.replace(encoded(os.path.join(self._samples(job), name)), encoded(os.path.join(aside, name)))
        files.sync_directory(aside)

    def _write_sums(self, job, sums):
        # type: (str, list[tuple[int, str]]) -> None
        content = "".join(_line(sequence, digest) for sequence, digest in sums).encode("ascii")
        files.write_atomically(os.path.join(self._samples(job), "SHA256SUMS"), content)

    def _append_sum(self, job, sequence, digest):
        # type: (str, int, str) -> None
        path = os.path.join(self._samples(job), "SHA256SUMS")
        files.append_durably(path, _line(sequence, digest).encode("ascii"))

    def create(self, document, record):
        # type: (Document, dict) -> None
        """Writes a job that is not there yet."""
        job = document.job["job_id"]
        with _Doing("create job {}".format(job)):
            try:
                # What is there already may be samples of a job whose other files are damaged.
                files.create_new_directory(self._job(job))
            except FileExistsError:
                words = "something with the name {} is in the spool already and is not a job that can be read"
                raise SpoolError(words.format(job), "exists") from None
            files.create_directory(self._samples(job))
            with self._mutex:
                self._index[job] = _Index()
            self.save_record(record)
            fault_point("job-between-files")
            self.save_job(document)
            files.sync_directory(self._directory)

    def save_job(self, document):
        # type: (Document) -> None
        """Rewrites job.json."""
        job = document.job["job_id"]
        with _Doing("write job.json of {}".format(job)):
            files.write_atomically(os.path.join(self._job(job), "job.json"), document.to_json())

    def save_record(self, record):
        # type: (dict) -> None
        """Rewrites agent.json."""
        job = record["request"]["name"]
        with _Doing("write agent.json of {}".format(job)):
            files.write_atomically(os.path.join(self._job(job), "agent.json"), jsonfile.pretty(record))

    def write_snapshot(self, job, sequence, content):
        # type: (str, int, bytes) -> None
        """Writes a snapshot that is not there yet."""
        would_take = self.used_bytes() + self.takes(len(content))
        if would_take > self.limit_bytes:
            words = "the spool would take {} bytes, and its limit is {}"
            raise SpoolError(words.format(would_take, self.limit_bytes))
        self._check_volume()
        digest = hashlib.sha256(content).hexdigest()
        path = os.path.join(self._samples(job), snapshot.file_name(sequence))
        with _Doing("write snapshot {} of {}".format(sequence, job)):
            fault_point("snapshot-before-file")
            files.write_atomically(path, content)
            taken = _taken_bytes(os.stat(encoded(path)))
            fault_point("snapshot-after-file")
            try:
                # A line always names a file that is there; the file that lacks one gets it at the next start.
                self._append_sum(job, sequence, digest)
            except OSError:
                # Nobody was told of it, and without its checksum it could not be verified.
                files.remove(path)
                raise
        fault_point("snapshot-after-sum")
        with self._mutex:
            index = self._index.setdefault(job, _Index())
            index.samples[sequence] = _entry(sequence, len(content), digest)
            index.passed(sequence)
            index.taken_bytes += taken

    def takes(self, size):
        # type: (int) -> int
        """What a file of `size` bytes will take."""
        if not self._block_bytes:
            try:
                taken = self._measure()
            except OSError:
                # On a volume that takes no probe nothing is known, and it is tried again.
                return -(-size // _LEAST_BLOCK_BYTES) * _LEAST_BLOCK_BYTES
            # A probe that takes hardly more than it holds lies in small blocks.
            self._block_bytes = taken if taken >= 2 * _PROBE_BYTES else _LEAST_BLOCK_BYTES
        return -(-size // self._block_bytes) * self._block_bytes

    def _measure(self):
        # type: () -> int
        """What a file of the size of a small snapshot takes, bytes."""
        descriptor = os.open(encoded(self._probe), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            files.write_whole(descriptor, b"x" * _PROBE_BYTES)
            os.fsync(descriptor)
            return _taken_bytes(os.fstat(descriptor))
        finally:
            os.close(descriptor)
            files.remove(self._probe)

    def _check_volume(self):
        # type: () -> None
        """Refuses to write where the volume has only left what others need."""
        free = files.free_bytes(self._directory)
        if free is not None and free < VOLUME_RESERVE:
            words = "its volume has {} bytes left, and the last {} are reserved for others"
            raise SpoolError(words.format(free, VOLUME_RESERVE))
        left = files.free_files(self._directory)
        if left is not None and left < FILES_RESERVE:
            words = "its volume can take {} more files, and the last {} are reserved for others"
            raise SpoolError(words.format(left, FILES_RESERVE))

    def manifest(self, job, first=0):
        # type: (str, int) -> dict[str, Any]
        """The snapshots of a job from the sequence `first` on."""
        with self._mutex:
            index = self._index.get(job) or _Index()
            samples = [entry for sequence, entry in sorted(index.samples.items()) if sequence >= first]
            return OrderedDict([("samples", samples), ("set_aside", list(index.set_aside))])

    def last_sequence(self, job):
        # type: (str) -> int | None
        """The highest sequence that was ever written, whatever has become of it."""
        with self._mutex:
            index = self._index.get(job)
            return None if index is None else index.last

    def largest_bytes(self, job):
        # type: (str) -> int
        """The size of the largest snapshot of a job."""
        with self._mutex:
            index = self._index.get(job) or _Index()
            return max((entry["bytes"] for entry in index.samples.values()), default=0)

    def read_snapshot(self, job, sequence):
        # type: (str, int) -> bytes
        """A snapshot whose checksum was verified; one whose content is not what was written is set aside."""
        name = snapshot.file_name(sequence)
        with self._mutex:
            index = self._index.get(job)
            entry = index.samples.get(sequence) if index is not None else None
        content = None
        if entry is not None:
            with _Doing("read {} of {}".format(name, job)):
                content = files.read_if_there(os.path.join(self._samples(job), name), _SNAPSHOT_LIMIT)
        if entry is None or content is None:
            raise SpoolError("there is no {} of {}".format(name, job), "missing")
        if hashlib.sha256(content).hexdigest() == entry["sha256"]:
            return content
        # Its file goes first: a file without a line would be taken for whole at the next start.
        with _Doing("set {} of {} aside".format(name, job)):
            self._set_aside(job, name)
            with self._mutex:
                left = []  # type: list[tuple[int, str]]
                if index is not None:
                    index.put_aside(name)
                    left = index.sums()
            self._write_sums(job, left)
        raise SpoolError("{} of {} is corrupt and was set aside".format(name, job))

    def delete(self, job):
        # type: (str) -> None
        """Removes a job with everything it has."""
        with self._mutex:
            self._index.pop(job, None)
        with _Doing("delete job {}".format(job)):
            files.remove_tree(self._job(job))
            files.sync_directory(self._directory)

    def used_bytes(self):
        # type: () -> int
        """Space that all snapshots take, bytes: whole blocks of their file system."""
        with self._mutex:
            return sum(index.taken_bytes for index in self._index.values())

    def free_bytes(self):
        # type: () -> int | None
        """Bytes the volume can still give to snapshots; `None` when that is not known."""
        free = files.free_bytes(self._directory)
        return None if free is None else max(0, free - VOLUME_RESERVE)


class _Doing(object):
    """What is being done, for the message when the file system refuses."""

    def __init__(self, what):
        # type: (str) -> None
        self._what = what

    def __enter__(self):
        # type: () -> None
        return None

    def __exit__(self, kind, error, trace):
        # type: (object, BaseException | None, object) -> None
        if isinstance(error, OSError):
            raise SpoolError("cannot {}: {}".format(self._what, reason(error))) from None


def _entry(sequence, size, digest):
    # type: (int, int, str) -> dict
    return OrderedDict([("sequence", sequence), ("bytes", size), ("sha256", digest)])


def _line(sequence, digest):
    # type: (int, str) -> str
    return "{}  {}\n".format(digest, snapshot.file_name(sequence))


def _read(path):
    # type: (str) -> tuple[bytes, int]
    """A snapshot and the space that it takes."""
    content = files.read_if_there(path, _SNAPSHOT_LIMIT) or b""
    return content, _taken_bytes(os.stat(encoded(path)))


def _taken_bytes(status):
    # type: (os.stat_result) -> int
    """Where a file system does not tell its blocks it is at least what the file holds."""
    return max(status.st_size, status.st_blocks * _STAT_BLOCK_BYTES)


def _record_of(job):
    # type: (dict) -> dict
    """What can be told of a job without its agent.json: enough to show and pull it, and not to go on with it."""
    target, collection = job["target"], job["collection"]
    request = {
        "name": job["job_id"],
        "host": job["host"],
        "vm": {"config_file": target["config_file"]},
        "disks": target["disks"],
        "profile": job["profile"],
        "options": {"mode": collection["mode"], "max_misses": collection["max_misses"]},
    }
    return {"request": request, "boot_id": ""}


def _sums(content):
    # type: (bytes) -> tuple[dict[int, str], bool]
    """The checksums by sequence, of which the last line counts; and whether no line is torn or repeated."""
    found = {}  # type: dict[int, str]
    is_tidy = True
    for line in content.splitlines(True):
        whole = _SUM.match(line)
        sequence = None if whole is None else snapshot.sequence_of(whole.group(2).decode("ascii"))
        if whole is None or sequence is None:
            is_tidy = False
            continue
        is_tidy = is_tidy and sequence not in found
        found[sequence] = whole.group(1).decode("ascii").lower()
    return found, is_tidy
