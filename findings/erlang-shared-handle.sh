#!/bin/bash
# Erlang's SSH server gives one SFTP handle to two files that are open at the same time.
#
# Version:    erlang-ssh 1:25.2.3+dfsg-1+deb12u4 (Debian 12), asked by paramiko 3.5.1.
# Behaviour:  Three files are opened one after the other, and none is closed. The second and the third get the same handle. A
#             READ at the second file's handle is answered with bytes of the third, without an error.
# Output:     three files that are open at the same time have the handles b'0', b'1', b'1'
#             a READ from second.sav was answered with b'content of third'
# Why:        A client that reads several files at once, as one does to hide a slow network, stores the content of one file
#             under the name of another, and no status tells it so. It has to compare each new handle with those that it still
#             has open.
#
# Usage: findings/erlang-shared-handle.sh [VERSION]
# Ends with 0 if it is still so, 1 if the server behaves differently, 2 if it can't be tried here.
set -euo pipefail
version=${1:-1:25.2.3+dfsg-1+deb12u4}
server=
folder=$(mktemp -d)
clean_up() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 2' INT TERM
cannot() { echo "can't be tried here: $1" >&2; exit 2; }
for tool in apt-get dpkg python3 ssh-keygen; do command -v "$tool" >/dev/null || cannot "there is no $tool"; done

cd "$folder"
for package in base crypto asn1 public-key runtime-tools ssh; do
    apt-get download "erlang-$package=$version" >apt.log 2>&1 || cannot "apt has no erlang-$package $version"
done
for package in *.deb; do dpkg -x "$package" root; done
python3 -m pip install -q --target python paramiko==3.5.1 cryptography==50.0.2 >pip.log 2>&1 ||
    cannot "pip can't install paramiko 3.5.1"
export PYTHONPATH=$folder/python

mkdir keys files
ssh-keygen -q -t ed25519 -N '' -C host -f keys/ssh_host_ed25519_key
ssh-keygen -q -t ed25519 -N '' -C user -f user
cp user.pub keys/authorized_keys
for name in first second third; do printf 'content of %s' "$name" >"files/$name.sav"; done
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HOME=$folder ROOTDIR=$folder/root/usr/lib/erlang EMU=beam PROGNAME=erl
BINDIR=$(echo "$ROOTDIR"/erts-*/bin)
export BINDIR
"$BINDIR/erlexec" -noshell -boot "$ROOTDIR/bin/start_clean" -eval "
    {ok, _} = application:ensure_all_started(ssh),
    {ok, _} = ssh:daemon({127, 0, 0, 1}, $port, [
        {system_dir, \"$folder/keys\"}, {user_dir, \"$folder/keys\"},
        {subsystems, [ssh_sftpd:subsystem_spec([{root, \"$folder/files\"}])]}]),
    receive stop -> ok end." >server.log 2>&1 &
server=$!

echo "erlang-ssh $version"
python3 - "$port" anyone <<'END'
import socket, sys, time
import paramiko

for _ in range(100):
    try:
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
        break
    except OSError:
        time.sleep(0.1)
else:
    print("can't be tried here: the server did not start", file=sys.stderr)
    sys.exit(2)
transport = paramiko.Transport(connection)
transport.connect(username=sys.argv[2], pkey=paramiko.Ed25519Key.from_private_key_file("user"))
sftp = paramiko.SFTPClient.from_transport(transport)
sftp.get_channel().settimeout(30)
files = [sftp.open(f"/{name}.sav", "r") for name in ("first", "second", "third")]
handles = [file.handle for file in files]
answer = files[1].read(100)
for file in files:
    file.close()
transport.close()
print("three files that are open at the same time have the handles", ", ".join(map(repr, handles)))
print("a READ from second.sav was answered with", answer)
if handles[1] != handles[2] or answer != b"content of third":
    sys.exit("CHANGED: each open file has a handle of its own, or a READ is answered with the bytes of its own file")
END
echo "Why it matters: a client that reads several files at once stores one file's bytes under the name of another, unless it"
echo "compares each new handle with those that it still has open."
