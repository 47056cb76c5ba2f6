# What is described together: a call with named arguments and the function behind it, a function and its form in place. Each page has
#
#     page_title[1..pages], of_page[title] (one of its things, for header and section), page_doc[title], page_struct[title] (its named
#     arguments), page_things[title] (their numbers, in order)

function find_pages(    i, title, its_doc) {
    for (i = 1; i <= things; i++) {
        if (kind[i] != "function" && !(kind[i] == "macro" && name[i] ~ /^rt_/ && !((name[i] "_") in thing)))
            continue
        title = name[i]
        its_doc = doc[i]
        if (title ~ /_$/ && (substr(title, 1, length(title) - 1) in thing)) {
            title = substr(title, 1, length(title) - 1)
            its_doc = joined(its_doc, doc[thing[title]])
        }
        if (match(doc[i], /^The function behind rt_[a-z_0-9]+/)) {
            title = substr(doc[i], 21, RLENGTH - 20)
            its_doc = ""
        }
        if (its_doc == "" && title ~ /_inplace$/)
            sub(/_inplace$/, "", title)
        add_to_page(title, i, its_doc)
    }
    for (i = 1; i <= pages; i++)
        if (page_doc[page_title[i]] == "")
            complain(of[of_page[page_title[i]]] ": " page_title[i] " has no comment")
}

function joined(a, b) {
    if (a ~ /^The function behind/)
        a = ""
    return a == "" || b == "" ? a b : a "\n\n" b
}

function add_to_page(title, i, its_doc,    its_arguments) {
    if (!(title in of_page)) {
        page_title[++pages] = title
        of_page[title] = i
    }
    page_of[i] = title
    page_things[title] = page_things[title] i " "
    page_doc[title] = joined(page_doc[title], its_doc)
    its_arguments = arguments[i]
    if (its_arguments ~ /^\(rt_[a-z_0-9]+_args [a-z]+\)$/) {
        sub(/^\(/, "", its_arguments)
        sub(/ .*/, "", its_arguments)
        page_struct[title] = its_arguments
    }
}

function complain(what) {
    print what >"/dev/stderr"
    failed = 1
}

# "rt_tensor *x", "int64_t stride[2] = {1, 1}"
function member_text(m, with_default,    space) {
    if (member_type[m] ~ /\(\*/)
        return member_type[m]
    space = member_type[m] ~ /\*$/ ? "" : " "
    return member_type[m] space member_name[m] (with_default && member_default[m] != "" ? " = " member_default[m] : "")
}

# A declaration as C has it, but with the named arguments and their defaults in place of the struct, broken where it is long.
function call_text(result, its_name, width,    s, line, m, word) {
    line = result (result ~ /\*$/ ? "" : " ") its_name "("
    for (m = 1; m <= members; m++) {
        word = member_text(m, 1) (m < members ? ", " : ")")
        if (width && length(line word) > width) {
            sub(/ $/, "", line)
            s = s line "\n"
            line = "        "
        }
        line = line word
    }
    return s line
}

function function_text(i, width,    s, part, n, m, line, word) {
    s = text[i]
    s = s (s ~ /\*$/ ? "" : " ") name[i]
    if (!width || length(s arguments[i]) <= width)
        return s arguments[i]
    n = split_arguments(substr(arguments[i], 2, length(arguments[i]) - 2), part)
    line = s "("
    s = ""
    for (m = 1; m <= n; m++) {
        word = part[m] (m < n ? ", " : ")")
        if (length(line word) > width) {
            sub(/ $/, "", line)
            s = s line "\n"
            line = "        "
        }
        line = line word
    }
    return s line
}

# What a caller writes, and the functions that there are: one line each, or several where they are long.
function page_declarations(title, width,    part, n, i, j, out) {
    n = split(page_things[title], part, " ")
    for (i = 1; i <= n; i++) {
        j = part[i]
        if (kind[j] == "macro")
            out = out name[j] arguments[j] "\n"
        else if (named_call(j)) {
            read_members(text[thing[page_struct[title]]])
            out = out call_text(text[j], substr(name[j], 1, length(name[j]) - 1), width) ";\n"
        } else {
            if (name[j] ~ /_$/)
                out = out substr(name[j], 1, length(name[j]) - 1) "(...)\n"
            out = out function_text(j, width) ";\n"
        }
    }
    for (i = 1; i <= n; i++)
        if (named_call(part[i]))
            out = out function_text(part[i], width) ";\n"
    return out
}

function named_call(i) {
    return kind[i] == "function" && name[i] ~ /_$/ && arguments[i] ~ /^\(rt_[a-z_0-9]+_args [a-z]+\)$/
}

# Everything by which the page is found, separated by blanks.
function page_names(title,    part, n, i, out, call) {
    n = split(page_things[title], part, " ")
    out = title
    for (i = 1; i <= n; i++) {
        call = name[part[i]]
        if (call ~ /_$/ && (substr(call, 1, length(call) - 1) in thing))
            out = out " " substr(call, 1, length(call) - 1)
        out = out " " call
    }
    return unique(out)
}

function unique(words,    part, n, i, out, had) {
    n = split(words, part, " ")
    for (i = 1; i <= n; i++)
        if (!(part[i] in had)) {
            had[part[i]] = 1
            out = out (out == "" ? "" : " ") part[i]
        }
    return out
}

# The example of a header, unless it is long and about other functions.
function example_for(title, its_header,    example) {
    example = example_of(thing_of_header(its_header))
    if (gsub(/\n/, "\n", example) > 12 && example !~ ("(^|[^a-z_0-9])" title "\\("))
        return ""
    return example
}

function thing_of_header(its_header,    i) {
    for (i = 1; i <= things; i++)
        if (kind[i] == "file" && name[i] == its_header)
            return i
}

# The example of a header: what its comment indents.
function example_of(i,    part, n, j, out, blank) {
    n = split(doc[i], part, "\n")
    for (j = 1; j <= n; j++) {
        if (part[j] ~ /^    /) {
            out = out blank substr(part[j], 5) "\n"
            blank = ""
        } else
            blank = part[j] == "" && out != "" ? "\n" : ""
    }
    return out
}

# The first sentence, as the title of what it describes.
function brief(s,    end) {
    gsub(/\n/, " ", s)
    end = match(s, /[.:;]( |$)/)
    if (end)
        s = substr(s, 1, end - 1)
    return s
}
