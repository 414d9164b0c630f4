#!/bin/bash
# "rclone serve sftp" overwrites a file that is there already when it is asked to make a new one.
#
# Version:    rclone 1.60.1+dfsg-2+b5 (Debian 12) with its usual options, asked by paramiko 3.5.1.
# Behaviour:  An OPEN with WRITE, CREAT and EXCL must fail where the name exists. It is answered with a handle, and what is
#             written there replaces the content of the file. A plain RENAME onto a name that exists succeeds as well.
# Output:     OPEN with EXCL of a file that exists: a handle; after CLOSE it contains b'new'
#             RENAME onto a file that exists: OK; it contains b'moved'
# Why:        A client that relies on EXCL for a lock file or for a name that nobody has yet, or on RENAME to refuse a taken
#             name, destroys a file that another client made. It can only look first, which leaves a gap between looking and
#             writing.
#
# Usage: findings/rclone-exclusive-open.sh [VERSION]
# Ends with 0 if it is still so, 1 if the server behaves differently, 2 if it can't be tried here.
set -euo pipefail
version=${1:-1.60.1+dfsg-2+b5}
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
apt-get download "rclone=$version" >apt.log 2>&1 || cannot "apt has no rclone $version"
dpkg -x ./*.deb root
python3 -m pip install -q --target python paramiko==3.5.1 cryptography==50.0.2 >pip.log 2>&1 ||
    cannot "pip can't install paramiko 3.5.1"
export PYTHONPATH=$folder/python

mkdir files
ssh-keygen -q -t ed25519 -N '' -C host -f host
ssh-keygen -q -t ed25519 -N '' -C user -f user
printf 'made by somebody else' >files/opened
printf 'made by somebody else' >files/target
printf 'moved' >files/source
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/rclone serve sftp files --addr "127.0.0.1:$port" --config '' --key host --authorized-keys user.pub \
    >server.log 2>&1 &
server=$!

echo "rclone $version"
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

def content(name):
    with open(f"files/{name}", "rb") as file:
        return file.read()


try:
    with sftp.open("/opened", "wx") as file:
        file.write(b"new")
    print("OPEN with EXCL of a file that exists: a handle; after CLOSE it contains", content("opened"))
except OSError as error:
    print("OPEN with EXCL of a file that exists:", error)
try:
    sftp.rename("/source", "/target")
    print("RENAME onto a file that exists: OK; it contains", content("target"))
except OSError as error:
    print("RENAME onto a file that exists:", error)
transport.close()
if content("opened") != b"new" or content("target") != b"moved":
    sys.exit("CHANGED: a file that exists is kept by an OPEN with EXCL, or by a RENAME")
END
echo "Why it matters: neither EXCL nor RENAME protects a name that another client took, so a lock file made that way locks"
echo "nothing, and a client has to look first."
