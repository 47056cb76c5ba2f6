# Prints the example that a public header opens with as a program. docs/STYLE.md says how examples are written.
#
#     awk -v name=base -f tools/manual/example.awk include/ringtorch/base.h        C: int example_base(void)
#     ... -v part=plugin      the definitions of an example that is a plugin, which is compiled by itself
#     ... -v part=printed     what the program must print
#     ... -v cxx=1            the same of the block that begins with `// C++20`
/\*\// { last = 1 }
{
    line = $0
    sub(/[ ]*\*\/$/, "", line)
    is_example = sub(/^ \*     /, "", line)
    if (is_example)
        take(line)
    else
        in_cxx = 0
    if (last)
        exit
}

# Definitions begin at the margin with one of these words; what is indented or in braces below them belongs to them.
function take(line) {
    if (line ~ /^\/\/ C\+\+20/)
        in_cxx = 1
    if (in_cxx != (cxx + 0))
        return
    if (line !~ /^[ {}\\]/ && line != "")
        outside = line ~ /^(static|typedef|enum|struct|#|RT_PLUGIN\()/
    if (outside && line ~ /^RT_PLUGIN\(/)
        is_plugin = 1
    if (outside) {
        definitions = definitions line "\n"
        return
    }
    statements = statements "    " line "\n" shape_check(line)
    if (line ~ /(printf|puts)\(.*\);[ ]+\/\/ / && sub(/^.*\);[ ]+\/\/ /, "", line))
        printed = printed line "\n"
}

# "rt_tensor *y = ...;   // [64,10] a view": a check that y has this shape.
function shape_check(line,    tensor) {
    if (line !~ /^[ ]*rt_tensor \*[a-z_0-9]+ = .*;[ ]+\/\/ \[[0-9,]*\]/)
        return ""
    tensor = line
    sub(/^[ ]*rt_tensor \*/, "", tensor)
    sub(/ = .*/, "", tensor)
    sub(/^.*\/\/ /, "", line)
    sub(/\].*/, "]", line)
    return "    example_shape(" tensor ", \"" line "\");\n"
}

END {
    if (part == "printed") {
        printf "%s", printed
        exit
    }
    if (statements == "" && !is_plugin) {
        print FILENAME ": opens without an example" >"/dev/stderr"
        exit 1
    }
    print "#include <math.h>\n#include <stdio.h>\n#include <string.h>\n#include <ringtorch/ringtorch.h>"
    header = FILENAME # one that ringtorch.h does not include
    if (sub(/^.*include\/ringtorch\//, "", header))
        print "#include <ringtorch/" header ">"
    print ""
    if (part == "plugin" || !is_plugin)
        print definitions
    if (part == "plugin")
        exit
    linkage = cxx ? "extern \"C\" " : ""
    print linkage "void example_shape(const rt_tensor *x, const char *shape);"
    print linkage "int example_" name "(void);"
    print "int example_" name "(void)\n{\n" statements "    return rt_shutdown();\n}"
}
