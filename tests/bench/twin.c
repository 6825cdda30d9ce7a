/*
 * The C twin: the simulator's buddy allocator written once more in plain C, as the yardstick of the benchmarks.
 *
 * Own code, from the rules B-1 to B-5, B-18, B-20 and section 4 of the semantics, merge rule of linux-5.19. Laid out
 * as a kernel does it: one struct per page with the list links in it, and one circular list per order and migratetype.
 * Every allocation folds its pfn into a checksum: the compiled kernels must come to the same one.
 * Left out: stealing (the workloads ask for one type only), zones beyond one, per-cpu lists.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { H = 10, P = 9, NR_ORDERS = H + 1, NR_TYPES = 6 };
enum { UNMOVABLE, MOVABLE, RECLAIMABLE, HIGHATOMIC, CMA, ISOLATE };
enum { KIND_NONE = 0, KIND_FREE = 1, KIND_ANON = 3 };

struct page {
    struct page *next, *prev;
    int32_t owner;
    uint8_t kind;               /* of the head; tails say KIND_NONE */
    uint8_t order;
};

struct zone {
    int64_t nr_pages, nr_free, nr_free_cma, nr_isolate, mark_min, mark_low;
    struct page *pages;
    uint8_t *block_type;
    struct page list[NR_ORDERS][NR_TYPES];
    int64_t nr_entries[NR_ORDERS];      /* over all types, as free_area has it */
    uint64_t checksum;
};

/* ---- lists ---------------------------------------------------------------------------------------------------- */

static inline void link_between(struct page *page, struct page *before, struct page *after)
{
    page->prev = before;
    page->next = after;
    before->next = page;
    after->prev = page;
}

static inline void list_page(struct zone *z, int64_t pfn, int order, int type, int at_tail)
{
    struct page *page = z->pages + pfn, *sentinel = &z->list[order][type];

    page->kind = KIND_FREE;
    page->order = (uint8_t)order;
    if (at_tail)
        link_between(page, sentinel->prev, sentinel);
    else
        link_between(page, sentinel, sentinel->next);
    z->nr_entries[order]++;
}

static inline void unlist_page(struct zone *z, struct page *page)
{
    page->prev->next = page->next;
    page->next->prev = page->prev;
    page->kind = KIND_NONE;
    z->nr_entries[page->order]--;
}

/* ---- counters ------------------------------------------------------------------------------------------------- */

static inline int type_of(const struct zone *z, int64_t pfn)
{
    return z->block_type[pfn >> P];
}

static inline void account(struct zone *z, int type, int64_t nr)
{
    if (type == ISOLATE)
        return;
    z->nr_free += nr;
    if (type == CMA)
        z->nr_free_cma += nr;
}

/* ---- B-2: take and expand --------------------------------------------------------------------------------------- */

static int64_t take_smallest(struct zone *z, int order, int type)
{
    for (int high = order; high <= H; high++) {
        struct page *page = z->list[high][type].next;
        if (page == &z->list[high][type])
            continue;
        int64_t pfn = page - z->pages;
        unlist_page(z, page);
        while (high > order) {
            high--;
            list_page(z, pfn + ((int64_t)1 << high), high, type, 0);
        }
        account(z, type, -((int64_t)1 << order));
        return pfn;
    }
    return -1;
}

/* ---- B-20: watermarks; first above low, then above min ------------------------------------------------------------- */

static int has_free(const struct zone *z, int order)
{
    for (; order <= H; order++)
        for (int type = UNMOVABLE; type <= RECLAIMABLE; type++)
            if (z->list[order][type].next != &z->list[order][type])
                return 1;
    return 0;
}

static int watermark_ok(const struct zone *z, int order, int64_t mark)
{
    int64_t free = z->nr_free - (((int64_t)1 << order) - 1) - z->nr_free_cma;

    return free > mark && (order == 0 || has_free(z, order));
}

static int64_t alloc_page(struct zone *z, int order, int type, int kind, int32_t owner)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        if (!watermark_ok(z, order, attempt == 2 ? z->mark_min : z->mark_low))
            continue;
        int64_t pfn = take_smallest(z, order, type);
        if (pfn < 0)
            continue;
        z->pages[pfn].kind = (uint8_t)kind;
        z->pages[pfn].order = (uint8_t)order;
        z->pages[pfn].owner = owner;
        z->checksum = z->checksum * 31 + (uint64_t)pfn;
        return pfn;
    }
    return -1;
}

/* ---- B-3, B-4, B-5: merge and place ------------------------------------------------------------------------------ */

static inline int is_free_head(const struct zone *z, int64_t pfn, int order)
{
    return pfn < z->nr_pages && z->pages[pfn].kind == KIND_FREE && z->pages[pfn].order == order;
}

static inline int may_merge(int x, int y)
{
    return x == y || (x <= RECLAIMABLE && y <= RECLAIMABLE);
}

static void free_page(struct zone *z, int64_t pfn, int order, int at_tail)
{
    int type = type_of(z, pfn);

    z->pages[pfn].kind = KIND_NONE;
    z->pages[pfn].owner = 0;
    account(z, type, (int64_t)1 << order);
    while (order < H) {
        int64_t buddy = pfn ^ ((int64_t)1 << order);
        if (!is_free_head(z, buddy, order))
            break;
        if (order >= P && !may_merge(type, type_of(z, buddy)))
            break;
        unlist_page(z, z->pages + buddy);
        pfn &= buddy;
        order++;
    }
    if (!at_tail && order < H - 1) {
        int64_t combined = pfn & ~((int64_t)1 << order);
        at_tail = is_free_head(z, combined ^ ((int64_t)1 << (order + 1)), order + 1);
    }
    list_page(z, pfn, order, type, at_tail);
}

/* ---- section 4: isolate a range of whole chunks, and give it back ------------------------------------------------ */

static int64_t retype_block(struct zone *z, int64_t start, int to)
{
    int64_t moved = 0;

    for (int64_t pfn = start; pfn < start + (1 << P);) {
        struct page *page = z->pages + pfn;
        if (page->kind != KIND_FREE) {
            pfn++;
            continue;
        }
        int order = page->order;
        unlist_page(z, page);
        list_page(z, pfn, order, to, 1);
        moved += (int64_t)1 << order;
        pfn += (int64_t)1 << order;
    }
    z->block_type[start >> P] = (uint8_t)to;
    return moved;
}

static void isolate_range(struct zone *z, int64_t start, int64_t end)
{
    for (; start < end; start += 1 << P) {
        int type = type_of(z, start);
        account(z, type, -retype_block(z, start, ISOLATE));
        z->nr_isolate++;
    }
}

static void undo_isolate_range(struct zone *z, int64_t start, int64_t end, int type)
{
    for (; start < end; start += 1 << P) {
        account(z, type, retype_block(z, start, type));
        z->nr_isolate--;
    }
}

/* ---- zones -------------------------------------------------------------------------------------------------------- */

struct zone *twin_new(int64_t nr_pages, int64_t mark_min, int64_t mark_low)
{
    struct zone *z = calloc(1, sizeof(*z));

    z->nr_pages = nr_pages;
    z->mark_min = mark_min;
    z->mark_low = mark_low;
    z->pages = calloc((size_t)nr_pages, sizeof(*z->pages));
    z->block_type = malloc((size_t)(nr_pages >> P));
    for (int64_t block = 0; block < nr_pages >> P; block++)
        z->block_type[block] = MOVABLE;
    for (int order = 0; order <= H; order++)
        for (int type = 0; type < NR_TYPES; type++)
            z->list[order][type].next = z->list[order][type].prev = &z->list[order][type];
    for (int64_t pfn = 0; pfn < nr_pages; pfn += 1 << H)
        free_page(z, pfn, H, 1);
    return z;
}

void twin_delete(struct zone *z)
{
    free(z->block_type);
    free(z->pages);
    free(z);
}

uint64_t twin_checksum(const struct zone *z) { return z->checksum; }

int64_t twin_nr_free(const struct zone *z) { return z->nr_free; }

/* The head byte of every page, `kind | order << 4`, 0 inside a run. */
void twin_heads(const struct zone *z, uint8_t *heads)
{
    for (int64_t pfn = 0; pfn < z->nr_pages; pfn++) {
        const struct page *page = z->pages + pfn;
        heads[pfn] = page->kind == KIND_NONE ? 0 : (uint8_t)(page->kind | page->order << 4);
    }
}

/* ---- workloads: each returns the nanoseconds of processor time that it took ---------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t twin_pairs(struct zone *z, int64_t nr, int order)
{
    int64_t start = now_ns();

    for (int64_t i = 0; i < nr; i++) {
        int64_t pfn = alloc_page(z, order, MOVABLE, KIND_ANON, 1);
        free_page(z, pfn, order, 0);
    }
    return now_ns() - start;
}

/* Each step frees what the slot holds and puts a new page of the step's order into it. */
int64_t twin_churn(struct zone *z, int64_t nr, const int64_t *slot, const int64_t *order, int64_t *held, int64_t *held_order)
{
    int64_t start = now_ns();

    for (int64_t i = 0; i < nr; i++) {
        int64_t s = slot[i];
        if (held[s] >= 0)
            free_page(z, held[s], (int)held_order[s], 0);
        held[s] = alloc_page(z, (int)order[i], MOVABLE, KIND_ANON, 1);
        held_order[s] = order[i];
    }
    return now_ns() - start;
}

/* Allocates single pages until none is left above the min watermark. */
int64_t twin_fill(struct zone *z)
{
    int64_t start = now_ns();

    while (alloc_page(z, 0, MOVABLE, KIND_ANON, 1) >= 0)
        ;
    return now_ns() - start;
}

int64_t twin_free(struct zone *z, int64_t nr, const int64_t *pfns)
{
    int64_t start = now_ns();

    for (int64_t i = 0; i < nr; i++)
        free_page(z, pfns[i], z->pages[pfns[i]].order, 0);
    return now_ns() - start;
}

void twin_isolate(struct zone *z, int64_t start_pfn, int64_t end_pfn)
{
    isolate_range(z, start_pfn, end_pfn);
}

void twin_undo_isolate(struct zone *z, int64_t start_pfn, int64_t end_pfn)
{
    undo_isolate_range(z, start_pfn, end_pfn, MOVABLE);
}

/* Empties an isolated range: for each used page a target is allocated, then the source is freed. */
int64_t twin_migrate(struct zone *z, int64_t start_pfn, int64_t end_pfn)
{
    int64_t start = now_ns();

    for (int64_t pfn = start_pfn; pfn < end_pfn; pfn += (int64_t)1 << z->pages[pfn].order) {
        const struct page *source = z->pages + pfn;
        if (source->kind != KIND_ANON)
            continue;
        if (alloc_page(z, source->order, MOVABLE, source->kind, source->owner) < 0)
            return -1;
        free_page(z, pfn, source->order, 0);
    }
    return now_ns() - start;
}
