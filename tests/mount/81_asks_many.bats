# A thousand asks at once, among sessions that are killed: each ends in exactly one way, and nothing
# is left of it.
load ../lib/mount
load ../lib/loop

open_asks() {
	cat "$MNT"/asks/*/ask.json 2>/dev/null | grep -c '"status":"open"' || true
}

none_open() {
	[ "$(open_asks)" = 0 ]
}

# But those of processes that called: these are kept for a while, and bounded (core/base/caller.h).
descriptors() {
	ls -l "/proc/$DAEMON/fd" | grep -vc pidfd
}

resident_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status"
}

@test "1,000 asks in flight among 100 sessions that are killed at random: each ends in one way" {
	leitl_up -o sessions=0,broadcasts=0
	local before seconds=6 least=600
	[ -z "${SAN:-}" ] || seconds=15 least=300
	ls "$MNT/asks" >/dev/null
	before=$(descriptors)
	"$PYTHON" "$BATS_TEST_DIRNAME/../helpers/asks.py" "$MNT" 100 10 $seconds \
		>"$LEITL_TMP/counts" 2>"$LEITL_TMP/said"
	assert_eq "$(cat "$LEITL_TMP/said")" ''
	cat "$LEITL_TMP/counts"
	assert_eq "$(jq .failed "$LEITL_TMP/counts")" 0
	assert_le 20 "$(jq .killed "$LEITL_TMP/counts")" killed
	assert_le $least "$(jq .in_flight "$LEITL_TMP/counts")" 'in flight'
	wait_until none_open
	# None is open, so that the sums are the same means that none has ended twice.
	py <<'PY'
counts = {}
with open(path("activity"), "rb") as f:
    for line in f:
        at = line.find(b'"event_type":"ask.')
        if at >= 0:
            kind = line[at + 18:line.index(b'"', at + 18)].decode()
            counts[kind] = counts.get(kind, 0) + 1
print(counts)
assert min(counts.values()) > 100, counts
same(counts["asked"], counts["answered"] + counts["failed"], "asks begun and ended")
names = [json.loads(content(f"asks/{q}/ask.json"))["status"]
         for q in os.listdir(path("asks")) if q.startswith("q")]
print({name: names.count(name) for name in set(names)})
assert "open" not in names
PY
	wait_until eval '[ "$(descriptors)" -le $((before + 4)) ]'
	# A sanitizer keeps what was freed for a while.
	[ -n "${SAN:-}" ] || assert_le "$(resident_kib)" 200000 'KiB resident'
	echo "$(descriptors) descriptors, $(resident_kib) KiB"
}
