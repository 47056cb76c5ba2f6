# Collects kernels from the heads of their texts, one per line, for the preprocessor:
#
#     awk -f kernels/rows.awk kernels/cpu/table.h kernels/ref/*.c > kernels.def                       all kernels
#     awk -f kernels/rows.awk kernels/cpu/table.h kernels/ref/*.c kernels/cpu/*.inc > fast.def        kernels with a fast text
#
# A reference text begins with KERNEL(name, TYPES, (rt_exec *e, ...)) or KERNEL_ANY(name, (rt_exec *e, ...)), which may span several
# lines, followed by a line `{`; a fast text begins with void KERNEL_NAME(name)(...). TYPES is one of the lists in table.h. Fast texts are
# compiled for floats, so FLOATS stands for a list that has them in fast.def. A kernel without a fast text binds every back end, so its text may
# not use `wide` (kernels/ref/wide.h). Any violation fails the build with its file and line.
function refuse(line, text) {
    print file ":" line ": " text > "/dev/stderr"
    exit failed = 1
}

# Returns how many more brackets the text opens than it closes.
function opened(text) {
    return gsub(/[(]/, "(", text) - gsub(/[)]/, ")", text)
}

function name_in(head) {
    sub(/^[^(]*[(] */, "", head)
    sub(/[^A-Za-z0-9_].*/, "", head)
    return head
}

function add_row(name, types) {
    gsub(/[ \t]+/, " ", head)
    sub(/^ /, "", head)
    sub(/ $/, "", head)
    if (head !~ /^KERNEL[(][a-z][a-z0-9_]*, ?[A-Z][A-Z0-9_]*, ?[(]rt_exec [*] ?e(,.*)?[)][)]$/ &&
        head !~ /^KERNEL_ANY[(][a-z][a-z0-9_]*, ?[(]rt_exec [*] ?e(,.*)?[)][)]$/)
        refuse(begin, "the head of a kernel is KERNEL(name, TYPES, (rt_exec *e, ...)) or KERNEL_ANY(name, (rt_exec *e, ...)), not: " head)
    types = head
    if (sub(/^KERNEL[(][^,]*, ?/, "", types) && sub(/,.*/, "", types) && !(types in list))
        refuse(begin, types " is no list of element types (kernels/cpu/table.h)")
    name = name_in(head)
    if (name in row)
        refuse(begin, "kernel " name " is already in " where[name])
    where[name] = file ":" begin
    row[name] = head
    names[++rows] = name
    head = ""
    body = FNR + 1
}

function check_end() {
    if (head != "")
        refuse(begin, "the brackets of this head are not closed: " head)
    if (body)
        refuse(body, "a line `{` must follow the head of kernel " names[rows])
}

FNR == 1 {
    check_end()
    file = FILENAME
    of_level = file ~ /[.]inc$/
    only_fast = only_fast || of_level
}

body {
    if ($0 != "{")
        check_end()
    body = 0
    inside = names[rows]
}

/^}/ {
    inside = ""
}

inside != "" && /(^|[^A-Za-z0-9_])(wide|WIDE)([^A-Za-z0-9_]|$)/ && !(inside in wide_file) {
    wide_file[inside] = file
    wide_line[inside] = FNR
}

/^#define [A-Z0-9_]+[(]EACH,/ {
    list[substr($2, 1, index($2, "(") - 1)] = 1
}

!of_level && head == "" && /^[ \t]*KERNEL(_ANY)?[ \t]*[(]/ {
    begin = FNR
    depth = 0
}

!of_level && begin {
    head = head " " $0
    depth += opened($0)
    if (depth <= 0) {
        add_row()
        begin = 0
    }
}

!of_level && /^void KERNEL_NAME_?[(]/ {
    refuse(FNR, "the text of a reference kernel opens with its row: KERNEL(" name_in($0) ", TYPES, (rt_exec *e, ...))")
}

of_level && /^void KERNEL_NAME_?[(]/ {
    name = name_in($0)
    if (!(name in row))
        refuse(FNR, "kernel " name " has no reference: no text in kernels/ref/ opens with KERNEL(" name ", ...)")
    if (row[name] ~ /^KERNEL_ANY/)
        refuse(FNR, "kernel " name " is of any type (" where[name] "): one fast text serves all levels, as in kernels/cpu/move.c")
    fast[name] = 1
}

END {
    if (failed)
        exit 1
    check_end()
    for (i = 1; i <= rows; i++)
        if (only_fast && !(names[i] in fast) && names[i] in wide_file) {
            file = wide_file[names[i]]
            refuse(wide_line[names[i]], "kernel " names[i] " has no fast text, so it binds every back end: compute in double, not in `wide`")
        }
    print "/* Made by kernels/rows.awk. */"
    for (i = 1; i <= rows; i++) {
        if (only_fast && row[names[i]] !~ /, ?INT64,/)
            sub(/, ?[A-Z][A-Z0-9_]*, ?[(]/, ", FLOATS, (", row[names[i]])
        if (!only_fast || names[i] in fast)
            print row[names[i]]
    }
}
