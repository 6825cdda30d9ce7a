"""Bits of a /proc/kpageflags word: what a real kernel says about one page.

Mirrors include/uapi/linux/kernel-page-flags.h, and the bits from 32 on that fs/proc/page.c adds to debug:
those are not promised to stay, but kernels of 5.10 to 6.18 agree on them.
Left out: what the bits make of a page (app.guest.capture.loader decides that).
"""

from typing import Final

KPF_LOCKED: Final = 0  # somebody holds the page lock
KPF_ERROR: Final = 1  # reading or writing it failed (gone in newer kernels)
KPF_REFERENCED: Final = 2  # touched since reclaim last looked
KPF_UPTODATE: Final = 3  # its contents are valid
KPF_DIRTY: Final = 4  # must be written back before it may be dropped
KPF_LRU: Final = 5  # on one of reclaim's lists
KPF_ACTIVE: Final = 6  # on the list of pages in use, as against the idle ones
KPF_SLAB: Final = 7  # small kernel objects live in it; on tails too
KPF_WRITEBACK: Final = 8  # being written to its device
KPF_RECLAIM: Final = 9  # to be reclaimed once it has been written
KPF_BUDDY: Final = 10  # free, in the buddy allocator; on every page of the free run, its order is not told
KPF_MMAP: Final = 11  # mapped by some process
KPF_ANON: Final = 12  # anonymous memory of a process
KPF_SWAPCACHE: Final = 13  # has a copy in swap
KPF_SWAPBACKED: Final = 14  # anonymous or shmem: goes to swap, not to a file
KPF_COMPOUND_HEAD: Final = 15  # first page of a compound page
KPF_COMPOUND_TAIL: Final = 16  # any later page of a compound page
KPF_HUGE: Final = 17  # belongs to hugetlbfs; on tails too
KPF_UNEVICTABLE: Final = 18  # reclaim must leave it (mlock, shm lock)
KPF_HWPOISON: Final = 19  # the hardware found it damaged
KPF_NOPAGE: Final = 20  # no page here: a hole in physical memory, or an offline memory block
KPF_KSM: Final = 21  # merged with identical pages
KPF_THP: Final = 22  # transparent huge page (head, and tails in most kernels)
KPF_OFFLINE: Final = 23  # logically offline: a balloon or virtio-mem holds it
KPF_ZERO_PAGE: Final = 24  # the shared page of zeroes
KPF_IDLE: Final = 25  # not touched since idle tracking marked it
KPF_PGTABLE: Final = 26  # holds page tables

KPF_RESERVED: Final = 32  # never given to the allocator: firmware, kernel image, early allocations
KPF_MLOCKED: Final = 33  # pinned into memory by mlock
KPF_OWNER_2: Final = 34  # second bit for its owner's use (6.x; KPF_MAPPEDTODISK before)
KPF_PRIVATE: Final = 35  # a filesystem or driver hangs data on it
KPF_PRIVATE_2: Final = 36  # a second such bit
KPF_OWNER_PRIVATE: Final = 37  # for its owner's use: filesystem, Xen
KPF_ARCH: Final = 38  # for the architecture's use
KPF_UNCACHED: Final = 39  # mapped uncached
KPF_SOFTDIRTY: Final = 40  # written since soft-dirty tracking was reset
KPF_ARCH_2: Final = 41  # for the architecture's use (arm64: memory tags)
KPF_ARCH_3: Final = 42  # for the architecture's use (6.7 and later)


def mask(*bits: int) -> int:
    """Returns the word in which exactly `bits` are set."""
    return sum({1 << bit for bit in bits})
