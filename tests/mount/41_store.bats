# Faults of the store: a full disk, and databases that are damaged, foreign, or somebody else's.
# What can't be served is refused: a reason on stderr, status 1, nothing mounted, and every file as
# it was. Nothing is ever made anew over what is there.
load ../lib/mount
load ../lib/loop

# --- a state with something in it

COUNT=120 # broadcasts; some of them are longer than a page

# Leaves in $LEITL_TMP/NAME a state directory as a daemon leaves it that is ended, or killed. What is
# in it is noted: $LEITL_TMP/NAME.activity.
make_state() { # NAME COMMAND-THAT-ENDS-IT
	leitl_up -o save=200ms
	enter bob
	py $COUNT <<'EOF'
for n in range(int(sys.argv[2])):
    with opened("broadcast" if n % 3 else "sessions/bob/inbox") as fd:
        os.write(fd, json.dumps({"n": n, "pad": "x" * (9000 if n % 20 == 0 else n)}).encode())
    if n % 30 == 29:
        time.sleep(0.3)  # some of it is in the database, some of it is not yet
EOF
	agent_do bob 'cat self/next' >/dev/null
	content_of_mount >"$LEITL_TMP/$1.content"
	$2
	cp -a "$STATE" "$LEITL_TMP/$1"
	fresh "$1"
}

content_of_mount() {
	cat "$MNT/activity" "$MNT/sessions/bob/inbox" "$MNT/sessions/bob/unread"
}

fresh() { # NAME: the state is again as make_state left it
	rm -rf "$STATE"
	cp -a "$LEITL_TMP/$1" "$STATE"
}

# Everything in the state directory but the lock, which is a note of who has it, and a WAL without
# anything in it, which is as good as none.
files_of_state() {
	(
		cd "$STATE" || exit
		# what is no file has no sum
		find . ! -name lock ! -name . ! \( -name leitl.db-wal -empty \) -printf '%P %y %s %l\n' | sort
		find . -type f ! -name lock ! -empty -print0 | sort -z | xargs -0r sha256sum
	)
}

# Starts a daemon that is expected to end by itself. Its stderr is in SAID, its status in STATUS.
start_and_see() { # [OPTIONS]
	local pid
	rm -f "$LEITL_TMP/said"
	"$LEITLFS" -f -o "state=$STATE${1:+,$1}" "$MNT" </dev/null >"$LEITL_TMP/said" 2>&1 3>&- 4>&- &
	pid=$!
	DAEMON=$pid DAEMON_UID=0
	wait_until leitl_ready_or_gone || return 1
	STATUS=running
	if gone "$pid"; then
		DAEMON=
		wait "$pid" && STATUS=0 || STATUS=$?
	fi
	SAID=$(cat "$LEITL_TMP/said")
}

# It must be refused, with that reason, and leave all as it is.
assert_refused() { # REGEX [WHAT]
	local before
	before=$(files_of_state)
	start_and_see
	assert_eq "$STATUS" 1 "status, with ${2:-this}; said: $SAID" || return 1
	assert_match "$SAID" "^leitlfs: .*($1)" "the reason, with ${2:-this}" || return 1
	assert_eq "$(wc -l <"$LEITL_TMP/said")" 1 "lines on stderr" || return 1
	refute leitl_mounted || return 1
	assert_eq "$(files_of_state)" "$before" "files, with ${2:-this}"
}

# It is refused; or, where the damage means nothing, all that was there is shown.
assert_refused_or_whole() { # NAME [WHAT]
	local before
	before=$(files_of_state)
	start_and_see
	if [ "$STATUS" = running ]; then
		content_of_mount >"$LEITL_TMP/content"
		cmp "$LEITL_TMP/$1.content" "$LEITL_TMP/content" || fail "not all is there, with $2" || return 1
		leitl_down
		return
	fi
	REFUSED=$((REFUSED + 1))
	assert_eq "$STATUS" 1 "status, with $2; said: $SAID" || return 1
	assert_match "$SAID" "^leitlfs: .*$STATE" "the reason, with $2" || return 1
	refute leitl_mounted || return 1
	assert_eq "$(files_of_state)" "$before" "files, with $2"
}

# damage FILE PROGRAM…: Python on its bytes, `data`.
damage() {
	"$PYTHON" - "$STATE/$1" "${@:3}" <<-END
		import random, sys
		with open(sys.argv[1], "rb") as f:
		    data = bytearray(f.read())
		$2
		with open(sys.argv[1], "r+b") as f:
		    f.truncate(len(data))
		    f.write(data)
	END
}

# sql STATEMENT…: on the database, as any program could that finds it unused.
sql() {
	"$PYTHON" - "$STATE/leitl.db" "$@" <<-'END'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
		for statement in sys.argv[2:]:
		    for row in db.execute(statement):
		        print(*row)
		db.close()
	END
}

integrity() {
	sql 'PRAGMA integrity_check'
}

# --- damaged

@test "an undamaged state is served, whether its daemon was ended or killed" {
	local how
	for how in leitl_down leitl_kill9; do
		leitl_init
		rm -rf "$STATE" && mkdir -m 0700 "$STATE"
		for name in "$LEITL_TMP"/agents/*; do
			[ ! -d "$name" ] || agent_stop "${name##*/}"
			rm -rf "$name"
		done
		make_state $how $how
		leitl_up
		cmp "$LEITL_TMP/$how.content" <(content_of_mount)
		leitl_down
		assert_eq "$(integrity)" ok
	done
}

@test "a database that is cut short, at whatever length, or longer than it says is refused" {
	local size n
	make_state good leitl_down
	size=$(stat -c %s "$STATE/leitl.db")
	for n in 0 1 99 100 511 512 4095 4096 4097 8192 $((size / 2)) $((size - 4096)) $((size - 1)) \
		$((size + 1)) $((size + 4096)); do
		fresh good
		truncate -s "$n" "$STATE/leitl.db"
		assert_refused "$STATE/leitl.db is damaged" "$n of $size bytes"
	done
}

@test "a bit flipped anywhere in the header is refused, or means nothing" {
	local byte step=1 REFUSED=0
	[ -z "${SAN:-}" ] || step=3
	make_state good leitl_down
	for ((byte = 0; byte < 100; byte += step)); do
		fresh good
		damage leitl.db "data[$byte] ^= 1 << $((byte * 3 % 8))"
		assert_refused_or_whole good "byte $byte flipped"
	done
	# bytes 40 to 43 and 96 to 99 are numbers that mean nothing here
	assert_le $((92 / step)) "$REFUSED" "flips that were refused"
}

@test "a page that is zeroed, or whose head is flipped, is refused, or is not in use" {
	local page step=1 pages REFUSED=0
	[ -z "${SAN:-}" ] || step=3
	make_state good leitl_down
	pages=$(($(stat -c %s "$STATE/leitl.db") / 4096))
	for ((page = 0; page < pages; page += step)); do
		fresh good
		damage leitl.db "data[$page * 4096 + (100 if $page == 0 else 0)] ^= 0x10"
		assert_refused_or_whole good "the head of page $page flipped"
		fresh good
		damage leitl.db "data[$page * 4096 : ($page + 1) * 4096] = bytes(4096)"
		assert_refused_or_whole good "page $page zeroed"
	done
	assert_le $((pages / step)) "$REFUSED" "pages that were refused"
}

@test "bits flipped anywhere: it is refused, or all that was there is shown; nothing crashes or hangs" {
	local n count=40 REFUSED=0
	[ -z "${SAN:-}" ] || count=12
	make_state good leitl_down
	for ((n = 0; n < count; n++)); do
		fresh good
		damage leitl.db "
random.seed($n)
for _ in range(1 + $n % 4):
    data[random.randrange(100, len(data))] ^= 1 << random.randrange(8)"
		assert_refused_or_whole good "flips $n"
	done
	assert_le $((count / 2)) "$REFUSED" "flips that were refused"
}

@test "tables that contradict each other are refused, and nothing of it is moved or made anew" {
	make_state good leitl_down
	local name statements
	while IFS='|' read -r name statements; do
		fresh good
		sql "$statements"
		assert_refused 'damaged|makes no sense' "$name"
		# likewise when it is in the WAL alone
		fresh good
		"$PYTHON" - "$STATE/leitl.db" "$statements" <<-'END'
			import os, sqlite3, sys
			db = sqlite3.connect(sys.argv[1], isolation_level=None)
			db.execute("PRAGMA wal_autocheckpoint=0")
			db.execute(sys.argv[2])
			os._exit(0)  # its WAL stays
		END
		[ -s "$STATE/leitl.db-wal" ] || fail "no WAL"
		rm -f "$STATE/leitl.db-shm"
		assert_refused 'damaged|makes no sense' "$name, in the WAL"
	done <<-'END'
		a session that is no JSON|UPDATE session SET json = '{"agent":' WHERE key = 'bob'
		a session of no agent|DELETE FROM agent WHERE key = 'bob'
		a state beyond the log's end|UPDATE number SET value = value + 1000 WHERE name = 'applied_pos'
		a log without its newest|DELETE FROM record WHERE pos > (SELECT max(pos) FROM record) - 10
		a channel of an unknown kind|UPDATE channel SET kind = 7 WHERE id = (SELECT min(id) FROM channel)
	END
}

@test "a journal that is damaged where others follow is refused, and so is what is no journal" {
	local REFUSED=0 n file end
	make_state killed leitl_down
	leitl_up -o save=1h
	py "$DAEMON" <<'EOF'
fd = os.open(path("broadcast"), os.O_WRONLY)
for n in range(30):
    os.write(fd, b'{"late":%d}' % n)
os.kill(int(sys.argv[2]), signal.SIGKILL)
EOF
	wait "$DAEMON" || DAEMON=
	rm -rf "$LEITL_TMP/killed"
	cp -a "$STATE" "$LEITL_TMP/killed"
	leitl_up
	assert_eq "$(jq -c 'select(.data.late) | .data.late' "$MNT/activity" | tail -n 1)" 29
	content_of_mount >"$LEITL_TMP/killed.content"
	leitl_down
	file=$(cd "$LEITL_TMP/killed" && grep -l '"late":28' journal.?)
	end=$(grep -abo '"late":28' "$LEITL_TMP/killed/$file" | tail -n 1 | cut -d : -f 1)
	for n in 0 3 8 16 24 $(seq 40 $((end / 30)) "$end"); do
		fresh killed
		damage "$file" "data[$n] ^= 1 << $((n % 8))"
		assert_refused_or_whole killed "byte $n of the journal flipped"
	done
	assert_le 25 "$REFUSED" "flips that were refused"
	for n in 'echo "my notes" >"$STATE/$file"' 'rm "$STATE/$file" && mkdir "$STATE/$file"' \
		'rm "$STATE/$file" && ln -s /dev/null "$STATE/$file"'; do
		fresh killed
		eval "$n"
		assert_refused "$STATE/$file" "$n"
	done
}

# --- not ours

@test "what is no database is refused" {
	leitl_init
	local what
	for what in 'echo "my notes" >"$STATE/leitl.db"' \
		': >"$STATE/leitl.db"' \
		'head -c 100000 /dev/urandom >"$STATE/leitl.db"' \
		'head -c 8192 /dev/zero >"$STATE/leitl.db"' \
		'{ printf "SQLite format 3\0"; head -c 8176 /dev/zero; } >"$STATE/leitl.db"' \
		'mkdir "$STATE/leitl.db"' \
		'mkfifo "$STATE/leitl.db"' \
		'ln -s /dev/null "$STATE/leitl.db"' \
		'ln -s nowhere "$STATE/leitl.db"'; do
		rm -rf "$STATE" && mkdir -m 0700 "$STATE"
		eval "$what"
		assert_refused "$STATE/leitl.db" "$what"
	done
}

@test "another program's database is refused, whatever it says of itself" {
	make_state good leitl_down
	local what
	rm -rf "$STATE" && mkdir -m 0700 "$STATE"
	sql 'CREATE TABLE notes(text)' 'INSERT INTO notes VALUES (1), (2)'
	assert_refused "$STATE/leitl.db" 'a database without application_id'
	sql 'PRAGMA journal_mode=WAL' 'PRAGMA application_id=1179011410'
	assert_refused "another program's" 'another application_id'
	sql 'PRAGMA application_id=1279609172' 'PRAGMA user_version=1'
	assert_refused 'damaged' 'our numbers, other tables'
	for what in 'CREATE TABLE notes(text)' \
		'CREATE INDEX by_time ON record(time)' \
		"CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM session; END" \
		"CREATE VIEW v AS SELECT * FROM record" \
		'ALTER TABLE session ADD COLUMN more TEXT' \
		'DROP TABLE session' 'DROP INDEX block_pos' \
		'PRAGMA journal_mode=DELETE'; do
		fresh good
		sql "$what" >/dev/null
		assert_refused 'damaged|header' "$what"
	done
}

@test "a database of a newer version is refused, and both versions are told" {
	make_state good leitl_down
	sql 'PRAGMA user_version=2'
	assert_refused 'version 2.*up to 1'
	fresh good
	"$PYTHON" - "$STATE/leitl.db" <<-'END'
		import os, sqlite3, sys
		db = sqlite3.connect(sys.argv[1], isolation_level=None)
		db.execute("PRAGMA wal_autocheckpoint=0")
		db.execute("PRAGMA user_version=77")
		os._exit(0)
	END
	rm -f "$STATE/leitl.db-shm"
	assert_refused 'version' 'a newer version in the WAL'
}

@test "a database that is gone, while what belongs to it is there, is not made anew" {
	make_state killed leitl_kill9
	rm "$STATE/leitl.db"
	assert_refused 'damaged|gone|missing'
	fresh killed
	rm "$STATE/leitl.db" "$STATE"/leitl.db-wal
	assert_refused 'damaged|gone|missing' 'the database and its WAL gone'
	rm "$STATE"/journal.0
	assert_refused 'damaged|gone|missing' 'all gone but a journal'
}

# --- not to be had

@test "a database that can only be read is refused" {
	need_root
	make_state good leitl_down
	chattr +i "$STATE/leitl.db" 2>/dev/null && {
		assert_refused "$STATE/leitl.db: (Operation not permitted|Permission denied)" 'chattr +i' || {
			chattr -i "$STATE/leitl.db"
			return 1
		}
		chattr -i "$STATE/leitl.db"
	}
	mount --bind "$STATE/leitl.db" "$STATE/leitl.db"
	mount -o remount,bind,ro "$STATE/leitl.db"
	assert_refused "$STATE/leitl.db: Read-only file system" 'a read-only file'
	umount "$STATE/leitl.db"
	mount --bind "$STATE" "$STATE"
	mount -o remount,bind,ro "$STATE"
	assert_refused "$STATE/.*: Read-only file system" 'a read-only file system'
	umount "$STATE"
	leitl_up
	cmp "$LEITL_TMP/good.content" <(content_of_mount)
}

@test "an ordinary user's database that may not be written is refused" {
	need_root
	leitl_up -u 1
	echo one >"$MNT/broadcast" || true
	leitl_down
	chmod 0400 "$STATE/leitl.db"
	run as_user 1 "$LEITLFS" -f -o "state=$STATE" "$MNT"
	assert_eq "$status" 1
	assert_match "$output" "$STATE/leitl.db: Permission denied"
	chmod 0600 "$STATE/leitl.db"
	chown 0 "$STATE/leitl.db"
	run as_user 1 "$LEITLFS" -f -o "state=$STATE" "$MNT"
	assert_eq "$status" 1
	assert_match "$output" "$STATE/leitl.db: Permission denied"
	refute leitl_mounted
}

@test "a database that another program is using is refused; while it is served nobody else gets in" {
	make_state good leitl_down
	coproc OTHER {
		exec "$PYTHON" -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA locking_mode=EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()' "$STATE/leitl.db" 3>&- 4>&-
	}
	local in=${OTHER[1]} out=${OTHER[0]} pid=$OTHER_PID line
	read -r -t 10 -u "$out" line
	start_and_see
	assert_eq "$STATUS" 1 "status; said: $SAID"
	assert_match "$SAID" "^leitlfs: $STATE/leitl.db: another process has the database open"
	refute leitl_mounted
	echo >&"$in"
	wait "$pid" || true
	leitl_up
	cmp "$LEITL_TMP/good.content" <(content_of_mount)
	run sql 'SELECT count(*) FROM record'
	assert_match "$output" 'database is locked|unable to open'
	echo "still served" >"$MNT/broadcast"
	assert_eq "$(texts | tail -n 1)" '"still served"'
}

# --- a full disk

# The state is on a disk of its own, of so many MiB.
small_disk() { # MIB
	need_root
	leitl_init
	mkdir "$LEITL_TMP/disk"
	mount -t tmpfs -o "size=$1m" none "$LEITL_TMP/disk"
	STATE=$LEITL_TMP/disk/state
	mkdir -m 0700 "$STATE"
}

# Writers: threads that write numbered messages to what is given until they are told to stop, and
# note which were taken. Prepended to the programs below.
WRITERS='
class Writer(threading.Thread):
    def __init__(self, name, file, size=400):
        super().__init__(daemon=True)
        self.file, self.who, self.size = file, name, size
        self.taken, self.refused, self.others = [], [], []
        self.end, self.pause = False, 0

    def run(self):
        n = 0
        with opened(self.file) as fd:
            while not self.end:
                n += 1
                key = f"{self.who}.{n}"
                try:
                    os.write(fd, json.dumps({"k": key, "pad": "x" * self.size}).encode())
                    self.taken.append(key)
                    time.sleep(self.pause)
                except OSError as e:
                    (self.refused if e.errno == errno.ENOSPC else self.others).append(key)
                    time.sleep(0.002)

    def stop(self):
        self.end = True
        self.join()
        same(self.others, [], "refused with another errno than ENOSPC")


def compare(log, writers):
    """Each message that was taken is there once, in order; what was refused is not."""
    keys = [e["data"]["k"] for e in lines(log) if "k" in e["data"]]
    for w in writers:
        mine = [k for k in keys if k.split(".")[0] == w.who]
        assert mine == w.taken, (f"{log}: of {w.who}, missing {sorted(set(w.taken) - set(mine))[:5]}, "
                                 f"not taken {sorted(set(mine) - set(w.taken))[:5]}")
'

# Those that were written by a program before, as it printed them.
WAS='
class Was:
    def __init__(self, who, taken):
        self.who, self.taken = who, taken


with open(sys.argv[2]) as f:
    was = [Was(*item) for item in json.load(f).items()]
'

@test "a full disk: ENOSPC with the reason; reads go on; writes resume when there is room" {
	small_disk 8
	leitl_up -o save=200ms
	enter bob
	{
		echo "$WRITERS"
		cat <<'EOF'
before = lines("activity")
writers = [Writer("a", "broadcast"), Writer("b", "broadcast", 4000), Writer("c", "sessions/bob/inbox")]
for w in writers:
    w.start()
until(lambda: all(len(w.refused) > 20 for w in writers), "a full disk", 30)
for w in writers:
    w.stop()
assert all(len(w.taken) > 100 for w in writers), [len(w.taken) for w in writers]
error = lines("errors")[-1]
same(error["errno"], "ENOSPC")
assert "full" in error["reason"] or "space" in error["reason"], error

# looking goes on, and what was not taken left nothing behind
events = lines("activity")
contiguous(events, 1)
alerts = [e for e in events if e["event_type"].startswith("alert.")]
same(len(events), len(before) + len(alerts) + sum(len(w.taken) for w in writers))
compare("broadcast", writers[:2])
compare("sessions/bob/inbox", writers)
same(os.stat(path("activity")).st_size, len(content("activity")))
for name in ("sessions.json", "sessions/bob/session.json", "sessions/bob/unread.md", "README.md"):
    assert content(name), name
os.utime(path("sessions/bob/heartbeat"))
refused("ENOSPC", os.mkdir, path("sessions/another"))
assert not os.path.exists(path("sessions/another"))
print(json.dumps({w.who: w.taken for w in writers}))
EOF
	} | py >"$LEITL_TMP/taken"

	# a daemon ends on a full disk, dies on it, and begins on it
	leitl_down
	leitl_up -o save=200ms
	leitl_kill9
	leitl_up -o save=200ms
	assert_errno ENOSPC bash -c 'head -c 9000 /dev/zero | tr "\0" y >"$0"' "$MNT/broadcast"

	mount -o remount,size=16m "$LEITL_TMP/disk"
	wait_until bash -c 'echo resumed >"$0"' "$MNT/broadcast"
	{
		echo "$WRITERS"
		echo "$WAS"
		cat <<'EOF'
compare("sessions/bob/inbox", was)
contiguous(lines("activity"), 1)
same([e["data"]["message"] for e in lines("broadcast") if "message" in e["data"]], ["resumed"])
EOF
	} | py "$LEITL_TMP/taken"
	agent_do bob 'cat self/next' >/dev/null
	leitl_down
	assert_eq "$(integrity)" ok
}

@test "a disk that is full by turns, under load, and a kill on a full one: what was taken is there, once" {
	small_disk 24
	leitl_up -o save=200ms
	{
		echo "$WRITERS"
		cat <<'EOF'
disk, daemon = sys.argv[2], int(sys.argv[3])
writers = [Writer("a", "broadcast"), Writer("b", "broadcast", 3000), Writer("c", "broadcast", 10)]


def full():
    """Takes what room there is, to the last page."""
    with open(f"{disk}/ballast", "ab") as f:
        for size in (1 << 20, 1 << 16, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), size)
    return all(len(w.refused) > n for w, n in zip(writers, was))


for w in writers:
    w.start()
for turn in range(5):
    was = [len(w.taken) for w in writers]
    until(lambda: all(len(w.taken) > n + 20 for w, n in zip(writers, was)), "writes to go on")
    was = [len(w.refused) for w in writers]
    until(full, "a full disk")
    if turn < 4:
        os.unlink(f"{disk}/ballast")
for w in writers:
    w.stop()
print(json.dumps({w.who: w.taken for w in writers}), flush=True)
os.kill(daemon, signal.SIGKILL)
EOF
	} | py "$LEITL_TMP/disk" "$DAEMON" >"$LEITL_TMP/taken"
	wait "$DAEMON" || DAEMON=
	leitl_up -o save=200ms
	{
		echo "$WRITERS"
		echo "$WAS"
		cat <<'EOF'
contiguous(lines("activity"), 1)
compare("broadcast", was)
EOF
	} | py "$LEITL_TMP/taken"
	rm "$LEITL_TMP/disk/ballast"
	wait_until bash -c 'echo resumed >"$0"' "$MNT/broadcast"
	leitl_down
	assert_eq "$(integrity)" ok
}

@test "a disk that is full of old events: they go, and make room for the new" {
	small_disk 8
	leitl_up -o expire=2s,save=200ms
	{
		echo "$WRITERS"
		cat <<'EOF'
writers = [Writer("a", "broadcast", 2000), Writer("b", "broadcast", 2000)]
for w in writers:
    w.start()
until(lambda: all(len(w.refused) > 20 for w in writers), "a full disk", 30)
for w in writers:
    w.pause = 0.005  # 1 MB/s between them
for turn in range(8):
    was = [len(w.taken) for w in writers]
    until(lambda: all(len(w.taken) > n + 100 for w, n in zip(writers, was)), "writes to go on", 20)
for w in writers:
    w.stop()
events = lines("activity")
contiguous(events)
kept = [e["data"]["k"] for e in events if "k" in e["data"]]
for w in writers:
    mine = [k for k in kept if k.split(".")[0] == w.who]
    same(mine, w.taken[len(w.taken) - len(mine):], f"what is kept of {w.who}")
EOF
	} | py
	leitl_down
	assert_eq "$(integrity)" ok
}

# --- a state directory that changes under a daemon

@test "a state directory that is renamed while it is served loses nothing" {
	leitl_up -o save=200ms
	local n
	for n in {1..5}; do
		echo "before $n" >"$MNT/broadcast"
	done
	mv "$STATE" "$LEITL_TMP/elsewhere"
	for n in {1..5}; do
		echo "after $n" >"$MNT/broadcast"
	done
	"$PYTHON" -c 'import os, sys; os.fsync(os.open(sys.argv[1], os.O_WRONLY))' "$MNT/broadcast"
	leitl_kill9
	STATE=$LEITL_TMP/elsewhere
	leitl_up
	assert_eq "$(texts | tr '\n' ' ')" '"before 1" "before 2" "before 3" "before 4" "before 5" "after 1" "after 2" "after 3" "after 4" "after 5" '
	leitl_down
	assert_eq "$(integrity)" ok
}

@test "a database that is deleted while it is served is not made anew at the next start" {
	leitl_up
	echo one >"$MNT/broadcast"
	rm "$STATE/leitl.db"
	echo two >"$MNT/broadcast" || true
	assert_eq "$(texts | head -n 1)" '"one"'
	leitl_down
	assert_refused 'damaged|gone'
}
