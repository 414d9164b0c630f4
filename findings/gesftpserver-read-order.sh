#!/bin/bash
# gesftpserver has extensions of OpenSSH's, but answers READs of two files in another order than they were asked.
#
# Version:    gesftpserver 2~ds-1 (Debian 12), asked by a small SFTP 3 client over its standard input and output.
# Behaviour:  Sixteen READs of 32,768 bytes of one file and sixteen of one byte of another are sent together, one of each in
#             turn. Some of the short ones overtake the long ones that were asked before them, in nearly every round. The READs
#             of each single file stay in order. The server announces fsync@openssh.com and fstatvfs@openssh.com; OpenSSH's own
#             server answers one request after the other.
# Output:     it announces fsync@openssh.com: True, fstatvfs@openssh.com: True
#             out of order in 99 of 100 rounds, two READs of the same file in 0 (the first number differs a little from run to run)
# Why:        The protocol allows it, but OpenSSH's server doesn't do it, so a client that takes the next answer for the one it
#             waits for works with OpenSSH and mixes up two files here. What the extensions are called says nothing about the
#             order.
#
# Usage: findings/gesftpserver-read-order.sh [VERSION]
# Ends with 0 if it is still so, 1 if the server behaves differently, 2 if it can't be tried here.
set -euo pipefail
version=${1:-2~ds-1}
folder=$(mktemp -d)
clean_up() {
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 2' INT TERM
cannot() { echo "can't be tried here: $1" >&2; exit 2; }
for tool in apt-get dpkg python3; do command -v "$tool" >/dev/null || cannot "there is no $tool"; done

cd "$folder"
apt-get download "gesftpserver=$version" >apt.log 2>&1 || cannot "apt has no gesftpserver $version"
dpkg -x ./*.deb root
head -c 1000000 /dev/urandom >large.sav
printf 1 >small.sav

echo "gesftpserver $version"
timeout 60 python3 - <<'END'
import os, struct, subprocess, sys

INIT, OPEN, READ, HANDLE = 1, 3, 5, 102
FOR_READING = 1
server = subprocess.Popen(["root/usr/libexec/gesftpserver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def text(value):
    return struct.pack(">I", len(value)) + value


def send(*packets):
    server.stdin.write(b"".join(map(text, packets)))
    server.stdin.flush()


def receive():
    return server.stdout.read(struct.unpack(">I", server.stdout.read(4))[0])


def opened(number, name):
    send(struct.pack(">BI", OPEN, number) + text(os.path.realpath(name).encode()) + struct.pack(">II", FOR_READING, 0))
    answer = receive()
    if answer[0] != HANDLE:
        sys.exit(f"CHANGED: {name} can't be opened")
    return answer[5:]


try:
    send(struct.pack(">BI", INIT, 3))
    greeting = receive()
    names = ("fsync@openssh.com", "fstatvfs@openssh.com")
    announced = [name.encode() in greeting for name in names]
    print("it announces", ", ".join(f"{name}: {is_there}" for name, is_there in zip(names, announced)))
    large, small = opened(1, "large.sav"), opened(2, "small.sav")
    turned = turned_in_one_file = 0
    for first in range(3, 3203, 32):
        requests = []
        for number in range(first, first + 32, 2):
            requests.append(struct.pack(">BI", READ, number) + large + struct.pack(">QI", 0, 32_768))
            requests.append(struct.pack(">BI", READ, number + 1) + small + struct.pack(">QI", 0, 1))
        send(*requests)
        answered = [struct.unpack(">I", receive()[1:5])[0] for _ in requests]
        turned += answered != sorted(answered)
        for which in 0, 1:
            of_one_file = [number for number in answered if number % 2 == which]
            turned_in_one_file += of_one_file != sorted(of_one_file)
    print(f"out of order in {turned} of 100 rounds, two READs of the same file in {turned_in_one_file}")
finally:
    server.stdin.close()
    server.wait(10)
if turned == 0 or turned_in_one_file > 0 or not all(announced):
    sys.exit("CHANGED: all answers came in order, those of one file did not, or the extensions are no longer announced")
END
echo "Why it matters: a client that takes the next answer for the one it waits for mixes up two files; it has to go by the"
echo "number of the request."
