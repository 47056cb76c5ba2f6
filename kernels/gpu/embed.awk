# Turns kernel texts into C string literals, with each include expanded once, except lists of rows (.def), which are expanded each time.
#
#     awk -f kernels/gpu/embed.awk elementwise reduce > texts.c         run in the top folder
#
# #line tells the driver's compiler where a line comes from, for its messages.
function put(file,   text, part, n) {
    n = 0
    emit("#line 1 \"" file "\"")
    while ((getline text < file) > 0) {
        n++
        if (text ~ /^#include "/) {
            split(text, part, "\"")
            if (part[2] ~ /[.]def$/ || !(part[2] in seen)) {
                seen[part[2]] = 1
                put(part[2])
                emit("#line " (n + 1) " \"" file "\"")
            }
        } else
            emit(text)
    }
    if (n == 0) {
        print "embed.awk: " file ": no such text" > "/dev/stderr"
        exit failed = 1
    }
    close(file)
}

# Compilers need only accept literals of up to 4095 bytes, so a text is a list of literals.
function emit(text) {
    if (size + length(text) > 3800) {
        print ","
        size = 0
    }
    size += length(text) + 1
    gsub(/\\/, "&&", text)
    gsub(/"/, "\\\\&", text)
    print "    \"" text "\\n\""
}

BEGIN {
    print "/* Made by kernels/gpu/embed.awk. */"
    print "#include \"kernels/gpu/launch.h\""
    for (i = 1; i < ARGC; i++) {
        print "static const char *const " ARGV[i] "[] = {"
        size = 0
        split("", seen)
        put("kernels/gpu/" ARGV[i] ".gpu")
        print "    , 0};"
    }
    print "const rt_gpu_text rt__gpu_text[RT_TEXT_COUNT] = {"
    for (i = 1; i < ARGC; i++)
        print "    [RT_TEXT_" ARGV[i] "] = {\"" ARGV[i] "\", " ARGV[i] "},"
    print "};"
    exit failed
}
