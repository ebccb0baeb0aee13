"""The answers of a cassette: which of them a request gets next, and where a new one is put.

An answer is found by the id of its request, one file name and no scan. Only a request that has no such file
is looked for by what the recordings say (spec §3).
"""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hashtape.errors import HashtapeWarning, RecordingFileError
from hashtape.recording import InferenceRequest, Recording, Unset
from hashtape.recording_dir import RecordingDir
from hashtape.request_id import wants_base64
from hashtape.vcr_adapter.entry import Entry, Slot, host_of, url_of, without
from hashtape.vcr_adapter.vcr_requests import vcr_request_of
from hashtape.wire_form import wire_forms

if TYPE_CHECKING:
    from hashtape.recording import Answer, HttpRequest
    from hashtape.recording_dir import FoundRecording
    from hashtape.recording_file import Stamp
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.setup import CassetteSetup

__all__ = ["Answers", "Slot"]


class Answers:
    """The recordings of one cassette that is open.

    Other cassettes, of this process and of others, may record into the same directory meanwhile. Theirs is
    not played, replaced or removed here; where it is in the same file, what is recorded here is added to it.

    Args:
        directory: Where they are.
        setup: What else is known of the cassette.
        asks_again: Whether nothing is played and each answer replaces the old one: the modes all and rewrite.
        repeats: Whether an answer may be played more than once: vcrpy's `allow_playback_repeats`.
        drops_unused: Whether `remove_unused` may be called although nothing is asked again.
    """

    def __init__(
        self,
        directory: Path,
        setup: CassetteSetup,
        *,
        asks_again: bool,
        repeats: bool,
        drops_unused: bool = False,
    ) -> None:
        self.directory = RecordingDir(directory)
        self.broken: dict[Path, RecordingFileError] = {}
        """The files of the cassette that turned out to be no recordings."""
        self.used: dict[Slot, None] = {}
        """The answers played or recorded, in the order of their first use."""
        self._asked_again: Counter[str] = Counter()  # how often, by request id
        self._setup = setup
        self._asks_again = asks_again
        self._repeats = repeats
        self._extra = [RecordingDir(path) for path in setup.extra_paths if path.is_dir()]
        self._by_id: dict[str, list[Entry]] = {}
        self._by_path: dict[Path, Entry] = {}
        self._scanned: set[str] = set()  # the ids that everything was looked through for
        self._indexes: dict[Path, dict[tuple[str, str, str], list[Path]]] = {}
        self._unsaved: dict[Entry, str] = {}
        self._is_prepared = self._made_directory = False
        # Nothing is looked for where nothing was: that would only slow the recording down.
        self._was_empty = self.directory.is_empty()
        self._to_search = [*self._extra] if self._was_empty else [self.directory, *self._extra]
        self._existed = False if self._was_empty and setup.yaml_path is None else None
        # What is old and may be replaced or removed, and what others write from now on.
        self._before: dict[str, Stamp] | None = None
        if asks_again or drops_unused:
            self._before = self.directory.stamps()

    # --- Looking ---------------------------------------------------------------------------------------

    @property
    def existed(self) -> bool:
        """Whether the test had a cassette when it was opened; looked up when it first matters."""
        if self._existed is None:
            self._existed = self._setup.yaml_path is not None or self._setup.has_recordings(self.directory)
        return self._existed

    def other_test_ids(self) -> list[str]:
        """The tests that the recordings of the directory belong to instead."""
        found: set[str] = set()
        for path in self.directory.files():
            with suppress(RecordingFileError, FileNotFoundError):
                test_id = self.directory.test_id_of(path)
                if isinstance(test_id, str) and test_id != self._setup.test_id:
                    found.add(test_id)
        return sorted(found)

    def next_slot(self, asked: Asked) -> Slot | None:
        """The answer to play next for a request; None if there is none left."""
        if self._asks_again:
            return None  # what was recorded is asked for again
        host = host_of(asked.wire.url)
        for find in (self.with_id, self.with_content, self._with_matchers):
            for entry in find(asked):
                slot = self._unplayed(entry, host)
                if slot is not None and self._accepts(asked, entry):
                    return slot
        if self._repeats:
            for entry in reversed(self._with_matchers(asked) or self.with_content(asked)):
                if self._accepts(asked, entry):
                    return entry.slots[-1]
        return None

    def with_id(self, asked: Asked) -> list[Entry]:
        """The recordings of a request that are known; the first look-up is by file name."""
        entries = self._by_id.get(asked.request_id)
        if entries is None:
            entries = self._by_id[asked.request_id] = []
            for directory in self._to_search:
                found = directory.find(asked.ids(self._setup.test_id), is_model_list=asked.is_model_list)
                if found is not None:
                    entries.append(self._keep(found, directory))
                    break
        return entries

    def with_content(self, asked: Asked) -> list[Entry]:
        """The recordings of a request under whatever name, which means to read them."""
        entries = self.with_id(asked)
        if asked.request_id not in self._scanned:
            self._scanned.add(asked.request_id)
            host = host_of(asked.wire.url)
            for directory in self._to_search:
                equal = [
                    self._keep(directory.read_stamped(path), directory)
                    for form in asked.forms(self._setup.test_id)
                    for path in self._index(directory).get(form, ())
                ]
                new = [entry for entry in dict.fromkeys(equal) if entry not in entries]
                entries += sorted(new, key=lambda entry: entry.slots[0].host != host)
        return entries

    def _index(self, directory: RecordingDir) -> dict[tuple[str, str, str], list[Path]]:
        """What the recordings of a directory say; they are read once, when a request has none by its id."""
        index = self._indexes.get(directory.path)
        if index is None:
            is_own = directory is self.directory
            if is_own and not self.existed:
                index = {}  # what was recorded since is known by its id
            else:
                test_ids = self._setup.test_ids if is_own else None
                index = directory.index(test_ids, self.broken)
            self._indexes[directory.path] = index
        return index

    def own(self) -> list[Entry]:
        """Every recording of the test: in the order of their positions where they have one, else by name."""
        for found in self.directory.scan(self._setup.test_ids, self.broken):
            if not self._is_news(found):
                self._keep(found, self.directory)
        entries = dict.fromkeys(entry for entry in self._by_path.values() if not entry.is_foreign)
        return sorted(entries, key=lambda entry: (_position(entry.recording), entry.paths[0].name))

    def all_slots(self) -> list[Slot]:
        """All answers of the test: those used so far in their order, then the others."""
        rest = [slot for entry in self.own() for slot in entry.slots if slot not in self.used]
        return [*self.used, *rest]

    def _keep(self, found: FoundRecording, directory: RecordingDir) -> Entry:
        entry = self._by_path.get(found.paths[0])
        if entry is None:
            entry = Entry(found.recording, {**found.stamps}, is_foreign=directory is not self.directory)
            self._by_path.update(dict.fromkeys(found.paths, entry))
        return entry

    def _is_news(self, found: FoundRecording) -> bool:
        """Whether others wrote this since the cassette was opened, where that makes a difference."""
        before = self._before
        if before is None:
            return False
        return any(before.get(path.name) != stamp for path, stamp in found.stamps.items())

    def _with_matchers(self, asked: Asked) -> list[Entry]:
        """All recordings of the test, where the user's own `match_on` says which of them fit."""
        if not self._setup.own_match_on:
            return []
        known = self.with_content(asked)
        return [entry for entry in self.own() if entry not in known] + known

    def _accepts(self, asked: Asked, entry: Entry) -> bool:
        """Whether the user's own matchers, if any, take this recording for the request."""
        if not self._setup.own_matchers:
            return True
        is_equal = entry in self.with_id(asked)
        stored = vcr_request_of(entry.recording.request, base64=wants_base64(asked.wire))
        if stored is None:
            return False
        if not stored.body and not asked.hidden.body:
            stored.body = asked.hidden.body  # clients differ in what no body is
        for matcher in self._setup.own_matchers:
            # Headers are never stored; and the bodies of what was found here are equal, if spelled otherwise.
            name = getattr(matcher, "__name__", "")
            if name == "headers" or (is_equal and name in {"body", "raw_body", "json_body", "request_id"}):
                continue
            try:
                if matcher(asked.hidden, stored) is False:
                    return False
            except AssertionError:
                return False
        return True

    def _unplayed(self, entry: Entry, host: str) -> Slot | None:
        """The first answer not played yet, of the host that is asked if there is one (spec §7)."""
        left = [
            slot
            for slot in entry.slots
            if not entry.plays.get(slot.number) and (self._repeats or slot.number not in entry.fresh)
        ]
        if not left:
            left = [slot for slot in entry.slots if slot.is_for_all_calls]
        return next((slot for slot in left if slot.host == host), left[0] if left else None)

    # --- Playing and recording ---------------------------------------------------------------------------

    def mark_played(self, slot: Slot) -> None:
        """Count an answer as played."""
        slot.entry.plays[slot.number] = slot.entry.plays.get(slot.number, 0) + 1
        self.used[slot] = None

    def rewind(self) -> None:
        """Count nothing as played, and what was recorded just now as any other."""
        for entry in self._by_path.values():
            entry.plays.clear()
            entry.fresh.clear()

    def prepare(self, asked: Asked) -> None:
        """Get ready for a request that is about to be sent, so that a problem shows before it is paid for.

        Raises:
            CassetteDirectoryError: It cannot be made.
        """
        self._asked_again[asked.request_id] += 1
        asked.turn = self._asked_again[asked.request_id]
        self._make()
        if self._asks_again:
            self._existing(asked)  # who makes errors of warnings gets this one before the request is paid for

    def _make(self) -> None:
        if not self._is_prepared:
            self._made_directory = self.directory.make()
            self._is_prepared = True

    def store(self, asked: Asked, recorded: InferenceRequest | HttpRequest, answer: Answer) -> Slot:
        """Put an answer into its recording and the recording onto the disk.

        Args:
            asked: The request.
            recorded: Its recorded form as it is to be stored.
            answer: The answer.

        Raises:
            RecordingFileError: The file that it belongs in is no recording, and is not to be replaced.
            CassetteDirectoryError: It cannot be written.
        """
        self._make()
        entry = self._existing(asked)
        if entry is None:
            recording = Recording(self._setup.test_id, recorded, answer)
            if self._setup.own_match_on:
                # Matchers may leave the body out: then only the order tells one answer from another.
                recording.extra["position"] = len(self.own())
            path = self.directory.file_for(asked.request_id, recording)
            entry, number = Entry.of_first(recording, recorded, path), 0
            self._by_path[path] = entry
        else:
            number = entry.put(recorded, answer, replaces=self._asks_again)
        entries = self._by_id.setdefault(asked.request_id, [])
        if entry not in entries:
            entries.append(entry)
        entry.turns[number] = asked.turn
        slot = Slot(entry, number)
        self.used[slot] = None
        if self._setup.saves_on_exception:
            self._write(entry, asked.request_id)
        else:
            self._unsaved[entry] = asked.request_id
        return slot

    def would_replace(self, asked: Asked) -> bool:
        """Whether a new answer would take the place of an old one."""
        entry = self._existing(asked) if self._asks_again else None
        return entry is not None and len(entry.fresh) < len(entry.slots)

    def _existing(self, asked: Asked) -> Entry | None:
        """The recording of this very request that a new answer goes into."""
        for entry in self._by_id.get(asked.request_id, ()):
            if not entry.is_foreign:
                return entry
        if self._was_empty:
            return None
        try:
            found = self.directory.find([asked.request_id], is_model_list=asked.is_model_list)
        except RecordingFileError as error:
            self._tolerate(error)
            return None
        if found is None or self._is_news(found):
            return None
        return self._keep(found, self.directory)

    def _tolerate(self, error: RecordingFileError) -> None:
        """Warn, once, of a file that is no recording and is about to be replaced by one.

        Raises:
            RecordingFileError: Nothing is replaced in this mode, or this cannot be.
        """
        if not self._asks_again or Path(error.path).is_dir():
            raise error
        if error.path not in self.broken:
            self.broken[Path(error.path)] = error
            warnings.warn(
                f"{error.path}: replaced by a new recording. Expected {error.expected}, got {error.got}",
                HashtapeWarning,
                stacklevel=2,
            )

    def _write(self, entry: Entry, request_id: str) -> None:
        path = self.directory.file_for(request_id, entry.recording)
        known = entry.stamps.get(path)
        try:
            stamp = self.directory.update(path, entry.recording, known, entry.put_into)
        except RecordingFileError as error:
            self._tolerate(error)
            self.directory.write(path, entry.recording)
            stamp = None
        entry.unwritten.clear()
        if stamp is not None:
            for old, known in entry.stamps.items():
                if old != path and self._is_replaced(old, entry.recording):
                    self.directory.update(old, None, known, lambda theirs: theirs)
        entry.stamps = {path: stamp}
        self._by_path[path] = entry

    def _is_replaced(self, old: Path, recording: Recording) -> bool:
        """Whether a recording under its proper name stands for this file too, and for this test only."""
        if not self.directory.belongs(old, self._setup.test_ids):
            return False
        try:
            found = self.directory.read(old)
        except (FileNotFoundError, RecordingFileError):
            return False
        is_anybodys = self._setup.is_shared and isinstance(found.test_id, Unset)
        return not is_anybodys and url_of(found) == url_of(recording)

    # --- Closing -----------------------------------------------------------------------------------------

    def put_in_order(self) -> None:
        """Bring the answers to requests that were on their way at once into the order of asking."""
        for entry in dict.fromkeys(self._by_path.values()):
            if len(entry.turns) > 1 and entry.put_in_order() and entry not in self._unsaved:
                path, recording = entry.paths[0], entry.recording
                # Where another writer was meanwhile, it stays as it is, whatever it is.
                with suppress(RecordingFileError):
                    stamp = self.directory.update(path, recording, entry.stamps[path], lambda theirs: theirs)
                    entry.stamps[path] = stamp or entry.stamps[path]

    def save(self) -> None:
        """Write what was held back until it is known that no exception discards it."""
        for entry, request_id in self._unsaved.items():
            self._write(entry, request_id)
        self._unsaved.clear()

    def remove_unused(self) -> None:
        """Remove the answers, and recordings, of this test that were neither played nor recorded."""
        for entry in self.own():
            recording = entry.recording
            if not wire_forms(recording.request):
                continue  # never was HTTP, so that it was not used says nothing
            if self._setup.is_shared and isinstance(recording.test_id, Unset):
                continue  # may be another test's
            # An answer that was asked for again and did not come whole keeps its place.
            asked = max(self._asked_again[request_id] for request_id in _ids_in(entry.paths[0]))
            unused = [slot.answer for slot in entry.slots if slot not in self.used and slot.number >= asked]
            if not unused:
                continue
            left = without(entry.recording, unused)
            for path in entry.paths if left is None else entry.paths[:1]:
                with suppress(RecordingFileError):  # another writer was there, and left no recording
                    self.directory.update(path, left, entry.stamps[path], partial(without, unused=unused))

    def close(self) -> None:
        """Forget what is not to be written, and take an empty directory back."""
        self._unsaved.clear()
        if self._made_directory:
            self.directory.remove_if_empty()


def _ids_in(path: Path) -> list[str]:
    """The request id in a file's name, which for a model list is one part of it."""
    return path.stem.split("-")


def _position(recording: Recording) -> int:
    position = recording.extra.get("position")
    return position if isinstance(position, int) else 1 << 62
