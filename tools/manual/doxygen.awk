# Writes the headers as doxygen reads them: its comments for ours, what tables make written out, calls with named arguments as functions.
#
#     awk -v include_folder=include -v into=FOLDER -f read.awk -f rows.awk -f pages.awk -f doxygen.awk HEADERS
BEGIN {
    read_tables()
    for (a = 1; a < ARGC; a++)
        read_header(ARGV[a])
    find_pages()
    for (a = 1; a <= things; a++)
        write_thing(a)
    exit failed
}

function write_thing(i) {
    if (kind[i] == "file") {
        close_section()
        out = into "/" name[i]
        say("/** @file\n" marked(doc[i]) " */")
    } else if (kind[i] == "section") {
        close_section()
        say("/** @name " marked(name[i]) marked(doc[i]) " */\n/**@{*/")
        in_section = 1
    } else if (kind[i] == "function")
        write_function(i)
    else if (kind[i] == "macro")
        write_macro(i)
    else if (kind[i] == "struct")
        write_struct(i)
    else if (kind[i] == "enum")
        write_enum(i)
    else
        documented(doc[i] == "" ? "An object whose members are private." : doc[i], "typedef struct " name[i] " " name[i] ";")
}

function say(s) {
    print s >out
}

function close_section() {
    if (in_section)
        say("/**@}*/")
    in_section = 0
}

function documented(its_doc, declaration) {
    say(its_doc == "" ? declaration : "/** " marked(its_doc) " */\n" declaration)
}

# A comment of ours, in which nothing is a command of doxygen or Markdown. What it indents is code.
function marked(s,    part, n, i, made, in_code) {
    n = split(s, part, "\n")
    for (i = 1; i <= n; i++) {
        if (part[i] ~ /^    / && !in_code) {
            made = made "\n@code{.c}\n"
            in_code = 1
        } else if (in_code && part[i] !~ /^    / && (part[i] != "" || part[i + 1] !~ /^    /)) {
            made = made "@endcode\n"
            in_code = 0
        }
        made = made (in_code ? part[i] : escaped(part[i])) "\n"
    }
    return made (in_code ? "@endcode\n" : "")
}

function escaped(s) {
    gsub(/[\\@&$#<>%"*`~|\[\]]/, "\\\\&", s)
    gsub(/\\[\[\]~|*`]/, "&", s)
    gsub(/file:/, "%&", s) # else it is the beginning of an address
    return s
}

function member_escaped(m) {
    return escaped(member_doc[m])
}

function write_function(i,    title, m, params) {
    title = page_of[i]
    if (named_call(i)) {
        read_members(text[thing[page_struct[title]]])
        for (m = 1; m <= members; m++)
            if (member_doc[m] != "")
                params = params "\n@param " bare_name(member_name[m]) " " member_escaped(m)
        title = substr(name[i], 1, length(name[i]) - 1)
        say("/** " marked(doc_or_in_place(title)) params " */")
        say(call_text(text[i], title, 0) ";")
        documented("The function behind " title "(), which takes the arguments as a struct.", function_text(i, 0) ";")
    } else
        documented(title == name[i] || name[i] ~ /_inplace_?$/ ? doc_or_in_place(name[i]) : "The function behind " title "().", function_text(i, 0) ";")
}

function bare_name(s) {
    sub(/\[.*/, "", s)
    return s
}

function doc_or_in_place(its_name) {
    if (its_name in of_page)
        return page_doc[its_name]
    sub(/_inplace_?$/, "", its_name)
    return "Does what " its_name "() does in place: the result takes the place of the first argument, which is returned. See rt_apply_in_place()."
}

# What has a function of its name and an underscore was written with that if its arguments have names.
function write_macro(i) {
    if ((name[i] "_") in thing && named_call(thing[name[i] "_"]))
        return
    if (name[i] in of_page || doc[i] != "")
        documented((name[i] in of_page) ? page_doc[name[i]] : ((name[i] "_") in thing) ? page_doc[name[i]] : doc[i], "#define " name[i] arguments[i])
    else if ((name[i] "_") in thing)
        documented(page_doc[name[i]], "#define " name[i] arguments[i])
}

function write_struct(i,    m, its_default) {
    read_members(text[i])
    documented(doc[i] != "" ? doc[i] : name[i] ~ /_args$/ ? "The arguments of " callers(name[i]) "." : doc[i], "typedef struct " name[i] " {")
    for (m = 1; m <= members; m++) {
        its_default = member_default[m] == "" ? "" : (member_doc[m] == "" ? "" : "; ") "default: " escaped(member_default[m])
        say("    " member_text(m, 0) (its_default member_doc[m] == "" ? ";" : "; /**< " member_escaped(m) its_default " */"))
    }
    say("} " name[i] ";")
}

function callers(its_struct,    i, made) {
    for (i = 1; i <= pages; i++)
        if (page_struct[page_title[i]] == its_struct)
            made = made (made == "" ? "" : ", ") page_title[i] "()"
    return made
}

function write_enum(i,    part, n, j) {
    documented(doc[i] == "" ? "Constants." : doc[i], (name[i] == "" ? "enum" : "typedef enum " name[i]) " {")
    n = split(text[i], part, "\n")
    for (j = 1; j <= n; j++) {
        if (part[j] ~ /^ *\/\*/)
            sub(/\/\*/, "/**", part[j])
        else
            sub(/\/\*/, "/**<", part[j])
        say(part[j])
    }
    say("} " name[i] ";")
}

END {
    close_section()
}
