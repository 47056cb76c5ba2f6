/* Memory by operation: a table with a row for each name, under a lock. What each row held at the peak is copied when the sum first falls
 * from there, not at each rise. */
#include "worker/engine/base/made_by.h"

#include "common/base/error.h"
#include <pthread.h>
#include <ringtorch/base.h>
#include <stdlib.h>
#include <string.h>

/* Row 0 is for tensors that no operation has made, and for names beyond the table. */
enum { ROWS = 1024 };

static struct {
    pthread_mutex_t lock;
    rt_op_memory row[ROWS];
    uint32_t used, begun; /* rows; counts that began */
    int64_t bytes, peak;  /* of all rows */
    bool risen;           /* the rows at the peak are those of now */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Atomic uint32_t rt__counting;

/* Finds or makes the row of a name. The caller holds the lock. */
static uint32_t row_of(const char *name)
{
    for (uint32_t i = 0; name && i < table.used; i++)
        if (table.row[i].op == name || strcmp(table.row[i].op, name) == 0)
            return i;
    if (!name || table.used == ROWS)
        return 0;
    table.row[table.used] = (rt_op_memory){.op = name};
    return table.used++;
}

/* The caller holds the lock. */
static void note_rows_at_peak(void)
{
    for (uint32_t i = 0; table.risen && i < table.used; i++)
        table.row[i].bytes_at_peak = table.row[i].bytes;
    table.risen = false;
}

rt__maker rt__made_by_add(size_t bytes)
{
    pthread_mutex_lock(&table.lock);
    uint32_t i = row_of(rt__thread.op);
    table.row[i].bytes += (int64_t)bytes;
    table.row[i].tensors++;
    table.bytes += (int64_t)bytes;
    if (table.bytes > table.peak) {
        table.peak = table.bytes;
        table.risen = true;
    }
    rt__maker m = {i + 1, table.begun};
    pthread_mutex_unlock(&table.lock);
    return m;
}

void rt__made_by_subtract(rt__maker m, size_t bytes)
{
    pthread_mutex_lock(&table.lock);
    if (m.count == table.begun) { /* else another count has begun since */
        if (table.bytes == table.peak)
            note_rows_at_peak();
        table.row[m.row - 1].bytes -= (int64_t)bytes;
        table.row[m.row - 1].tensors--;
        table.bytes -= (int64_t)bytes;
    }
    pthread_mutex_unlock(&table.lock);
}

void rt_memory_count_by_op(bool on)
{
    pthread_mutex_lock(&table.lock);
    if (on) {
        table.row[0] = (rt_op_memory){.op = ""};
        table.used = 1;
        table.bytes = table.peak = 0;
        table.risen = false;
        table.begun += table.begun == UINT32_MAX ? 2 : 1; /* never 0 */
    }
    atomic_store_explicit(&rt__counting, on ? table.begun : 0, memory_order_relaxed);
    pthread_mutex_unlock(&table.lock);
}

static int by_bytes(const void *a, const void *b)
{
    const rt_op_memory *x = a, *y = b;
    if (x->bytes_at_peak != y->bytes_at_peak)
        return x->bytes_at_peak > y->bytes_at_peak ? -1 : 1;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : strcmp(x->op, y->op);
}

int rt_memory_by_op(rt_op_memory *rows, int room)
{
    if (room < 0 || (room > 0 && !rows))
        return RT_FAIL(ARG, "memory_by_op: there is no room for %d rows", room), 0;
    static rt_op_memory sorted[ROWS]; /* under the lock, too */
    pthread_mutex_lock(&table.lock);
    if (table.bytes == table.peak)
        note_rows_at_peak();
    int count = 0;
    for (uint32_t i = 0; i < table.used; i++)
        if (table.row[i].bytes > 0 || table.row[i].bytes_at_peak > 0)
            sorted[count++] = table.row[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_bytes);
    if (room > 0)
        memcpy(rows, sorted, (size_t)(count < room ? count : room) * sizeof *rows);
    pthread_mutex_unlock(&table.lock);
    return count;
}
