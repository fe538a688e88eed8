"""The server: a listener on the loopback, and a thread for each connection."""

import select
import socket
import threading
import time

from ..files import reason
from ..timeout import set_timeout
from ..wire import Refusal
from . import answers, head
from .head import HEADER_LIMIT, Head
from .places import Places
from .routes import ACTIONS, route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..collector import Equipment
    from ..desk import Desk
    from .answers import Answer

# How long a connection may take until its first request begins, seconds.
FIRST_TIMEOUT = 10.0

# How long a connection may rest between two requests, as that of a client that waits for its next sample, seconds.
REST_TIMEOUT = 15 * 60.0

# How long a request may take to arrive once it has begun, seconds.
REQUEST_TIMEOUT = 10.0

# How long an answer may wait for its reader, seconds.
WRITE_TIMEOUT = 60.0

# How long a refused client is listened to, so that it reads the refusal before the connection breaks, seconds.
LINGER_TIMEOUT = 0.5


class Context(object):
    """What the answers are made of."""

    def __init__(self, equipment, desk, token, esxi_version, host_root):
        # type: (Equipment, Desk, str, str, str) -> None
        self.equipment = equipment
        self.desk = desk
        self.token = token
        self.esxi_version = esxi_version
        self.host_root = host_root
        # Held while the host is asked for its inventory, which costs it several commands.
        self.inventory = threading.Lock()
        # Monotonic clock at the last admitted request, milliseconds.
        self.last_request_ms = equipment.clock.monotonic_ms()


class Server(object):
    """Answers requests for as long as the process lives."""

    def __init__(self):
        # type: () -> None
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self._places = Places()

    def start(self, context):
        # type: (Context) -> None
        """Begins to accept connections."""
        threading.Thread(target=self._accept_all, args=(context,), name="http", daemon=True).start()

    def _accept_all(self, context):
        # type: (Context) -> None
        is_failing = False
        while True:
            try:
                client, _ = self._listener.accept()
                self._let_in(client, context)
                is_failing = False
            except (OSError, RuntimeError, MemoryError) as error:
                # Without descriptors, memory or threads for a moment; clients wait in the listener meanwhile.
                if not is_failing:
                    why = reason(error) if isinstance(error, OSError) else error
                    context.equipment.log.line(
                        "accepting a connection failed: {}; the agent goes on listening".format(why)
                    )
                is_failing = True
                time.sleep(0.1)

    def _let_in(self, client, context):
        # type: (socket.socket, Context) -> None
        set_timeout(client, socket.SO_SNDTIMEO, WRITE_TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(client, context, self._places)
        try:
            threading.Thread(target=connection.attend, name="connection", daemon=True).start()
        except (RuntimeError, MemoryError):
            connection.leave()
            raise


class _Connection(object):
    """One client: its requests are answered one after another until it is done or refused."""

    def __init__(self, client, context, places):
        # type: (socket.socket, Context, Places) -> None
        self._client = client
        self._context = context
        self._places = places
        self._place = places.enter(self._break_off)
        self._rest = FIRST_TIMEOUT
        self._arrived = b""

    def _break_off(self):
        # type: () -> None
        """Ends the connection from another thread; its own notices."""
        try:
            self._client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def leave(self):
        # type: () -> None
        """The connection is over, and its place free."""
        self._places.leave(self._place)
        self._client.close()

    def attend(self):
        # type: () -> None
        """The thread of the connection."""
        try:
            while self._serve_next():
                pass
        except OSError:
            # Whatever broke the connection, there is nobody left to tell.
            pass
        except Exception as error:  # noqa: B902 (a defect in one answer must not pass for silence)
            self._context.equipment.log.line("answering a request failed: {!r}".format(error))
        finally:
            self.leave()

    def _serve_next(self):
        # type: () -> bool
        try:
            request = self._read_head()
            if request is None:
                return False
            body = self._read_body(request)
            if body is None:
                return False
            if not self._places.befriend(self._place):
                words = "as many clients as there is room for are connected already"
                raise Refusal("unavailable", words, "try again in a moment")
        except Refusal as problem:
            self._refuse(problem)
            return False
        self._rest = REST_TIMEOUT
        try:
            answer = _answer(self._context, request, body)
        except Refusal as problem:
            answer = answers.json(problem.status, problem.body())
        self._client.sendall(head.answer(answer.status, answer.content_type, answer.length, answer.more))
        try:
            for piece in answer.pieces:
                self._client.sendall(piece)
        except Refusal:
            # An answer that stops in its middle breaks the connection, by which the client knows.
            return False
        return not request.is_last

    def _read_head(self):
        # type: () -> Head | None
        """The next head, admitted; `None` when the client is done."""
        self._until = time.monotonic() + REQUEST_TIMEOUT if self._arrived else None  # type: float | None
        while True:
            end = self._arrived.find(b"\r\n\r\n")
            if end >= 0:
                found = Head(self._arrived[: end + 2])
                # Before the body: who is not admitted need not send it.
                found.admit(self._context.token)
                self._arrived = self._arrived[end + 4:]
                return found
            if len(self._arrived) > HEADER_LIMIT:
                raise Refusal("too_large", "the header has more than {} bytes".format(HEADER_LIMIT))
            if not self._read_more():
                return None

    def _read_body(self, request):
        # type: (Head) -> bytes | None
        while len(self._arrived) < request.body_length:
            if self._until is None:
                self._until = time.monotonic() + REQUEST_TIMEOUT
            if not self._read_more():
                return None
        body, self._arrived = self._arrived[:request.body_length], self._arrived[request.body_length:]
        return body

    def _read_more(self):
        # type: () -> bool
        """Reads what comes next; `False` when nothing comes any more."""
        timeout = self._rest if self._until is None else self._until - time.monotonic()
        if timeout <= 0:
            words = "the request did not arrive within {} s".format(int(REQUEST_TIMEOUT))
            raise Refusal("bad_request", words)
        set_timeout(self._client, socket.SO_RCVTIMEO, timeout)
        try:
            piece = self._client.recv(16 * 1024)
        except BlockingIOError:
            # The time is over; for a request that has begun it is said above.
            return self._until is not None
        if self._until is None:
            self._until = time.monotonic() + REQUEST_TIMEOUT
        self._arrived += piece
        return bool(piece)

    def _refuse(self, problem):
        # type: (Refusal) -> None
        """Sends the refusal and closes after a moment of reading on.

        Closing over unread bytes would reset the connection, and the client would not see why.
        """
        self._client.sendall(head.refusal(problem))
        self._client.shutdown(socket.SHUT_WR)
        until = time.monotonic() + LINGER_TIMEOUT
        waiting = select.poll()
        waiting.register(self._client.fileno(), select.POLLIN)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not waiting.poll(left * 1000) or not self._client.recv(16 * 1024):
                return


def _answer(context, request, body):
    # type: (Context, Head, bytes) -> Answer
    """Answers one request that was admitted."""
    context.last_request_ms = context.equipment.clock.monotonic_ms()
    what, arguments = route(request.method, request.url, request.all("Range"), body)
    if what not in ACTIONS:
        return answers.read(context, what, arguments)
    status, value = context.desk.ask(what, arguments)
    return answers.json(status, value) if value is not None else answers.whole(status, "application/json", b"")
