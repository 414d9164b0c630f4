#!/bin/bash
# "rclone serve sftp" tells by the status of CLOSE that the bytes that were read don't belong together.
#
# Version:    rclone 1.60.1+dfsg-2+b5 (Debian 12) with its usual options, asked by paramiko 3.5.1.
# Behaviour:  A folder is listed. Then a file in it is given new content that is longer, by another program. For five minutes
#             READDIR and FSTAT tell the old size. A READ of as many bytes is answered with the beginning of the new content and
#             no error; only the CLOSE after it fails.
# Output:     READDIR tells 11 bytes, FSTAT tells 11 bytes, and the file has 26
#             a READ of 11 bytes was answered with b'new content'
#             CLOSE: corrupted on transfer: md5 hash differ "…" vs "…"
# Why:        It is common not to look at the status of CLOSE after reading; paramiko's SFTPFile.close() drops it. Such a client
#             keeps the first part of the file as the whole, and the size it was told agrees. The status of CLOSE has to count
#             for a file that was only read, too.
#
# Usage: findings/rclone-close-after-read.sh [VERSION]
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
printf 'old content' >files/save.sav
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/rclone serve sftp files --addr "127.0.0.1:$port" --config '' --key host --authorized-keys user.pub \
    >server.log 2>&1 &
server=$!

echo "rclone $version"
python3 - "$port" anyone <<'END'
import os, socket, sys, time
import paramiko
from paramiko.sftp import CMD_CLOSE

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
sftp.listdir_attr("/")
with open("files/save.sav", "w") as file:
    file.write("new content that is longer")
listed = sftp.listdir_attr("/")[0].st_size
file = sftp.open("/save.sav", "r", bufsize=0)
told = file.stat().st_size
print(f"READDIR tells {listed} bytes, FSTAT tells {told} bytes, and the file has {os.path.getsize('files/save.sav')}")
try:
    answer = file.read(told)
except OSError as error:
    answer = error
print(f"a READ of {told} bytes was answered with {answer}")
try:
    # SFTPFile.close() leaves out the status, so the request is sent by itself.
    sftp._request(CMD_CLOSE, file.handle)
    status = "OK"
except OSError as error:
    status = str(error)
file._closed = True
transport.close()
print("CLOSE:", status)
if listed != 11 or told != 11 or answer != b"new content" or status == "OK":
    sys.exit("CHANGED: the size is up to date, READ fails, or CLOSE succeeds")
END
echo "Why it matters: a client that leaves out the status of CLOSE after reading keeps the first part of a file as the whole."
