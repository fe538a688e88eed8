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

    def used_bytes(self):
        # type: () -> int
        """Bytes of the snapshots."""
        return sum(entry["bytes"] for entry in self.samples.values())


class Spool(object):
    """The spool below a directory. Its index of snapshots is in memory and is rebuilt by `load`."""

    def __init__(self, directory, limit_bytes):
        # type: (str, int) -> None
        files.create_directory(directory)
        self._directory = directory
        self.limit_bytes = limit_bytes
        self._mutex = threading.Lock()
        self._index = {}  # type: dict[str, _Index]
        self._used_bytes = 0

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
        document = Document.from_json(self._text(job, "job.json"))
        try:
            record = RECORD(jsonfile.read(self._text(job, "agent.json")))
        except jsonfile.Unreadable as error:
            raise jsonfile.Unreadable("agent.json is unusable: {}".format(error)) from None
        if document.job["job_id"] != job:
            raise jsonfile.Unreadable("job.json names another job")
        index, usable = self._index_samples(job, notes)
        with self._mutex:
            self._index[job] = index
            self._used_bytes += index.used_bytes()
        return Stored(document, record, usable)

    def _text(self, job, name):
        # type: (str, str) -> bytes
        content = files.read_if_there(os.path.join(self._job(job), name), _TEXT_LIMIT)
        if content is None:
            raise jsonfile.Unreadable("{} is missing".format(name))
        return content

    def _index_samples(self, job, notes):
        # type: (str, list[str]) -> tuple[_Index, int]
        directory = self._samples(job)
        known = _sums(files.read_if_there(os.path.join(directory, "SHA256SUMS"), _TEXT_LIMIT) or b"")
        usable = 0
        index = _Index()
        index.set_aside = files.names_in(os.path.join(self._job(job), "set-aside"))
        for name in files.names_in(directory):
            path = os.path.join(directory, name)
            if name.endswith(files.TEMPORARY_SUFFIX):
                # The rest of a write that a crash interrupted: its snapshot was never there.
                os.remove(encoded(path))
                continue
            sequence = snapshot.sequence_of(name)
            if sequence is None:
                continue
            content = files.read_if_there(path, _SNAPSHOT_LIMIT) or b""
            digest = hashlib.sha256(content).hexdigest()
            try:
                if known.get(sequence, digest) != digest:
                    raise snapshot.Unreadable("its checksum is wrong")
                flags = snapshot.flags_of(content)
            except snapshot.Unreadable as problem:
                notes.append("{}: {} was set aside: {}".format(job, name, problem))
                self._set_aside(job, name)
                index.set_aside.append(name)
                continue
            usable += not flags & {"gap", "failed"}
            if sequence not in known:
                self._append_sum(job, sequence, digest)
            index.samples[sequence] = _entry(sequence, len(content), digest)
        index.set_aside = sorted(set(index.set_aside))
        return index, usable

    def _set_aside(self, job, name):
        # type: (str, str) -> None
        aside = os.path.join(self._job(job), "set-aside")
        files.create_directory(aside)
        os.replace(encoded(os.path.join(self._samples(job), name)), encoded(os.path.join(aside, name)))
        files.sync_directory(aside)

    def _append_sum(self, job, sequence, digest):
        # type: (str, int, str) -> None
        line = "{}  {}\n".format(digest, snapshot.file_name(sequence)).encode("ascii")
        files.append_durably(os.path.join(self._samples(job), "SHA256SUMS"), line)

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
        would_hold = self.used_bytes() + len(content)
        if would_hold > self.limit_bytes:
            words = "the spool would hold {} bytes, and its limit is {}"
            raise SpoolError(words.format(would_hold, self.limit_bytes))
        free = files.free_bytes(self._directory)
        if free is not None and free < VOLUME_RESERVE:
            words = "its volume has {} bytes left, and the last {} are reserved for others"
            raise SpoolError(words.format(free, VOLUME_RESERVE))
        digest = hashlib.sha256(content).hexdigest()
        with _Doing("write snapshot {} of {}".format(sequence, job)):
            # The checksum comes first: a line without a file means nothing, a file without one could not be checked.
            self._append_sum(job, sequence, digest)
            fault_point("snapshot-before-file")
            files.write_atomically(os.path.join(self._samples(job), snapshot.file_name(sequence)), content)
        fault_point("snapshot-after-file")
        with self._mutex:
            self._index.setdefault(job, _Index()).samples[sequence] = _entry(sequence, len(content), digest)
            self._used_bytes += len(content)

    def manifest(self, job, first=0):
        # type: (str, int) -> dict[str, Any]
        """The snapshots of a job from the sequence `first` on."""
        with self._mutex:
            index = self._index.get(job) or _Index()
            samples = [entry for sequence, entry in sorted(index.samples.items()) if sequence >= first]
            return OrderedDict([("samples", samples), ("set_aside", list(index.set_aside))])

    def last_sequence(self, job):
        # type: (str) -> int | None
        """The highest sequence there is."""
        with self._mutex:
            index = self._index.get(job)
            return max(index.samples) if index is not None and index.samples else None

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
        with _Doing("set {} of {} aside".format(name, job)):
            self._set_aside(job, name)
        with self._mutex:
            if index is not None and index.samples.pop(sequence, None) is not None:
                index.set_aside.append(name)
                self._used_bytes -= entry["bytes"]
        raise SpoolError("{} of {} is corrupt and was set aside".format(name, job))

    def delete(self, job):
        # type: (str) -> None
        """Removes a job with everything it has."""
        with self._mutex:
            self._used_bytes -= (self._index.pop(job, None) or _Index()).used_bytes()
        with _Doing("delete job {}".format(job)):
            files.remove_tree(self._job(job))
            files.sync_directory(self._directory)

    def used_bytes(self):
        # type: () -> int
        """Bytes of all snapshots."""
        return self._used_bytes

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


def _sums(content):
    # type: (bytes) -> dict[int, str]
    """The checksums by sequence; the last line of a sequence counts, and torn lines are skipped."""
    found = {}
    for line in content.splitlines(True):
        whole = _SUM.match(line)
        sequence = None if whole is None else snapshot.sequence_of(whole.group(2).decode("ascii"))
        if whole is not None and sequence is not None:
            found[sequence] = whole.group(1).decode("ascii")
    return found
