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
