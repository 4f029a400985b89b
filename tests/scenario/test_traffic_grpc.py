"""gRPC end to end with Google's own client and server (python3-grpcio): promises 4 (trailers lost) and 21 (HTTP/2 to the workload).

Messages are plain bytes, so nothing has to be generated. Workloads speak HTTP/2 without TLS (h2c://) or with it (https://).
"""
import concurrent.futures
import datetime
import os
import threading
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # other tests of this process start programs
TIMEOUT = 20
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 30_000)]


class Calls(grpc.GenericRpcHandler):
    """What the workload can do, by the last part of the method's name."""

    def __init__(self):
        self.cancelled, self.seen = threading.Event(), []

    def service(self, details):
        kinds = {"unary": (grpc.unary_unary_rpc_method_handler, self.unary), "fail": (grpc.unary_unary_rpc_method_handler, self.fail),
                 "count": (grpc.unary_stream_rpc_method_handler, self.count), "break": (grpc.unary_stream_rpc_method_handler, self.break_off),
                 "hang": (grpc.unary_stream_rpc_method_handler, self.hang), "sum": (grpc.stream_unary_rpc_method_handler, self.sum),
                 "echo": (grpc.stream_stream_rpc_method_handler, self.echo)}
        kind = kinds.get(details.method.rsplit("/", 1)[1])
        return kind and kind[0](kind[1])

    def unary(self, message, context):
        self.seen.append((dict(context.invocation_metadata()), context.time_remaining()))
        context.send_initial_metadata([("x-initial", "one"), ("x-initial-bin", bytes(range(256)))])
        context.set_trailing_metadata([("x-trailing", "two"), ("x-trailing-bin", b"\xff\x00\r\n"), ("x-large", "v" * 8000)])
        return message[::-1]

    @staticmethod
    def fail(message, context):
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(grpc.StatusCode.NOT_FOUND, "kein Gerät: 100 %\nsecond line")

    @staticmethod
    def count(message, context):
        for number in range(int(message)):
            yield b"%d" % number

    @staticmethod
    def break_off(message, context):
        yield b"one"
        yield b"two"
        context.abort(grpc.StatusCode.DATA_LOSS, "after two")

    def hang(self, message, context):
        self.cancelled.clear()
        context.add_callback(self.cancelled.set)
        yield b"begun"
        self.cancelled.wait(TIMEOUT)

    @staticmethod
    def sum(messages, context):
        return b"%d" % sum(len(message) for message in messages)

    @staticmethod
    def echo(messages, context):
        for message in messages:
            yield message


def own_authority(folder):
    """A self-signed certificate for localhost, and its key: what an operator's own CA would be."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "workload")]), datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(1).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256()))
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "workload-ca.pem").write_bytes(pem)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), pem


class Service:
    def __init__(self, platform, folder, kind):
        self.calls, self.platform = Calls(), platform
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), [self.calls], options=LARGE)
        if kind == "h2c":
            port, arguments = self.server.add_insecure_port("127.0.0.1:0"), ()
            target = f"h2c://127.0.0.1:{port}"
        else:
            pair = own_authority(folder)
            port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
            target, arguments = f"https://localhost:{port}", ("--upstream-ca", folder / "workload-ca.pem")
        self.server.start()
        self.project = platform.project(f"grpc-{kind}")
        self.project.route("/")
        self.warpgate = self.project.start_warpgate(target, *arguments)
        self.channel = grpc.secure_channel(f"127.0.0.1:{platform.port}", grpc.ssl_channel_credentials(platform.ca.read_bytes()),
                                           [("grpc.ssl_target_name_override", self.project.host), *LARGE])

    def call(self, kind, name):
        return getattr(self.channel, kind)(f"/test.Calls/{name}")

    def close(self):
        self.channel.close()
        status = self.warpgate.stop()
        self.server.stop(0)
        assert status == 0 and "Sanitizer" not in self.warpgate.output, self.warpgate.output[-8000:]


@pytest.fixture(scope="module", params=["h2c", "https"])
def service(request, platform, tmp_path_factory):
    running = Service(platform, tmp_path_factory.mktemp("grpc"), request.param)
    yield running
    running.close()


def test_unary(service):
    call = service.call("unary_unary", "unary")
    for size in (0, 1, 1000, 70_000, 3_000_000):
        message = bytes(i % 256 for i in range(min(size, 1000))) * (size // 1000 or 1)
        assert call(message, timeout=TIMEOUT) == message[::-1]


def test_metadata_both_ways(service):
    """Initial and trailing, text and binary, repeated and large; nothing of ours that gRPC would stumble over."""
    sent = [("x-text", "a, b"), ("x-data-bin", bytes(range(256))), ("x-large", "l" * 8000), ("authorization", "Bearer of the workload")]
    _, call = service.call("unary_unary", "unary").with_call(b"x", metadata=sent, timeout=TIMEOUT)
    initial, trailing = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert (initial["x-initial"], initial["x-initial-bin"]) == ("one", bytes(range(256)))
    assert (trailing["x-trailing"], trailing["x-trailing-bin"], trailing["x-large"]) == ("two", b"\xff\x00\r\n", "v" * 8000)
    received, remaining = service.calls.seen[-1]
    assert {name: received[name] for name, _ in sent} == dict(sent)
    assert received["x-forwarded-for"] == "127.0.0.1"
    assert 0 < remaining < TIMEOUT + 2, "the deadline travels, rounded"


def test_trailers_only(service):
    """An error without a message: status, text and metadata arrive in the only head there is."""
    with pytest.raises(grpc.RpcError) as error:
        service.call("unary_unary", "fail")(b"x", timeout=TIMEOUT)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "kein Gerät: 100 %\nsecond line"
    assert ("x-why", "because") in error.value.trailing_metadata()
    with pytest.raises(grpc.RpcError) as error:
        service.call("unary_unary", "nobody-knows-this")(b"x", timeout=TIMEOUT)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_server_streaming(service):
    assert list(service.call("unary_stream", "count")(b"1000", timeout=TIMEOUT)) == [b"%d" % number for number in range(1000)]


def test_an_error_after_messages(service):
    """The status in the trailers is the truth, even where messages came before it."""
    got = []
    with pytest.raises(grpc.RpcError) as error:
        for message in service.call("unary_stream", "break")(b"", timeout=TIMEOUT):
            got.append(message)
    assert (got, error.value.code(), error.value.details()) == ([b"one", b"two"], grpc.StatusCode.DATA_LOSS, "after two")


def test_client_streaming(service):
    messages = (b"x" * size for size in range(1000))
    assert service.call("stream_unary", "sum")(messages, timeout=TIMEOUT) == b"%d" % sum(range(1000))


def test_a_thousand_messages_in_turns(service):
    """Bidirectional: each message goes out only when the one before has come back."""
    turn = threading.Semaphore(1)

    def ask():
        for number in range(1000):
            assert turn.acquire(timeout=TIMEOUT)
            yield b"turn %d" % number

    for number, message in enumerate(service.call("stream_stream", "echo")(ask(), timeout=60)):
        assert message == b"turn %d" % number
        turn.release()
    assert number == 999


def test_cancel_reaches_the_workload(service):
    call = service.call("unary_stream", "hang")(b"", timeout=TIMEOUT)
    assert next(call) == b"begun"
    assert not service.calls.cancelled.is_set()
    call.cancel()
    assert service.calls.cancelled.wait(5)


def test_deadlines(service):
    """The client's deadline ends the call at both ends, at its time."""
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        list(service.call("unary_stream", "hang")(b"", timeout=0.5))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - begun < 5
    assert service.calls.cancelled.wait(5)


def test_many_calls_on_one_channel(service):
    """200 at once, of all kinds; each gets its own answer."""
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        unary = [pool.submit(service.call("unary_unary", "unary"), b"call %d" % number, timeout=TIMEOUT) for number in range(100)]
        streams = [pool.submit(lambda number=number: list(service.call("stream_stream", "echo")(iter([b"%d" % number] * 20), timeout=TIMEOUT)))
                   for number in range(100)]
        assert [call.result() for call in unary] == [(b"call %d" % number)[::-1] for number in range(100)]
        assert [call.result() for call in streams] == [[b"%d" % number] * 20 for number in range(100)]


def test_messages_larger_than_every_window(service):
    big = os.urandom(1 << 20) * 8
    assert list(service.call("stream_stream", "echo")(iter([big, b"", big]), timeout=60)) == [big, b"", big]


def test_without_a_warpgate(service):
    """What the edge answers itself is a status that gRPC knows."""
    project = service.platform.project(f"grpc-nobody-{service.project.object['name']}")
    mark = service.platform.mark()
    project.route("/")
    project.wait_in_force(mark)
    with grpc.secure_channel(f"127.0.0.1:{service.platform.port}", grpc.ssl_channel_credentials(service.platform.ca.read_bytes()),
                             [("grpc.ssl_target_name_override", project.host)]) as channel:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary("/test.Calls/unary")(b"", timeout=TIMEOUT)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
