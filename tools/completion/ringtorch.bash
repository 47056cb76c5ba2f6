# Completion of ringtorch for bash: commands, options, their values, and keys after --set. All of it is asked from the program
# itself, once per shell and command (RINGTORCH_HELP_AS=list, common/base/usage.h), so that it fits the version that is run.
#
#     . tools/completion/ringtorch.bash

declare -gA _ringtorch_lists

# Puts what `COMMAND --help` lists into $list.
_ringtorch_ask() {
    local question="$*"
    if [ -z "${_ringtorch_lists[$question]+known}" ]; then
        _ringtorch_lists[$question]=$(RINGTORCH_HELP_AS=list "$@" 2>/dev/null </dev/null)
    fi
    list=${_ringtorch_lists[$question]}
}

# Offers those of the words that begin as the current one does.
_ringtorch_offer() {
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$current")
}

_ringtorch_files() { # a pattern of names, and folders
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <({ compgen -f -X "!$1" -- "$current"; compgen -d -- "$current"; } | sort -u)
    compopt -o filenames 2>/dev/null
}

# Offers what may stand for a value or operand that the help calls so.
_ringtorch_value() {
    case $1 in
    *CONFIG*) _ringtorch_files '*.y*ml' ;;
    *RUN* | *CHECKPOINT* | DIR | A | B) _ringtorch_files '' ;;
    *safetensors* | *FILE* | HOW) _ringtorch_files '*' ;;
    KEY=VALUE) _ringtorch_key ;;
    esac
}

_ringtorch_key() {
    local list
    _ringtorch_ask "${words[0]}" train --help-config
    if [[ $current == *=* ]]; then
        local key=${current%%=*}
        current=${current#*=}
        _ringtorch_offer "$(awk -F'\t' -v key="$key" '$2 == key && $3 != "-" { print $3 }' <<<"$list")"
    else
        _ringtorch_offer "$(awk -F'\t' '{ print $2 "=" }' <<<"$list" | sort -u)"
        compopt -o nospace 2>/dev/null
    fi
}

# Joins what readline has taken apart at `=` and `:`, up to the cursor, into $words; the last one is $current.
_ringtorch_words() {
    local line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] || ${#words[@]} -eq 0 ]] && words+=('')
    current=${words[-1]}
}

_ringtorch() {
    local words current whole list command option value choices at=1
    COMPREPLY=()
    _ringtorch_words
    whole=$current
    command=("${words[0]}")
    # As far as words are commands: ringtorch checkpoint ls.
    while _ringtorch_ask "${command[@]}" --help && [ $at -lt $((${#words[@]} - 1)) ] &&
        grep -q "^command	${words[at]}	" <<<"$list"; do
        command+=("${words[at]}")
        at=$((at + 1))
    done
    if [[ $current == --*=* ]]; then
        option=${current%%=*} current=${current#*=}
    else
        option=${words[-2]}
    fi
    IFS=$'\t' read -r value choices < <(awk -F'\t' -v option="$option" \
        '$1 == "option" && ($2 == option || $3 == option) && $4 != "-" { print $4 "\t" $5 }' <<<"$list")
    if [ -n "$value" ]; then
        [ "$choices" = - ] || _ringtorch_offer "$choices"
        _ringtorch_value "$value"
    elif [[ $current == -* ]]; then
        _ringtorch_offer "$(awk -F'\t' '$1 == "option" { print $2 }' <<<"$list")"
    elif grep -q '^command' <<<"$list"; then
        _ringtorch_offer "$(awk -F'\t' '$1 == "command" { print $2 }' <<<"$list")"
    else
        _ringtorch_value "$(awk -F'\t' '$1 == "operand" { print $2 }' <<<"$list")" # of several the first that fits
    fi
    # `=` ends a word for readline, unless it has been told otherwise.
    [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/${whole%"$current"}}")
}

complete -F _ringtorch ringtorch
