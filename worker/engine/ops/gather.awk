# Lists the operations that files define, for the registry: prints OP(<name>) for each line
#
#     const rt_op rt__op_<name> = {
#     RT_COMPOSITE(<name>, ...          or RT_COMPOSITE_OF
#
#     awk -f worker/engine/ops/gather.awk worker/engine/ops/*/*.c worker/engine/random/*.c > ops.def
#
# An operation written in another way would be missing from the registry, so it fails the build.
BEGIN {
    print "/* Every operation with a file of its own, gathered from these files by worker/engine/ops/gather.awk. */"
}
/^const rt_op rt__op_[a-z0-9_]+ = [{]$/ {
    sub(/^const rt_op rt__op_/, "")
    sub(/ .*/, "")
    print "OP(" $0 ")"
    next
}
/^RT_COMPOSITE(_OF)?[(][a-z0-9_]+,/ {
    sub(/^RT_COMPOSITE(_OF)?[(]/, "")
    sub(/,.*/, "")
    print "OP(" $0 ")"
    next
}
/rt_op +rt__op_.*=|RT_COMPOSITE/ {
    print FILENAME ":" FNR ": the registry does not find this operation: begin it with the line 'const rt_op rt__op_<name> = {' or with 'RT_COMPOSITE(<name>,'" > "/dev/stderr"
    bad = 1
}
END { exit bad }
