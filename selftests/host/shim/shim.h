/* SPDX-License-Identifier: GPL-2.0-only */
/* Just enough of the kernel for kmod/alloc.c to run in a process.
 *
 * The ida and the xarray are sorted arrays: slow and obviously right. Every
 * allocation is counted, can be made to fail, and is checked for being allowed
 * to sleep where it does.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int gfp_t;

#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define be64_to_cpu(n)	be64toh(n)
#define cpu_to_be64(n)	htobe64(n)

#define U32_MAX		UINT32_MAX
#define U64_MAX		UINT64_MAX
#define BIT_ULL(n)	(1ULL << (n))
#define GFP_ATOMIC		1u
#define GFP_KERNEL		2u
#define GFP_KERNEL_ACCOUNT	2u
#define __GFP_NOWARN		4u

#define max_t(t, a, b)	((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define min_t(t, a, b)	((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define swap(a, b)	do {						\
	__typeof__(a) swap_tmp = (a);					\
									\
	(a) = (b);							\
	(b) = swap_tmp;							\
} while (0)

/* What the tests see and set */
extern bool shim_atomic;	/* nothing may sleep now */
extern long shim_fail_in;	/* so many allocations succeed; < 0: all */
extern bool shim_failed;	/* the failure asked for has happened */
extern size_t shim_bytes;	/* allocated now by kvcalloc and kvmalloc_array */
extern size_t shim_nodes;	/* entries in all idas and xarrays now */
extern unsigned long shim_faults;	/* misuse seen; each is printed */
void shim_seed(u64 seed);

u64 get_random_u64(void);

void *kvcalloc(size_t n, size_t size, gfp_t gfp);
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp);
void kvfree(const void *p);

void shim_warn(const char *what, const char *file, int line);
#define WARN_ON_ONCE(cond) ({						\
	bool __cond = (cond);						\
	if (__cond)							\
		shim_warn(#cond, __FILE__, __LINE__);			\
	__cond;								\
})

void sort(void *base, size_t n, size_t size,
	  int (*cmp)(const void *a, const void *b), void *swap);

#define BITS_PER_LONG		(8 * sizeof(long))
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1;
}

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1UL << (n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1UL << (n % BITS_PER_LONG));
}

static inline bool __test_and_set_bit(unsigned long n, unsigned long *map)
{
	bool old = test_bit(n, map);

	__set_bit(n, map);
	return old;
}

static inline bool __test_and_clear_bit(unsigned long n, unsigned long *map)
{
	bool old = test_bit(n, map);

	__clear_bit(n, map);
	return old;
}

static inline int fls64(u64 n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

static inline bool is_power_of_2(u64 n)
{
	return n && !(n & (n - 1));
}

static inline u64 roundup_pow_of_two(u64 n)
{
	return 1ULL << fls64(n - 1);
}

static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return IN6_IS_ADDR_V4MAPPED(a);
}

/* A sorted array of (index, value); an ida has no use for the value */
struct shim_map {
	struct shim_entry {
		unsigned long index;
		void *value;
	} *entries;
	size_t n;
	size_t room;
};

struct xarray {
	struct shim_map map;
};

struct ida {
	struct shim_map map;
};

#define XA_FLAGS_LOCK_BH	0
void xa_init_flags(struct xarray *xa, gfp_t flags);
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store_bh(struct xarray *xa, unsigned long index, void *entry,
		  gfp_t gfp);
void *xa_erase_bh(struct xarray *xa, unsigned long index);
void xa_destroy(struct xarray *xa);

static inline bool xa_empty(const struct xarray *xa)
{
	return !xa->map.n;
}

static inline void *xa_mk_value(unsigned long v)
{
	return (void *)(v << 1 | 1);
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

static inline int xa_err(void *entry)
{
	return (long)entry < 0 && (long)entry >= -4095 ? (long)entry : 0;
}

void ida_init(struct ida *ida);
void ida_destroy(struct ida *ida);
int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max,
		    gfp_t gfp);
void ida_free(struct ida *ida, unsigned int id);

#endif /* _SHIM_H */
