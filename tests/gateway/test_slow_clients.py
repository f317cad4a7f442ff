import contextlib

HALF = b"GET /status HTTP/1.1\r\nHost: local"


def answer_on(connection):
    """Everything until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            found += chunk
    return found


def test_three_hundred_half_open_connections_harm_nobody(node):
    half = []
    try:
        for _ in range(300):
            half.append(node.open())
            half[-1].sendall(HALF)
        for _ in range(10):
            assert node.get("/status").status == 200
        half[0].sendall(b"host\r\n\r\n")
        assert half[0].recv(15) == b"HTTP/1.1 200 OK"
    finally:
        for one in half:
            one.close()


def test_who_sends_a_request_too_slowly_is_told_and_disconnected(nodes):
    node = nodes("port: 0, request_within: 1s, idle: 1s").wait()
    with node.open() as head, node.open() as silent, node.open() as empty, node.open() as body, node.open() as idle:
        head.sendall(HALF)
        empty.sendall(b"\r\n\r\n")
        body.sendall(
            b"POST /reconcile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n\r\n{" % node.token.encode()
        )
        idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for one in (head, silent, empty):
            assert answer_on(one).startswith(b"HTTP/1.1 408")
        assert answer_on(body) == b""
        assert answer_on(idle).startswith(b"HTTP/1.1 200")


def test_a_head_without_end_and_bytes_that_are_no_request_are_refused(node):
    with node.open() as endless, node.open() as garbage, node.open() as doubled:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            for number in range(3000):
                endless.sendall(b"X-%d: %b\r\n" % (number, b"x" * 100))
        assert b" 431 " in answer_on(endless)
        garbage.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert b" 400 " in answer_on(garbage)
        doubled.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 400 " in answer_on(doubled)


def test_one_connection_too_many_takes_the_place_of_the_quietest(nodes):
    node = nodes("port: 0, connections: 8").wait()
    first = node.open()
    others = [node.open() for _ in range(7)]
    try:
        for one in others:
            one.sendall(HALF)
        assert node.get("/livez").status == 200
        assert first.recv(1) == b""
    finally:
        for one in (first, *others):
            one.close()


def test_a_body_in_chunks_may_not_be_endless_either(node):
    with node.open() as sender:
        sender.sendall(
            b"POST /reconcile HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n\r\n" % node.token.encode()
        )
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(100):
                sender.sendall(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        assert b" 413 " in answer_on(sender)
