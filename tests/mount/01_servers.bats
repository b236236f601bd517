# The servers that other suites sync from are what those take them for.

load ../lib/mount
load ../lib/servers

# A tree that each of them serves.
site() {
	leitl_init
	SITE=$LEITL_TMP/site
	mkdir -p "$SITE/sub dir"
	echo 'hello' >"$SITE/hello.md"
	echo 'below' >"$SITE/sub dir/bélow %#.txt"
}

propfind() { # NAME PATH [CURL OPTION…]
	dav "$1" PROPFIND "$2" -H 'Depth: 1' -w '\n%{http_code}\n' "${@:3}"
}

# serves KIND: lists, gives and refuses; ends, and comes back where it was.
serves() {
	local url
	site
	server_start "$1" "$SITE"
	url=$SERVER_URL
	run propfind "$1" ''
	assert_eq "${lines[-1]}" 207
	assert_match "$output" 'hello\.md'
	assert_match "$output" 'sub%20dir'
	assert_eq "$(dav "$1" GET hello.md)" hello
	assert_eq "$(dav "$1" GET 'sub%20dir/b%C3%A9low%20%25%23.txt')" below
	assert_eq "$(curl -sk -o /dev/null -w '%{http_code}' "$url")" 401
	server_stop "$1"
	refute curl -sk "$url"
	server_restart "$1"
	assert_eq "$SERVER_URL" "$url"
	echo changed >"$SITE/hello.md"
	assert_eq "$(dav "$1" GET hello.md)" changed
	server_freeze "$1"
	refute curl -sk --max-time 0.3 "$url"
	server_thaw "$1"
	assert_eq "$(dav "$1" GET hello.md)" changed
}

@test "Apache serves WebDAV" {
	serves apache
}

@test "Apache serves WebDAV with Digest authentication" {
	serves apache-digest
}

@test "Apache serves WebDAV by https, with a CA of the test's own" {
	serves apache-tls
	refute curl -s -u u:p "$SERVER_URL"
}

@test "Apache serves WebDAV by HTTP/2" {
	serves apache-h2
	assert_eq "$(dav apache-h2 GET hello.md -o /dev/null -w '%{http_version}')" 2
}

@test "certificates are wrong in the ways that their names say" {
	site
	server_start -c expired -n expired apache-tls "$SITE"
	run dav expired GET hello.md
	assert_match "$output" 'expired'
	server_start -c other -n other apache-tls "$SITE"
	run dav other GET hello.md
	assert_match "$output" 'name'
	server_start -c foreign -n foreign apache-tls "$SITE"
	run dav foreign GET hello.md
	assert_match "$output" 'issuer'
}

@test "lighttpd serves WebDAV" {
	serves lighttpd
}

@test "nginx serves WebDAV" {
	serves nginx
}

@test "rclone serves WebDAV" {
	serves rclone
}

@test "the hostile server is well-behaved until it is told otherwise" {
	server_start hostile
	run propfind hostile ''
	assert_eq "${lines[-1]}" 207
	assert_match "$output" '/sub/'
	assert_match "$(dav hostile GET a.md)" 'Alpha'
	assert_eq "$(curl -s -o /dev/null -w '%{http_code}' "$SERVER_URL")" 401
	assert_eq "$(dav hostile GET a.md -H 'If-None-Match: "v1"' -w '%{http_code}')" 304
	hostile_put new.md 'something new'
	hostile_delete b.txt
	run propfind hostile ''
	assert_match "$output" '/new\.md'
	refute_match "$output" 'b\.txt'
	assert_eq "$(dav hostile GET new.md)" 'something new'
}

@test "the hostile server notes who asked what, and where" {
	server_start hostile
	hostile redirect-other@GET
	dav hostile GET a.md -L >/dev/null
	dav hostile PROPFIND sub -H 'Depth: 1' >/dev/null
	assert_eq "$(hostile_count)" "$(hostile_count '.port == "main" or .port == "other"')"
	assert_eq "$(hostile_log '.port == "other"' | jq -c '[.method, .path]')" '["GET","/a.md"]'
	assert_eq "$(hostile_log '.method == "PROPFIND" and .authorization' |
		jq -c '[.path, .depth, .scenario]')" '["/sub","1",null]'
	hostile
	assert_eq "$(hostile_count)" 0
	refute hostile no-such-scenario 2>/dev/null
}

@test "scenarios are for methods, paths and numbers of requests" {
	server_start hostile
	hostile 'status-503@GET:/sub/*2'
	assert_match "$(dav hostile GET a.md)" 'Alpha'
	assert_match "$(dav hostile GET sub/c.md)" '404 as content'
	assert_match "$(dav hostile GET sub/c.md)" '404 as content'
	assert_match "$(dav hostile GET sub/c.md)" 'Gamma'
}

@test "every scenario of the hostile server does something" {
	local name method body
	server_start hostile
	for name in $("$SERVER_PYTHON" "$ROOT/tests/helpers/hostile.py" --list); do
		hostile "$name"
		method=PROPFIND
		[[ $name != body-* ]] || method=GET
		[[ $name != sync* ]] || method=REPORT
		dav hostile "$method" '' -H 'Depth: 1' --max-time 0.2 -o /dev/null 2>&1 || true
		assert_eq "$(hostile_log '.authorization and .scenario != null' |
			jq -r .scenario | tail -n 1)" "$name"
	done
	hostile
	assert_match "$(dav hostile GET a.md)" 'Alpha'
}

@test "the hostile server speaks https too" {
	HOSTILE=hostile-tls
	server_start hostile-tls
	assert_match "$(dav hostile-tls GET a.md)" 'Alpha'
	hostile redirect-http
	dav hostile-tls GET a.md -o /dev/null -w '%{redirect_url}' | grep -q ^http:
}

@test "sync-collection is offered where it is asked for" {
	local first='<d:sync-collection xmlns:d="DAV:"><d:sync-token/></d:sync-collection>'
	local token next
	server_start hostile
	assert_eq "$(dav hostile REPORT '' -d "$first" -o /dev/null -w '%{http_code}')" 501
	hostile sync
	run dav hostile REPORT '' -d "$first"
	assert_match "$output" '/sub/c\.md'
	token=$(grep -o 'data:,[0-9]*' <<<"$output")
	next=${first/<d:sync-token\/>/<d:sync-token>$token<\/d:sync-token>}
	hostile_delete b.txt
	hostile_put a.md changed
	run dav hostile REPORT '' -d "$next"
	assert_match "$output" '/b\.txt</d:href><d:status>HTTP/1.1 404'
	assert_match "$output" '/a\.md'
	refute_match "$output" 'c\.md'
	hostile sync-invalid
	run dav hostile REPORT '' -d "$next"
	assert_match "$output" 'valid-sync-token'
	hostile sync-pages
	run dav hostile REPORT '' -d "$first"
	assert_match "$output" 'HTTP/1.1 507'
	assert_match "$output" 'data:,0-1'
	hostile sync-repeat
	run dav hostile REPORT '' -d "$first"
	assert_match "$output" 'data:,0-0'
}

@test "servers end with their test, and all their processes" {
	local pids=()
	site
	server_start apache "$SITE"
	server_start nginx "$SITE"
	mapfile -t pids < <(watchdog_processes "$LEITL_TMP")
	((${#pids[@]} >= 3))
	servers_cleanup
	for pid in "${pids[@]}"; do
		wait_until gone "$pid"
	done
}

@test "the test tree is the same for the same seed, and its needles are where they should be" {
	local made
	leitl_init
	made=$("$SERVER_PYTHON" "$ROOT/tests/helpers/tree.py" "$LEITL_TMP/one" --files 300 --dirs 7 \
		--mb 2 --awkward)
	"$SERVER_PYTHON" "$ROOT/tests/helpers/tree.py" "$LEITL_TMP/two" --files 300 --dirs 7 --mb 2 \
		--awkward >/dev/null
	diff -r "$LEITL_TMP/one" "$LEITL_TMP/two"
	assert_eq "$(find "$LEITL_TMP/one" -type f | wc -l)" "$(jq .files <<<"$made")"
	assert_eq "$(find "$LEITL_TMP/one" -mindepth 1 -type d | wc -l)" "$(jq .directories <<<"$made")"
	assert_eq "$(find "$LEITL_TMP/one" -type f -printf '%s\n' | jq -s add)" \
		"$(jq .bytes <<<"$made")"
	assert_eq "$(grep -rlw needle00042 "$LEITL_TMP/one" | wc -l)" 1
	assert_eq "$(grep -rl 'user authentication' "$LEITL_TMP/one" | wc -l)" 3
	find "$LEITL_TMP/one" -printf '%f\n' | awk 'length($0) == 255 { found = 1 } END { exit !found }'
}
