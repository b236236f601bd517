# Completions for the shells.
# variants: plain address
load ../lib/mount
load ../lib/loop
load ../lib/commands

setup() {
	leitl_init
	export LEITLFS_MOUNT=$MNT
}

# --- completions

@test "complete: commands, options, and names from the mount" {
	leitl_up
	enter bob
	agent_do bob 'echo x >self/say/deploy.done'
	mkdir "$LEITL_TMP/docs"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	complete() { "$LEITLFS" complete "$@" | cut -f 1 | sort -u | paste -sd' '; }
	assert_eq "$(complete an)" ":dirs answer"
	assert_eq "$(complete s)" ":dirs say search status"
	for name in $COMMANDS; do
		assert_match " $(complete '') " " $name "
		assert_match " $(complete "$name" --) " ' --help '
	done
	assert_eq "$(complete ask bo)" bob
	assert_eq "$(complete ask -t 5 bo)" bob
	assert_eq "$(complete say --to b)" bob
	assert_eq "$(complete say --to bob '')" ""
	assert_eq "$(complete say -T dep)" deploy.done
	assert_eq "$(complete search x source:)" source:docs
	assert_eq "$(complete search so)" source:docs
	assert_eq "$(complete ask bob --)" "--all --as --help --json --mount --timeout --type"
	assert_eq "$(complete say all of it --to b)" bob
	assert_eq "$(complete say -- all --to b)" ""
	assert_eq "$(complete ask -- b)" bob
	assert_eq "$(complete search x -n 3 source:)" source:docs
	assert_eq "$(complete run --na)" --name
	assert_eq "$(complete run -n x --)" "--help --id --mount --name --tag --task --type"
	assert_eq "$(complete run -n x -- ma)" ":program 5"
	assert_eq "$(complete run --name=x -- ma)" ":program 4"
	assert_eq "$(complete -o ro,late)" ro,late=
	assert_eq "$(complete -o ro,allow)" "ro,allow_other ro,allow_root"
	assert_eq "$(complete -oallow_o)" -oallow_other
	assert_eq "$(complete -o sources=a)" sources=any
	assert_eq "$(complete -o ro,state=/)" ":dirs ro,state="
	assert_eq "$(complete --he)" --help
	assert_eq "$(complete help st)" status
	assert_eq "$(complete man '')" "1 5 7"
	assert_match " $(complete umount "$LEITL_TMP") " " $MNT "
	LEITLFS_MOUNT=/nowhere assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask '')" ""
	assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask -m "$MNT" bo)" bob
	assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask --mount="$MNT" bo)" bob
	assert_eq "$(LEITLFS_MOUNT=/nowhere complete ask "-jm$MNT" bo)" bob
	ln -s "$MNT" "$LEITL_TMP/link"
	assert_eq "$(HOME=$LEITL_TMP LEITLFS_MOUNT=/nowhere complete ask -m '~/link' bo)" bob
}

@test "complete: who can be told something, each once" {
	leitl_up
	complete() { "$LEITLFS" complete "$@" | cut -f 1 | paste -sd' '; }
	enter bob
	agent_start eve
	agent_do eve 'echo "{\"session_id\":\"tess\",\"agent_name\":\"Tess\",\"tags\":[\"tidy\"]}" >sessions/new
		echo "{\"session_id\":\"other\",\"agent_name\":\"Tim T\",\"tags\":[\"tidy\"]}" >sessions/new
		mkdir sessions/tom; rmdir sessions/tom'
	assert_eq "$(complete ask t)" "tess tim-t tag:tidy"
	assert_eq "$(complete say --to t)" "tess tim-t tag:tidy"
	assert_eq "$(complete say --to=te)" --to=tess
	assert_eq "$(complete say --t=te)" "" # of two options
	assert_eq "$(complete say -tte)" -ttess
	assert_eq "$(complete say -t tess,t)" "tess,tim-t tess,tag:tidy"
	assert_eq "$(complete ask tess,tag:tidy,)" \
		"$(printf 'tess,tag:tidy,%s\n' $(complete ask '' | tr ' ' '\n' | grep -v -e '^tess$' -e tidy) | paste -sd' ')"
	assert_eq "$(complete say --as te)" tess
	assert_eq "$("$LEITLFS" complete ask tag:)" $'tag:tidy\tall that have the tag'
}

@test "complete: the questions that wait for oneself, by their ids" {
	leitl_up
	enter bob cece
	complete() { agent_do bob "'$LEITLFS' complete $*" | cut -f 1 | sort | paste -sd' '; }
	agent_do cece 'echo "which port?" >sessions/bob/ask; echo "me?" >sessions/bob/ask
		echo "{\"data\":\"anyone?\"}" >asks/new; echo "who?" >sessions/root/ask'
	agent_do bob 'echo "mine?" >sessions/cece/ask; echo no >asks/q2/reply'
	export LEITLFS_MOUNT=$MNT
	assert_eq "$(complete answer "''")" "q1 q3"
	assert_eq "$(complete answer q1)" q1
	assert_eq "$(complete answer -e q1)" q1
	assert_eq "$(complete answer asks/)" "asks/q1 asks/q3"
	assert_eq "$(complete answer --as cece "''")" q5
	assert_eq "$(complete answer q1 "''")" ""
	assert_eq "$(complete answer q1 --err)" --error
	assert_eq "$(agent_do bob "'$LEITLFS' complete answer q1")" $'q1\tcece asks "which port?"'
}

# What a line typed into the shell becomes by Tab; of the words there, each completes to one.
typed() { # SHELL
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	mkdir "$LEITL_TMP/some dir"
	ln -s "$MNT" "$LEITL_TMP/link"
	enter bob
	agent_start eve
	agent_do eve 'echo "{\"session_id\":\"tess\",\"agent_name\":\"Tess\",\"tags\":[\"tidy\"]}" >sessions/new
		mkdir sessions/dead; rmdir sessions/dead'
	agent_do bob 'echo "{\"data\":\"anyone?\"}" >asks/new'
	py "$1" "$LEITL_TMP" "$ROOT/scripts/completions" <<'PY'
import pty
shell, tmp, scripts = sys.argv[2:5]
program = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PATH=tmp + "/bin:" + os.environ["PATH"], HOME=tmp, TERM="dumb", PS1="> ")
    os.chdir(tmp)
    os.execvp(program[0], program)
heard = b""

def hear(pattern):
    global heard
    deadline = time.monotonic() + (90 if slow else 30)
    while not (match := re.search(pattern, heard)):
        assert time.monotonic() < deadline, heard
        if select.select([terminal], [], [], 0.1)[0]:
            heard += os.read(terminal, 4096)
    heard = heard[match.end():]
    return match

# Ctrl-X p tells the line as it is, and clears it.
setup = {
    "bash": f"source {scripts}/leitlfs.bash; bind 'set enable-bracketed-paste off'; "
            r"""bind -x '"\C-xp": printf "\nLINE<%s>\n" "$READLINE_LINE"; READLINE_LINE='; """,
    "zsh": f"unsetopt zle_bracketed_paste beep; fpath=({scripts} $fpath); autoload -Uz compinit; "
           "compinit -u -d $HOME/dump; show() { zle -I; print -r -- \"LINE<$BUFFER>\"; BUFFER= }; "
           "zle -N show; bindkey '^Xp' show; ",
}[shell]
os.write(terminal, b"stty cols 400\n" + setup.encode() + b"echo GO''ES\n")
hear(rb"GOES\r")
for begun, became in (
    ("statu", "status "),
    ("--he", "--help "),
    ("help stat", "help status "),
    ("-o allow_other,st", "-o allow_other,state="),
    ("-o ro,allow_ot", "-o ro,allow_other "),
    ("ask bo", "ask bob "),
    ("ask bob,te", "ask bob,tess "),
    ("ask tag:ti", "ask tag:tidy "),
    ('ask "tag:ti', 'ask "tag:tidy" '),
    ("say --to b", "say --to bob "),
    ("say --to=te", "say --to=tess "),
    ("say -tte", "say -ttess "),
    ("say --to dea", "say --to dea"),
    ("say --as te", "say --as tess "),
    ("say hello --to te", "say hello --to tess "),
    ("say hello --as te", "say hello --as tess "),
    ("answ", "answer "),
    ("answer q", "answer q1 "),
    ("answer asks/", "answer asks/q1 "),
    ("answer q1 --err", "answer q1 --error "),
    ("say -m ~/link --to te", "say -m ~/link --to tess "),
    ("say -m so", "say -m some\\ dir/"),
    ("say --mount=so", "say --mount=some\\ dir/"),
    ("-o ro,state=so", "-o ro,state=some\\ dir/"),
    ("umount some\\ ", "umount some\\ dir/"),
    ("run -n x -- cat so", "run -n x -- cat some\\ dir/"),
):
    os.write(terminal, b"leitlfs " + begun.encode() + b"\t\x18p")
    same(hear(rb"LINE<([^\n]*)>\r")[1].decode(), "leitlfs " + became, begun)
os.write(terminal, b"exit\n")
os.waitpid(pid, 0)
PY
}

@test "completions for bash, typed" {
	leitl_up
	mkdir "$LEITL_TMP/bin"
	typed bash
}

@test "completions for bash" {
	leitl_up
	enter bob
	mkdir "$LEITL_TMP/bin" "$LEITL_TMP/some dir"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	cat >"$LEITL_TMP/try.bash" <<-'EOF'
		PATH=$1:$PATH
		source "$2"
		cd "$3" || exit 1
		try() { # WORD…: as readline splits them
			local IFS=' '
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
			[ -z "${LINE:-}" ] || COMP_LINE=$LINE
			COMP_POINT=${#COMP_LINE}
			_leitlfs
			printf '%s\n' "${COMPREPLY[@]}" | sort -u | paste -sd,
		}
		try leitlfs sea
		try leitlfs ask ''
		try leitlfs say --to b
		try leitlfs some
		try leitlfs run -- coproc
		try leitlfs run -- cat some
		LINE='leitlfs search source:do' try leitlfs search source : do
		complete -p leitlfs
	EOF
	mkdir "$LEITL_TMP/docs"
	echo "{\"name\":\"docs\",\"url\":\"$LEITL_TMP/docs\"}" >"$MNT/context/sources/new"
	run bash --norc "$LEITL_TMP/try.bash" "$LEITL_TMP/bin" \
		"$ROOT/scripts/completions/leitlfs.bash" "$LEITL_TMP"
	assert_eq "${lines[0]}" search
	assert_match ",${lines[1]}," ',bob,'
	assert_eq "${lines[2]}" bob
	assert_eq "${lines[3]}" "some dir"
	assert_eq "${lines[4]}" coproc
	assert_eq "${lines[5]}" "some dir"
	assert_eq "${lines[6]}" docs
	assert_match "${lines[7]}" '-F _leitlfs leitlfs'
}

@test "completions for fish" {
	command -v fish || skip "no fish here"
	leitl_up
	enter bob
	mkdir "$LEITL_TMP/bin" "$LEITL_TMP/fish"
	ln -s "$LEITLFS" "$LEITL_TMP/bin/leitlfs"
	mkdir "$LEITL_TMP/some dir"
	try() {
		cd "$LEITL_TMP"
		HOME=$LEITL_TMP/fish PATH=$LEITL_TMP/bin:$PATH fish --no-config -c \
			"source '$ROOT/scripts/completions/leitlfs.fish'; complete -C '$1'"
	}
	assert_match "$(try 'leitlfs st')" $'status\twho is in the loop'
	assert_match "$(try 'leitlfs ask bo')" $'^bob\t'
	assert_match "$(try 'leitlfs say --to b')" $'^bob\t'
	assert_match "$(try 'leitlfs say --to=b')" $'^--to=bob\t'
	assert_match "$(try 'leitlfs ask root,b')" $'^root,bob\t'
	assert_match "$(try 'leitlfs ask "b')" $'^bob\t'
	agent_do bob 'echo "{\"data\":\"anyone?\"}" >asks/new'
	assert_match "$(try 'leitlfs answer ')" $'^q1\tbob asks "anyone'
	assert_match "$(try 'leitlfs answer q1 --err')" $'^--error\t'
	assert_match "$(try 'leitlfs --he')" $'^--help\t'
	assert_match "$(try 'leitlfs -o allow_other,st')" $'^allow_other,state=\t'
	assert_match "$(try 'leitlfs say --mount=so')" '^--mount=some dir/'
	assert_match "$(try 'leitlfs run -- leitlfs stat')" $'(^|\n)status\t'
}

@test "completions for zsh, typed" {
	command -v zsh || skip "no zsh here"
	leitl_up
	mkdir "$LEITL_TMP/bin"
	typed zsh
}

@test "make install puts the completions where the shells look, uninstall takes them away" {
	local to=$LEITL_TMP/to
	make -s -C "$ROOT" -o all "BUILD=${LEITLFS%/*}" "OUT=${LEITLFS%/*}" "DESTDIR=$to" PREFIX=/usr install
	[ -f "$to/usr/share/bash-completion/completions/leitlfs" ]
	[ -f "$to/usr/share/zsh/site-functions/_leitlfs" ]
	[ -f "$to/usr/share/fish/vendor_completions.d/leitlfs.fish" ]
	make -s -C "$ROOT" "BUILD=${LEITLFS%/*}" "OUT=${LEITLFS%/*}" "DESTDIR=$to" PREFIX=/usr uninstall
	assert_eq "$(find "$to" -type f)" ""
}
