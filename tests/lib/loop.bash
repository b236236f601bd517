# What the suites about messages and files share, beside mount.bash:
#
#     load ../lib/mount
#     load ../lib/loop

# The system's own, which every user may run.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)

# What each Python program of the suites begins with.
PY_BEGIN='
import contextlib, errno, fcntl, json, os, re, select, signal, subprocess, sys, threading, time

mnt = sys.argv[1]
slow = bool(os.environ.get("SAN"))
sys.stdout.reconfigure(line_buffering=True)


def path(name):
    return os.path.join(mnt, name)


def content(name):
    with open(path(name), "rb") as f:
        return f.read()


def parse(data):
    """JSON lines, each whole."""
    assert data == b"" or data.endswith(b"\n"), data[-200:]
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def lines(name):
    return parse(content(name))


def oldest():
    """The seq of the first event kept. (A gap may stand before it, at the moment of an expiry.)"""
    with open(path("activity"), "rb") as f:
        for line in f:
            if "seq" in (event := json.loads(line)):
                return event["seq"]
    return 0


def said(name="broadcast"):
    """The data of every message in a log."""
    return [e["data"] for e in lines(name)
            if e["event_type"] in ("broadcast.message", "message.direct")]


def same(actual, expected, what="values"):
    assert actual == expected, f"{what} differ\n  actual:   {actual!r}\n  expected: {expected!r}"


def refused(name, call, *arguments):
    """The call must fail with that errno."""
    try:
        result = call(*arguments)
    except OSError as e:
        same(errno.errorcode[e.errno], name, "errnos")
    else:
        raise AssertionError(f"expected {name}, got {result!r}")


def until(condition, what="a condition", seconds=30 if slow else 10):
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)


@contextlib.contextmanager
def opened(name, flags=os.O_WRONLY):
    fd = os.open(path(name), flags)
    try:
        yield fd
    finally:
        os.close(fd)


def contiguous(events, first=None):
    """Their seqs grow by one."""
    seqs = [e["seq"] for e in events]
    begin = seqs[0] if first is None else first
    for i, seq in enumerate(seqs):
        assert seq == begin + i, f"after seq {begin + i - 1} comes {seq}, line {i + 1}"
'

# py [ARGUMENT…]: runs the program on stdin; MNT is its first argument.
py() {
	"$PYTHON" -c "$PY_BEGIN
$(cat)" "$MNT" "$@"
}

# agent_py NAME [ARGUMENT…]: the same, run by an agent. agent_py_bg prints the pid, as agent_bg.
agent_py() {
	local name=$1
	py_file
	shift
	agent_do "$name" "exec $PYTHON $PY_FILE $MNT $*"
}

agent_py_bg() {
	local name=$1
	py_file
	shift
	agent_bg "$name" "exec $PYTHON $PY_FILE $MNT $*"
}

py_file() {
	PY_FILE=$(mktemp "$LEITL_TMP/XXXXXX.py")
	printf '%s\n' "$PY_BEGIN" >"$PY_FILE"
	cat >>"$PY_FILE"
	chmod 0644 "$PY_FILE"
}

# An agent for each name, with a session of that name.
enter() { # [-u UID] NAME…
	local name user=()
	if [ "$1" = -u ]; then
		user=(-u "$2")
		shift 2
	fi
	for name; do
		agent_start "${user[@]}" "$name"
		agent_do "$name" "mkdir sessions/$name"
	done
}

# What was said in a log: one JSON string for each message of text, the data of others.
texts() { # [FILE]
	jq -c 'select(.event_type == "broadcast.message" or .event_type == "message.direct")
		| .data | .message // .' "${1:-$MNT/broadcast}"
}

last_seq() { # [LOG]
	tail -n 1 "${1:-$MNT/activity}" | jq .seq
}

# refuse ERRNO FILE TEXT: writing it, by a shell of its own, must fail so.
refuse() {
	assert_errno "$1" bash -c 'printf "%s\n" "$1" >"$0"' "$2" "$3"
}

# follow NAME COMMAND…: in the background; what it prints is in $LEITL_TMP/NAME and NAME.err, its
# pid in FOLLOWER.
follow() {
	local name=$1
	shift
	"$@" </dev/null >"$LEITL_TMP/$name" 2>"$LEITL_TMP/$name.err" 3>&- 4>&- &
	FOLLOWER=$!
}

# The process is in a read(2) of a file of the mount, which waits if that is one that waits.
reading() { # PID
	local call fd rest
	read -r call fd rest <"/proc/$1/syscall" || return 1
	[ "$call" = "$READ_CALL" ] && [[ $(readlink "/proc/$1/fd/$((fd))") == "$MNT"/* ]]
}

case $(uname -m) in
x86_64) READ_CALL=0 ;;
i?86 | arm*) READ_CALL=3 ;;
*) READ_CALL=63 ;;
esac
