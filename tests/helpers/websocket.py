"""A client of WebSocket (RFC 6455), as little as a test needs.

    websocket.py PORT TEXT

connects to 127.0.0.1, sends the text, prints the first message that comes, and closes.
"""
import base64
import os
import socket
import struct
import sys


def frame(text):
    """A masked text frame of less than 126 bytes."""
    mask = os.urandom(4)
    data = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
    return bytes([0x81, 0x80 | len(data)]) + mask + data


def message(stream):
    """The next frame's payload."""
    _, size = stream.read(2)
    if size == 126:
        (size,) = struct.unpack(">H", stream.read(2))
    return stream.read(size).decode()


port = int(sys.argv[1])
with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    stream = connection.makefile("rb")
    assert b" 101 " in stream.readline()
    while stream.readline().strip():
        pass
    connection.sendall(frame(sys.argv[2].encode()))
    print(message(stream))
