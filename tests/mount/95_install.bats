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
	env -u MAKEFLAGS make -s BUILD="$BUILT" "$@" 3>&- 4>&-
}

page() { # SECTION: its text, as it is read
	"$LEITLFS" man --roff "$1" >"$LEITL_TMP/page.$1"
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
	run "$LEITLFS" man --roff
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

# anchors FILE: what its headings are called in links.
anchors() {
	grep -E '^#+ ' "$1" | sed -E 's/^#+ //; s/[^A-Za-z0-9_ -]//g; s/ /-/g' | tr 'A-Z' 'a-z'
}

@test "documents that are installed link to each other only, and to headings that are there" {
	local to=$LEITL_TMP/to file link count=0
	make_here install DESTDIR="$to" PREFIX=/usr
	cd "$to/usr/share/doc/leitlfs"
	for file in ./README.md docs/*.md; do
		for link in $(grep -oE '\]\([^) ]+\)' "$file" | sed 's/^](//; s/)$//' | grep -v '^https*:'); do
			[[ $link != \#* ]] || link=${file##*/}$link
			[ -e "${file%/*}/${link%#*}" ] || [[ $file == ./README.md && -e ${link%#*} ]] || fail "$file: $link"
			[[ $link != *#* ]] || anchors "${file%/*}/${link%#*}" | grep -qx -- "${link#*#}" ||
				fail "$file: no heading $link"
			count=$((count + 1))
		done
	done
	[ "$count" -gt 20 ] || fail "only $count links"
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

# systemd runs ExecStop after the daemon's own end as well, when nothing is mounted any more; without
# the dash that is a failure, and Restart= would mount again what was unmounted by hand.
@test "no unit mounts again what was unmounted by hand" {
	local unit
	for unit in scripts/systemd/*.in; do
		assert_eq "$(grep -c '^ExecStop=-@BINDIR@/leitlfs umount %f$' "$unit")" 1 "$unit"
		assert_eq "$(sed -n 's/^Restart=//p' "$unit")" on-failure "$unit"
	done
	run "$LEITLFS" umount "$LEITL_TMP"
	assert_eq "$status" 1
}

@test "what the system's unit runs makes a mount that everyone sees, and ends it" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	local start stop
	make_here install PREFIX="$LEITL_TMP/usr"
	start=$(sed -n 's/^ExecStart=//p' "$LEITL_TMP/usr/lib/systemd/system/leitlfs@.service")
	stop=$(sed -n 's/^ExecStop=-//p' "$LEITL_TMP/usr/lib/systemd/system/leitlfs@.service")
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

# tree_at DIR: the sources, with the build that is tested, to be packed.
tree_at() {
	mkdir -p "$1/build"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"
	(cd "$BUILT" && find leitlfs parts.a core fs webdav man -name '*.[oa1-7]' -o -name leitlfs |
		tar -c -T -) | tar -x -C "$1/build"
	find "$1/build" -exec touch {} +
}

pack() { # DIR: its package beside it
	(cd "$1" && DEB_BUILD_OPTIONS=noautodbgsym env -u MAKEFLAGS SOURCE_DATE_EPOCH=1500000000 \
		dpkg-buildpackage -nc -b -us -uc -d >"$LEITL_TMP/log" 2>&1 3>&- 4>&-) ||
		fail "$(tail -n 30 "$LEITL_TMP/log")"
}

# Of the program as it stands in the build: to compile it all anew takes minutes (scripts/package).
@test "the package holds what make install puts there, and what it needs; and is the same anywhere" {
	need dh dpkg-buildpackage
	local package contents file
	tree_at "$LEITL_TMP/one/tree"
	pack "$LEITL_TMP/one/tree"
	package=$(echo "$LEITL_TMP"/one/leitlfs_*.deb)
	contents=$(dpkg-deb -c "$package")
	for file in usr/bin/leitlfs usr/share/man/man1/leitlfs.1.gz usr/share/man/man5/leitlfs.5.gz \
		usr/share/man/man7/leitl.7.gz usr/share/doc/leitlfs/README.md \
		usr/share/doc/leitlfs/docs/install.md usr/share/doc/leitlfs/copyright \
		lib/systemd/system/leitlfs@.service usr/lib/systemd/user/leitlfs@.service etc/default/leitlfs \
		usr/share/bash-completion/completions/leitlfs usr/share/zsh/vendor-completions/_leitlfs; do
		grep -q " \./$file\$" <<<"$contents" || fail "no $file in:"$'\n'"$contents"
	done
	assert_match "$(dpkg-deb -f "$package" Depends)" '^fuse3, .*libfuse3-3 '
	dpkg-deb -x "$package" "$LEITL_TMP/root"
	"$LEITL_TMP/root/usr/bin/leitlfs" -V

	tree_at "$LEITL_TMP/another/place"
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 pack "$LEITL_TMP/another/place")
	cmp "$package" "$LEITL_TMP"/another/leitlfs_*.deb
}

@test "what is compiled does not depend on the directory, nor on the time" {
	local dir object=build/core/base/buf.o
	need "${CC:-cc}"
	for dir in one another/place; do
		mkdir -p "$LEITL_TMP/$dir"
		tar -c --exclude=./build --exclude=./.git . | tar -x -C "$LEITL_TMP/$dir"
		make -s -C "$LEITL_TMP/$dir" BUILD=build CC="${CC:-cc}" CCACHE_DISABLE=1 "$object" 3>&- 4>&-
	done
	cmp "$LEITL_TMP/one/$object" "$LEITL_TMP/another/place/$object"
	refute grep -q "$LEITL_TMP" "$LEITL_TMP/one/$object"
	run grep -rnwE '__(DATE|TIME|TIMESTAMP)__' core fs webdav
	assert_eq "$output" ""
}

# package_script NAME ARGUMENT: of the package, over the root directory $LEITL_TMP/root. No mount of
# leitlfs is to be seen but those named after.
package_script() {
	local name=$1 argument=$2
	shift 2
	unshare -m --propagation private bash -c '
		while read -r path; do
			[[ " $3 " == *" $path "* ]] || umount -l "$path"
		done < <(awk "/ - fuse.leitlfs / { print \$5 }" /proc/self/mountinfo)
		DPKG_ROOT=$4 exec sh "debian/leitlfs.$1" "$2"' - "$name" "$argument" "$*" "$LEITL_TMP/root" 3>&- 4>&-
}

@test "purge deletes what the system's mounts keep, unless one stands; remove and upgrade nothing" {
	need_root
	unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces"
	local root=$LEITL_TMP/root before
	mkdir -p "$root"/var/lib/{leitlfs/memory,leitlfs.d/srv-leitl,other} "$root/home/kim/.local/state/leitlfs.d" \
		"$root"/etc/systemd/system/{multi-user,other}.target.wants
	echo text >"$root/var/lib/leitlfs/memory/notes.md"
	ln -s /lib/systemd/system/leitlfs@.service "$root/etc/systemd/system/multi-user.target.wants/leitlfs@srv-leitl.service"
	ln -s /lib/systemd/system/other.service "$root/etc/systemd/system/other.target.wants/other.service"
	echo own >"$root/etc/systemd/system/leitlfs@own.service"
	before=$(cd "$root" && find . | sort)
	for script in 'prerm upgrade' 'postrm upgrade' 'postinst configure' 'prerm remove' 'postrm remove'; do
		package_script $script
		assert_eq "$(cd "$root" && find . | sort)" "$before" "$script"
	done

	leitl_up
	run package_script postrm purge "$MNT"
	assert_eq "$status" 0
	assert_match "$output" "a mount of root's still stands"
	assert_eq "$(cat "$root/var/lib/leitlfs/memory/notes.md")" text
	leitl_down

	# A user's own mount has nothing there.
	leitl_up -u 65534
	package_script postrm purge "$MNT"
	assert_eq "$(ls "$root/var/lib")" other
	[ -d "$root/home/kim/.local/state/leitlfs.d" ]
	assert_eq "$(cd "$root/etc/systemd/system" && find . ! -type d | sort)" \
		"$(printf '%s\n' ./leitlfs@own.service ./other.target.wants/other.service)"
}

# --- minimal systems

@test "where there is no /etc/mtab, it is said what keeps a user from unmounting" {
	need_root
	unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces"
	mkdir "$LEITL_TMP/etc"
	cp -L /etc/passwd /etc/group /etc/nsswitch.conf "$LEITL_TMP/etc"
	chown 65534:65534 "$STATE" "$MNT"
	run unshare -m --propagation private bash -c '
		cp -L /etc/ld.so.cache "$1/etc" 2>/dev/null
		mount --bind "$1/etc" /etc
		user="setpriv --reuid=65534 --regid=65534 --clear-groups --"
		$user "$2" -o "state=$1/state" "$1/mnt" || echo "not mounted"
		$user "$2" doctor "$1/mnt"
		$user "$2" umount "$1/mnt"
		echo "status $?"
		ln -s ../proc/self/mounts /etc/mtab
		$user "$2" umount "$1/mnt"
		echo "status $?"' - "$LEITL_TMP" "$LEITLFS" 3>&- 4>&-
	refute_match "$output" 'not mounted'
	assert_match "$output" "can't unmount anything here: there is no /etc/mtab"
	assert_match "$output" "can't unmount $MNT: fusermount3 needs /etc/mtab; as root: ln -s"
	assert_match "$output" $'\nstatus 1\n'
	assert_match "$output" $'\nstatus 0$'
	# dev-fuse, which scripts/run begins with, makes it.
	rm "$LEITL_TMP/etc/mtab"
	unshare -m --propagation private bash -c 'mount --bind "$1/etc" /etc && scripts/dev-fuse' - "$LEITL_TMP" 3>&- 4>&-
	assert_eq "$(readlink "$LEITL_TMP/etc/mtab")" ../proc/self/mounts
}
