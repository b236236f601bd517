# fish completion for leitlfs: `leitlfs complete` knows what may stand there. Installed as
# share/fish/vendor_completions.d/leitlfs.fish.

function __leitlfs_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    # The words come without their quotes, the one at the cursor with them.
    set -l begun (string unescape -- $word)
    or set begun (string trim -l -c '\'"' -- $word)
    for line in (command $words[1] complete $words[2..-1] "$begun" 2>/dev/null)
        switch $line
            case ':dirs' ':dirs *'
                # What stands before the path stays.
                set -l lead (string replace -r '^:dirs ?' '' -- $line)
                set -l from (math (string length -- "$lead") + 1)
                for path in (__fish_complete_directories (string sub -s $from -- "$begun") '')
                    echo -- $lead$path
                end
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
