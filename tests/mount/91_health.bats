# Whether all is well: health.json, metrics and alerts.
load ../lib/mount
load ../lib/loop
load ../lib/context

health() { # JQ
	jq -r "$1" "$MNT/health.json"
}

status_is() { # CHECK STATUS
	[ "$(health ".checks[] | select(.name == \"$1\") | .status")" = "$2" ]
}

health_is() { # STATUS
	[ "$(health .status)" = "$1" ]
}

# The value of a sample, by its name with its labels; nothing where there is none. Numbers of what
# is no event are up to a second old.
metric() {
	awk -v name="$1" 'index($0, name " ") == 1 { print substr($0, length(name) + 2) }' "$MNT/metrics"
}

metric_is() { # SAMPLE VALUE
	[ "$(metric "$1")" = "$2" ]
}

metric_reaches() { # SAMPLE VALUE
	[ "$(metric "$1")" -ge "$2" ]
}

alerts() { # TYPE KIND: how many there are of it
	jq -c "select(.event_type == \"alert.$1\" and .data.alert == \"$2\")" "$MNT/alerts" | wc -l
}

alerts_are() { # RAISED CLEARED KIND
	[ "$(alerts raised "$3")" = "$1" ] && [ "$(alerts cleared "$3")" = "$2" ]
}

# What was to be raised or cleared by now has been: the saver has looked at all of it since.
looked_again() {
	wait_until metric_reaches leitlfs_store_looks_total \
		$(($(metric leitlfs_store_looks_total) + 2))
}

# The text format, version 0.0.4, as its description has it, and what promtool would say of names.
check_format() {
	py <<'EOF'
name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
value = r"(?:[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf)|NaN)"
pair = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"'
sample = re.compile(rf"({name})(\{{{pair}(?:,{pair})*\}})? ({value})\Z")
text = content("metrics").decode()
assert text.endswith("\n") and "\n\n" not in text and "\r" not in text
types, helps, seen, last = {}, {}, set(), None
for line in text.split("\n")[:-1]:
    if m := re.fullmatch(rf"# HELP ({name}) (.+)", line):
        assert m[1] not in helps, f"{m[1]} is described twice"
        helps[m[1]] = m[2]
        last = m[1]
    elif m := re.fullmatch(rf"# TYPE ({name}) (counter|gauge|histogram)", line):
        assert m[1] == last and m[1] not in types, line
        types[m[1]] = m[2]
    else:
        m = sample.match(line)
        assert m, f"no sample: {line}"
        base = m[1]
        if types[last] == "histogram":
            base = re.sub("_(bucket|sum|count)$", "", base)
        assert base == last, f"{m[1]} stands among the samples of {last}"
        assert (m[1], m[2]) not in seen, f"twice: {line}"
        seen.add((m[1], m[2]))
        if types[base] != "gauge":
            assert float(m[3]) >= 0, line
assert helps.keys() == types.keys() and len(types) > 30
for metric, kind in types.items():
    assert (kind == "counter") == metric.endswith("_total"), f"{metric} is a {kind}"
    if kind != "histogram":
        continue
    buckets = re.findall(rf'^{metric}_bucket\{{le="(.*)"\}} (\d+)$', text, re.M)
    bounds = [float(b) for b, n in buckets]
    counts = [int(n) for b, n in buckets]
    assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), metric
    assert counts == sorted(counts), metric
    assert f"\n{metric}_count {counts[-1]}\n" in text, metric
EOF
}

# --- metrics

@test "metrics are what Prometheus reads, on a new mount and on one that was used" {
	leitl_up
	check_format
	enter bob
	agent_do bob 'echo hello > self/broadcast; mkdir claims/login'
	make_docs
	add_source '{"name":"docs","url":"'"$DOCS"'"}'
	ls "$MNT/context/search/authentication" >/dev/null
	refuse EINVAL "$MNT/broadcast" '{"event_type":"alert.mine"}'
	wait_until metric_is 'leitlfs_refusals_total{errno="EINVAL"}' 1
	check_format
	if command -v promtool >/dev/null; then
		promtool check metrics <"$MNT/metrics"
	fi
}

@test "what metrics say is what happened" {
	leitl_up
	enter bob cece
	agent_do bob 'echo one > self/broadcast; echo two > broadcast; echo hi > sessions/cece/inbox'
	agent_do bob 'echo "{\"event_type\":\"deploy.done\"}" > broadcast; mkdir claims/login'
	assert_eq "$(metric 'leitlfs_events_total{type="broadcast.message"}')" 2
	assert_eq "$(metric 'leitlfs_events_total{type="message.direct"}')" 1
	assert_eq "$(metric 'leitlfs_events_total{type="other"}')" 1
	assert_eq "$(metric 'leitlfs_events_total{type="session.started"}')" 3 # and the owner's
	assert_eq "$(metric 'leitlfs_sessions{health="fresh"}')" 3
	assert_eq "$(metric leitlfs_claims)" 1
	assert_eq "$(metric leitlfs_log_seq)" "$(last_seq)"
	assert_eq "$(metric leitlfs_commit_seconds_count)" "$(metric leitlfs_commit_records_count)"
	refute metric_is leitlfs_write_seconds_count 0
	assert_eq "$(metric 'leitlfs_refusals_total{errno="EINVAL"}')" ''
	refuse EINVAL "$MNT/broadcast" '{"event_type":"alert.mine"}'
	wait_until metric_is 'leitlfs_refusals_total{errno="EINVAL"}' 1
	# Readers that wait, and streams; and how soon they are woken.
	follow stream cat "$MNT/activity.live"
	wait_until metric_is leitlfs_open_streams 1
	wait_until metric_is leitlfs_waiting_reads 1
	agent_do bob 'echo three > self/broadcast'
	wait_until test -s "$LEITL_TMP/stream"
	wait_until metric_reaches leitlfs_wake_seconds_count 1
	kill "$FOLLOWER"
	wait_until metric_is leitlfs_waiting_reads 0
	wait_until metric_is leitlfs_open_streams 0
	# A reader that takes a part of `next` and no more gives its message back.
	assert_eq "$(metric leitlfs_leases_lost_total)" 0
	agent_do cece 'exec 3<self/next; read -r -N 1 part <&3; exec 3<&-'
	wait_until metric_is leitlfs_leases_lost_total 1
	agent_do cece 'cat self/next'
	agent_do bob 'rmdir sessions/bob'
	assert_eq "$(metric 'leitlfs_sessions{health="ended"}')" 1
	assert_eq "$(metric leitlfs_claims)" 0
	assert_eq "$(metric leitlfs_leases_lost_total)" 1
	assert_le 10 "$(metric process_open_fds)"
	assert_le "$(metric process_open_fds)" 100
	assert_le "$(metric process_resident_memory_bytes)" $((1 << 30))
}

@test "the cache's hits and misses are counted, and each source's syncs" {
	leitl_up
	make_docs
	add_source '{"name":"docs","url":"'"$DOCS"'"}'
	wait_until metric_is 'leitlfs_source_files{source="docs"}' 3
	ls "$MNT/context/search/authentication" >/dev/null
	ls "$MNT/context/search/authentication" >/dev/null
	wait_until metric_reaches 'leitlfs_searches_total{cache="miss"}' 1
	wait_until metric_reaches 'leitlfs_searches_total{cache="hit"}' 1
	wait_until metric_reaches 'leitlfs_source_syncs_total{source="docs",result="ok"}' 2
	assert_eq "$(metric 'leitlfs_source_failing{source="docs"}')" 0
	rmdir "$MNT/context/sources/docs"
	wait_until metric_is 'leitlfs_source_files{source="docs"}' ''
	metric_reaches 'leitlfs_syncs_total{result="ok"}' 2
}

@test "looking again within a moment is the same text, and another once something happened" {
	leitl_up
	enter bob
	py <<'EOF'
def twice(name):
    # Two looks may be in two seconds; that all of them are, no machine is that slow.
    return any(content(name) == content(name) for _ in range(20))

assert twice("metrics") and twice("health.json")
before = content("metrics")
with opened("broadcast") as fd:
    os.write(fd, b"news\n")
assert content("metrics") != before
same(json.loads(content("health.json"))["seq"], lines("activity")[-1]["seq"])
EOF
}

# --- health

@test "health.json of a mount that is well" {
	leitl_up
	enter bob
	assert_eq "$(health .status)" ok
	assert_eq "$(health '[.checks[].status] | unique | join(" ")')" ok
	assert_eq "$(health '[.checks[].name] | join(" ")')" \
		'log disk saver syncs inboxes sessions descriptors'
	assert_eq "$(health .seq)" "$(last_seq)"
	assert_eq "$(health .since)" "$(health .started_at)"
	assert_eq "$(health .leitlfs)" "$("$LEITLFS" -V | sed -n 's/^leitlfs //p')"
	assert_eq "$(health .libfuse)" "$("$LEITLFS" -V | sed -n 's/^libfuse //p')"
	assert_match "$(health .sqlite)" '^3\.'
	assert_eq "$(health '.checks[] | select(.name == "sessions") | .living')" 2
}

# --- alerts

@test "a session that is late: raised once, cleared once, over a restart too" {
	leitl_up -o late=500ms,timeout=1h
	enter bob
	wait_until alerts_are 1 0 session.late
	assert_eq "$(health '.checks[] | select(.name == "sessions") | .late')" 1
	assert_eq "$(metric 'leitlfs_alerts{alert="session.late"}')" 1
	health_is ok # whoever thinks is late
	agent_do bob 'touch self/heartbeat'
	wait_until alerts_are 2 1 session.late
	leitl_down
	leitl_up -o late=1h,timeout=1h
	looked_again
	assert_eq "$(cat "$MNT/sessions/bob/health")" fresh
	alerts_are 2 1 session.late
	leitl_kill9
	leitl_up -o late=500ms,timeout=1h
	wait_until eval '[ "$(cat "$MNT/sessions/bob/health")" = late ]'
	looked_again
	alerts_are 2 1 session.late
	agent_do bob 'touch self/heartbeat'
	wait_until alerts_are 3 2 session.late
	agent_do bob 'rmdir sessions/bob'
	alerts_are 3 3 session.late
	# Each that was cleared was raised by the same id, and since the same time.
	py <<'EOF'
by = {"alert.raised": [], "alert.cleared": []}
for e in lines("alerts"):
    by[e["event_type"]].append((e["data"]["id"], e["data"]["since"], e["data"]["session_id"]))
same(by["alert.raised"], by["alert.cleared"])
same([i for i, _, _ in by["alert.raised"]], ["a1", "a2", "a3"])
EOF
}

@test "alerts.live tells of them" {
	leitl_up -o late=500ms,timeout=1h
	follow live timeout 20 head -n 2 "$MNT/alerts.live"
	wait_until eval 'metric_is leitlfs_waiting_reads 1'
	enter bob
	wait_until eval '[ "$(cat "$MNT/sessions/bob/health")" = late ]'
	agent_do bob 'touch self/heartbeat'
	wait "$FOLLOWER"
	assert_eq "$(jq -r .event_type "$LEITL_TMP/live" | tr '\n' ' ')" 'alert.raised alert.cleared '
}

@test "a source that can't be synced: raised once, cleared by the next good sync, over a restart too" {
	leitl_up
	make_docs
	add_source '{"name":"docs","url":"'"$DOCS"'"}'
	status_is syncs ok
	mv "$DOCS" "$DOCS.away"
	sync_source docs >/dev/null
	wait_until alerts_are 1 0 sync.failed
	sync_source docs >/dev/null
	alerts_are 1 0 sync.failed
	assert_eq "$(jq -r .data.source "$MNT/alerts")" docs
	assert_match "$(jq -r .data.message "$MNT/alerts")" .
	health_is degraded
	assert_eq "$(health '.checks[] | select(.name == "syncs") | .failing[].source')" docs
	assert_ne "$(health .since)" "$(health .started_at)"
	assert_eq "$(metric 'leitlfs_source_failing{source="docs"}')" 1
	leitl_down
	leitl_up
	sync_source docs >/dev/null
	looked_again
	alerts_are 1 0 sync.failed
	mv "$DOCS.away" "$DOCS"
	sync_source docs >/dev/null
	wait_until alerts_are 1 1 sync.failed
	wait_until health_is ok
	# One that is removed is over, too.
	mv "$DOCS" "$DOCS.away"
	sync_source docs >/dev/null
	wait_until alerts_are 2 1 sync.failed
	rmdir "$MNT/context/sources/docs"
	wait_until alerts_are 2 2 sync.failed
	wait_until health_is ok
}

@test "a source that isn't shared is named to nobody else" {
	need_root
	leitl_up -o allow_other
	make_docs
	add_source '{"name":"secretive","url":"'"$DOCS"'"}'
	mv "$DOCS" "$DOCS.away"
	sync_source secretive >/dev/null
	wait_until alerts_are 1 0 sync.failed
	refute grep secretive "$MNT/alerts"
	refute grep docs "$MNT/alerts"
	refute as_user 65534 grep secretive "$MNT/metrics" "$MNT/health.json"
	assert_eq "$(as_user 65534 cat "$MNT/health.json" | jq -r .status)" ok
	health_is degraded
	assert_eq "$(metric 'leitlfs_source_failing{source="secretive"}')" 1
	refute as_user 65534 grep secretive "$MNT/metrics" "$MNT/health.json"
	# Once it is shared it may be told.
	echo yes >"$MNT/context/sources/secretive/shared"
	wait_until as_user 65534 grep secretive "$MNT/metrics"
	mv "$DOCS.away" "$DOCS"
	sync_source secretive >/dev/null
	wait_until alerts_are 1 1 sync.failed
	assert_eq "$(jq -r 'select(.event_type == "alert.cleared") | .data.source' "$MNT/alerts")" secretive
}

@test "an inbox that nobody reads: raised above the bound, cleared below half of it" {
	leitl_up -o backlog=10
	enter bob cece
	agent_do bob 'for n in 1 2 3 4 5 6 7 8 9 10; do echo $n > broadcast; done'
	looked_again
	alerts_are 0 0 inbox.backlog
	agent_do bob 'echo 11 > sessions/cece/inbox'
	wait_until alerts_are 1 0 inbox.backlog
	assert_eq "$(jq -r .session_id "$MNT/alerts")" cece
	health_is degraded
	status_is inboxes degraded
	agent_do bob 'echo 12 > broadcast'
	agent_do cece 'for n in 1 2 3 4 5 6; do cat self/next; done' >/dev/null
	leitl_down
	leitl_up -o backlog=10
	looked_again
	alerts_are 1 0 inbox.backlog
	agent_do cece 'cat self/next; cat self/next' >/dev/null
	wait_until alerts_are 1 1 inbox.backlog
	wait_until health_is ok
}

# --- a full store

@test "a full store is failing, with an alert once it can be told, and then is well again" {
	need_root
	leitl_init
	mkdir "$LEITL_TMP/disk"
	mount -t tmpfs -o size=64m none "$LEITL_TMP/disk"
	STATE=$LEITL_TMP/disk/state
	mkdir -m 0700 "$STATE"
	leitl_up
	enter bob
	health_is ok
	dd if=/dev/zero of="$LEITL_TMP/disk/hog" bs=64k 2>/dev/null || true
	wait_until status_is disk failing
	health_is failing
	py <<'EOF'
with opened("sessions/bob/inbox") as fd:
    while True:
        try:
            os.write(fd, b"x" * 50000 + b"\n")
        except OSError as e:
            same(errno.errorcode[e.errno], "ENOSPC")
            break
EOF
	wait_until status_is log failing
	assert_eq "$(health '.checks[] | select(.name == "log") | .errno')" ENOSPC
	looked_again
	health_is failing
	assert_le "$(alerts raised store.trouble)" 1
	metric_reaches 'leitlfs_store_failures_total{operation="append"}' 1
	metric_is 'leitlfs_refusals_total{errno="ENOSPC"}' 1
	rm "$LEITL_TMP/disk/hog"
	wait_until alerts_are 1 1 store.trouble
	wait_until health_is ok
	agent_do bob 'echo fine > self/broadcast'
	looked_again
	alerts_are 1 1 store.trouble
	leitl_down
	leitl_up
	looked_again
	alerts_are 1 1 store.trouble
	agent_stop bob
	leitl_down
	umount "$LEITL_TMP/disk"
}
