# Tables: what their rows declare, and the fields that schema rows (field.h) describe.

# Splits "a, (b, c), \"d, e\"" at the commas outside of parentheses and strings into part[1..n].
function split_arguments(s, part,    n, i, c, depth, quoted, word) {
    n = 0
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "\"" && substr(s, i - 1, 1) != "\\")
            quoted = !quoted
        if (!quoted) {
            depth += c == "(" || c == "{" ? 1 : c == ")" || c == "}" ? -1 : 0
            if (c == "," && depth == 0) {
                part[++n] = trim(word)
                word = ""
                continue
            }
        }
        word = word c
    }
    if (trim(word) != "" || n > 0)
        part[++n] = trim(word)
    return n
}

# Where the parenthesis that opens at `from` closes.
function closes(s, from,    i, c, depth, quoted) {
    for (i = from; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "\"" && substr(s, i - 1, 1) != "\\")
            quoted = !quoted
        if (!quoted)
            depth += c == "(" ? 1 : c == ")" ? -1 : 0
        if (depth == 0)
            return i
    }
    return length(s)
}

# The body of a macro with its arguments in place of its parameters, as the preprocessor does it, ## included.
function substituted(macro, given,    parameter, argument, n, m, i, s, out, word) {
    n = split_arguments(macro_parameters[macro], parameter)
    m = split_arguments(given, argument)
    s = macro_body[macro]
    while (match(s, /[A-Za-z_][A-Za-z_0-9]*/)) {
        word = substr(s, RSTART, RLENGTH)
        out = out substr(s, 1, RSTART - 1)
        s = substr(s, RSTART + RLENGTH)
        for (i = 1; i <= n; i++)
            if (word == parameter[i])
                word = i <= m ? argument[i] : ""
        out = out word
    }
    out = out s
    gsub(/[ ]*##[ ]*/, "", out)
    return out
}

# Calls visit(row, arguments) for each macro call at the outermost level of a table's body, those of tables in it included: it returns
# what they become, one behind the other.
function rows_as_lines(call, in_enum,    s, macro, given, end, out) {
    macro = substr(call, 1, index(call, "(") - 1)
    if (!(macro in macro_body))
        return ""
    s = substituted(macro, substr(call, index(call, "(") + 1, length(call) - index(call, "(") - 1))
    while (match(s, /[A-Z_]+\(/)) {
        macro = substr(s, RSTART, RLENGTH - 1)
        end = closes(s, RSTART + RLENGTH - 1)
        given = substr(s, RSTART + RLENGTH, end - RSTART - RLENGTH)
        s = substr(s, end + 1)
        out = out row_as_lines(macro, given, in_enum)
    }
    return out
}

# The last argument of a row, a text, documents what the row declares.
function row_as_lines(macro, given, in_enum,    part, n, help, body, out, i, c, depth) {
    body = trim(substituted(macro, given))
    if (body == "")
        return ""
    n = split_arguments(given, part)
    help = unquoted(part[n])
    if (in_enum)
        return "    " body " /* " help " */\n"
    for (i = 1; i <= length(body); i++) {
        c = substr(body, i, 1)
        depth += c == "{" ? 1 : c == "}" ? -1 : 0
        out = out c (c == ";" ? (depth == 0 ? "\n/* " help ". */\n" : "\n") : c == "{" ? "\n" : "")
        if (c == "/" && substr(body, i - 1, 1) == "*")
            out = out "\n"
    }
    gsub(/;\n +\/\*/, "; /*", out)
    gsub(/\n +/, "\n", out)
    sub(/\n\/\* [^\n]* \*\/\n*$/, "\n", out)
    return "/* " help ". */\n" out
}

# "#include <ringtorch/status.def>" in an enum: its rows.
function rows_of_file(line,    file, out) {
    sub(/^.*</, "", line)
    sub(/>.*/, "", line)
    file = include_folder "/" line
    while ((getline line <file) > 0)
        if (line ~ /^[A-Z]+\(.*\)$/)
            out = out row_as_lines(substr(line, 1, index(line, "(") - 1), substr(line, index(line, "(") + 1, length(line) - index(line, "(") - 1), 1)
    close(file)
    return out
}

# ---- fields ----

# Makes the members of a struct from its text: member_type, member_name, member_default and member_doc, [1..members].
function read_members(s,    parts, n, i, line, pending, in_comment, declared, trailing) {
    members = 0
    n = split(s, parts, "\n")
    for (i = 1; i <= n; i++) {
        line = trim(parts[i])
        if (line ~ /^\/\*/ && line !~ /\*\/./) {
            pending = line
            while (index(pending, "*/") == 0 && i < n) {
                line = parts[++i]
                sub(/^[ ]*\*[ ]?/, "", line)
                pending = pending " " trim(line)
            }
            sub(/^\/\*[ ]?/, "", pending)
            sub(/[ ]*\*\/$/, "", pending)
        } else if (line ~ /^RT_STRUCT\(/) {
            sub(/^RT_STRUCT\(/, "", line)
            sub(/\).*/, "", line)
            read_fields(line "(F)")
        } else if (line != "") {
            while (declaration_open(line) && i < n)
                line = line " " trim(parts[++i])
            add_members(line, pending)
            pending = ""
        }
    }
}

function declaration_open(line,    bare) {
    bare = line
    gsub(/\/\*.*\*\//, "", bare)
    return bare !~ /;[ ]*$/ || gsub(/\{/, "", bare) != gsub(/\}/, "", bare) || (line ~ /\/\*/ && line !~ /\*\//)
}

# "double lr, grad_scale; /* each gradient counts times grad_scale */"
function add_members(line, pending,    its_doc, its_type, its_default, part, n, i) {
    if (match(line, /\/\*.*\*\//)) {
        its_doc = substr(line, RSTART + 2, RLENGTH - 4)
        line = substr(line, 1, RSTART - 1)
    }
    if (pending != "")
        its_doc = its_doc == "" ? pending : pending "; " its_doc
    if (match(line, / RT_DEFAULT\(/)) {
        its_default = default_text(substr(line, RSTART + RLENGTH, closes(line, RSTART + RLENGTH - 1) - RSTART - RLENGTH))
        line = substr(line, 1, RSTART - 1)
    }
    sub(/[ ]*[;,]?[ ]*$/, "", line)
    if (line ~ /\(\*|\{/) { # a function, or a struct in it
        its_type = line
        match(line, /\(\*[a-z_]+/)
        add_member(its_type, RLENGTH > 2 ? substr(line, RSTART + 2, RLENGTH - 2) : "", "", its_doc)
        return
    }
    n = split(line, part, ",[ ]*")
    its_type = part[1]
    sub(/[A-Za-z_0-9]+(\[[^\]]*\])*$/, "", its_type)
    for (i = 1; i <= n; i++) {
        if (i == 1)
            part[i] = substr(part[i], length(its_type) + 1)
        else if (its_type ~ /\*$/)
            sub(/^\*/, "", part[i])
        add_member(trim(its_type), part[i], its_default, its_doc)
    }
}

function add_member(its_type, its_name, its_default, its_doc) {
    member_type[++members] = its_type
    member_name[members] = its_name
    member_default[members] = its_default
    member_doc[members] = trim(its_doc)
}

# The rows of a list of fields, "RT_SGD_FIELDS(F)".
function read_fields(call,    s, macro, given, end) {
    macro = substr(call, 1, index(call, "(") - 1)
    s = substituted(macro, substr(call, index(call, "(") + 1, length(call) - index(call, "(") - 1))
    while (match(s, /[A-Za-z_]+\(/)) {
        macro = substr(s, RSTART, RLENGTH - 1)
        end = closes(s, RSTART + RLENGTH - 1)
        given = substr(s, RSTART + RLENGTH, end - RSTART - RLENGTH)
        s = substr(s, end + 1)
        if (macro == "F")
            add_field(given)
        else
            read_fields(macro "(" given ")")
    }
}

function add_field(row,    part, its_type, its_default, range) {
    split_arguments(row, part)
    its_type = c_type[part[1]]
    its_default = default_text(part[3])
    range = range_text(part[1], part[4])
    add_member(its_type, part[2] (part[1] == "PAIR" ? "[2]" : part[1] == "TRIPLE" ? "[3]" : ""), its_default, unquoted(part[5]) (range == "" ? "" : " (" range ")"))
    if (part[1] == "INPUTS" || part[1] == "INTS")
        add_member("int64_t", part[2] "_count", "", "how many")
}

# Strings in C that follow each other are one.
function unquoted(s) {
    gsub(/"[ ]*"/, "", s)
    gsub(/^"|"$/, "", s)
    gsub(/\\"/, "\"", s)
    return s
}

function default_text(s) {
    if (s ~ /RT_NEEDED/)
        return ""
    if (s ~ /^\(/)
        s = "{" substr(s, 2, length(s) - 2) "}"
    if (s ~ /^RT_LR_/)
        s = macro_body[s]
    if (s ~ /nan/) # must be given
        return ""
    gsub(/RT_OPTIONAL/, "NULL", s)
    gsub(/RT_EMPTY/, "{0}", s)
    gsub(/__builtin_inf\(\)/, "INFINITY", s)
    return s
}

function range_text(row_kind, allowed) {
    if (row_kind == "CHOICE")
        return "in the order of " unquoted(allowed)
    if (row_kind ~ /^INPUT/ || row_kind == "FLAG")
        return ""
    if (allowed in macro_body)
        allowed = macro_body[allowed]
    if (match(allowed, /RT_WITHIN\(/)) {
        allowed = substr(allowed, RSTART + RLENGTH)
        sub(/\).*/, "", allowed)
        sub(/, /, " to ", allowed)
        gsub(/INT32_MAX/, "2147483647", allowed)
        return allowed
    }
    if (match(allowed, /RT_FROM\(/)) {
        allowed = substr(allowed, RSTART + RLENGTH)
        sub(/\).*/, "", allowed)
        return "at least " allowed
    }
    return ""
}

BEGIN {
    split("INPUT INPUTS INT AUTO NUMBER FLAG TEXT CHOICE PAIR TRIPLE DIMS DTYPE LAYERS VALUE METRICS INTS", kinds, " ")
    split("rt_tensor *;rt_tensor *const *;int64_t;int64_t;double;bool;const char *;int;int64_t;int64_t;rt_dims;rt_dtype;const void *;const void *;rt_metrics;const int64_t *", types, ";")
    for (i = 1; i in kinds; i++)
        c_type[kinds[i]] = types[i]
}
