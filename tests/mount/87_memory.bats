# memory/: an ordinary small file system that tells what is done in it.
load ../lib/mount
load ../lib/loop
load ../lib/memory

@test "a file that was written is one event at close, with path, size, revision and who" {
	up
	enter cece
	agent_do cece 'echo hello > memory/plan.md'
	wait_until told_count plan.md 1
	assert_eq "$(told plan.md)" '{"path":"memory/plan.md","size":6,"revision":1}'
	jq -es 'map(select(.event_type == "memory.write")) |
		length == 1 and .[0].session_id == "cece" and .[0].from == "cece"' "$MNT/activity"

	agent_do cece 'for i in 1 2 3; do echo "line $i"; done >> memory/plan.md'
	wait_until told_count plan.md 2
	assert_eq "$(last_told plan.md '"\(.size) \(.revision)"')" "27 2"
	agent_do cece ': > memory/plan.md'
	wait_until told_count plan.md 3
	assert_eq "$(last_told plan.md '"\(.size) \(.revision)"')" "0 3"
	agent_do cece 'truncate -s 5 memory/plan.md; cat memory/plan.md > /dev/null; touch memory/plan.md; chmod 600 memory/plan.md'
	wait_until told_count plan.md 4
	assert_eq "$(last_told plan.md .size)" 5
	agent_do cece 'rm memory/plan.md'
	assert_eq "$(last_told plan.md .)" '{
  "path": "memory/plan.md",
  "revision": 4
}'
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -r .event_type)" memory.delete
	agent_do cece 'echo again > memory/plan.md'
	wait_until told_count plan.md 6
	assert_eq "$(last_told plan.md .revision)" 1
	# in the session's own files as well, and in nobody's inbox
	assert_eq "$(jq -c 'select(.event_type | startswith("memory."))' "$MNT/sessions/cece/activity" | wc -l)" 6
	refute grep -q memory. "$MNT/sessions/cece/inbox"
}

@test "a descriptor that many write through is one event" {
	up
	(
		exec 5>"$MEM/log"
		for i in 1 2 3 4 5; do
			echo "$i" >&5
			/bin/echo child >&5
		done
		sleep 0
	)
	wait_until told_count log 1
	assert_eq "$(last_told log .size)" 40
	echo more >>"$MEM/log"
	wait_until told_count log 2
}

@test "what has no descriptor is told as it is done" {
	up
	mkdir "$MEM/d"
	assert_eq "$(told d)" '{"path":"memory/d","kind":"directory"}'
	echo x >"$MEM/d/a"
	wait_until told_count d/a 1
	mv "$MEM/d/a" "$MEM/d/b"
	assert_eq "$(told d/b)" '{"path":"memory/d/b","size":2,"revision":1,"from":"memory/d/a"}'
	assert_eq "$(told d/a memory.delete)" ""
	ln -s b "$MEM/d/s"
	assert_eq "$(told d/s)" '{"path":"memory/d/s","kind":"symlink","target":"b"}'
	ln "$MEM/d/b" "$MEM/d/h"
	assert_eq "$(told d/h)" '{"path":"memory/d/h","size":2,"revision":1,"link_of":"memory/d/b"}'
	mv "$MEM/d" "$MEM/e"
	assert_eq "$(told e)" '{"path":"memory/e","kind":"directory","from":"memory/d"}'
	echo y >>"$MEM/e/b"
	wait_until told_count e/b 1
	# what takes a name goes on with its revisions
	echo z >"$MEM/new"
	wait_until told_count new 1
	mv "$MEM/new" "$MEM/e/b"
	assert_eq "$(last_told e/b '"\(.revision) \(.from)"')" "3 memory/new"
	rm "$MEM/e/s" "$MEM/e/h" "$MEM/e/b"
	rmdir "$MEM/e"
	assert_eq "$(told e memory.delete)" '{"path":"memory/e","kind":"directory"}'
	# what was refused is no event
	before=$(last_seq)
	refute mv "$MEM/nope" "$MEM/x"
	refute rmdir "$MEM/nope"
	refute rm "$MEM/nope"
	assert_eq "$(last_seq)" "$before"
}

@test "renameat2 exchanges and doesn't replace" {
	up
	py <<'PY'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(path("memory"))
for name in "ab":
    open(name, "w").write(name)
def rename(old, new, flags):
    if libc.renameat2(-100, old, -100, new, flags) != 0:
        raise OSError(ctypes.get_errno(), "")
refused("EEXIST", rename, b"a", b"b", 1)
rename(b"a", b"b", 2)
same((open("a").read(), open("b").read()), ("b", "a"))
last = lines("activity")[-1]["data"]
same((last["path"], last["from"], last["exchanged"]), ("memory/b", "memory/a", True))
refused("EINVAL", rename, b"a", b"b", 4)
PY
}

@test "two writers of one file are told of each other" {
	up
	enter cece bob
	agent_sh cece 'exec 5>>memory/shared'
	agent_sh bob 'exec 5>>memory/shared; echo bob >&5; exec 5>&-'
	wait_until told_count shared 1
	assert_eq "$(last_told shared '.writers[]')" cece
	agent_sh cece 'echo cece >&5; exec 5>&-'
	wait_until told_count shared 2
	assert_eq "$(last_told shared '.writers[]')" bob
	agent_do cece 'echo alone >> memory/shared'
	wait_until told_count shared 3
	assert_eq "$(last_told shared .writers)" null
	# one's own second descriptor is no other writer
	agent_do cece 'exec 5>>memory/shared 6>>memory/shared; echo x >&5'
	wait_until told_count shared 4
	assert_eq "$(last_told shared .writers)" null
}

@test "reading is told where it is asked for, and only there" {
	up -o memory_reads
	echo text >"$MEM/f"
	cat "$MEM/f" "$MEM/f" >/dev/null
	wait_until eval '[ "$(told f memory.read | wc -l)" = 2 ]'
	assert_eq "$(told f memory.read | tail -n 1)" '{"path":"memory/f","size":5,"revision":1}'
	leitl_down
	up
	cat "$MEM/f" >/dev/null
	echo >"$MEM/g"
	wait_until told_count g 1
	assert_eq "$(told f memory.read | wc -l)" 2
}

@test "a file has at most memory_file bytes" {
	up -o memory_file=1M
	head -c 1048576 /dev/zero >"$MEM/full"
	fails EFBIG 'open("full", "ab", 0).write(b"x")'
	fails EFBIG 'os.truncate("full", 1048577)'
	fails EFBIG 'os.posix_fallocate(os.open("full", os.O_RDWR), 0, 1048577)'
	assert_eq "$(last_error | jq -r '"\(.errno) \(.path) \(.reason)"')" \
		"EFBIG memory/full memory_file: a file has at most 1048576 bytes"
	assert_eq "$(stat -c %s "$MEM/full")" 1048576
	py <<'PY'
# what fits is written
f = os.open(path("memory/part"), os.O_CREAT | os.O_RDWR)
os.ftruncate(f, (1 << 20) - 3)
same(os.pwrite(f, b"12345", (1 << 20) - 3), 3)
same(os.pread(f, 9, (1 << 20) - 3), b"123")
refused("EFBIG", os.pwrite, f, b"1", 1 << 20)
refused("EFBIG", os.pwrite, f, b"1", 1 << 40)
PY
	leitl_down
	up -o memory_file=0
	head -c 20000000 /dev/zero >"$MEM/large"
}

@test "all files have at most memory_total bytes and memory_files names, and df says so" {
	local free
	up -o memory_total=1M,memory_files=20
	assert_eq "$(df --output=size "$MEM" | tail -n 1 | tr -d ' ')" 1024
	assert_eq "$(used)" 0
	head -c 600000 /dev/zero >"$MEM/a"
	wait_until eval '[ "$(used)" = 588 ]' # in blocks of 4 KiB
	refute bash -c 'head -c 600000 /dev/zero >"$0"' "$MEM/b"
	fails ENOSPC 'open("b", "ab", 0).write(b"x" * 8192)'
	fails ENOSPC 'os.truncate("a", 2 << 20)'
	assert_match "$(last_error)" 'memory_total: all files together have at most 1048576 bytes'
	assert_eq "$(used)" 1024
	rm "$MEM/b"
	for _ in 1 2 3 4 5; do
		head -c 400000 /dev/zero >"$MEM/b"
		rm "$MEM/b"
	done
	assert_eq "$(used)" 588
	# what was removed counts as long as it is open
	exec 7<"$MEM/a"
	rm "$MEM/a"
	assert_eq "$(used)" 588
	exec 7<&-
	wait_until eval '[ "$(used)" = 0 ]'

	for i in $(seq 20); do mkdir "$MEM/d$i"; done
	assert_errno ENOSPC mkdir "$MEM/d21"
	assert_errno ENOSPC touch "$MEM/f"
	assert_errno ENOSPC ln -s x "$MEM/l"
	assert_match "$(last_error)" 'memory_files: there are at most 20 files'
	assert_eq "$(df --output=iavail "$MEM" | tail -n 1 | tr -d ' ')" 0
	rmdir "$MEM/d1"
	touch "$MEM/f"
	ln "$MEM/f" "$MEM/d2/link" # no other file
	leitl_down
	up -o memory_total=1M,memory_files=20
	assert_eq "$(df --output=iavail "$MEM" | tail -n 1 | tr -d ' ')" 0
	assert_errno ENOSPC touch "$MEM/g"
}

@test "whoever has too many events is not let write" {
	up -o messages=30
	for i in $(seq 40); do echo "$i" >>"$MEM/f" || break; done 2>/dev/null
	assert_errno EDQUOT bash -c 'echo x >>"$0"' "$MEM/f"
	assert_errno EDQUOT mkdir "$MEM/d"
	assert_match "$(last_error)" 'messages: this user has'
	cat "$MEM/f" >/dev/null
	rm "$MEM/f"
}

@test "what the disk underneath refuses is noted, and does not flood errors" {
	need_root
	leitl_init
	mkdir "$LEITL_TMP/disk"
	mount -t tmpfs -o size=40m none "$LEITL_TMP/disk"
	STATE=$LEITL_TMP/disk/state
	mkdir -m 0700 "$STATE"
	up -o memory_file=0,memory_total=0
	echo kept >"$MEM/kept"
	assert_errno ENOSPC bash -c 'head -c 50000000 /dev/zero >"$0"' "$MEM/big"
	assert_eq "$(jq -c 'select(.errno == "ENOSPC") | [.path, .reason]' "$MNT/errors" | head -n 1)" \
		'["memory/big","the disk that the state directory is on is full"]'
	py "$STATE" <<'PY'
# to the last block
f = os.open(sys.argv[2] + "/ballast", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
for size in (1 << 20, 4096, 1):
    with contextlib.suppress(OSError):
        while True:
            os.write(f, b"x" * size)
big = os.open(path("memory/big"), os.O_WRONLY | os.O_APPEND)
at = 1 << 30
def until_refused():
    # Where the daemon gave a block back meanwhile, this takes it.
    global at
    for _ in range(1000):
        try:
            os.pwrite(big, b"x" * 4096, at)
        except OSError as e:
            return same(errno.errorcode[e.errno], "ENOSPC")
        at += 4096
    raise AssertionError("not refused")
until_refused()
began, before = time.monotonic(), len(lines("errors"))
for _ in range(500):
    until_refused()
took = time.monotonic() - began
# one for the disk and one for the log in a second
assert len(lines("errors")) - before <= 2 * (took + 2), (len(lines("errors")), before, took)
os.close(big)
os.unlink(sys.argv[2] + "/ballast")
os.unlink(path("memory/big"))
PY
	assert_eq "$(cat "$MEM/kept")" kept
	echo again >"$MEM/again"
	wait_until told_count again 1
	wait_until eval '[ "$(told big memory.delete | wc -l)" = 1 ]'
}

@test "where no descriptor is left nothing is changed in a wrong name" {
	local most said name
	up
	enter par
	agent_do par 'echo x >memory/cut; mkdir memory/there; echo x >memory/gone'
	most=$(prlimit --pid "$DAEMON" --nofile -o SOFT --noheadings | tr -d ' ')
	# All that is below is in use: there are no more.
	prlimit --pid "$DAEMON" --nofile=8:
	for name in 'mkdir memory/new' 'rmdir memory/there' 'rm memory/gone' 'mv memory/gone memory/new' \
		'ln memory/gone memory/new' 'ln -s gone memory/new' 'truncate -c -s 0 memory/cut' \
		'touch memory/new'; do
		said=$(agent_do par "$name" 2>&1) && fail "succeeded: $name"
		assert_match "$said" 'Too many open files' "$name"
	done
	prlimit --pid "$DAEMON" --nofile="$most:"
	assert_eq "$(cat "$MEM/cut" "$MEM/gone"; ls "$MEM" | paste -sd' ')" $'x\nx\ncut gone there'
	assert_match "$(last_error)" '"errno":"EMFILE"'
	agent_do par 'mkdir memory/new'
	assert_eq "$(jq -rc 'select(.event_type == "memory.write") | [.session_id, .data.path]' "$MNT/activity" |
		tail -n 1)" '["par","memory/new"]'
}

@test "one user's open files leave descriptors to the rest" {
	ulimit -n 200
	up
	py <<'PY'
held = []
try:
    while len(held) < 150:
        held.append(os.open(path(f"memory/f{len(held)}"), os.O_RDWR | os.O_CREAT))
except OSError as e:
    same(errno.errorcode[e.errno], "EMFILE")
same(len(held), 100)
line = lines("errors")[-1]
same([line["errno"], line["path"]], ["EMFILE", "memory/f100"])
assert "this user has 100 files open there, half of what the daemon may" in line["reason"], line
refused("EMFILE", os.listdir, path("memory"))
os.mkdir(path("sessions/ann"))
with open(path("as/ann/broadcast"), "w") as f:
    f.write("still here\n")
same(said()[-1]["message"], "still here")
os.close(held.pop())
def listed():  # the close comes a moment later
    with contextlib.suppress(OSError):
        return len(os.listdir(path("memory"))) == 100
until(listed, "a descriptor that is free again")
PY
}

@test "what git does below .git is one event, and what it does beside is told as ever" {
	local before
	up
	enter cece
	agent_do cece 'git init -q -b main memory/notes
		git -C memory/notes config user.email a@example
		git -C memory/notes config user.name A'
	wait_until eval '[ "$(quiet_count notes/.git)" = 1 ]'
	assert_eq "$(told notes/.git memory.write | head -n 1)" '{"path":"memory/notes/.git","kind":"directory"}'
	agent_do cece 'for i in 1 2 3; do echo "$i" >memory/notes/$i; done'
	wait_until told_count notes/3 1
	before=$(last_seq)
	agent_do cece 'git -C memory/notes add . && git -C memory/notes commit -qm three'
	wait_until eval '[ "$(quiet_count notes/.git)" -gt 1 ]'
	# one, or on a slow machine two; by who did it; and none of another path
	jq -es --argjson before "$before" 'map(select(.seq > $before and (.event_type | startswith("memory.")))) |
		length >= 1 and length <= 3 and
		all(.event_type == "memory.write" and .data.path == "memory/notes/.git" and
			.data.kind == "directory" and .data.quiet > 0 and .session_id == "cece")' "$MNT/activity"
	assert_eq "$(git -C "$MEM/notes" log --format=%s)" three
	refute grep -q '\.git/' "$MNT/activity"
	# they count in the limits
	assert_eq "$(df --output=iused "$MEM" | tail -n 1 | tr -d ' ')" "$(find "$MEM" -mindepth 1 | wc -l)"
	agent_do cece 'mv memory/notes memory/moved; echo x >memory/moved/.git/x'
	wait_until eval '[ "$(quiet_count moved/.git)" = 1 ]'
	# what waits to be told when the mount ends is told
	agent_do cece 'echo y >memory/moved/.git/x'
	leitl_down
	up
	assert_eq "$(quiet_count moved/.git)" 2
	assert_eq "$(told moved/.git | grep -c recovered)" 0
	echo z >"$MEM/moved/.git/x"
	leitl_kill9
	up
	wait_until eval '[ "$(quiet_count moved/.git)" = 3 ]'
	# Where the kill fell between its count and its name on the list of open files, it is counted twice.
	assert_match "$(last_told moved/.git .quiet)" '^[12]$'
}

quiet_count() { # PATH
	told "$1" memory.write | grep -c '"quiet":'
}

@test "which directories are quiet is an option" {
	up -o memory_quiet=cache:.svn
	mkdir "$MEM/cache" "$MEM/.git"
	echo x >"$MEM/cache/a"
	echo x >"$MEM/.git/a"
	wait_until told_count .git/a 1
	wait_until eval '[ "$(quiet_count cache)" = 1 ]'
	assert_eq "$(told cache/a)" ""
	leitl_down
	up -o memory_quiet=
	echo x >"$MEM/cache/b"
	wait_until told_count cache/b 1
	leitl_down
	run "$LEITLFS" -f -o "state=$STATE,memory_quiet=a/b" "$MNT"
	assert_eq "$status" 2
	assert_match "$output" 'memory_quiet=a/b: must be names'
}

@test "as/<id>/memory is the same tree, and what is done there that session does" {
	up
	mkdir "$MNT/sessions/bob" "$MNT/sessions/dora"
	local own=$MNT/as/bob/memory
	# memory/ itself has looked, and knows that there is nothing
	refute stat "$MEM/x" "$MEM/d" "$MEM/y"
	echo one >"$own/x"
	assert_eq "$(cat "$MEM/x")" one
	mkdir "$own/d"
	[ -d "$MEM/d" ]
	echo two >>"$MEM/x"
	assert_eq "$(cat "$own/x")" $'one\ntwo'
	mv "$own/x" "$own/d/y"
	refute stat "$MEM/x"
	assert_eq "$(stat -c %s "$MEM/d/y")" 8
	chmod 700 "$own/d"
	assert_eq "$(stat -c %a "$MEM/d")" 700
	echo three >>"$own/d/y"
	assert_eq "$(tail -n 1 "$MEM/d/y")" three
	truncate -s 3 "$own/d/y"
	assert_eq "$(stat -c %s "$MEM/d/y")" 3
	ln -s y "$own/d/s"
	assert_eq "$(readlink "$MEM/d/s")" y
	rm "$own/d/s"
	refute stat "$MEM/d/s"
	rm "$MEM/d/y"
	refute stat "$own/d/y"
	rmdir "$MEM/d"
	refute stat "$own/d"
	wait_until eval '[ "$(jq -r "select(.session_id == \"bob\" and (.event_type | startswith(\"memory.\"))) | .data.path" \
		"$MNT/activity" | sort | uniq -c | tr -s " " | paste -sd,)" = " 1 memory/d, 2 memory/d/s, 3 memory/d/y, 1 memory/x" ]' ||
		{ jq -c 'select(.session_id == "bob")' "$MNT/activity"; false; }
	# two views: a name can't go from one to the other, mv copies
	echo z >"$own/z"
	fails EXDEV 'os.rename("z", "../as/bob/memory/q")'
	fails EXDEV 'os.rename("z", "../errors")'
	mv "$MEM/z" "$MNT/as/dora/memory/q"
	assert_eq "$(cat "$MEM/q")" z
}

@test "who changes one file by memory/ and by as/<id>/memory at once never waits for good" {
	# who removes a file holds it, and its directory; by the other path the directory is another
	up
	mkdir "$MNT/sessions/bob" "$MNT/sessions/dora"
	py <<'PY'
import random
dirs = [path("memory"), path("as/bob/memory"), path("as/dora/memory")]
done = [0] * 6


def make(name):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))


def change(n):
    rnd = random.Random(n)
    for _ in range(60):
        name, other = (f"{rnd.choice(dirs)}/{rnd.randrange(2)}" for _ in range(2))
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            try:
                rnd.choice([lambda: os.unlink(name), lambda: make(name),
                            lambda: os.rename(name, other), lambda: os.link(name, other)])()
            except OSError as e:
                if e.errno != errno.EXDEV:
                    raise
        done[n] += 1


threads = [threading.Thread(target=change, args=(n,), daemon=True) for n in range(len(done))]
for t in threads:
    t.start()
until(lambda: not any(t.is_alive() for t in threads), "every change to end", 40)
same(done, [60] * len(done))
# and all of them see the same
until(lambda: len({tuple(sorted(os.listdir(d))) for d in dirs}) == 1, "one listing")
make(dirs[1] + "/last")
os.stat(dirs[0] + "/last")
os.unlink(dirs[2] + "/last")
refused("ENOENT", os.stat, dirs[0] + "/last")
PY
}

@test "what is removed keeps no descriptor for good, though as/<id>/memory has shown it" {
	up
	mkdir "$MNT/sessions/bob"
	py "$DAEMON" <<'PY'
fds = f"/proc/{sys.argv[2]}/fd"
before = len(os.listdir(fds))
for i in range(1000):
    with open(path(f"memory/{i}"), "w") as f:
        f.write("here")
    os.stat(path(f"as/bob/memory/{i}"))
held = [os.open(path(f"memory/{i}"), os.O_RDWR) for i in range(10)]
for i in range(1000):
    os.unlink(path(f"memory/{i}"))
assert len(os.listdir(fds)) < before + 350, len(os.listdir(fds))
for fd in held:  # what is open goes on
    same(os.fstat(fd).st_nlink, 0)
    same(os.pread(fd, 9, 0), b"here")
    os.close(fd)
for i in range(1000):  # inode numbers are used again
    with open(path(f"memory/{i}"), "w") as f:
        f.write(f"new {i}")
for i in range(1000):
    same(content(f"as/bob/memory/{i}"), f"new {i}".encode())
PY
}

@test "one file has one copy of its pages and one set of locks, by whatever path" {
	up
	mkdir "$MNT/sessions/bob"
	py <<'PY'
import mmap
plain, own = path("memory/m"), path("as/bob/memory/m")
with open(plain, "wb") as f:
    f.write(b"." * 8192)
a, b = os.open(plain, os.O_RDWR), os.open(own, os.O_RDWR)
one, two = mmap.mmap(a, 8192), mmap.mmap(b, 8192)
one[5000:5004] = b"here"
same(two[5000:5004], b"here")
same(os.pread(b, 4, 5000), b"here")
os.pwrite(b, b"there", 100)
same(one[100:105], b"there")
fcntl.flock(a, fcntl.LOCK_EX)
refused("EAGAIN", fcntl.flock, b, fcntl.LOCK_EX | fcntl.LOCK_NB)
PY
}

@test "flock and fcntl locks hold between processes" {
	up
	py <<'PY'
name = path("memory/locked")
open(name, "w").close()
for lock, again in ((lambda f: fcntl.flock(f, fcntl.LOCK_EX), lambda f: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)),
                    (lambda f: fcntl.lockf(f, fcntl.LOCK_EX, 10), lambda f: fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 10))):
    down, up = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        f = open(name, "r+")
        lock(f)
        os.write(up[1], b"x")
        os.read(down[0], 1)
        os._exit(0)
    os.read(up[0], 1)
    f = open(name, "r+")
    refused("EAGAIN", again, f)
    os.write(down[1], b"x")
    os.waitpid(child, 0)
    again(f)
# a counter that many count on
open(path("memory/count"), "w").write("0")
def count():
    for _ in range(50):
        with open(path("memory/count"), "r+") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            n = int(f.read())
            f.seek(0)
            f.write(str(n + 1))
            f.flush()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        count()
        os._exit(0)
    children.append(child)
for child in children:
    same(os.waitpid(child, 0)[1], 0)
same(open(path("memory/count")).read(), "200")
PY
}

@test "who may what is as on a disk" {
	need_root
	up -o allow_other
	as_user 1 bash -c 'cd "$0" && echo mine >one && chmod 600 one && mkdir -m 700 closed && echo all >two' "$MEM"
	assert_eq "$(stat -c %u:%g "$MEM/one" "$MEM/closed" | paste -sd' ')" "1:1 1:1"
	assert_errno EACCES as_user 2 cat "$MEM/one"
	assert_errno EACCES as_user 2 ls "$MEM/closed"
	assert_errno EACCES as_user 2 bash -c 'echo x >>"$0"' "$MEM/two"
	assert_errno EPERM as_user 2 rm -f "$MEM/two"
	assert_errno EPERM as_user 2 mv -f "$MEM/two" "$MEM/mine"
	assert_errno EPERM as_user 2 chmod 777 "$MEM/two"
	assert_errno EPERM as_user 1 chown 2 "$MEM/two"
	as_user 2 cat "$MEM/two"
	chown 2:2 "$MEM/two"
	as_user 2 rm "$MEM/two"
	assert_errno EPERM chmod 700 "$MEM"
	# set-id bits are not kept, and nothing here waits to be read
	cp /bin/true "$MEM/prog"
	chmod 6755 "$MEM/prog"
	assert_eq "$(stat -c %a "$MEM/prog")" 755
	"$MEM/prog"
	assert_errno EPERM mkfifo "$MEM/pipe"
	assert_errno EPERM mknod "$MEM/null" c 1 3
	# each one's are told to be his
	wait_until eval '[ "$(jq -r "select(.data.path == \"memory/one\") | .from" "$MNT/activity")" = daemon ]'
}

@test "nothing leads out of it" {
	up
	ln -s / "$MEM/root"
	ln -s ../../../../../../etc/passwd "$MEM/passwd"
	assert_eq "$(readlink "$MEM/passwd")" ../../../../../../etc/passwd
	py <<'PY'
# A link is the client's to follow: what is opened through the daemon is what stands here.
os.chdir(path("memory"))
refused("ELOOP", os.open, "root", os.O_RDONLY | os.O_NOFOLLOW)
same(os.readlink("root"), "/")
same(os.path.realpath("root/etc"), "/etc")
refused("ENOENT", os.open, "..nothing", os.O_RDONLY)
same(os.stat("..").st_ino, os.stat(mnt).st_ino)
PY
}

@test "names are any bytes" {
	up
	py <<'PY'
os.chdir(path("memory"))
names = [b"\xff\xfe", b"two\nlines", b'"quoted"', b"\\", b"\x01", "ümlaut".encode(), b" ", b"n" * 255, b"-rf", b"new", b"x.live"]
for name in names:
    with open(name, "wb") as f:
        f.write(name)
same(sorted(os.listdir(b".")), sorted(names))
for name in names:
    same(open(name, "rb").read(), name)
refused("ENAMETOOLONG", os.mkdir, b"n" * 256)
until(lambda: len([e for e in lines("activity") if e["event_type"] == "memory.write"]) == len(names))
paths = [e["data"]["path"] for e in lines("activity") if e["event_type"] == "memory.write"]
same(sorted(paths), sorted("memory/" + n.decode("utf-8", "replace") for n in names))
# deeper than a path may be long
for _ in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
with open("deep", "w") as f:
    f.write("deep")
same(open("deep").read(), "deep")
os.rename("deep", "deeper")
same(os.listdir("."), ["deeper"])
os.unlink("deeper")
os.chdir(path("memory"))
PY
	rm -rf "$MEM/$(printf 'd%.0s' $(seq 200))"
	refute ls -d "$MEM"/ddd*
}

@test "what was acknowledged survives kill -9, and what was open is told" {
	up
	enter cece
	mkdir "$MEM/d"
	cat >"$LEITL_TMP/writer.py" <<'PY'
import os, sys
done = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
log = os.open(sys.argv[1] + "/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
i = 0
try:
    while True:
        os.write(log, b"%08d\n" % i)
        f = os.open(sys.argv[1] + "/f%d" % i, os.O_CREAT | os.O_WRONLY)
        os.write(f, b"x" * i)
        os.close(f)
        if i % 3 == 0:
            os.rename(sys.argv[1] + "/f%d" % i, sys.argv[1] + "/d/f%d" % i)
        os.write(done, b"%d\n" % i)
        i += 1
except OSError:
    pass
PY
	pid=$(agent_bg cece "exec $PYTHON $LEITL_TMP/writer.py $MEM $LEITL_TMP/done")
	wait_until eval '[ "$(line_count "$LEITL_TMP/done")" -gt 200 ]'
	leitl_kill9
	wait_until gone "$pid"
	up
	py "$LEITL_TMP/done" <<'PY'
done = len(open(sys.argv[2]).read().split())
assert done > 200
log = content("memory/log")
assert len(log) >= 9 * done and log[:9 * done] == b"".join(b"%08d\n" % i for i in range(done))
for i in range(done):
    same(len(content(f"memory/d/f{i}" if i % 3 == 0 else f"memory/f{i}")), i)
# Its events: of what was closed before, and of what was open
events = [e for e in lines("activity") if e["event_type"] == "memory.write"]
told = {e["data"]["path"] for e in events}
for i in range(done):
    # A release that the kernel sends after the rename is told by the new name.
    if i % 3 == 0:
        assert f"memory/d/f{i}" in told, i
        told_of = [e for e in events if e["data"]["path"] in (f"memory/f{i}", f"memory/d/f{i}")]
        assert len(told_of) >= 2, told_of
    else:
        assert f"memory/f{i}" in told, i
log = [e for e in events if e["data"]["path"] == "memory/log"]
same(len(log), 1)
same((log[0]["data"]["recovered"], log[0]["session_id"]), (True, "cece"))
PY
	leitl_down
	up
	assert_eq "$(told log | wc -l)" 1 # once
	# what is counted is what is there
	assert_eq "$(df --output=iused "$MEM" | tail -n 1 | tr -d ' ')" "$(find "$MEM" -mindepth 1 | wc -l)"
	assert_eq "$(used)" "$(find "$MEM" -type f -printf '%s\n' | awk '{ s += int(($1 + 4095) / 4096) * 4 } END { print s }')"
}

@test "names that change are told once, at whatever moment a kill strikes" {
	local round
	up
	for round in 1 2 3 4 5 6; do
		py "$DAEMON" "$round" <<'PY'
import random
rnd = random.Random(int(sys.argv[3]))
done = [0]


def storm(n):
    """Without open files, so that every call is one event, and is told before it returns."""
    i = 0
    os.chdir(path("memory"))
    name, other, kind = f"{sys.argv[3]}.{n}.", f"{sys.argv[3]}.{n}-", n % 3
    with contextlib.suppress(OSError):
        while True:
            i += 1
            if kind == 0:
                os.mkdir(name + str(i))
            elif kind == 1:
                os.symlink("to", name + str(i))
            else:
                os.link("file", name + str(i))
            os.rename(name + str(i), other + str(i))
            if i % 4:
                (os.rmdir if kind == 0 else os.unlink)(other + str(i))
            done[0] += 1


if not os.path.exists(path("memory/file")):
    os.mknod(path("memory/file"))
for n in range(6):
    threading.Thread(target=storm, args=(n,), daemon=True).start()
least = rnd.randrange(50, 600)
until(lambda: done[0] > least, "some changes", 60)
time.sleep(rnd.random() / 100)
os.kill(int(sys.argv[2]), signal.SIGKILL)
os._exit(0)
PY
		wait "$DAEMON" || DAEMON=
		up
		py <<'PY'
there, recovered = set(), 0
for event in lines("activity"):
    data = event["data"]
    if not event["event_type"].startswith("memory."):
        continue
    recovered += data.get("recovered", False)
    if event["event_type"] == "memory.delete":
        assert data["path"] in there, f"removed, and was not there: {event}"
        there.remove(data["path"])
        continue
    if "from" in data:
        assert data["from"] in there, f"renamed, and was not there: {event}"
        there.remove(data["from"])
    assert data["path"] not in there, f"made, and was there: {event}"
    there.add(data["path"])
same(sorted(there), sorted("memory/" + name for name in os.listdir(path("memory"))))
print(f"{len(there)} names, {recovered} recovered")
PY
	done
}

@test "what is open when the mount ends is told" {
	up
	enter cece
	pid=$(agent_bg cece 'exec 5>memory/open; echo x >&5; exec sleep 100')
	wait_until test -s "$MEM/open"
	fusermount3 -uz "$MNT"
	agent_kill cece
	kill "$pid"
	wait_until gone "$DAEMON"
	wait "$DAEMON"
	DAEMON=
	up
	assert_eq "$(told open)" '{"path":"memory/open","size":2,"revision":1}'
}

@test "a file that lost the name it was known by is there, and told by another" {
	up
	echo text >"$MEM/one"
	ln "$MEM/one" "$MEM/two"
	leitl_down
	up # nothing is known of `two`
	py <<'PY'
fd = os.open(path("memory/one"), os.O_RDWR)
os.unlink(path("memory/one"))
same(os.fstat(fd).st_nlink, 1)
os.fchmod(fd, 0o600)
os.write(fd, b"other words")
os.close(fd)
same(content("memory/two"), b"other words")
same(os.stat(path("memory/two")).st_mode & 0o777, 0o600)
PY
	wait_until eval '[ "$(last_told two .size)" = 11 ]'
	assert_eq "$(told one | wc -l)" 2
	rm "$MEM/two"
	assert_eq "$(used)" 0
}

@test "more directories in one than the daemon may have descriptors: it starts again" {
	up
	ulimit -n 200
	leitl_down
	up
	mkdir "$MEM/many"
	(cd "$MEM/many" && seq -f d%g 300 | xargs mkdir)
	mkdir -p "$MEM/many/d7/$(printf 'deeper/%.0s' $(seq 100))"
	leitl_kill9
	up
	assert_eq "$(find "$MEM" -mindepth 1 | wc -l)" 401
	assert_eq "$(df --output=iused "$MEM" | tail -n 1 | tr -d ' ')" 401
}

@test "revisions go on after a restart" {
	up
	for i in 1 2 3; do echo "$i" >"$MEM/f"; done
	wait_until told_count f 3
	leitl_down
	up
	echo 4 >"$MEM/f"
	wait_until told_count f 4
	assert_eq "$(last_told f .revision)" 4
	# and are the mount's own to keep
	assert_eq "$("$PYTHON" -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$MEM/f")" "[]"
	fails EPERM 'os.setxattr("f", "user.leitlfs.revision", b"9")'
	fails ENODATA 'os.getxattr("f", "user.leitlfs.revision")'
	fails ENOSPC 'os.setxattr("f", "user.big", b"x" * 5000)'
}

@test "looking through it changes nothing" {
	up
	mkdir -p "$MEM/a/b"
	echo text >"$MEM/a/b/c"
	wait_until told_count a/b/c 1
	before=$(last_seq)
	grep -r text "$MEM" >/dev/null
	find "$MNT" -path '*/memory/*' -type f -exec cat {} + >/dev/null
	tar -C "$MNT" -cf /dev/null memory
	ls -lR "$MEM" >/dev/null
	assert_eq "$(last_seq)" "$before"
	assert_match "$(ls "$MNT")" memory
	assert_eq "$(ls -A "$MEM")" a # all that is there is the users'
}

@test "what happened to a memory that is kept elsewhere may be told, and is marked" {
	up
	echo '{"event_type":"memory.write","data":{"item_id":"m-7","agent":"x"}}' >"$MNT/broadcast"
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -c '[.event_type, .data]')" \
		'["memory.write",{"item_id":"m-7","agent":"x","reported":true}]'
	echo '{"event_type":"memory.read","data":{ "item_id" : 7 } }' >"$MNT/broadcast"
	assert_eq "$(tail -n 1 "$MNT/activity" | jq -c .data)" '{"item_id":7,"reported":true}'
	for data in '{}' '{"path":"memory/x"}' '{"item_id":""}' '{"item_id":null}' '{"item_id":[]}' '"item_id"' \
		'{"item_id":"a","reported":false}'; do
		refuse EINVAL "$MNT/broadcast" "{\"event_type\":\"memory.write\",\"data\":$data}
"
	done
	refuse EINVAL "$MNT/broadcast" '{"event_type":"memory.moved","data":{"item_id":"a"}}
'
	refute grep -q memory. "$MNT/broadcast"
}
