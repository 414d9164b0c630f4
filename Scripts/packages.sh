# Sourced by the other scripts: `need PACKAGE...` installs with apt what is missing, and nothing else.

need() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "Installing$missing" >&2
    root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "error: run as root once: apt-get install$missing" >&2; exit 1; }
        root=sudo
    fi
    $root apt-get update -q >&2
    # shellcheck disable=SC2086  # one word a package
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2
}

# The libraries that the program is built with.
need_to_build() {
    command -v swift >/dev/null || {
        echo "error: no swift on PATH; install a Swift 6 toolchain: https://www.swift.org/install/linux/" >&2
        exit 1
    }
    need libssh2-1-dev libsqlite3-dev libzip-dev zlib1g-dev pkg-config
}

# build_release [OPTIONS OF swift build]: with the Swift libraries inside, so that the program also runs where no Swift is.
build_release() {
    swift build -c release --static-swift-stdlib "$@"
}

# A TCP port of 127.0.0.1 that nothing listens on, from 20000 up, beginning at a place that differs between runs.
free_port() {
    port=$((20000 + $$ % 20000))
    while ss -Htln "sport = :$port" | grep -q .; do port=$((port + 1)); done
    echo "$port"
}

# wait_for_port PORT PID: until PORT accepts connections, or PID is gone.
wait_for_port() {
    until ss -Htln "sport = :$1" | grep -q .; do
        kill -0 "$2" 2>/dev/null || { echo "error: the server on port $1 did not start" >&2; exit 1; }
        sleep 0.05
    done
}

# start_sshd FOLDER PORT: OpenSSH on loopback as the current user, with keys and configuration of its own in FOLDER.
# Sets sshd_pid. The user's key is FOLDER/user.
start_sshd() {
    ssh-keygen -q -t ed25519 -N '' -C demo -f "$1/host"
    ssh-keygen -q -t ed25519 -N '' -C demo -f "$1/user"
    cp "$1/user.pub" "$1/authorized_keys"
    chmod 600 "$1/authorized_keys"
    cat > "$1/sshd_config" <<EOF
ListenAddress 127.0.0.1:$2
HostKey $1/host
AuthorizedKeysFile $1/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
# Without it bash takes a command for a login from afar, and reads the account's own .bashrc first.
SetEnv SHLVL=1
Subsystem sftp /usr/lib/openssh/sftp-server
EOF
    # Privilege separation wants this directory when sshd runs as root.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    /usr/sbin/sshd -D -e -f "$1/sshd_config" 2> "$1/sshd.log" &
    sshd_pid=$!
    wait_for_port "$2" "$sshd_pid"
}
