"""Starting and stopping servers as processes: what is stopped has let go of all it held."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid

import pytest

from rowmill.local.servers.process import free_ports, port_is_free, processes, stop, wait_until

# So much memory takes the kernel a while to free, between the command line and the sockets.
_LARGE_SERVER = """
import socket, sys, time
held = bytearray(b"x") * (768 << 20)
server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
time.sleep(600)
"""


@pytest.mark.parametrize("politely", [signal.SIGTERM, signal.SIGKILL])
def test_the_port_of_a_stopped_server_is_free_at_once(politely: signal.Signals) -> None:
    token, (port,) = uuid.uuid4().hex, free_ports(1)
    server = subprocess.Popen(
        ["large-server", "-c", _LARGE_SERVER, token, str(port)], executable=sys.executable
    )
    try:
        assert wait_until(lambda: not port_is_free(port), 120)
        stop(
            lambda: processes("large-server", token),
            lambda _: True,
            politely=politely,
            patience=30,
        )
        assert port_is_free(port)
    finally:
        server.kill()
        server.wait()
