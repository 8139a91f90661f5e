# Completion of langdock for bash 3.2 or newer. The program itself says what may follow; see src/cli/dynamic_completion.rs.
_langdock() {
    local program=${1/#\~/$HOME} columns=${COLUMNS:-80} head line
    # What these two insert is what they list, so no descriptions.
    case ${COMP_TYPE:-9} in 37 | 42) columns=0 ;; esac
    COMPREPLY=()
    {
        IFS= read -r head || return
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done
    } < <(_LANGDOCK_COMPLETE=bash "$program" -- "$COMP_CWORD" "$columns" "${COMP_WORDS[@]}" 2>/dev/null)
    if [[ $head == files* ]]; then
        compopt -o filenames 2>/dev/null
        local path=$2
        case ${head#files?} in @) path=${path#@} ;; esac
        while IFS= read -r line; do
            COMPREPLY+=("${2%"$path"}$line")
        done < <(compgen -f -- "$path")
    fi
}
complete -o nosort -F _langdock langdock 2>/dev/null || complete -F _langdock langdock
