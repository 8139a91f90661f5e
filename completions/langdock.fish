# Completion of langdock for fish. The program itself says what may follow; see src/cli/dynamic_completion.rs.
function __langdock_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~(?=/)' -- $HOME $words[1])
    set -l lines (_LANGDOCK_COMPLETE=fish $program -- (count $words) 0 $words "$current" 2>/dev/null)
    set -l head (string split --max 1 \t -- $lines[1])
    if test "$head[1]" = files
        set -l path (string sub --start (math 1 + (string length -- "$head[2]")) -- "$current")
        for file in (__fish_complete_path "$path")
            printf '%s%s\n' "$head[2]" "$file"
        end
    end
    if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
end
complete --command langdock --no-files --keep-order --arguments '(__langdock_complete)'
