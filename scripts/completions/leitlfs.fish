# fish completion for leitlfs: `leitlfs complete` knows what may stand there. Installed as
# share/fish/vendor_completions.d/leitlfs.fish.

function __leitlfs_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in (command $words[1] complete $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case ':dirs'
                __fish_complete_directories $word ''
            case ':program *'
                # From that word on it is another command's line.
                set -l from (math (string replace ':program ' '' -- $line) + 1)
                complete -C (string join ' ' -- (string escape -- $words[$from..-1]) "$word")
            case '*'
                echo $line
        end
    end
end

complete -c leitlfs -f -a '(__leitlfs_complete)'
