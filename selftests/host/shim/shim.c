// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "shim.h"

bool shim_atomic;
long shim_fail_in = -1;
bool shim_failed;
size_t shim_bytes;
size_t shim_nodes;
unsigned long shim_faults;

static u64 state;

void shim_seed(u64 seed)
{
	state = seed;
}

/* splitmix64 */
u64 get_random_u64(void)
{
	u64 z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void shim_warn(const char *what, const char *file, int line)
{
	shim_faults++;
	printf("# %s:%d: %s\n", file, line, what);
}

static bool may_allocate(gfp_t gfp)
{
	if (shim_atomic && gfp & GFP_KERNEL)
		shim_warn("sleeps in atomic context", __FILE__, __LINE__);
	if (shim_fail_in < 0 || shim_fail_in--)
		return true;
	shim_failed = true;
	return false;
}

void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t *p;

	if (!may_allocate(gfp))
		return NULL;
	p = calloc(1, 16 + n * size);
	if (!p)
		abort();
	p[0] = n * size;
	shim_bytes += n * size;
	return (char *)p + 16;
}

void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	void *p = kvcalloc(n, size, gfp);

	if (p)
		memset(p, 0xa5, n * size);
	return p;
}

void kvfree(const void *p)
{
	size_t *size;

	if (!p)
		return;
	size = (size_t *)((char *)p - 16);
	if (shim_atomic)
		shim_warn("kvfree in atomic context", __FILE__, __LINE__);
	shim_bytes -= *size;
	free(size);
}

void sort(void *base, size_t n, size_t size,
	  int (*cmp)(const void *a, const void *b), void *swap)
{
	(void)swap;
	if (n)
		qsort(base, n, size, cmp);
}

/* Where @index is or belongs */
static size_t map_find(const struct shim_map *map, unsigned long index)
{
	size_t low = 0, high = map->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (map->entries[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool map_has(const struct shim_map *map, size_t at, unsigned long index)
{
	return at < map->n && map->entries[at].index == index;
}

static void map_insert(struct shim_map *map, size_t at, unsigned long index,
		       void *value)
{
	if (map->n == map->room) {
		map->room = map->room ? 2 * map->room : 16;
		map->entries = realloc(map->entries,
				       map->room * sizeof(*map->entries));
		if (!map->entries)
			abort();
	}
	memmove(map->entries + at + 1, map->entries + at,
		(map->n - at) * sizeof(*map->entries));
	map->entries[at].index = index;
	map->entries[at].value = value;
	map->n++;
	shim_nodes++;
}

static void map_remove(struct shim_map *map, size_t at)
{
	map->n--;
	memmove(map->entries + at, map->entries + at + 1,
		(map->n - at) * sizeof(*map->entries));
	shim_nodes--;
}

static void map_destroy(struct shim_map *map)
{
	shim_nodes -= map->n;
	free(map->entries);
	memset(map, 0, sizeof(*map));
}

void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	(void)flags;
	memset(xa, 0, sizeof(*xa));
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	size_t at = map_find(&xa->map, index);

	return map_has(&xa->map, at, index) ? xa->map.entries[at].value : NULL;
}

void *xa_store_bh(struct xarray *xa, unsigned long index, void *entry,
		  gfp_t gfp)
{
	size_t at = map_find(&xa->map, index);
	void *old;

	if (map_has(&xa->map, at, index)) {
		old = xa->map.entries[at].value;
		xa->map.entries[at].value = entry;
		return old;
	}
	if (!may_allocate(gfp))
		return (void *)(long)-ENOMEM;
	map_insert(&xa->map, at, index, entry);
	return NULL;
}

void *xa_erase_bh(struct xarray *xa, unsigned long index)
{
	size_t at = map_find(&xa->map, index);
	void *old;

	if (!map_has(&xa->map, at, index))
		return NULL;
	old = xa->map.entries[at].value;
	map_remove(&xa->map, at);
	return old;
}

void xa_destroy(struct xarray *xa)
{
	map_destroy(&xa->map);
}

void ida_init(struct ida *ida)
{
	memset(ida, 0, sizeof(*ida));
}

void ida_destroy(struct ida *ida)
{
	map_destroy(&ida->map);
}

int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max,
		    gfp_t gfp)
{
	unsigned long id = min;
	size_t at;

	if (min > INT_MAX)
		return -ENOSPC;
	if (max > INT_MAX)
		max = INT_MAX;
	for (at = map_find(&ida->map, min); map_has(&ida->map, at, id); at++)
		id++;
	if (id > max)
		return -ENOSPC;
	if (!may_allocate(gfp))
		return -ENOMEM;
	map_insert(&ida->map, at, id, NULL);
	return id;
}

void ida_free(struct ida *ida, unsigned int id)
{
	size_t at = map_find(&ida->map, id);

	if (id > INT_MAX)
		return;
	if (map_has(&ida->map, at, id))
		map_remove(&ida->map, at);
	else
		shim_warn("ida_free of what is free", __FILE__, __LINE__);
}
