#!/bin/bash
# libssh2 derives the key from the passphrase twice per login if it is given the private key alone.
#
# Version:    libssh2-1 1.10.0-3+deb12u1 (Debian 12), called by ctypes; the server is paramiko 3.5.1 in the same program.
# Behaviour:  libssh2_userauth_publickey_frommemory with an encrypted OpenSSH key and no public key decrypts the private key to
#             find the public one, asks the server whether it takes that, and then decrypts the private key once more to sign.
#             With the public key beside it, the first of the two is left out, and the login takes half as long.
# Output:     the private key alone:   1.32 s until the server is asked, 1.32 s more until it gets the signature
#             with the public key:     0.00 s until the server is asked, 1.32 s more until it gets the signature
#             (for a key of 200 rounds; the times differ from machine to machine)
# Why:        bcrypt is slow on purpose, and slower still on a small device. A program that keeps a key in memory and logs in
#             with it waits twice as long as it needs to, each time. An OpenSSH key file contains its public key unencrypted:
#             give it along.
#
# Usage: findings/libssh2-derives-twice.sh [VERSION]
# Ends with 0 if it is still so, 1 if the library behaves differently, 2 if it can't be tried here.
set -euo pipefail
version=${1:-1.10.0-3+deb12u1}
folder=$(mktemp -d)
clean_up() {
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 2' INT TERM
cannot() { echo "can't be tried here: $1" >&2; exit 2; }
for tool in apt-get dpkg python3 ssh-keygen; do command -v "$tool" >/dev/null || cannot "there is no $tool"; done

cd "$folder"
apt-get download "libssh2-1=$version" >apt.log 2>&1 || cannot "apt has no libssh2-1 $version"
dpkg -x ./*.deb root
python3 -m pip install -q --target python paramiko==3.5.1 cryptography==50.0.2 >pip.log 2>&1 ||
    cannot "pip can't install paramiko 3.5.1"
export PYTHONPATH=$folder/python
ssh-keygen -q -t ed25519 -a 200 -N passphrase -C user -f user

echo "libssh2-1 $version"
timeout 120 python3 - root/usr/lib/*-linux-gnu*/libssh2.so.1 <<'END'
import ctypes, socket, sys, threading, time
import paramiko

times = []


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        times.append(time.monotonic())
        return paramiko.AUTH_SUCCESSFUL


try:
    libssh2 = ctypes.CDLL(sys.argv[1])
except OSError as error:
    print("can't be tried here:", error, file=sys.stderr)
    sys.exit(2)
libssh2.libssh2_session_init_ex.restype = ctypes.c_void_p
libssh2.libssh2_init(0)
host_key = paramiko.RSAKey.generate(2048)
listener = socket.create_server(("127.0.0.1", 0))
with open("user", "rb") as file:
    private = file.read()
with open("user.pub", "rb") as file:
    public = file.read()


def log_in(public):
    """How long it takes until the server is asked whether it takes the key, and from there until it has the signature."""
    connection = socket.create_connection(listener.getsockname())
    accepted = paramiko.Transport(listener.accept()[0])
    accepted.add_server_key(host_key)
    accepted.start_server(event=threading.Event(), server=Server())
    session = ctypes.c_void_p(libssh2.libssh2_session_init_ex(None, None, None, None))
    if libssh2.libssh2_session_handshake(session, connection.fileno()) != 0:
        sys.exit("CHANGED: libssh2 and the server don't agree on how to encrypt")
    times[:] = [time.monotonic()]
    status = libssh2.libssh2_userauth_publickey_frommemory(
        session, b"anyone", ctypes.c_size_t(6), public, ctypes.c_size_t(len(public or b"")),
        private, ctypes.c_size_t(len(private)), b"passphrase")
    libssh2.libssh2_session_free(session)
    accepted.close()
    connection.close()
    if status != 0 or len(times) != 3:
        sys.exit(f"CHANGED: the login ended with status {status}, and the server was asked {len(times) - 1} times instead of 2")
    return times[1] - times[0], times[2] - times[1]


alone, beside = log_in(None), log_in(public)
for what, (asked, signed) in (("the private key alone:", alone), ("with the public key:  ", beside)):
    print(f"{what}   {asked:.2f} s until the server is asked, {signed:.2f} s more until it gets the signature")
if not (0.5 < alone[0] / alone[1] < 2 and beside[0] < beside[1] / 4):
    sys.exit("CHANGED: the private key is no longer decrypted once before the server is asked and once after it")
END
echo "Why it matters: bcrypt is slow on purpose, so the login takes twice as long as it needs to, unless the program gives the"
echo "public key along."
