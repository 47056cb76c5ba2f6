/* Broadcast down a binomial tree, piece by piece, so that a long buffer keeps all levels busy.
 *
 * Ranks are numbered from the root. Rank v receives the buffer from v with its lowest 1 bit cleared, and passes it to v
 * + 2^j for every j below that bit: ceil(log2 W) rounds, W-1 messages in all. The last piece is never full
 * (rt__comm_pieces), so ranks that disagree about the length notice. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

enum { CHILDREN_MAX = 31 };

typedef struct family {
    int parent; /* -1 for the root */
    int children;
    int child[CHILDREN_MAX]; /* ordered by number of descendants, largest first */
} family;

static family family_of(const rt_comm *c, int root)
{
    const int64_t world = c->world, me = (c->rank - root + world) % world;
    int64_t lowest = 1;
    while (lowest < world && !(me & lowest))
        lowest <<= 1;
    family f = {.parent = me == 0 ? -1 : (int)((me - lowest + root) % world)};
    for (int64_t step = lowest >> 1; step > 0; step >>= 1)
        if (me + step < world)
            f.child[f.children++] = (int)((me + step + root) % world);
    return f;
}

static rt_status broadcast(rt_comm *c, char *buf, size_t bytes, int root)
{
    const family f = family_of(c, root);
    rt_request in, out[CHILDREN_MAX];
    for (size_t at = 0; at <= bytes; at += RT_COMM_CHUNK) {
        const size_t piece = bytes - at < RT_COMM_CHUNK ? bytes - at : RT_COMM_CHUNK;
        char *data = piece > 0 ? buf + at : NULL;
        if (f.parent >= 0) {
            RT_TRY(rt__comm_receive(c, &in, f.parent, data, piece));
            RT_TRY(rt__comm_wait(c, &in));
        }
        if (at > 0)
            RT_TRY(rt__comm_wait_all(c, out, f.children));
        for (int i = 0; i < f.children; i++)
            RT_TRY(rt__comm_send(c, &out[i], f.child[i], data, piece));
    }
    return rt__comm_wait_all(c, out, f.children);
}

rt_status rt_comm_broadcast(rt_comm *c, rt_buf buf, int root)
{
    RT_TRY(rt__comm_check_buf(&buf, "broadcast"));
    if (root < 0 || root >= c->world)
        return RT_FAIL(ARG, "broadcast from rank %d, expected a rank below %d", root, c->world);
    RT_TRY(rt__comm_begin(c, RT__BROADCAST));
    return rt__comm_end(c, broadcast(c, buf.data, rt_buf_bytes(buf), root));
}
