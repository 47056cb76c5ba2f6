# Reads the public headers into a list of what they declare, in order, with the comments that document it. The files are arguments.
#
#     kind[i]                   file, section, function, macro, struct, enum, opaque
#     name[i], of[i] (header), doc[i], text[i] (of a function: its result and name; of others: what is between the braces)
#     arguments[i] (of a function or macro), section[i] (the comment of the section it is in, if any)
#
# How the headers are written makes this simple: a comment documents the declaration in the next line, `---- title ----` opens a section, and
# what a table makes is declared where its macro stands at the margin.
function trim(s) {
    gsub(/^[ \t]+|[ \t]+$/, "", s)
    return s
}

# Reads a file as C sees it: without what only C++ sees, and with continued lines joined.
function load(file,    line, more, cxx, dropped) {
    lines = 0
    while ((getline line <file) > 0) {
        if (line ~ /^#ifdef __cplusplus/) {
            cxx = dropped = 1
            continue
        }
        if (cxx && line ~ /^#(else|endif)/) {
            dropped = 0
            cxx = line ~ /^#else/
            continue
        }
        while (line ~ /\\$/ && line !~ /^ \*/ && (getline more <file) > 0)
            line = substr(line, 1, length(line) - 1) " " trim(more)
        if (!dropped)
            at[++lines] = line
    }
    close(file)
}

function put_behind(place, new_lines,    parts, n, i) {
    n = split(new_lines, parts, "\n")
    for (i = lines; i > place; i--)
        at[i + n] = at[i]
    for (i = 1; i <= n; i++)
        at[place + i] = parts[i]
    lines += n
}

# The text of the comment that begins in line `place`; comment_end becomes its last line.
function comment(place,    s, line) {
    s = at[place]
    sub(/^[ ]*\/\*[ ]?/, "", s)
    while (index(s, "*/") == 0) {
        line = at[++place]
        if (line !~ /^ \*\/$/)
            sub(/^ \*[ ]?/, "", line)
        s = s "\n" line
    }
    comment_end = place
    sub(/[ \n]*\*\/.*/, "", s)
    return s
}

function add(what, its_name, its_doc, its_text) {
    kind[++things] = what
    name[things] = its_name
    of[things] = header
    doc[things] = its_doc
    text[things] = its_text
    section[things] = what == "section" || what == "file" ? "" : now_section
    if (what != "section" && what != "file")
        thing[its_name] = things
}

# What the tables of all headers are made with, before any of them is expanded.
function read_tables(    a, i) {
    for (a = 1; a < ARGC; a++) {
        load(ARGV[a])
        for (i = 1; i <= lines; i++)
            if (at[i] ~ /^#define/)
                keep_macro(at[i])
    }
}

function read_header(file,    i, line, pending) {
    load(file)
    sub(/^.*include\//, "", file)
    header = file
    now_section = pending = ""
    add("file", header, comment(1), "")
    for (i = comment_end + 1; i <= lines; i++) {
        line = at[i]
        if (line ~ /^\/\*/) {
            pending = comment(i)
            i = comment_end
            if (pending ~ /^---- /)
                pending = open_section(pending)
        } else if (line ~ /^#define/) {
            read_macro(line, pending)
            pending = ""
        } else if (line ~ /^RT_[A-Z_0-9]+\(.*\)$/)
            put_behind(i, rows_as_lines(line))
        else if (line ~ /^[a-zR]/ && line !~ /^RT_(BEGIN|END)_DECLS/) {
            i = read_declaration(i, pending)
            pending = ""
        } else if (line == "")
            pending = ""
    }
}

# "---- title ---- text that holds for the whole section"
function open_section(comment_text,    end) {
    comment_text = substr(comment_text, 6)
    end = index(comment_text, "----")
    now_section = substr(comment_text, end + 4)
    sub(/^[ ]*\n*/, "", now_section)
    add("section", trim(substr(comment_text, 1, end - 1)), now_section, "")
    return ""
}

# "#define NAME(parameters) body"; returns the name.
function keep_macro(line,    its_name) {
    sub(/^#define /, "", line)
    match(line, /^[A-Za-z_0-9]+/)
    its_name = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    macro_parameters[its_name] = line ~ /^\(/ ? substr(line, 2, index(line, ")") - 2) : ""
    macro_body[its_name] = trim(line ~ /^\(/ ? substr(line, index(line, ")") + 1) : line)
    return its_name
}

function read_macro(line, its_doc,    its_name) {
    its_name = keep_macro(line)
    if (its_name !~ /^rt_/ && (its_doc == "" || its_name ~ /^RT_[A-Z0-9_]+_(LIST|FIELDS|DEFAULTS|CHOICES|TENSORS)$/ || its_name == "RT_DEFAULT"))
        return # of the tables, and of the macros behind others
    add("macro", its_name, its_doc, macro_body[its_name])
    arguments[things] = line ~ /^#define [A-Za-z_0-9]+\(/ ? "(" macro_parameters[its_name] ")" : ""
}

# Returns the last line of the declaration that begins in line i.
function read_declaration(i, its_doc,    s, line, bare) {
    for (s = ""; i <= lines; i++) {
        line = at[i]
        if (line ~ /^#define/) {
            read_macro(line, "")
            continue
        }
        if (line ~ /^#include <ringtorch\/.*[.]def>/)
            line = rows_of_file(line)
        else if (line ~ /^[ ]*RT_[A-Z_]+\([A-Z_]+\)$/ && line !~ /RT_STRUCT/)
            line = rows_as_lines(trim(line), 1)
        else if (line ~ /^#/)
            continue
        s = s line "\n"
        bare = s
        gsub(/\/\*[^*]*\*+([^*\/][^*]*\*+)*\//, "", bare)
        if (gsub(/\{/, "", bare) == gsub(/\}/, "", bare) && bare ~ /;[ \n]*$/)
            break
    }
    declare(s, its_doc)
    return i
}

function declare(s, its_doc,    its_name, inside) {
    if (s ~ /^RT_API/) {
        declare_function(s, its_doc)
        return
    }
    inside = s
    if (!sub(/^[^{]*\{/, "", inside)) {
        its_name = s
        sub(/;[ \n]*$/, "", its_name)
        sub(/^.*[ *]/, "", its_name)
        if (s ~ /^typedef struct/)
            add("opaque", its_name, its_doc, "")
        return
    }
    sub(/[ \n]*\}[^}]*$/, "", inside)
    its_name = s
    if (s ~ /^typedef/)
        sub(/^.*\}[ ]*/, "", its_name)
    else
        sub(/^[a-z]+[ ]*/, "", its_name)
    gsub(/[ ;\n{].*/, "", its_name)
    add(s ~ /enum[^{]*\{/ ? "enum" : "struct", its_name, its_doc, inside)
}

function declare_function(s, its_doc,    before, its_name, its_arguments) {
    gsub(/RT_API |__attribute__\(\([a-z_]+(\([a-z0-9, ]*\))?\)\)/, "", s)
    gsub(/[ \n]+/, " ", s)
    match(s, /[a-z_0-9]+\(/)
    before = trim(substr(s, 1, RSTART - 1))
    its_name = substr(s, RSTART, RLENGTH - 1)
    its_arguments = substr(s, RSTART + RLENGTH - 1)
    sub(/[ ]*;[ ]*(\/\*.*)?$/, "", its_arguments)
    add("function", its_name, its_doc, before)
    arguments[things] = its_arguments
}
