#!/bin/bash
# ProFTPD's mod_sftp moves what a symbolic link leads to when the link is renamed.
#
# Version:    proftpd-core and proftpd-mod-crypto 1.3.8+dfsg-4+deb12u5 (Debian 12), asked by paramiko 3.5.1.
# Behaviour:  A link in one folder leads to a file in another. RENAME of the link is answered with OK. The file has left its
#             folder and stands under the new name; the link keeps its own name and leads nowhere.
# Output:     RENAME of here/link, which leads to elsewhere/target, to here/new: OK
#             then: here/link is a link, here/new is a file, elsewhere/target is nothing
# Why:        rename(2), and OpenSSH's server with it, moves the link itself. A client that moves a folder's entries one by one
#             takes files away from where others look for them, outside of everything that it was to touch.
#
# Usage: findings/proftpd-rename-follows.sh [VERSION]
# Ends with 0 if it is still so, 1 if the server behaves differently, 2 if it can't be tried here.
set -euo pipefail
version=${1:-1.3.8+dfsg-4+deb12u5}
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
for package in proftpd-core proftpd-mod-crypto; do
    apt-get download "$package=$version" >apt.log 2>&1 || cannot "apt has no $package $version"
done
for package in libhiredis0.14=0.14.1-3 libmemcached11=1.1.4-1 libmemcachedutil2=1.1.4-1 libhashkit2=1.1.4-1 \
    libpcre2-posix3=10.42-1+deb12u2 libpcre2-8-0=10.42-1+deb12u2 libsodium23=1.0.18-1+deb12u1; do
    apt-get download "$package" >apt.log 2>&1 || cannot "apt has no $package"
done
for package in *.deb; do dpkg -x "$package" root; done
libraries=$(echo "$folder"/root/usr/lib/*-linux-gnu*)
python3 -m pip install -q --target python paramiko==3.5.1 cryptography==50.0.2 >pip.log 2>&1 ||
    cannot "pip can't install paramiko 3.5.1"
export PYTHONPATH=$folder/python

mkdir -p files/here files/elsewhere
ssh-keygen -q -t ed25519 -N '' -C host -f host
ssh-keygen -q -t ed25519 -N '' -C user -f user
ssh-keygen -e -f user.pub >authorized_keys
printf 0123456789 >files/elsewhere/target
ln -s ../elsewhere/target files/here/link
echo "anyone:x:$(id -u):$(id -g)::$folder/files:/bin/sh" >users
chmod 600 users
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >settings <<END
ServerType standalone
ServerName finding
DefaultAddress 127.0.0.1
UseIPv6 off
Port $port
User $(id -un)
Group $(id -gn)
AuthOrder mod_auth_file.c
AuthUserFile $folder/users
RootLogin on
UseFtpUsers off
RequireValidShell off
PidFile $folder/pid
ScoreboardFile $folder/scoreboard
SystemLog $folder/system.log
WtmpLog off
TransferLog NONE
ModulePath $folder/root/usr/lib/proftpd
LoadModule mod_sftp.c
SFTPEngine on
SFTPLog $folder/sftp.log
SFTPHostKey $folder/host
SFTPAuthMethods publickey
SFTPAuthorizedUserKeys file:$folder/authorized_keys
END
LD_LIBRARY_PATH=$libraries root/usr/sbin/proftpd -n -c "$folder/settings" >server.log 2>&1 &
server=$!

echo "proftpd-mod-crypto $version"
python3 - "$port" anyone <<'END'
import os, socket, sys, time
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
place = os.path.realpath("files")
sftp.rename(f"{place}/here/link", f"{place}/here/new")
transport.close()


def kind(path):
    if os.path.islink(path):
        return "a link"
    return "a file" if os.path.isfile(path) else "nothing"


seen = {name: kind(f"{place}/{name}") for name in ("here/link", "here/new", "elsewhere/target")}
print("RENAME of here/link, which leads to elsewhere/target, to here/new: OK")
print("then:", ", ".join(f"{name} is {what}" for name, what in seen.items()))
if seen["here/new"] != "a file" or seen["elsewhere/target"] != "nothing":
    sys.exit("CHANGED: the link itself was renamed, or its target stayed where it was")
END
echo "Why it matters: a client that moves what it found in a folder takes away files that lie outside of it."
