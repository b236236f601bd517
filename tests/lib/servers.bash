# Servers on loopback that the suites sync from, beside mount.bash:
#
#     load ../lib/mount
#     load ../lib/servers
#
# server_start KIND [DIR] serves DIR, for the user `u` with the password `p`, and returns when it
# answers; SERVER_URL is then its root. KIND is apache, apache-digest, apache-tls, apache-h2 (these
# two by https), lighttpd, nginx, rclone; or hostile, hostile-tls (tests/helpers/hostile.py, which
# has a tree of its own and does what it is told). A test has one server of a kind, or several by
# -n NAME. What is not installed is a reason to skip. DIR is read by www-data when the suite runs as
# root; LEITL_TMP is meant for it.
#
# Servers end with the test: `teardown` below; a suite's own calls servers_cleanup.

# shellcheck disable=SC2034
SERVER_USER=u SERVER_PASSWORD=p

SERVER_PYTHON=/usr/bin/python3
[ -x "$SERVER_PYTHON" ] || SERVER_PYTHON=$(command -v python3)

# server_start [-n NAME] [-c CERTIFICATE] [-x TEXT] KIND [DIR]: CERTIFICATE is one of tls_make's
# (`server`), TEXT is more of Apache's configuration.
server_start() {
	local name='' certificate=server more=''
	while [[ $1 == -* ]]; do
		case $1 in
		-n) name=$2 ;;
		-c) certificate=$2 ;;
		-x) more=$2 ;;
		*) fail "server_start: $1?" || return 1 ;;
		esac
		shift 2
	done
	server_need "$1"
	leitl_init
	name=${name:-$1}
	local dir=$LEITL_TMP/servers/$name
	mkdir -p "$dir/lock" "$dir/temp"
	chmod 1777 "$dir/lock" "$dir/temp"
	printf '%s\n' "$1" >"$dir/kind"
	printf '%s\n' "${2:-$dir}" >"$dir/root"
	printf '%s\n' "$certificate" >"$dir/certificate"
	printf '%s\n' "$more" >"$dir/more"
	! server_is_tls "$1" || tls_make
	# The port is free now; another may take it before the server does.
	local try
	for try in 1 2 3 4 5; do
		server_port >"$dir/port"
		! server_begin "$name" || return 0
	done
	fail "$1 did not start on any of $try ports:
$(cat "$dir/log")"
}

# As it was, on the same port.
server_restart() { # NAME
	local try
	server_stop "$1"
	for try in 1 2 3 4 5; do
		! server_begin "$1" || return 0
	done
	fail "$1 did not start again, in $try tries:
$(cat "$LEITL_TMP/servers/$1/log")"
}

# Ends it and all its processes; what waits for it then is refused.
server_stop() { # NAME
	local pid
	pid=$(cat "$LEITL_TMP/servers/$1/pid" 2>/dev/null) || return 0
	rm -f "$LEITL_TMP/servers/$1/pid"
	kill -CONT -- "-$pid" 2>/dev/null || true
	kill -TERM -- "-$pid" 2>/dev/null || return 0
	if ! wait_until 5 server_gone "$pid"; then
		kill -KILL -- "-$pid" 2>/dev/null || true
		wait_until server_gone "$pid"
	fi
	wait "$pid" 2>/dev/null || true
}

# It accepts connections, and answers nothing.
server_freeze() { # NAME
	kill -STOP -- "-$(cat "$LEITL_TMP/servers/$1/pid")"
}

server_thaw() { # NAME
	kill -CONT -- "-$(cat "$LEITL_TMP/servers/$1/pid")"
}

server_url() { # NAME
	local scheme=http
	! server_is_tls "$(cat "$LEITL_TMP/servers/$1/kind")" || scheme=https
	echo "$scheme://127.0.0.1:$(cat "$LEITL_TMP/servers/$1/port")/"
}

# dav NAME METHOD PATH [CURL OPTION…]: a request as a client makes it; prints the answer's body.
dav() {
	local name=$1 method=$2 path=$3
	shift 3
	curl -sS --max-time "$WAIT" --anyauth -u "$SERVER_USER:$SERVER_PASSWORD" \
		--cacert "$(tls_file ca.pem)" -X "$method" "$@" "$(server_url "$name")$path"
}

servers_cleanup() {
	local dir
	[ -n "${LEITL_TMP:-}" ] || return 0
	for dir in "$LEITL_TMP"/servers/*/; do
		[ ! -d "$dir" ] || server_stop "$(basename "$dir")"
	done
}

teardown() {
	servers_cleanup
	leitl_cleanup
}

# --- within

server_need() { # KIND
	local program=$1
	case $1 in
	apache*) program=apache2 ;;
	hostile*) program=$SERVER_PYTHON ;;
	esac
	PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
		skip "$program is not installed"
	command -v curl >/dev/null || skip "curl is not installed"
	case $1 in
	apache*) server_module "$1 needs" /usr/lib/apache2/modules/mod_dav_fs.so ;;
	lighttpd) server_module "$1 needs" /usr/lib/lighttpd/mod_webdav.so ;;
	nginx) server_module "$1 needs" /usr/lib/nginx/modules/ngx_http_dav_ext_module.so ;;
	esac
}

server_is_tls() { # KIND
	[[ $1 == *-tls || $1 == *-h2 ]]
}

server_module() { # WHY FILE
	[ -e "$2" ] || skip "$1 $2"
}

# Below the range that the kernel takes ports for connections from.
server_port() {
	local port
	while :; do
		port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

server_gone() { # PID: the whole group
	! kill -0 -- "-$1" 2>/dev/null || {
		gone "$1" && ! ps -o stat= -g "$1" | grep -qv '^Z'
	}
}

server_begin() { # NAME; fails when it ended at once
	local dir=$LEITL_TMP/servers/$1 root port kind
	kind=$(cat "$dir/kind") root=$(cat "$dir/root") port=$(cat "$dir/port")
	SERVER_COMMAND=()
	"server_${kind%%-*}" "$dir" "$root" "$port" "$kind" || return 1
	PATH=$PATH:/usr/sbin:/sbin setsid "${SERVER_COMMAND[@]}" </dev/null >>"$dir/log" 2>&1 \
		3>&- 4>&- &
	echo $! >"$dir/pid"
	wait_until server_answers_or_gone "$1" || return 1
	if gone "$(cat "$dir/pid")"; then
		rm "$dir/pid"
		return 1
	fi
	SERVER_URL=$(server_url "$1")
}

server_answers_or_gone() { # NAME
	gone "$(cat "$LEITL_TMP/servers/$1/pid")" ||
		curl -sk --max-time 2 -o "$LEITL_TMP/servers/$1/first" "$(server_url "$1")"
}

# Each writes its configuration, and sets SERVER_COMMAND.

server_apache() { # DIR ROOT PORT KIND
	local modules=/usr/lib/apache2/modules tls='' user='' auth=Basic users=$1/users module
	local list='mpm_event authz_core authz_user authn_core authn_file auth_basic mime'
	list+=' dav dav_fs'
	case $4 in
	apache-digest)
		auth=Digest users=$1/digests list+=' auth_digest'
		printf 'u:test:%s\n' "$(printf u:test:p | md5sum | cut -d ' ' -f 1)" >"$users"
		;;
	apache-tls | apache-h2)
		list+=' socache_shmcb ssl'
		tls="SSLEngine on
SSLCertificateFile $(tls_file "$(cat "$1/certificate").pem")
SSLCertificateKeyFile $(tls_file "$(cat "$1/certificate").key")
SSLCACertificateFile $(tls_file ca.pem)
SSLVerifyClient optional"
		;;
	esac
	[ "$4" != apache-h2 ] || list+=' http2' tls+=$'\nProtocols h2 http/1.1'
	printf 'u:{SHA}%s\n' "$(printf p | openssl sha1 -binary | base64)" >"$1/users"
	[ "$(id -u)" != 0 ] || user=$'User www-data\nGroup www-data'
	{
		for module in $list; do
			echo "LoadModule ${module}_module $modules/mod_$module.so"
		done
		cat <<-END
			ServerName 127.0.0.1
			ServerRoot $1
			DefaultRuntimeDir $1/lock
			PidFile $1/apache.pid
			Mutex file:$1/lock default
			Listen 127.0.0.1:$3
			$user
			StartServers 2
			MaxRequestWorkers 75
			MaxKeepAliveRequests 0
			EnableMMAP off
			ErrorLog $1/log
			LogFormat "%m %U %>s" plain
			CustomLog $1/access.log plain
			TypesConfig $(server_types "$1")
			DavLockDB $1/lock/dav
			DocumentRoot $2
			$tls
			<Directory $2>
				Dav On
				Options None
				AllowOverride None
				AuthType $auth
				AuthName test
				AuthUserFile $users
				Require valid-user
			</Directory>
			$(cat "$1/more")
		END
	} >"$1/conf"
	SERVER_COMMAND=(apache2 -f "$1/conf" -D FOREGROUND)
}

server_types() { # DIR
	printf '%s\n' 'text/plain txt' 'text/markdown md' 'text/html html' 'application/pdf pdf' \
		>"$1/types"
	echo "$1/types"
}

server_lighttpd() { # DIR ROOT PORT
	echo u:p >"$1/users"
	cat >"$1/conf" <<-END
		server.modules = ("mod_accesslog", "mod_auth", "mod_authn_file", "mod_webdav")
		server.document-root = "$2"
		server.bind = "127.0.0.1"
		server.port = $3
		server.errorlog = "$1/log"
		server.upload-dirs = ("$1/temp")
		server.stat-cache-engine = "disable"
		accesslog.filename = "$1/access.log"
		accesslog.format = "%m %U %s"
		mimetype.assign = (".txt" => "text/plain", ".md" => "text/markdown",
			".html" => "text/html", ".pdf" => "application/pdf")
		webdav.activate = "enable"
		auth.backend = "plain"
		auth.backend.plain.userfile = "$1/users"
		auth.require = ("/" => ("method" => "basic", "realm" => "test",
			"require" => "valid-user"))
	END
	if [ "$(id -u)" = 0 ]; then
		printf 'server.username = "www-data"\nserver.groupname = "www-data"\n' >>"$1/conf"
		touch "$1/log" "$1/access.log"
		chown www-data "$1/log" "$1/access.log"
	fi
	SERVER_COMMAND=(lighttpd -D -f "$1/conf")
}

server_nginx() { # DIR ROOT PORT
	echo 'u:{PLAIN}p' >"$1/users"
	cat >"$1/conf" <<-END
		load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
		daemon off;
		master_process off;
		pid $1/nginx.pid;
		events { worker_connections 256; }
		http {
			types {
				text/plain txt;
				text/markdown md;
				text/html html;
				application/pdf pdf;
			}
			default_type application/octet-stream;
			log_format plain '\$request_method \$uri \$status';
			access_log $1/access.log plain;
			client_body_temp_path $1/temp/body;
			proxy_temp_path $1/temp/proxy;
			fastcgi_temp_path $1/temp/fastcgi;
			uwsgi_temp_path $1/temp/uwsgi;
			scgi_temp_path $1/temp/scgi;
			dav_ext_lock_zone zone=test:1m;
			server {
				listen 127.0.0.1:$3;
				root $2;
				auth_basic test;
				auth_basic_user_file $1/users;
				location / {
					dav_methods PUT DELETE MKCOL COPY MOVE;
					dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
					dav_ext_lock zone=test;
				}
			}
		}
	END
	SERVER_COMMAND=(nginx -p "$1" -e "$1/log" -c "$1/conf")
}

server_rclone() { # DIR ROOT PORT
	: >"$1/conf"
	SERVER_COMMAND=(rclone serve webdav "$2" --addr "127.0.0.1:$3" --user u --pass p
		--etag-hash MD5 --dir-cache-time 0 --config "$1/conf" --cache-dir "$1/temp")
}

server_hostile() { # DIR ROOT PORT KIND
	SERVER_COMMAND=("$SERVER_PYTHON" "$ROOT/tests/helpers/hostile.py" "$1" "$3")
	! server_is_tls "$4" ||
		SERVER_COMMAND+=("$(tls_file "$(cat "$1/certificate").pem")"
			"$(tls_file "$(cat "$1/certificate").key")")
}

# --- the hostile one: tests/helpers/hostile.py says what scenarios are and do

# hostile [SCENARIO…]: these alone from now on, and the log begins anew. HOSTILE names the server.
hostile() {
	hostile_ask POST _control -d "$*"
}

# Changes its tree. Paths as in URLs.
hostile_put() { # PATH TEXT
	hostile_ask PUT "_file/$1" --data-binary "$2"
}

hostile_delete() { # PATH
	hostile_ask DELETE "_file/$1"
}

hostile_mkdir() { # PATH
	hostile_ask MKCOL "_file/$1"
}

# hostile_log [FILTER]: every request since, as lines of JSON; those that jq's FILTER selects.
hostile_log() {
	jq -c "select(${1:-true})" "$LEITL_TMP/servers/$HOSTILE/requests"
}

hostile_count() { # [FILTER]
	hostile_log "${1:-true}" | wc -l
}

HOSTILE=hostile

hostile_ask() { # METHOD PATH [CURL OPTION…]
	local answer
	answer=$(curl -sSk --max-time "$WAIT" -X "$1" "${@:3}" -w '%{http_code}' \
		"$(server_url "$HOSTILE")$2")
	[ "$answer" = 204 ] || fail "hostile server: $answer"
}

# --- certificates

tls_file() { # NAME
	echo "$LEITL_TMP/servers/tls/$1"
}

# A CA (ca.pem), and what it signed: server (127.0.0.1, localhost), other (another name), expired,
# client, each a .pem and a .key; and foreign, signed by another CA (foreign-ca.pem). Once a test.
tls_make() {
	local dir
	dir=$(tls_file .)
	[ ! -f "$dir/done" ] || return 0
	mkdir -p "$dir"
	tls_ca ca && tls_ca foreign-ca || return 1
	tls_sign server ca 30 IP:127.0.0.1,DNS:localhost &&
		tls_sign other ca 30 DNS:other.example &&
		tls_sign foreign foreign-ca 30 IP:127.0.0.1,DNS:localhost &&
		tls_sign client ca 30 DNS:client.example &&
		tls_sign expired ca -1 IP:127.0.0.1,DNS:localhost || return 1
	chmod 0644 "$dir"/*.pem
	touch "$dir/done"
}

tls_ca() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
		-subj "/CN=test $1" -keyout "$(tls_file "$1.key")" -out "$(tls_file "$1.pem")" \
		2>"$(tls_file log)" || fail "$(cat "$(tls_file log)")"
}

tls_sign() { # NAME CA DAYS SAN
	local file
	file=$(tls_file "$1")
	{
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			-subj "/CN=test $1" -keyout "$file.key" -out "$file.csr" &&
			openssl x509 -req -in "$file.csr" -CA "$(tls_file "$2.pem")" \
				-CAkey "$(tls_file "$2.key")" -CAcreateserial -days "$3" \
				-extfile <(echo "subjectAltName=$4") -out "$file.pem"
	} 2>"$(tls_file log)" || fail "$(cat "$(tls_file log)")"
}
