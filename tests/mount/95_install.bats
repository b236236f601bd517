# What is installed: make install and uninstall, the manual pages, the units, mount(8), the package.
# variants: plain
BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load ../lib/mount

setup() {
	leitl_init
	cd "$ROOT" || return 1
	BUILT=$(cd "${LEITLFS%/*}" && pwd)
}

# Commands write where they are told to, in the build that is tested.
make_here() {
	make -s BUILD="$BUILT" "$@" 3>&- 4>&-
}

page() { # SECTION: its text, as it is read
	"$LEITLFS" man "$1" >"$LEITL_TMP/page.$1"
	mandoc -T ascii -O width=400 "$LEITL_TMP/page.$1" | col -b
}

# Every line of the list is somewhere in the text.
assert_lines_in() { # LIST TEXT
	[ -n "$1" ] || fail "the list is empty"
	local line missing=''
	while IFS= read -r line; do
		grep -qF -- "$line" <<<"$2" || missing+="  $line"$'\n'
	done <<<"$1"
	[ -z "$missing" ] || fail "not told:"$'\n'"$missing"
}

need() { # COMMAND…
	local command
	for command; do
		command -v "$command" >/dev/null || skip "no $command here"
	done
}

# --- the manual pages

@test "leitlfs(1) has every option of a mount, and every command with its options" {
	need mandoc
	local text help command options
	text=$(page 1)
	help=$("$LEITLFS" -h)
	options=$(grep -oE '^ +-o [a-z_]+=[A-Za-z]+' <<<"$help" | sed 's/^ *//')
	[ "$(wc -l <<<"$options")" -gt 20 ] || fail "few options: $options"
	assert_lines_in "$options" "$text"
	for command in $(sed -n '/one of these commands/,/^Options/s/^    \([a-z]*\) .*/\1/p' <<<"$help"); do
		grep -qE "^ *leitlfs $command$" <<<"$text" || fail "no section on $command"
		help=$("$LEITLFS" "$command" --help)
		assert_lines_in "$(grep -oE -- '^    -[a-zA-Z], --[a-z]+' <<<"$help" |
			sed 's/^ *//' || echo leitlfs)" "$text"
	done
}

@test "leitlfs(5) has every path of the mount's README.md, with what it says of it" {
	need mandoc
	leitl_up
	local text rows
	text=$(page 5)
	rows=$(sed -n '/^## The whole tree/,/^## Errors/s/^    \([^ ]*[^ /]\)\/* .*/\1/p' "$MNT/README.md")
	[ "$(wc -l <<<"$rows")" -gt 100 ] || fail "few rows: $rows"
	assert_lines_in "$rows" "$text"
	assert_lines_in "every event but heartbeats, oldest first, one JSON object a line (log, 0444)
who is in the loop; mkdir registers under a name of your own (directory, 0777)
waits until something is unread, then is what unread is (turn, 0400, not listed)
exec 3<>sessions/new; echo cece >&3; read -r id <&3
EDQUOT" "$text"
}

@test "leitl(7) has every event of docs/protocol.md" {
	need mandoc
	local events
	events=$(grep -oE '^\| `[a-z]+\.[a-z]+`' docs/protocol.md | tr -d '|` ')
	[ "$(wc -l <<<"$events")" -gt 15 ] || fail "few events: $events"
	assert_lines_in "$events" "$(page 7)"
}

@test "mandoc finds nothing in the manual pages to warn of" {
	need mandoc
	local section
	for section in 1 5 7; do
		page "$section" >/dev/null
		run mandoc -T lint -W warning "$LEITL_TMP/page.$section"
		assert_eq "$output" "" "page $section"
		run grep -nP '[^\x00-\x7f]' "$LEITL_TMP/page.$section"
		assert_eq "$output" "" "page $section"
	done
}

@test "there are no other pages" {
	run "$LEITLFS" man 4
	assert_eq "$status" 2
	run "$LEITLFS" man 5 7
	assert_eq "$status" 2
	run "$LEITLFS" man
	assert_eq "$status" 0
	assert_match "$output" $'\n\\.Dt LEITLFS 1\n'
}

# --- make install

@test "make install puts everything there, and make uninstall takes all of it away" {
	local to=$LEITL_TMP/to file
	make_here install DESTDIR="$to" PREFIX=/opt/leitlfs
	for file in bin/leitlfs share/man/man1/leitlfs.1.gz share/man/man5/leitlfs.5.gz \
		share/man/man7/leitl.7.gz share/doc/leitlfs/README.md share/doc/leitlfs/docs/install.md \
		share/bash-completion/completions/leitlfs share/zsh/site-functions/_leitlfs \
		share/fish/vendor_completions.d/leitlfs.fish lib/systemd/system/leitlfs@.service \
		lib/systemd/user/leitlfs@.service; do
		[ -s "$to/opt/leitlfs/$file" ] || fail "no $file"
	done
	"$to/opt/leitlfs/bin/leitlfs" -V
	# Anybody can read it, nobody change it; and nothing lies anywhere else.
	assert_eq "$(find "$to" -type f ! -perm 644 ! -path '*/bin/leitlfs')" ""
	assert_eq "$(find "$to" -type f ! -path "$to/opt/leitlfs/*")" ""
	# No time and no name in what gzip writes.
	assert_eq "$(od -An -tx1 -N8 "$to/opt/leitlfs/share/man/man7/leitl.7.gz")" \
		" 1f 8b 08 00 00 00 00 00"
	run grep -rh '^Exec.*leitlfs' "$to/opt/leitlfs/lib"
	refute_match "$output" '@'
	assert_match "$output" '=/opt/leitlfs/bin/leitlfs '
	make_here uninstall DESTDIR="$to" PREFIX=/opt/leitlfs
	assert_eq "$(find "$to" ! -type d)" ""
	[ ! -e "$to/opt/leitlfs/share/doc/leitlfs" ]
}

@test "documents that are installed link to each other only" {
	local to=$LEITL_TMP/to file link
	make_here install DESTDIR="$to" PREFIX=/usr
	cd "$to/usr/share/doc/leitlfs"
	for file in README.md docs/install.md; do
		for link in $(grep -oE '\]\([^):# ]+\.(md|png|svg)' "$file" | cut -c 3-); do
			[ -e "${file%/*}/$link" ] || [ -e "$link" ] || fail "$file: $link"
		done
	done
}

# --- the units

@test "systemd understands the units" {
	need systemd-analyze
	make_here install PREFIX="$LEITL_TMP/usr"
	local kind instance
	for kind in system user; do
		instance=$LEITL_TMP/$kind/leitlfs@srv-leitl.service
		mkdir "$LEITL_TMP/$kind"
		cp "$LEITL_TMP/usr/lib/systemd/$kind/leitlfs@.service" "$instance"
		# Where man has no database yet, it can't look the pages up.
		run env XDG_RUNTIME_DIR="$LEITL_TMP" HOME="$LEITL_TMP" \
			systemd-analyze verify --man=no "--$kind" "$instance"
		assert_eq "$output" "" "$kind"
		assert_eq "$status" 0 "$kind"
	done
}

@test "no unit has what would hide its mount, or keep it from being made" {
	run grep -hE '^(Private|Protect|Read|Inaccessible|Root|Bind|Temporary|MountFlags|NoNew|Dynamic|Restrict|SystemCall|Capab|User=)' \
		scripts/systemd/*.in
	assert_eq "$output" ""
}

@test "what the system's unit runs makes a mount that everyone sees, and ends it" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	local start stop
	make_here install PREFIX="$LEITL_TMP/usr"
	start=$(sed -n 's/^ExecStart=//p' "$LEITL_TMP/usr/lib/systemd/system/leitlfs@.service")
	stop=$(sed -n 's/^ExecStop=//p' "$LEITL_TMP/usr/lib/systemd/system/leitlfs@.service")
	start=${start//%f/$MNT} start=${start//%S/$STATE} start=${start//%i/srv-leitl}
	chmod 755 "$LEITL_TMP"
	LEITLFS_OPTIONS='-o late=90s' bash -c "$start" 3>&- 4>&-
	as_user 1234 test -s "$MNT/README.md"
	bash -c "${stop//%f/$MNT}"
	refute mountpoint -q "$MNT"
}

# --- the package

@test "the package needs what scripts/packages lists, and has the Makefile's version" {
	# build-essential, which every Debian package may expect
	local essential='gcc|libc6-dev|make'
	assert_eq \
		"$(sed -n '/^Build-Depends:/,/^Standards/{/^Standards/!p}' debian/control | grep -oE '[a-z0-9.+-]+(,|$)' |
			tr -d , | grep -v '^debhelper' | sort)" \
		"$(awk '$1 == "build" { print $2 }' scripts/packages | grep -vxE "$essential" | sort)"
	assert_lines_in "$(awk '$1 == "run" { print $2 }' scripts/packages)" \
		"$(sed -n 's/^Depends: //p' debian/control | tr -d , | tr ' ' '\n')"
	assert_eq "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" \
		"$(sed -n 's/^VERSION = //p' Makefile)"
}

# Of the program as it stands in the build: to compile it all anew takes minutes (scripts/package).
@test "the package holds what make install puts there, and what it needs" {
	need dh dpkg-buildpackage
	local tree=$LEITL_TMP/tree package contents file
	mkdir -p "$tree/build"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$tree"
	(cd "$BUILT" && find leitlfs parts.a core fs webdav man -name '*.[oa1-7]' -o -name leitlfs |
		tar -c -T -) | tar -x -C "$tree/build"
	find "$tree/build" -exec touch {} +
	cd "$tree"
	DEB_BUILD_OPTIONS=noautodbgsym env -u MAKEFLAGS dpkg-buildpackage -nc -b -us -uc -d >"$LEITL_TMP/log" 2>&1 3>&- 4>&- ||
		fail "$(tail -n 30 "$LEITL_TMP/log")"
	package=$(echo "$LEITL_TMP"/leitlfs_*.deb)
	contents=$(dpkg-deb -c "$package")
	for file in usr/bin/leitlfs usr/share/man/man1/leitlfs.1.gz usr/share/man/man5/leitlfs.5.gz \
		usr/share/man/man7/leitl.7.gz usr/share/doc/leitlfs/README.md \
		usr/share/doc/leitlfs/docs/install.md usr/share/doc/leitlfs/copyright \
		lib/systemd/system/leitlfs@.service usr/lib/systemd/user/leitlfs@.service \
		usr/share/bash-completion/completions/leitlfs; do
		grep -q " \./$file\$" <<<"$contents" || fail "no $file in:"$'\n'"$contents"
	done
	assert_match "$(dpkg-deb -f "$package" Depends)" '^fuse3, .*libfuse3-3 '
	dpkg-deb -x "$package" "$LEITL_TMP/root"
	"$LEITL_TMP/root/usr/bin/leitlfs" -V
}
