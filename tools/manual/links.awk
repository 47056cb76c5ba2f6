# A page of ours as doxygen reads it. Links to files that are not pages of the manual, such as sources, become plain text. Links to a
# heading of a page lead to the page, since doxygen before 1.9.7 gives headings names of its own.
#
#     awk -v page=docs/RUN.md -f tools/manual/links.awk docs/RUN.md
BEGIN {
    folder = page
    if (!sub(/[^\/]*$/, "", folder))
        folder = ""
}

/^```/ { in_code = !in_code }

!in_code {
    rest = $0
    $0 = ""
    while (match(rest, /\[[^\]\[]+\]\([^)]*\)/)) {
        link = substr(rest, RSTART, RLENGTH)
        $0 = $0 substr(rest, 1, RSTART - 1) resolved(link)
        rest = substr(rest, RSTART + RLENGTH)
    }
    $0 = $0 rest
    gsub(/[ (]file:/, "&%") # else it is the beginning of an address
    gsub(/file:%/, "%file:")
}

# In single back quotes doxygen still sees commands, and takes ' for the end.
!in_code && /`[^`]*[\\@'][^`]*`/ {
    rest = $0
    $0 = ""
    while (match(rest, /`[^`]+`/)) {
        word = substr(rest, RSTART, RLENGTH)
        $0 = $0 substr(rest, 1, RSTART - 1) (word ~ /[\\@']/ ? "`" word "`" : word)
        rest = substr(rest, RSTART + RLENGTH)
    }
    $0 = $0 rest
}

{ print }

function resolved(link,    words, target) {
    words = substr(link, 1, index(link, "]("))
    target = substr(link, index(link, "](") + 2)
    sub(/\)$/, "", target)
    if (target ~ /^[a-z]+:/)
        return link
    sub(/#.*/, "", target)
    return target ~ /[.]md$/ || target == "" ? words "(" (target == "" ? page : path(folder target)) ")" : substr(words, 2, length(words) - 2)
}

# Without "folder/..": "docs/decisions/../RUN.md" is "docs/RUN.md".
function path(s) {
    while (sub(/[^\/.]+\/\.\.\//, "", s))
        ;
    return s
}
