# What the suites about context/ share:
#
#     load ../lib/mount
#     load ../lib/context

# add_source TEXT…: adds one, waits for its first sync, and says its name.
add_source() {
	local name
	exec 7<>"$MNT/context/sources/new"
	printf '%s\n' "$*" >&7
	read -r name <&7
	exec 7>&-
	[ -n "$name" ] || fail "no name for $*" || return 1
	sync_source "$name" >/dev/null
	echo "$name"
}

# sync_source NAME: syncs, waits, and says how it went.
sync_source() {
	exec 7<>"$MNT/context/sources/$1/sync"
	echo >&7
	cat <&7
	exec 7>&-
}

# found QUERY: the paths that it finds, best first.
found() {
	local link
	for link in "$MNT/context/search/$1"/[0-9]*; do
		[ -L "$link" ] || continue
		link=$(readlink "$link")
		echo "${link#../../files/}"
	done
}

finds() { # QUERY PATH: among what it finds
	found "$1" | grep -qxF -- "$2"
}

status_of() { # NAME JQ
	jq -r "$2" "$MNT/context/sources/$1/status.json"
}

# A folder of the test's own with a few files, at $LEITL_TMP/docs.
make_docs() {
	DOCS=$LEITL_TMP/docs
	mkdir -p "$DOCS/api/v1" "$DOCS/notes"
	printf '# Login\n\nUser authentication takes a password and gives a token.\n' >"$DOCS/api/login.md"
	printf 'def user_authentication(name):\n    return TokenStore(name)\n' >"$DOCS/api/v1/auth.py"
	printf 'Nothing here but gardens and rivers.\n' >"$DOCS/notes/garden.txt"
	chmod a+x "$LEITL_TMP" && chmod -R a+rX "$DOCS"
}
