#include "row.h"

#include "command.h"
#include "false_clock.h"
#include "small_disk.h"

int row_end(void **state)
{
    (void)state;
    bool clean = end_all_processes();
    small_disk_end();
    false_clock_end();
    return clean ? 0 : -1;
}
