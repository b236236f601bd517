#!/usr/bin/env bats
# context/ on WebDAV servers as they are: Apache, lighttpd, nginx and rclone.

load ../lib/mount
load ../lib/context
load ../lib/servers

LOGIN='"username":"u","password":"p"'

setup() {
	leitl_up
}

# A small tree whose names are of every kind, all of it from 2024.
make_site() {
	SITE=$LEITL_TMP/site
	"$SERVER_PYTHON" "$ROOT/tests/helpers/tree.py" "$SITE" --files 30 --dirs 4 --mb 0.1 --awkward \
		>"$LEITL_TMP/made"
	rm "$SITE/awkward/tab"*
	FILES=$(find "$SITE" -type f | wc -l)
}

# A smaller one, of one file.
make_page() {
	SITE=$LEITL_TMP/site
	mkdir -p "$SITE"
	echo 'the first page' >"$SITE/page.md"
	touch -d 2024-01-01 "$SITE/page.md"
}

# new_source SERVER [MEMBERS [PATH]]: the server's PATH as a source of its name, that is synced when
# it is asked for alone; says how its first sync went.
new_source() {
	local more=${2-$LOGIN}
	printf '{"name":"%s","url":"%s%s","interval":0%s}\n' "$1" "$(server_url "$1")" "${3:-}" \
		"${more:+,$more}" >"$MNT/context/sources/new" || return 1
	wait_until first_is_over "$1" || return 1
	cat "$MNT/context/sources/$1/sync"
}

first_is_over() { # SOURCE
	[ "$(status_of "$1" '.last_sync == null')" = false ]
}

# goes SOURCE FILTER: a sync, and how it went is what jq's FILTER says.
goes() {
	went "$(sync_source "$1")" "$2"
}

went() { # RESULT FILTER
	jq -e "$2" <<<"$1" >/dev/null || fail "not $2: $1"
}

# Begins one, and does not wait.
begin_sync() { # SOURCE
	echo >"$MNT/context/sources/$1/sync"
}

is_state() { # SOURCE STATE
	[ "$(status_of "$1" .state)" = "$2" ]
}

# Names, sizes, dates and contents are the server's.
assert_same() { # SOURCE [DIR]
	local files=$MNT/context/files/$1 site=${2:-$SITE}
	diff <(facts "$site") <(facts "$files") && diff -r "$site" "$files"
}

facts() { # DIR
	(cd "$1" && find . -type d -printf '%P/\n' -o -printf '%P %s %Ts\n' | sort)
}

# What the server was asked since log_begin: lines of its log, in which a mark stands at the end of
# what is known to be in it.

log_begin() { # SERVER
	log_settle "$1"
	LOG_FROM=$(($(line_count "$LEITL_TMP/servers/$1/access.log") + 1))
}

log_count() { # SERVER REGEX
	log_settle "$1"
	tail -n +"$LOG_FROM" "$LEITL_TMP/servers/$1/access.log" | grep -v /mark- | grep -cE "$2" || true
}

log_settle() { # SERVER
	local mark=mark-${EPOCHREALTIME/./}
	dav "$1" HEAD "$mark" --head -o /dev/null
	# lighttpd keeps lines for seconds, unless it is told to open its log anew.
	[ "$1" != lighttpd ] || kill -HUP "$(cat "$LEITL_TMP/servers/$1/pid")"
	wait_until grep -q "/$mark " "$LEITL_TMP/servers/$1/access.log"
}

has_log() { # SERVER
	[ "$1" != rclone ]
}

# --- each server

# syncs_with KIND: what is there, changes, comes, moves and goes is here; what did not change is
# not asked for.
syncs_with() {
	local name=$1
	make_site
	# nginx lists no names that begin with a dot.
	[ "$name" != nginx ] || find "$SITE" -name '.*' -delete
	FILES=$(find "$SITE" -type f | wc -l)
	server_start "$name" "$SITE"
	went "$(new_source "$name")" ".status == \"ok\" and .failed == 0 and
		.added == $FILES"
	assert_same "$name"
	assert_eq "$(status_of "$name" '[.state, .files, .last_error] | tostring')" \
		"[\"idle\",$FILES,null]"
	! has_log "$name" || log_begin "$name"
	goes "$name" '.status == "ok" and .fetched_bytes == 0 and .added + .changed + .removed == 0'
	! has_log "$name" || assert_eq "$(log_count "$name" ^GET)" 0 "GETs where nothing changed"

	(
		cd "$SITE"
		echo 'changed' >'awkward/100%.md'
		echo 'new here' >'awkward/dir#?/what? is "new".md'
		touch -d 2024-12-01 'awkward/100%.md' 'awkward/dir#?/what? is "new".md' awkward/a+b.md
		mv awkward/#hash.md 'awkward/a?b.md'
		mv awkward/目录 awkward/renamed
		rm awkward/it\'s.md awkward/a=b.md
		rm -r 'awkward/dir%20' 'awkward/dir with space'
		mkdir awkward/a=b.md
		echo 'a file once' >awkward/a=b.md/inside.md
		echo 'a directory once' >'awkward/dir with space'
		touch -d 2024-12-01 awkward/a=b.md/inside.md 'awkward/dir with space'
	)
	! has_log "$name" || log_begin "$name"
	goes "$name" '.status == "ok" and .failed == 0 and .changed == 1 and .added == 6 and
		.removed == 9'
	assert_same "$name"
	! has_log "$name" || assert_eq "$(log_count "$name" '^GET')" 8 "GETs of what changed"
	refute ls "$MNT/context/history/$name/awkward/a+b.md/1" # its date alone was new
	assert_match "$(cat "$MNT/context/history/$name/awkward/100%.md/1")" 'awkward'
	assert_eq "$(found changed | grep -c 100%)" 1
}

@test "Apache's files are here, as they change" {
	syncs_with apache
}

@test "lighttpd's files are here, as they change" {
	syncs_with lighttpd
}

@test "nginx's files are here, as they change" {
	syncs_with nginx
}

@test "rclone's files are here, as they change" {
	syncs_with rclone
}

# stops_under KIND: a server that ends within a sync, and is gone for another, leaves all as it was.
stops_under() {
	local name=$1 before result
	make_page
	server_start "$name" "$SITE"
	went "$(new_source "$name")" '.status == "ok"'
	echo 1h >"$MNT/context/sources/$name/interval"
	before=$(facts "$MNT/context/files/$name")
	echo 'the second page, which is longer' >"$SITE/page.md"
	echo 'another' >"$SITE/another.md"
	server_freeze "$name"
	exec 7<>"$MNT/context/sources/$name/sync"
	echo >&7
	wait_until is_state "$name" running
	kill -KILL -- "-$(cat "$LEITL_TMP/servers/$name/pid")" # stopping it would thaw it
	server_stop "$name"
	result=$(cat <&7)
	exec 7>&-
	went "$result" '.status == "failed" and (.error | length > 0) and .removed == 0'
	assert_eq "$(facts "$MNT/context/files/$name")" "$before"
	goes "$name" '.status == "failed" and (.error | test("connect"))'
	assert_eq "$(cat "$MNT/context/files/$name/page.md")" 'the first page'
	assert_eq "$(status_of "$name" '[.state, .files, (.last_error | test("connect")),
		.next_sync != null] | tostring')" '["failed",1,true,true]'
	server_restart "$name"
	goes "$name" '.status == "ok" and .changed == 1 and .added == 1'
	assert_same "$name"
	assert_eq "$(status_of "$name" '[.state, .last_error] | tostring')" '["idle",null]'
}

@test "Apache stopped in the middle of a sync leaves what there was" {
	stops_under apache
}

@test "lighttpd stopped in the middle of a sync leaves what there was" {
	stops_under lighttpd
}

@test "nginx stopped in the middle of a sync leaves what there was" {
	stops_under nginx
}

@test "rclone stopped in the middle of a sync leaves what there was" {
	stops_under rclone
}

@test "of two changes within a second, of the same size, neither is missed" {
	local name
	make_page
	for name in apache lighttpd nginx rclone; do
		server_start "$name" "$SITE"
		new_source "$name"
	done
	for text in 'change one' 'change two' 'change six'; do
		echo "$text" >"$SITE/page.md"
		for name in apache lighttpd nginx rclone; do
			goes "$name" '.status == "ok"'
			assert_eq "$(cat "$MNT/context/files/$name/page.md")" "$text" "$name"
		done
	done
}

@test "a file that was cut off in the middle of its transfer is not shown, and comes whole later" {
	make_page
	head -c 3000000 /dev/urandom >"$SITE/large.bin"
	touch -d 2024-01-01 "$SITE/large.bin"
	server_start -x "LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule ratelimit_module /usr/lib/apache2/modules/mod_ratelimit.so
<IfFile $LEITL_TMP/slow>
<Files large.bin>
SetOutputFilter RATE_LIMIT
SetEnv rate-limit 200
</Files>
</IfFile>" apache "$SITE"
	went "$(new_source apache)" '.status == "ok"'
	touch "$LEITL_TMP/slow"
	server_restart apache
	head -c 3000000 /dev/urandom >"$SITE/large.bin"
	echo 'a new page' >"$SITE/page.md"
	cp "$MNT/context/files/apache/large.bin" "$LEITL_TMP/before"
	begin_sync apache
	wait_until eval 'find "$STATE" -path "*/tmp/*" -size +50k | grep -q .'
	cmp "$MNT/context/files/apache/large.bin" "$LEITL_TMP/before"
	server_stop apache
	wait_until eval 'is_state apache failed || [ "$(status_of apache .last_sync.failed)" != 0 ]'
	cmp "$MNT/context/files/apache/large.bin" "$LEITL_TMP/before"
	assert_match "$(status_of apache .last_error)" 'cut|connect'
	rm "$LEITL_TMP/slow"
	server_restart apache
	goes apache '.status == "ok" and .failed == 0'
	assert_same apache
}

@test "what a server does not give any more stays as it was, and the rest goes on" {
	local name
	make_page
	mkdir -p "$SITE/closed/inner"
	echo 'within' >"$SITE/closed/within.md"
	echo 'deep' >"$SITE/closed/inner/deep.md"
	for name in apache lighttpd; do
		server_start "$name" "$SITE"
		went "$(new_source "$name")" '.status == "ok" and .added == 3'
	done
	echo 'new here' >"$SITE/new.md"
	echo 'not to be had' >"$SITE/page.md"
	chmod 000 "$SITE/closed" "$SITE/page.md"
	for name in apache lighttpd; do
		goes "$name" '.status == "partial" and .failed == 2 and .added == 1 and .removed == 0
			and .error != null'
		assert_eq "$(cat "$MNT/context/files/$name"/{page,new,closed/within,closed/inner/deep}.md)" \
			$'the first page\nnew here\nwithin\ndeep'
	done
	chmod 755 "$SITE/closed"
	chmod 644 "$SITE/page.md"
	for name in apache lighttpd; do
		goes "$name" '.status == "ok" and .changed == 1 and .removed == 0'
		assert_same "$name"
	done
}

@test "where a listing tells neither tag nor date, files are asked for on condition" {
	server_start hostile
	hostile etag-none@PROPFIND date-none@PROPFIND
	went "$(new_source hostile)" '.status == "ok" and .added == 3'
	hostile etag-none@PROPFIND date-none@PROPFIND
	goes hostile '.status == "ok" and .unchanged == 3 and .fetched_bytes == 0'
	assert_eq "$(hostile_count '.method == "GET"')" 3
	assert_eq "$(hostile_count '.method == "GET" and
		(.headers | index("if-none-match") or index("if-modified-since"))')" 3 "conditions"
	hostile_put b.txt 'The other file...'
	goes hostile '.status == "ok" and .unchanged == 2 and .changed == 1'
	assert_eq "$(cat "$MNT/context/files/hostile/b.txt")" 'The other file...'
}

# --- who we are

@test "a wrong password is refused once, and said; the right one is taken up at once" {
	make_site
	server_start apache "$SITE"
	server_start lighttpd "$SITE"
	for name in apache lighttpd; do
		log_begin "$name"
		went "$(new_source "$name" '"username":"u","password":"wrong"')" \
			'.status == "failed" and (.error | test("401"))'
		assert_match "$(status_of "$name" .last_error)" 'credentials'
		assert_le "$(log_count "$name" .)" 3 "requests"
		refute ls "$MNT/context/files/$name/"*
		echo p >"$MNT/context/sources/$name/password"
		wait_until is_state "$name" idle
		assert_same "$name"
		log_begin "$name"
		goes "$name" '.status == "ok"'
		assert_le "$(log_count "$name" ' 401$')" 2 "refusals of a sync that went well"
		# It changes on the server: what is here stays.
		echo q >"$MNT/context/sources/$name/password"
		wait_until is_state "$name" failed
		log_begin "$name"
		goes "$name" '.status == "failed" and .removed == 0'
		assert_le "$(log_count "$name" .)" 3 "requests"
		assert_same "$name"
	done
}

@test "no password where one is needed is a failure, not an empty source" {
	make_page
	server_start nginx "$SITE"
	went "$(new_source nginx '')" '.status == "failed" and (.error | test("401"))'
	printf 'u' >"$MNT/context/sources/nginx/username"
	printf 'p' >"$MNT/context/sources/nginx/password"
	wait_until is_state nginx idle
	assert_same nginx
}

@test "Digest: many requests for one challenge" {
	make_site
	server_start apache-digest "$SITE"
	log_begin apache-digest
	went "$(new_source apache-digest)" '.status == "ok" and .failed == 0'
	assert_same apache-digest
	assert_le "$(log_count apache-digest ' 401$')" 20 "refusals"
	assert_eq "$(log_count apache-digest '^GET .* 200$')" "$FILES"
	echo wrong >"$MNT/context/sources/apache-digest/password"
	wait_until is_state apache-digest failed
	log_begin apache-digest
	goes apache-digest '.status == "failed" and (.error | test("401"))'
	assert_le "$(log_count apache-digest .)" 4 "requests"
	assert_same apache-digest
}

@test "a bearer token is what the server is told" {
	make_page
	server_start -x "<Directory $SITE>
AuthMerging Off
AuthType None
Require expr \"%{HTTP:Authorization} == 'Bearer abc.def~1'\"
</Directory>" apache "$SITE"
	went "$(new_source apache '"token":"abc.def~2"')" \
		'.status == "failed" and (.error | test("40[13]"))'
	echo 'abc.def~1' >"$MNT/context/sources/apache/token"
	wait_until is_state apache idle
	assert_same apache
	assert_eq "$(cat "$MNT/context/sources/apache/token" 2>&1)" ''
}

# --- TLS

@test "https: the CA that the source names is trusted, and no other" {
	local ca
	make_page
	server_start apache-tls "$SITE"
	ca=$(tls_file ca.pem)
	went "$(new_source apache-tls)" '.status == "failed" and (.error | test("certificate"))'
	tls_file foreign-ca.pem >"$MNT/context/sources/apache-tls/ca"
	goes apache-tls '.status == "failed" and (.error | test("certificate"))'
	echo "$ca" >"$MNT/context/sources/apache-tls/ca"
	wait_until is_state apache-tls idle
	assert_same apache-tls
	echo more >"$SITE/more.md"
	goes apache-tls '.status == "ok" and .added == 1'
	echo - >"$MNT/context/sources/apache-tls/ca"
	wait_until is_state apache-tls failed
	assert_same apache-tls
}

@test "https: wrong, expired and foreign certificates are refused, unless verify is off" {
	local name ca
	make_page
	for name in other expired foreign; do
		server_start -n "$name" -c "$name" apache-tls "$SITE"
		ca=$(tls_file ca.pem)
		went "$(new_source "$name" "$LOGIN,\"ca\":\"$ca\"")" \
			'.status == "failed" and (.error | test("certificate"))'
		refute ls "$MNT/context/files/$name/page.md"
		echo no >"$MNT/context/sources/$name/verify"
		wait_until is_state "$name" idle
		assert_same "$name"
	done
}

@test "https: a client's certificate" {
	local ca
	make_page
	server_start -x "<Directory $SITE>
AuthMerging Off
AuthType None
Require ssl-verify-client
</Directory>" apache-tls "$SITE"
	ca=$(tls_file ca.pem)
	went "$(new_source apache-tls "\"ca\":\"$ca\"")" '.status == "failed" and (.error | test("403"))'
	tls_file client.key >"$MNT/context/sources/apache-tls/key"
	tls_file client.pem >"$MNT/context/sources/apache-tls/cert"
	wait_until is_state apache-tls idle
	assert_same apache-tls
}

@test "HTTP/2 and compression: files and refusals are what they are elsewhere" {
	local result
	make_site
	server_start -x 'LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
RedirectMatch 403 ^/awkward/dir
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
SetOutputFilter DEFLATE' apache-h2 "$SITE"
	log_begin apache-h2
	result=$(new_source apache-h2 "$LOGIN,\"ca\":\"$(tls_file ca.pem)\"")
	# Apache resets the stream of a request whose body it does not read; where that overtakes the
	# head, curl tells of that alone.
	went "$result" ".status == \"partial\" and .failed == 3 and .added == $((FILES - 6)) and
		(.error | test(\"403|Stream error\"))"
	rm -r "$SITE"/awkward/dir*/*
	assert_same apache-h2
	assert_eq "$(log_count apache-h2 '^GET .* 200$')" "$((FILES - 6))"
}

# --- the way there

@test "redirects within the origin are followed" {
	make_site
	server_start -x 'LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
Redirect 301 /old /awkward
Redirect 302 /awkward/case.md /awkward/CASE.md' apache "$SITE"
	went "$(new_source apache "$LOGIN" old)" '.status == "ok"'
	cp "$SITE/awkward/CASE.md" "$SITE/awkward/case.md"
	diff -r "$SITE/awkward" "$MNT/context/files/apache"
}

@test "a collection below the root, with a name that is hard to carry" {
	make_site
	server_start nginx "$SITE"
	went "$(new_source nginx "$LOGIN" 'awkward/dir%23%3F')" '.status == "ok"'
	assert_same nginx "$SITE/awkward/dir#?"
}

@test "through a proxy" {
	local modules=/usr/lib/apache2/modules
	make_page
	server_start nginx "$SITE"
	server_start -n proxy -x "LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
ProxyRequests On" apache "$LEITL_TMP"
	log_begin proxy
	went "$(new_source nginx "$LOGIN,\"proxy\":\"$(server_url proxy)\"")" '.status == "ok"'
	assert_same nginx
	assert_eq "$(log_count proxy '^GET /page.md|^GET .*/page.md')" 1
}

# --- when

@test "an interval that is set begins to count" {
	make_page
	server_start apache "$SITE"
	new_source apache
	assert_eq "$(status_of apache .next_sync)" null
	echo 'new here' >"$SITE/new.md"
	echo 1s >"$MNT/context/sources/apache/interval"
	wait_until test -e "$MNT/context/files/apache/new.md"
	cmp "$SITE/new.md" "$MNT/context/files/apache/new.md"
}

@test "who wrote to sync waits for its end; who only reads does not" {
	make_page
	server_start apache "$SITE"
	new_source apache
	echo 'new here' >"$SITE/new.md"
	server_freeze apache
	agent_start one
	pid=$(agent_bg one 'exec 3<>context/sources/apache/sync; echo >&3; cat <&3')
	wait_until is_state apache running
	went "$(cat "$MNT/context/sources/apache/sync")" '.status == "ok" and .added == 1'
	assert_eq "$(agent_out one "$pid")" '' "said before it was over"
	server_thaw apache
	agent_join one "$pid" | jq -e '.status == "ok" and .added == 1' >/dev/null
	cmp "$SITE/new.md" "$MNT/context/files/apache/new.md"
}

@test "sources are synced side by side: a server that hangs holds back no other" {
	local name
	make_site
	server_start apache "$SITE"
	server_start lighttpd "$SITE"
	server_start -n idle hostile
	new_source apache >/dev/null
	HOSTILE=idle
	new_source idle >/dev/null
	hostile hang
	server_freeze apache
	begin_sync apache
	begin_sync idle
	wait_until is_state apache running
	wait_until is_state idle running
	went "$(new_source lighttpd)" '.status == "ok"'
	assert_same lighttpd
	is_state apache running
	is_state idle running
	server_thaw apache
	wait_until is_state apache idle
}

# --- no operation waits for a server

@test "no operation on the mount waits while a server hangs" {
	local sources=$MNT/context/sources before
	make_docs
	server_start hostile
	went "$(new_source hostile)" '.status == "ok"'
	add_source "$DOCS" >/dev/null
	before=$(look_at_all)
	hostile hang
	begin_sync hostile
	wait_until eval '[ "$(hostile_count)" -gt 0 ]'
	assert_eq "$(look_at_all)" "$before"
	is_state hostile running
	# And changing things.
	echo 'more of gardens' >"$DOCS/notes/more.txt"
	goes docs '.status == "ok" and .added == 1'
	echo 1h >"$sources/hostile/interval"
	begin_sync hostile
	printf '{"name":"late","url":"%s","interval":0,%s}\n' "$(server_url hostile)" "$LOGIN" \
		>"$sources/new"
	mkdir "$sources/empty"
	rmdir "$sources/empty"
	echo 'hello' >"$MNT/broadcast"
	is_state hostile running
	assert_eq "$(hostile_count '.authorization and .scenario == null')" 0 "it hangs still"
	rmdir "$sources/hostile"
	refute test -e "$MNT/context/files/hostile"
	wait_until is_state late running
	leitl_down # while it hangs
	assert_eq "$(hostile_count '.authorization and .scenario == null')" 0 "it hangs still"
}

# All that can be looked at: names and attributes of all, contents of what was synced and found.
look_at_all() {
	ls -lR "$MNT/context/files" "$MNT/context/history"
	find "$MNT/context" -printf '%P %y\n' | grep -v '^search/'
	find "$MNT/context/files" -type f -exec cat {} +
	ls "$MNT/context/search/gamma file" "$MNT/context/search/garden"
	cat "$MNT/context/search/gamma file/results.md"
	stat -c '%n %F' "$MNT"/* "$MNT/context/sources/hostile"/*
	cat "$MNT/context/sources/hostile/sync" "$MNT/context/sources/hostile/url"
	jq -r .files "$MNT/context/sources/hostile/status.json"
}

# --- secrets

@test "a password is nowhere to be seen" {
	local canary=CanaryInTheMine7 encoded place before bad
	make_page
	server_start apache "$SITE"
	server_start nginx "$SITE"
	printf 'u:{SHA}%s\n' "$(printf %s "$canary" | openssl sha1 -binary | base64)" \
		>"$LEITL_TMP/servers/apache/users"
	went "$(new_source apache "\"username\":\"u\",\"password\":\"$canary\"")" '.status == "ok"'
	# Where it is wrong; within a URL; as what else can be secret; in what is refused.
	went "$(new_source nginx "\"username\":\"u\",\"password\":\"$canary\"")" '.status == "failed"'
	printf '{"name":"inurl","url":"%s","proxy_username":"u","proxy_password":"%s"}\n' \
		"$(server_url apache | sed "s|//|//u:$canary@|")" "$canary" >"$MNT/context/sources/new"
	goes inurl '.status == "ok"'
	mkdir "$MNT/context/sources/token"
	echo "$canary" >"$MNT/context/sources/token/token"
	server_url nginx >"$MNT/context/sources/token/url"
	goes token '.status == "failed"'
	for bad in "{\"name\":\"x\",\"url\":3,\"password\":\"$canary\"}" \
		"{\"url\":\"http://u:$canary@[\",\"password\":\"$canary\"}" \
		"http://u:$canary@127.0.0.1:99999/" "{\"password\":\"$canary\"" "\"$canary\"" \
		"{\"url\":\"http://127.0.0.1/\",\"password\":[\"$canary\"]}" \
		"{\"url\":\"http://127.0.0.1/\",\"proxy\":\"http://u:$canary@[\"}" \
		"{\"name\":\"apache\",\"url\":\"http://127.0.0.1/\",\"password\":\"$canary\"}"; do
		before=$(line_count "$MNT/errors")
		printf '%s\n' "$bad" 2>/dev/null >"$MNT/context/sources/new" || true
		wait_until eval '[ "$(line_count "$MNT/errors")" -gt '"$before"' ]'
	done
	assert_eq "$(ls "$MNT/context/sources" | tr '\n' ' ')" 'README.md apache inurl new nginx token '
	refute bash -c "printf '%s\tx\n' $canary >'$MNT/context/sources/apache/password'" 2>/dev/null
	assert_eq "$(cat "$MNT/context/sources/apache/password" "$MNT/context/sources/token/token")" ''
	ls -l "$MNT/context/sources/apache" >/dev/null
	# In clear, as Basic has it, and as hexadecimal digits.
	encoded=$(printf 'u:%s' "$canary" | base64)
	for place in "$canary" "${encoded:4:16}" "$(printf %s "$canary" | od -An -tx1 | tr -d ' \n')"; do
		assert_hidden "$place"
	done
	echo 1s >"$MNT/context/sources/apache/interval"
	leitl_down # and what is written at the end
	assert_eq "$(grep -rlaF "$canary" "$STATE" "$DAEMON_LOG")" ''
	leitl_up
	goes apache '.status == "ok"'
	assert_hidden "$canary"
}

assert_hidden() { # TEXT
	local file
	assert_eq "$(grep -rlaF -- "$1" "$STATE" "$DAEMON_LOG" "$MNT/context" "$MNT/errors" \
		"$MNT/activity" "$MNT/feeds" 2>/dev/null)" ''
	for file in "/proc/$DAEMON"/{cmdline,environ} "/proc/$DAEMON"/task/*/comm; do
		refute grep -qaF -- "$1" "$file"
	done
}

# --- much

@test "5,000 files in 50 collections, and one of 100 MB" {
	SITE=$LEITL_TMP/site
	"$SERVER_PYTHON" "$ROOT/tests/helpers/tree.py" "$SITE" --files 5000 --dirs 50 --mb 10 \
		>"$LEITL_TMP/made"
	head -c 104857600 /dev/urandom >"$SITE/large.bin"
	touch -d 2024-01-01 "$SITE/large.bin"
	server_start apache "$SITE"
	WAIT=$((4 * WAIT))
	went "$(new_source apache)" '.status == "ok" and .failed == 0 and .added == 5001'
	if [ -z "${SAN:-}" ]; then
		assert_le "$(awk '/VmHWM/ { print $2 }' "/proc/$DAEMON/status")" $((96 << 10)) "KiB"
	fi
	cmp "$SITE/large.bin" "$MNT/context/files/apache/large.bin"
	assert_same apache
	assert_eq "$(found needle00042 | wc -l)" 1
	log_begin apache
	goes apache '.status == "ok" and .unchanged == 5001'
	assert_eq "$(log_count apache ^GET)" 0 "GETs"
	assert_eq "$(log_count apache ^PROPFIND)" 51 "PROPFINDs"
}
