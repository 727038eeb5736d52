"""Clients that do not behave at the port of the API: each gets a clear answer or an orderly end, and the engine stays small."""
import contextlib
import gzip
import json
import os
import re
import resource
import socket
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest

ENDPOINT = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
ADDRESS = (ENDPOINT.hostname, ENDPOINT.port)
TARGET = "AmazonEC2ContainerServiceV20141113.ListClusters"
FLOOD = 10_000
# What the engine may need on top, at its peak; one body of a gibibyte or 10,000 connections of 64 KiB would be far more.
MEMORY_MAX = 48 * 1024 * 1024


def run(engine):
    patient = boto3.client("ecs")
    before = memory(engine)
    bodies()
    what_is_no_request()
    slow_heads(patient)
    idle_connections(patient)
    patient.list_clusters()
    grown = memory(engine) - before
    assert grown < MEMORY_MAX, f"the engine's memory grew by {grown / 1e6:.1f} MB"
    print(f"  the engine's peak memory grew by {grown / 1e6:.1f} MB, from {before / 1e6:.1f} MB")


def memory(process):
    """Returns the most memory a process has had, in bytes."""
    with open(f"/proc/{process}/status") as status:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])


def bodies():
    length = 1 << 30
    status, error, sent = exchange(signed(b"", {"Content-Length": str(length)}), b" " * 65536, length)
    assert (status, error) == (413, "RequestEntityTooLargeException"), (status, error)
    assert sent < 128 << 20, f"{sent} bytes were taken of a body that is too long"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    status, error, sent = exchange(signed(b"", {"Transfer-Encoding": "chunked"}), chunk, length)
    assert (status, error) == (413, "RequestEntityTooLargeException"), (status, error)

    for body in (b'{"maxResults"', b"[]", b"<ListClusters/>", b'{"nextToken":"\xff\xfe"}', b"{" * 100_000):
        assert exchange(signed(body), body)[:2] == (400, "SerializationException"), body[:20]
    packed = gzip.compress(b"{}")
    assert exchange(signed(packed, {"Content-Encoding": "gzip"}), packed)[0] == 200
    bomb = gzip.compress(b" " * (64 << 20))
    for body, expected in ((packed[:-5], (400, "SerializationException")), (bomb, (413, "RequestEntityTooLargeException"))):
        assert exchange(signed(body, {"Content-Encoding": "gzip"}), body)[:2] == expected, len(body)
    # A body that ends before its length.
    assert exchange(signed(b"{}", {"Content-Length": "20"}), b"{}")[:2] == (400, "SerializationException")
    # A body that is not the one that was signed.
    assert exchange(signed(b"{}"), b"[]")[:2] == (400, "InvalidSignatureException")
    assert exchange(signed(b"{}"), b"{}")[0] == 200


def what_is_no_request():
    for said, expected in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS", 400),
        # HTTP/2 is not spoken here: the connection ends.
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0),
        (b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", 403),
        (b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 403),
        (b"POST / HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (os.urandom(4096), 400),
    ]:
        assert exchange(said)[0] == expected, said[:40]


def slow_heads(patient):
    """A head that comes byte by byte; clients that mean it are served meanwhile."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connection()) for _ in range(400)]
        for _ in range(3):
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(b"P")
            patient.list_clusters()


def idle_connections(patient):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        for number in range(FLOOD if most == resource.RLIM_INFINITY else min(FLOOD, most - 256)):
            stack.enter_context(connection())
            if number % 100 == 99:
                assert exchange(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 403, "nobody is locked out"
        patient.list_clusters()


def connection():
    return socket.create_connection(ADDRESS, timeout=10)


def signed(body, headers=None):
    """Returns the head of a signed ListClusters request with this body."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": TARGET} | (headers or {})
    if "Transfer-Encoding" not in headers:
        headers.setdefault("Content-Length", str(len(body)))
    added = {name: headers.pop(name) for name in ("Content-Length", "Transfer-Encoding") if name in headers}
    request = botocore.awsrequest.AWSRequest("POST", ENDPOINT.geturl() + "/", headers=headers, data=body)
    credentials = boto3.Session().get_credentials()
    botocore.auth.SigV4Auth(credentials, "ecs", os.environ["AWS_REGION"]).add_auth(request)
    lines = {"Host": ENDPOINT.netloc} | dict(request.headers.items()) | added
    return ("POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode()


def exchange(head, body=b"", length=0):
    """Sends a head and a body (over and over until `length`), and returns the status, the error's type and the bytes sent."""
    with connection() as stream:
        sent = 0
        with contextlib.suppress(OSError):
            stream.sendall(head)
            while body and sent < max(length, len(body)):
                sent += stream.send(body)
            stream.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(OSError):
            while part := stream.recv(65536):
                answer += part
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.1 ") else 0
        error = json.loads(rest).get("__type") if rest.startswith(b"{") else None
        return status, error, sent
