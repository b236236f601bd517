# bash completion for leitlfs: `leitlfs complete` knows what may stand there, this puts it before
# readline. Installed as share/bash-completion/completions/leitlfs; or source it.

_leitlfs() {
	local rest=${COMP_LINE:0:COMP_POINT} trimmed word prefix line i words=()
	# As the shell will see them: readline also cuts at ':' and '='.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		trimmed=${rest#"${rest%%[![:space:]]*}"}
		word=${trimmed:0:${#COMP_WORDS[i]}}
		if ((i > 0)) && [ "$trimmed" = "$rest" ] && [ ${#words[@]} -gt 0 ]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		rest=${trimmed:${#word}}
	done
	word=${words[${#words[@]} - 1]}
	prefix=${word%"${word##*[:=]}"}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:dirs) _leitlfs_paths -d "$word" ;;
		":program "*) _leitlfs_program "${line#:program }" "$word" ;;
		*)
			line=${line%%$'\t'*}
			COMPREPLY+=("$(printf %q "${line#"$prefix"}")")
			;;
		esac
	done < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
}

_leitlfs_paths() { # -f|-d WORD
	local path
	compopt -o filenames 2>/dev/null
	while IFS= read -r path; do
		COMPREPLY+=("$path")
	done < <(compgen "$1" -- "$2")
}

# From the N-th word on it is another command's line.
_leitlfs_program() { # N WORD
	local name
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD > $1)); then
		_leitlfs_paths -f "$2"
	else
		while IFS= read -r name; do
			COMPREPLY+=("$name")
		done < <(compgen -c -- "$2" | sort -u)
	fi
}

complete -F _leitlfs leitlfs
