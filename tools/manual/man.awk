# Writes manual pages of section 3: one for each page (pages.awk), with a link for each name on it, and one for each header.
#
#     awk -v include_folder=include -v into=FOLDER -v version=0.1.0 -f read.awk -f rows.awk -f pages.awk -f man.awk HEADERS
BEGIN {
    read_tables()
    for (a = 1; a < ARGC; a++)
        read_header(ARGV[a])
    find_pages()
    for (a = 1; a <= pages; a++)
        write_page(page_title[a])
    for (a = 1; a <= things; a++)
        if (kind[a] == "file" && (name[a] ~ /[.]h$/ || declares(name[a])))
            write_header(a)
    exit failed
}

# Does a table declare something for C programs, too?
function declares(its_header,    i) {
    for (i = 1; i <= things; i++)
        if (of[i] == its_header && kind[i] ~ /struct|enum/)
            return 1
    return 0
}

function say(s) {
    print s >out
}

function begin_page(title, section_title) {
    out = into "/" title ".3"
    say(".TH \"" toupper(title) "\" 3 \"\" \"RingTorch " version "\" \"RingTorch library\"")
    say(".SH NAME")
}

# Text that troff leaves alone.
function plain(s) {
    gsub(/\\/, "\\e", s)
    gsub(/…/, "...", s)
    gsub(/-/, "\\-", s)
    gsub(/'/, "\\(aq", s)
    gsub(/`/, "\\(ga", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/~/, "\\(ti", s)
    sub(/^\./, "\\\\\\&.", s)
    return s
}

function literal(s) {
    say(".nf")
    say("\\fB" plain_lines(s) "\\fR")
    say(".fi")
}

function plain_lines(s,    part, n, i, made) {
    sub(/\n+$/, "", s)
    n = split(s, part, "\n")
    for (i = 1; i <= n; i++)
        made = made (i > 1 ? "\n" : "") (part[i] == "" ? "\\&" : plain(part[i]))
    return made
}

# The paragraphs of a comment; what it indents is shown as it is, unless without_examples.
function describe(s, without_examples,    part, n, i, line, state) {
    n = split(s, part, "\n")
    for (i = 1; i <= n; i++) {
        line = part[i]
        if (line ~ /^  - /) {
            if (state == "code")
                say(".fi\n.RE")
            say(".IP \\(bu 2\n" wrapped(plain(substr(line, 5))))
            state = "item"
        } else if (line ~ /^  / && state != "item" || line ~ /^$/ && state == "code" && part[i + 1] ~ /^  /) {
            if (without_examples)
                continue
            if (state != "code")
                say(".PP\n.RS 4\n.nf")
            state = "code"
            say(line == "" ? "\\&" : plain(substr(line, 1, 4) == "    " ? substr(line, 5) : line))
        } else {
            if (state == "code")
                say(".fi\n.RE")
            if (line == "" && i < n && part[i + 1] !~ /^  /)
                say(".PP")
            else if (line != "")
                say(wrapped(plain(trim(line))))
            state = line == "" ? "" : state == "item" && line ~ /^  / ? "item" : "text"
        }
    }
    if (state == "code")
        say(".fi\n.RE")
}

function write_page(title,    i, names, n, part, j, its_example) {
    i = of_page[title]
    begin_page(title)
    names = page_names(title)
    n = split(names, part, " ")
    gsub(/ /, ", ", names)
    say(plain(names) " \\- " plain(brief(page_doc[title])))
    say(".SH SYNOPSIS\n.nf\n\\fB#include <" of[i] ">\\fR\n.PP")
    say("\\fB" plain_lines(page_declarations(title, 76)) "\\fR\n.fi")
    say(".SH DESCRIPTION")
    describe(page_doc[title])
    if (page_struct[title] != "")
        write_arguments(page_struct[title], title)
    if (section[i] != "") {
        say(".SH NOTES")
        describe(section[i])
    }
    its_example = example_for(title, of[i])
    if (its_example != "") {
        say(".SH EXAMPLE\n.nf")
        say(plain_lines(its_example) "\n.fi")
    }
    say(".SH SEE ALSO\n.BR " header_page(of[i]) " (3)")
    close(out)
    for (j = 2; j <= n; j++)
        link(part[j], title)
}

function write_arguments(its_struct, title,    m) {
    read_members(text[thing[its_struct]])
    say(".SH ARGUMENTS")
    say("C programs give the first argument by position and others by name, for\nexample")
    say(plain(title "(" member_name[1] ", ." member_name[members] " = ...)."))
    say("An argument that is left out has the default shown here; without one it is\n0, NULL or false.")
    for (m = 1; m <= members; m++) {
        say(".TP\n\\fI" plain(member_name[m]) "\\fR" (member_default[m] != "" ? " = " plain(member_default[m]) : ""))
        say(member_doc[m] == "" ? "\\&" : wrapped(plain(member_doc[m])))
    }
}

# Lines that editors and mandoc take for short.
function wrapped(s,    part, n, i, line, out_lines) {
    n = split(s, part, " ")
    for (i = 1; i <= n; i++) {
        if (line != "" && length(line " " part[i]) > 78) {
            out_lines = out_lines line "\n"
            line = part[i] ~ /^[.]/ ? "\\&" part[i] : part[i]
        } else
            line = line (line == "" ? "" : " ") part[i]
    }
    return out_lines line
}

function link(from, to) {
    out = into "/" from ".3"
    say(".so man3/" to ".3")
    close(out)
}

# ringtorch/ops/matmul.h: ringtorch_ops_matmul.h
function header_page(its_header) {
    gsub(/\//, "_", its_header)
    sub(/^ringtorch_ringtorch/, "ringtorch", its_header)
    return its_header
}

function write_header(i,    j, first, title) {
    title = header_page(name[i])
    first = doc[i]
    sub(/\n\n.*/, "", first)
    begin_page(title)
    say(plain(title) " \\- " plain(brief(first)))
    say(".SH SYNOPSIS\n\\fB#include <" name[i] ">\\fR\n.SH DESCRIPTION")
    describe(doc[i])
    write_functions(name[i])
    write_types(name[i], title)
    if (name[i] != "ringtorch/ringtorch.h")
        say(".SH SEE ALSO\n.BR ringtorch.h (3)")
    close(out)
    for (j = 1; j <= things; j++)
        if (of[j] == name[i] && name[j] != "" && (kind[j] ~ /struct|enum|opaque/ || kind[j] == "macro" && doc[j] != "" && name[j] ~ /^RT_/) && !(name[j] in of_page))
            link(name[j], title)
}

function write_functions(its_header,    j, had) {
    for (j = 1; j <= pages; j++) {
        if (of[of_page[page_title[j]]] != its_header)
            continue
        if (!had++)
            say(".SH FUNCTIONS")
        say(".TP\n\\fB" plain(page_title[j]) "\\fR(3)\n" wrapped(plain(brief(page_doc[page_title[j]]))))
    }
}

# Structs that are no arguments, enumerations and macros, with the comments of their members.
function write_types(its_header, title,    j, m, had) {
    for (j = 1; j <= things; j++) {
        if (of[j] != its_header || !(kind[j] ~ /struct|enum/ || kind[j] == "macro" && doc[j] != "" && name[j] ~ /^RT_/))
            continue
        if (!had++)
            say(".SH TYPES AND CONSTANTS")
        say(".SS " (name[j] == "" ? "constants" : plain(name[j] (kind[j] == "macro" ? arguments[j] : ""))))
        if (doc[j] != "")
            describe(doc[j])
        if (kind[j] == "enum") {
            if (doc[j] != "")
                say(".PP")
            literal(enum_text(text[j]))
        } else if (kind[j] == "struct") {
            read_members(text[j])
            for (m = 1; m <= members; m++)
                say(".TP\n\\fB" plain(member_text(m, 1)) "\\fR\n" (member_doc[m] == "" ? "\\&" : wrapped(plain(member_doc[m]))))
        }
    }
}

function enum_text(s) {
    gsub(/\n    /, "\n", s)
    sub(/^[ \n]+/, "", s)
    return s
}
