"""One thread writes. Who waits at the same time shares one transaction and one flush to the disk (group commit)."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from pollux.errors import PolluxError
from pollux.store import waiting
from pollux.store.audit import GOES_ON, Done, append, check_continuation, last_act, place_head, write_head
from pollux.store.database import CannotWrite, Database, InUse, undone_alone
from pollux.store.files import Files
from pollux.store.keys import Keys

_LOG = logging.getLogger("pollux.store")
_TOGETHER = 256  # jobs in one transaction
_LOOK = "Look at the disk."
SOON = 1.0  # seconds that an access waits for its place in the audit before it is put into the file of those waiting
T = TypeVar("T")
Job = Callable[[Connection, list[Done]], Any]


class _Asked(NamedTuple):
    """A job that waits."""

    job: Job
    answer: Future[Any]
    alone: bool


class Writer:
    """Does jobs one after the other; a job's answer is given when what it wrote is durable.

    A job is called with the connection and a list to which it adds its acts. What a job raises undoes that job alone.
    What others could undo and must not (an erasure) is done alone, in a transaction of its own.
    Accesses are noted before anything is handed out. While something else writes for long they wait in a file, and
    where that cannot be written to either, in memory: the next transaction puts them in front of its own acts.
    """

    def __init__(self, database: Database, keys: Keys, files: Files) -> None:
        self._database = database
        self._keys = keys
        self._files = files
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()
        self._asked: set[Future[Any]] = set()
        self._owed: list[Done] = []
        self._busy = False  # an access had to wait since the last transaction ended

    def alone(self, job: Callable[[Connection, list[Done]], T]) -> T:
        """The same in a transaction that no other job shares."""
        return self.do(job, alone=True)

    def do(self, job: Callable[[Connection, list[Done]], T], alone: bool = False) -> T:
        """Wait until the job is done and durable."""
        return self._ask(job, alone).result()

    def note(self, acts: Sequence[Done]) -> None:
        """Write accesses down: into the audit or, while that cannot be written to, where it is taken up later."""
        answer: Future[None] = self._ask(lambda _, done: done.extend(acts))
        try:
            answer.result(0 if self._busy else SOON)
            return
        except TimeoutError:
            if not answer.cancel():  # it is being written
                answer.result()
                return
            self._busy, why = True, "something else is being written"
        except (CannotWrite, InUse) as error:
            if self._full():
                raise
            why = error.what
        self._keep(acts, why)

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        if self._owed:
            with suppress(PolluxError):
                self.do(lambda _, acts: None)
        with self._starting:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join(0.1)
                while self._thread.is_alive() and self._asked:
                    self._thread.join(0.1)
                self._thread = None  # if it still waits for its turn, nobody waits for it

    def _ask(self, job: Callable[[Connection, list[Done]], T], alone: bool = False) -> Future[T]:
        if current_thread() is self._thread:
            raise PolluxError("the store was asked from inside its own writing", advice="Read before you write.")
        answer: Future[T] = Future()
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="pollux-store-writer", daemon=True)
                self._thread.start()
            self._asked.add(answer)
            answer.add_done_callback(self._asked.discard)
            self._queue.put(_Asked(job, answer, alone))
        return answer

    def _keep(self, acts: Sequence[Done], why: str) -> None:
        """Let accesses wait in the file or, if that cannot be, in memory, where the log alone survives a crash."""
        acts = [waiting.late(act) for act in acts]
        try:
            waiting.add(self._files.waiting, acts, self._keys.signing)
            return
        except OSError as error:
            with self._starting:
                if self._full():
                    raise CannotWrite(
                        "too many accesses wait to be written down", advice="Look at the disk."
                    ) from error
                self._owed += acts
        for act in acts:
            _LOG.warning("not written down yet, since %s: %s by %s of %s", why, act.action, act.actor,
                         act.who.hex()[:8] or "all")  # fmt: skip

    def _full(self) -> bool:
        return len(self._owed) >= waiting.MOST

    def _run(self) -> None:
        going_on, held = True, None
        while going_on:
            jobs: list[_Asked | None] = [held or self._queue.get()]
            held = None
            while len(jobs) < _TOGETHER and (last := jobs[-1]) is not None and not last.alone:
                try:
                    one = self._queue.get_nowait()
                except Empty:
                    break
                if one is not None and one.alone:
                    held = one  # after these, by itself
                    break
                jobs.append(one)
            going_on = jobs[-1] is not None
            self._together([(one.job, one.answer) for one in jobs if one is not None])

    def _together(self, jobs: list[tuple[Job, Future[Any]]]) -> None:
        """One transaction for all that nobody stopped waiting for; every future gets its answer here."""
        begun: list[tuple[Job, Future[Any]]] | None = None
        try:
            with self._database.writing() as connection:
                begun = _wanted(jobs)
                if not begun:
                    return  # nobody waits any more, and the store may be closed by now
                late, content = waiting.take_up(connection, self._files.waiting, self._keys.signing)
                owed = self._owed[:]
                done, acts = self._carried_out(connection, begun, [*owed, *late])
                head = None
                if acts:
                    last = last_act(connection)
                    if not any(act.action in GOES_ON for act in acts):
                        check_continuation(connection, last, self._files.head)
                    head = append(connection, last, acts, self._keys.signing)
                self._keys.settle()
            del self._owed[: len(owed)]
            with suppress(OSError, PolluxError):  # what was written is durable; what lags behind is no harm
                if head is not None:
                    put = place_head if any(act.action in GOES_ON for act in acts) else write_head
                    put(self._files.head, head)
                if content:
                    waiting.clear(self._files.waiting, content)
        except BaseException as error:
            self._keys.drop_waiting()
            for _, answer in _wanted(jobs) if begun is None else begun:
                if not answer.done():
                    answer.set_exception(error)
            return
        finally:
            self._busy = False
        for answer, result in done:
            answer.set_result(result)

    def _carried_out(
        self, connection: Connection, jobs: list[tuple[Job, Future[Any]]], acts: list[Done]
    ) -> tuple[list[tuple[Future[Any], Any]], list[Done]]:
        """What each job gave, and all acts; who fails gets the error at once, and what they did is undone."""
        done: list[tuple[Future[Any], Any]] = []
        for job, answer in jobs:
            before = len(acts)
            try:
                with undone_alone(connection):
                    result = job(connection, acts)
                done.append((answer, result))
            except self._database.failures:
                raise  # the database itself fails: nothing of this transaction can be trusted
            except BaseException as error:
                del acts[before:]
                answer.set_exception(self._database.explained(error, connection))
        return done, acts


def _wanted(jobs: list[tuple[Job, Future[Any]]]) -> list[tuple[Job, Future[Any]]]:
    """Those for which somebody still waits, who can stop no more; asked once of each."""
    return [(job, answer) for job, answer in jobs if answer.set_running_or_notify_cancel()]


def now() -> datetime:
    """The clock by which acts are dated."""
    return datetime.now(UTC)
