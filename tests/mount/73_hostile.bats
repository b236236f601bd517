#!/usr/bin/env bats
# context/ on a server that does everything wrong (tests/helpers/hostile.py): what was synced before
# is kept, nothing half-fetched is shown, an error is no deletion, credentials stay at home, and the
# daemon goes on.

load ../lib/mount
load ../lib/context
load ../lib/servers

LOGIN='"username":"u","password":"p","interval":0,"stall":"1s"'
MEMORY_KIB=65536
[ -z "${SAN:-}" ] || MEMORY_KIB=655360 # sanitizers keep what was freed

setup() {
	leitl_up
	server_start hostile
	VERSION=0 OLD=
	change_all
	new_source
}

# new_source [NAME [MEMBERS [PATH]]]: the server as a source, whose first sync is good.
new_source() {
	local name=${1:-hostile}
	printf '{"name":"%s","url":"%s%s",%s}\n' "$name" "$(server_url "$HOSTILE")" "${3:-}" \
		"$LOGIN${2:+,$2}" >"$MNT/context/sources/new" || return 1
	wait_until first_is_over "$name" || return 1
	went "$(cat "$MNT/context/sources/$name/sync")" '.status == "ok"'
}

first_is_over() { # SOURCE
	[ "$(status_of "$1" '.last_sync == null')" = false ]
}

went() { # RESULT FILTER
	jq -e "$2" <<<"$1" >/dev/null || fail "not $2: $1"
}

# syncs FILTER [SOURCE]: a sync goes as jq's FILTER says. RESULT is how it went.
syncs() {
	RESULT=$(sync_source "${2:-hostile}")
	went "$RESULT" "$1"
}

is_state() { # SOURCE STATE
	[ "$(status_of "$1" .state)" = "$2" ]
}

# Names, sizes, dates and contents of all there is.
shown() { # [SOURCE]
	cd "$MNT/context/files/${1:-hostile}" || return 1
	find . -printf '%P %y %s %Ts\n' | sort
	grep -ra '' . | sort
	cd "$OLDPWD" || return 1
}

assert_more() { # NUMBER LIMIT WHAT
	(($1 > $2)) || fail "$3: $1, not more than $2"
}

page() { # PATH [SOURCE]
	cat "$MNT/context/files/${2:-hostile}/$1"
}

# bad STATUS WORDS SCENARIO…: all of the tree changes, the scenarios go on, a sync ends with that
# status, tells of it in such words (a regex), and changes nothing that is shown; then they end, and
# the next sync brings everything. RESULT is how the bad one went. Where the listings are good
# (a `partial`, GETs alone fail), nothing is deleted meanwhile.
bad() {
	local before error
	before=$(shown)
	change_all "$1"
	hostile "${@:3}"
	RESULT=$(sync_source hostile)
	assert_match "$RESULT" "\"status\":\"$1\"" "${*:3}" || return 1
	error=${RESULT##*\"error\":} error=${error%\}*}
	assert_match "$error" "$2" "${*:3}" || return 1
	[[ $(<"$MNT/context/sources/hostile/status.json") == *"\"last_error\":$error,"* ]] ||
		fail "status.json: not $error" || return 1
	assert_eq "$(shown)" "$before" "what is shown, after ${*:3}" || return 1
	goes_on || fail "${*:3}" || return 1
	recovers || fail "after ${*:3}"
}

# Each file is another, one is new, and one goes; a partial one leaves that one where it is.
change_all() { # [STATUS]
	local old=new$VERSION.md goes=",\"new$VERSION.md\":null"
	VERSION=$((VERSION + 1))
	[ "${1:-}" != partial ] || OLD=$old goes=''
	hostile_ask POST _files -d @- <<-END
		{"a.md":"# Alpha $VERSION","b.txt":"The second file, $VERSION.",
		"sub/c.md":"# Gamma $VERSION","new$VERSION.md":"new $VERSION"$goes}
	END
}

recovers() {
	[ -z "${OLD:-}" ] || hostile_delete "$OLD"
	OLD=
	hostile
	RESULT=$(sync_source hostile)
	assert_match "$RESULT" '"status":"ok"' && assert_match "$RESULT" '"failed":0' &&
		assert_match "$(<"$MNT/context/sources/hostile/status.json")" '"last_error":null' &&
		assert_current
}

assert_current() {
	assert_eq "$(cd "$MNT/context/files/hostile" && grep -ra '' . | sort)" \
		"./a.md:# Alpha $VERSION
./b.txt:The second file, $VERSION.
./new$VERSION.md:new $VERSION
./sub/c.md:# Gamma $VERSION"
}

# The daemon lives, takes messages, has not grown, and asked nobody else.
goes_on() {
	local line
	echo "still here $VERSION" >"$MNT/broadcast" || return 1
	while read -r line; do
		[[ $line != VmHWM:* ]] || assert_le "${line//[^0-9]/}" "$MEMORY_KIB" KiB || return 1
	done <"/proc/$DAEMON/status"
	assert_eq "$(grep '"port": "other"' "$LEITL_TMP/servers/$HOSTILE/requests")" '' \
		"asked of another origin"
}

# --- XML

@test "XML: a document type is refused, with all that it declares" {
	for kind in xml-entity xml-dtd xml-laughs; do
		bad failed 'document type|DTD' "$kind"
		bad partial '.' "$kind@PROPFIND:/sub" status-500@GET
	done
	refute grep -rq root: "$MNT/context/files"
}

@test "XML: too deep, too many, too large once decompressed" {
	bad failed 'deep|inside' xml-deep
	bad failed 'more than 100000|members' xml-many
	bad failed 'larger than' xml-bomb
}

@test "XML: a listing that is cut short, empty, of a wrong charset, or none at all" {
	for kind in xml-cut xml-charset xml-encoding xml-empty xml-none xml-html xml-binary; do
		bad failed '.' "$kind"
		bad partial '.' "$kind@PROPFIND:/sub" status-500@GET
	done
}

# --- hrefs

@test "hrefs that lead out, to elsewhere, or nowhere are left out, and what is good is taken" {
	local kind
	new_source below '' sub/
	hostile sync && syncs '.status == "ok"'
	for kind in parent encoded-parent slash nul host scheme port above doubled; do
		# In a report, and in listings.
		change_all
		hostile sync "href-$kind"
		syncs '.status == "ok" or .status == "partial"' || fail "$kind"
		assert_current || fail "$kind"
		goes_on || fail "$kind"
		change_all
		hostile "href-$kind"
		syncs '.status == "ok" or .status == "partial"' || fail "$kind"
		assert_current || fail "$kind"
		syncs '.status == "ok" or .status == "partial"' below || fail "$kind"
		assert_eq "$(cd "$MNT/context/files/below" && grep -r .)" "c.md:# Gamma $VERSION" "$kind"
		goes_on || fail "$kind"
		hostile sync && syncs '.status == "ok"'
	done
	bad failed 'empty href' href-empty
	bad failed 'too long' href-long
	bad failed collection href-own # a collection that is a file, too
	refute test -e "$MNT/context/files/escaped.md"
	refute grep -rq root: "$MNT/context/files"
}

@test "hrefs as whole URLs, and with raw spaces and UTF-8, are as good as paths" {
	change_all
	hostile href-absolute
	syncs '.status == "ok"'
	assert_current
	hostile_put 'a%20b%20%26.md' 'spaces'
	hostile_put 'caf%C3%A9/%E5%90%8D.md' 'letters'
	hostile_mkdir 'caf%C3%A9'
	hostile href-raw
	syncs '.status == "ok" and .added == 2'
	assert_eq "$(page 'a b &.md')" spaces
	assert_eq "$(page 'café/名.md')" letters
	hostile
	syncs '.status == "ok" and .added == 0 and .removed == 0'
}

# --- redirects

@test "redirects to another origin, a link-local address, a file, or nowhere are not followed" {
	for kind in other link-local file none; do
		bad failed redirect "redirect-$kind"
		bad partial redirect "redirect-$kind@GET"
	done
	refute grep -rq root: "$MNT/context/files"
}

@test "a redirect that goes round and round ends" {
	bad failed 'redirect' redirect-loop
	hostile redirect-loop@PROPFIND
	syncs '.status == "failed"'
	assert_le "$(hostile_count '.method == "PROPFIND"')" 6
	bad partial 'redirect' redirect-loop@GET
}

@test "a redirect within the origin is followed" {
	change_all
	hostile redirect-same
	syncs '.status == "ok"'
	assert_current
	assert_ne "$(hostile_count '.path == "/a.md?moved"')" 0
}

@test "a redirect from https to http is not followed" {
	server_start hostile-tls
	HOSTILE=hostile-tls
	new_source tls "\"ca\":\"$(tls_file ca.pem)\""
	hostile_put a.md other
	hostile redirect-http
	syncs '.status == "failed" and (.error | test("redirect to http:"))' tls
	hostile redirect-http@GET
	syncs '.status == "partial" and (.error | test("redirect to http:"))' tls
	assert_match "$(page a.md tls)" 'The first file'
	assert_eq "$(hostile_count '.port == "other"')" 0
	goes_on
}

@test "link-local and cloud metadata addresses are refused, in every way to write them" {
	local n=0 name host # each is refused when it is written, or by its sync
	for host in 169.254.169.254 169.254.0.1 100.100.100.200 2852039166 0xA9FEA9FE \
		'[::ffff:169.254.169.254]' '[::ffff:a9fe:a9fe]' '[64:ff9b::a9fe:a9fe]' '[fe80::1]' \
		'[fd00:ec2::254]'; do
		name=metadata$((n += 1))
		printf '{"name":"%s","url":"http://%s/","interval":0}\n' "$name" "$host" \
			>"$MNT/context/sources/new" || continue
		syncs '.status == "failed" and (.error | test("link-local"))' "$name" || fail "$host"
	done
}

# --- bodies

@test "bodies: endless, larger than is allowed, and a bomb are no content, and end soon" {
	echo 1M >"$MNT/context/sources/hostile/max_file"
	bad partial 'larger than' body-endless
	bad partial 'larger than|are listed|is listed' body-over
	bad partial 'larger than|is listed' body-bomb
	refute test -e "$MNT/context/history/hostile/a.md/0"
}

@test "bodies: too short or too long for their length, cut in a chunk, reset" {
	bad partial 'cut|listed' body-long
	bad partial 'listed' body-short
	bad partial 'cut' body-chunk
	bad partial 'cut|listed' body-reset
	bad partial 'listed' body-empty
	refute grep -rq -e smuggle -e 'half of' "$MNT/context/files"
}

@test "bodies: a login page, or other bytes than were listed, are not the file" {
	bad partial 'HTML page' body-login
	bad partial 'listed' body-binary
	bad partial 'listed' body-latin1
	refute grep -rq 'Please log in' "$MNT/context/files"
}

@test "bodies: bytes that are no text, and text in another charset, are shown as they are" {
	head -c 4096 /dev/urandom >"$LEITL_TMP/blob"
	printf 'caf\xe9 cr\xe8me hippopotamus\n' >"$LEITL_TMP/latin1"
	printf 'broken \xc3\x28 \xff walrus\n' >"$LEITL_TMP/broken"
	for name in blob latin1 broken; do
		hostile_put "$name.md" "@$LEITL_TMP/$name"
	done
	syncs '.status == "ok" and .added == 3'
	for name in blob latin1 broken; do
		cmp "$LEITL_TMP/$name" "$MNT/context/files/hostile/$name.md"
	done
	wait_until finds hippopotamus hostile/latin1.md
	jq -e . "$MNT/context/search/hippopotamus walrus/results.json"
	iconv -f UTF-8 -t UTF-8 "$MNT/context/search/walrus/results.json" >/dev/null
}

@test "slow: a server that hangs, or sends a byte a second, is given up; no other waits" {
	local name before filter='.status == "failed" and (.error | test("too slow"))'
	for name in one two three; do
		hostile_mkdir "$name"
		hostile_put "$name/page.md" "page $name"
		new_source "$name" '' "$name/"
	done
	new_source below '' sub/
	before=$(shown one && shown two && shown three)
	hostile hang:/one hang-head:/two xml-drip:/three
	for name in one two three; do
		hostile_delete "$name/page.md"
		echo >"$MNT/context/sources/$name/sync"
	done
	hostile_put sub/c.md 'meanwhile'
	syncs '.status == "ok" and .changed == 1' below
	is_state one running
	goes_on
	for name in one two three; do
		wait_until eval "jq -e '$filter' '$MNT/context/sources/$name/sync'"
	done
	assert_eq "$(shown one && shown two && shown three)" "$before"
	hostile_delete one && hostile_delete two && hostile_delete three
	bad partial . hang@GET:/a.md hang-head@GET:/b.txt xml-drip@PROPFIND:/sub status-500@GET:/new
}

@test "cut: what stalls, drips or is cut off in the middle is asked for again" {
	local path
	change_all
	hostile 'body-half-hang@GET:/a.md*1' 'body-half-drip@GET:/b.txt*1' \
		'body-half-close@GET:/sub/c.md*2'
	syncs '.status == "ok" and .failed == 0'
	assert_current
	for path in /a.md /b.txt /sub/c.md; do
		assert_more "$(hostile_count ".path == \"$path\"")" 1 "$path"
	done
	goes_on
	bad partial 'cut' body-half-reset
	bad partial 'cut' body-half-close
	hostile body-half-close
	change_all
	syncs '.status == "partial"'
	assert_le "$(hostile_count '.method == "GET"')" 16
}

@test "connections: closed, reset, no HTTP, and a head without an end" {
	for kind in close reset garbage head-endless; do
		bad failed '.' "$kind"
		bad partial '.' "$kind@GET"
	done
	server_stop hostile
	syncs '.status == "failed" and (.error | test("connect"))'
	assert_current
}

# --- statuses

@test "401: no storm of requests, and everything stays" {
	local before
	bad failed 401 status-401
	hostile status-401
	syncs '.status == "failed"'
	assert_le "$(hostile_count)" 3 requests
	change_all partial
	hostile status-401@GET
	before=$(shown)
	syncs '.status == "failed" and (.error | test("401"))'
	assert_eq "$(shown)" "$before"
	assert_le "$(hostile_count '.method == "GET"')" 16 requests
	echo wrong >"$MNT/context/sources/hostile/password"
	wait_until is_state hostile failed
	hostile
	syncs '.status == "failed" and (.error | test("401"))'
	assert_le "$(hostile_count)" 3 requests
	echo p >"$MNT/context/sources/hostile/password"
	recovers
}

@test "statuses: whatever is refused, of all or of some, stays as it was" {
	bad failed redirect status-301
	for code in 400 403 404 405 410 423 500 501 502 507; do
		bad failed "$code" "status-$code"
		bad partial "$code" "status-$code@PROPFIND:/sub" "status-$code@GET"
	done
	bad failed 503 status-503
}

@test "207: members that it can't tell of stay, and the rest goes on" {
	local before code
	for code in 403 404 507; do
		before=$(page b.txt && page sub/c.md)
		change_all partial
		hostile "member-$code"
		syncs ".status == \"partial\" and .failed >= 2 and (.error | test(\"$code\"))"
		assert_eq "$(page b.txt && page sub/c.md)" "$before"
		assert_eq "$(page a.md)" "# Alpha $VERSION"
		goes_on
		recovers
	done
}

is_due() { # SOURCE
	[ "$(status_of "$1" .next_sync)" != null ]
}

# announced SOURCE: seconds until its next sync.
announced() {
	echo $(($(date -d "$(status_of "$1" .next_sync)" +%s) - EPOCHSECONDS))
}

@test "Retry-After: a short one is waited for, in seconds or as a date" {
	local form
	for form in limited-seconds busy-date; do
		change_all
		hostile "$form*1"
		syncs '.status == "ok"'
		assert_current
		went "$(hostile_log .authorization | jq -s '[.[].since]')" '.[1] - .[0] >= 0.9'
	done
}

@test "Retry-After: negative, huge, nonsense or none: backed off, with a cap; nobody is asked" {
	local form name before
	for form in limited-negative busy-huge limited-garbage limited-huge status-429; do
		name=$form
		hostile
		new_source "$name"
		before=$(shown "$name")
		change_all
		hostile "$form"
		syncs '.status == "failed" and (.error | test("429|503"))' "$name" || fail "$form"
		assert_eq "$(hostile_count '.authorization')" 1 "$form"
		echo 1s >"$MNT/context/sources/$name/interval"
		wait_until is_due "$name"
		assert_le "$(announced "$name")" $((3600 * 13 / 10)) "$form"
		assert_more "$(announced "$name")" 45 "$form"
		# Asked for all the same: it says why not, and asks nobody.
		hostile
		syncs '.status == "failed" and .error != null' "$name"
		assert_eq "$(hostile_count)" 0 "$form"
		assert_eq "$(shown "$name")" "$before" "$form"
		goes_on || fail "$form"
	done
}

# --- ETags

@test "ETags: none, weak, unquoted, long or odd: what changed is fetched, and nothing else" {
	local kind
	for kind in none weak unquoted long odd; do
		change_all
		hostile "etag-$kind"
		syncs '.status == "ok"' || fail "$kind"
		assert_current || fail "$kind"
		hostile "etag-$kind"
		syncs '.status == "ok" and .changed == 0 and .added == 0 and .removed == 0' || fail "$kind"
		assert_eq "$(hostile_count '.method == "GET"')" 0 "$kind"
		hostile_put b.txt "The fourth file, $VERSION." # as long as it was
		syncs '.status == "ok" and .changed == 1' || fail "$kind"
		assert_eq "$(page b.txt)" "The fourth file, $VERSION."
		assert_eq "$(hostile_count '.method == "GET"')" 1 "$kind"
		goes_on || fail "$kind"
	done
	bad failed 'too long' etag-huge
}

@test "ETags: unchanged though the content changed: size and date tell" {
	hostile etag-stuck
	syncs '.status == "ok"'
	hostile_put a.md '# Aleph'
	hostile_put b.txt 'The fourth file, 1.' # as long as it was
	hostile_put sub/c.md 'of another size'
	syncs '.status == "ok" and .changed == 3'
	assert_eq "$(page a.md)" '# Aleph'
	assert_eq "$(page b.txt)" 'The fourth file, 1.'
	assert_eq "$(page sub/c.md)" 'of another size'
	hostile etag-stuck date-none
	syncs '.status == "ok"'
	hostile_put a.md '# Aleph, longer'
	syncs '.status == "ok" and .changed == 1'
	assert_eq "$(page a.md)" '# Aleph, longer'
	goes_on
}

@test "ETags: changed though the content did not: the hash tells, and nobody is told" {
	local events
	hostile etag-restless
	syncs '.status == "ok" and .changed == 0 and .added == 0'
	assert_eq "$(hostile_count '.method == "GET"')" 4
	events=$(grep -c context.updated "$MNT/activity" || true)
	syncs '.status == "ok" and .changed == 0 and .unchanged == 4'
	assert_eq "$(ls "$MNT/context/history/hostile" 2>/dev/null)" '' "no earlier version of the same"
	echo mark >"$MNT/broadcast"
	wait_until grep -q mark "$MNT/activity"
	assert_eq "$(grep -c context.updated "$MNT/activity" || true)" "$events"
	change_all
	syncs '.status == "ok"'
	assert_current
}

@test "neither ETags nor dates: all is fetched anew, and what is the same is no change" {
	change_all
	hostile etag-none date-none
	syncs '.status == "ok"'
	assert_current
	syncs '.status == "ok" and .changed == 0 and .unchanged == 4'
	hostile_put b.txt "The fourth file, $VERSION."
	syncs '.status == "ok" and .changed == 1'
	assert_eq "$(page b.txt)" "The fourth file, $VERSION."
	goes_on
}

# --- sync-collection (RFC 6578)

@test "sync-collection: a token brings changes and deletions, by one request" {
	hostile sync
	syncs '.status == "ok"'
	hostile sync
	syncs '.status == "ok" and .changed == 0'
	assert_eq "$(hostile_count)" "$(hostile_count '.method == "REPORT"')"
	assert_eq "$(hostile_count '.authorization')" 1
	change_all
	syncs '.status == "ok" and .changed == 3 and .added == 1'
	assert_current
	change_all
	syncs '.status == "ok" and .changed == 3 and .added == 1 and .removed == 1'
	assert_current
	hostile_delete sub
	syncs '.status == "ok" and .removed == 1'
	refute test -e "$MNT/context/files/hostile/sub"
	assert_eq "$(hostile_count '.method == "PROPFIND"')" 0
	goes_on
}

@test "sync-collection: an invalid token means one full resync" {
	hostile sync
	syncs '.status == "ok"'
	change_all
	change_all
	hostile sync-invalid
	syncs '.status == "ok"'
	assert_current
	assert_le "$(hostile_count '.method == "REPORT" and .authorization')" 2
	assert_eq "$(hostile_count '.method == "PROPFIND" and .authorization')" 2
	goes_on
}

@test "sync-collection: 507 means another page, and a token that comes again means stop" {
	hostile sync
	syncs '.status == "ok"'
	change_all partial # such a server tells of no deletion
	hostile sync-pages
	syncs '.status == "ok" and .changed == 3 and .added == 1'
	assert_eq "$(hostile_count '.method == "REPORT" and .authorization')" 4
	assert_eq "$(hostile_count '.method == "PROPFIND"')" 0
	recovers
	hostile sync
	syncs '.status == "ok"'
	change_all
	hostile sync-repeat
	syncs '.status == "ok" or .status == "partial"'
	assert_le "$(hostile_count '.method == "REPORT"')" 8
	assert_current # by listings
	goes_on
}

@test "sync-collection: offered and refused, or answered wrongly: Depth 1, and nothing is lost" {
	local kind
	hostile sync
	syncs '.status == "ok"'
	for kind in sync-lie status-403@REPORT status-404@REPORT xml-cut@REPORT xml-html@REPORT \
		xml-none@REPORT xml-laughs@REPORT body-login@REPORT redirect-other@REPORT; do
		change_all
		hostile sync "$kind"
		syncs '.status == "ok" or .status == "partial"' || fail "$kind"
		assert_current || fail "$kind"
		goes_on || fail "$kind"
		hostile sync
		syncs '.status == "ok"' || fail "$kind"
	done
	assert_eq "$(hostile_count '.depth == "infinity"')" 0
}

@test "sync-collection: what could not be had is told of again" {
	hostile sync
	syncs '.status == "ok"'
	change_all
	hostile sync status-500@GET:/a.md
	syncs '.status == "partial"'
	refute_match "$(page a.md)" "Alpha $VERSION"
	hostile sync
	syncs '.status == "ok"'
	assert_current
	# A member that the report can't tell of is not gone.
	change_all
	hostile sync member-507
	syncs '.status == "partial" and (.error | test("507"))'
	assert_match "$(page b.txt)" 'The second file'
	hostile sync
	syncs '.status == "ok"'
	assert_current
}

@test "without sync-collection it is asked by Depth 1, never Depth infinity" {
	hostile
	syncs '.status == "ok"'
	assert_eq "$(hostile_log '.method == "PROPFIND" and .authorization' | jq -r .depth | sort -u)" 1
	assert_eq "$(hostile_count '.method == "PROPFIND" and .authorization')" 2
	assert_le "$(hostile_count '.authorization | not')" 1 "asked without credentials"
}

# --- TLS

@test "TLS: an unknown CA, a wrong name and an expired certificate are refused, with the password" {
	local name before
	server_start hostile-tls
	HOSTILE=hostile-tls
	new_source tls "\"ca\":\"$(tls_file ca.pem)\""
	before=$(shown tls)
	for name in foreign other expired; do
		echo "$name" >"$LEITL_TMP/servers/hostile-tls/certificate"
		server_restart hostile-tls
		hostile
		syncs '.status == "failed" and (.error | test("certificate"))' tls || fail "$name"
		assert_eq "$(hostile_count)" 0 "$name"
		assert_eq "$(shown tls)" "$before" "$name"
		goes_on || fail "$name"
	done
	echo no >"$MNT/context/sources/tls/verify"
	syncs '.status == "ok"' tls
}

# --- secrets

@test "secrets: a key that others can read is refused; and the daemon leaves no core" {
	assert_eq "$(awk '/^Max core/ { print $5 $6 }' "/proc/$DAEMON/limits")" 00
	assert_eq "$(stat -c %a "$STATE/key")" 600
	leitl_down
	chmod 0640 "$STATE/key"
	refute leitl_up 2>"$LEITL_TMP/said"
	wait "$DAEMON" || true
	DAEMON=
	grep -q 'other users may read or write the key' "$LEITL_TMP/said"
	chmod 0600 "$STATE/key"
	leitl_up
	change_all
	recovers
}
