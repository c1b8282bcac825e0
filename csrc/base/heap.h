/* heap.h: memory that the process has freed goes back to the system. */
#ifndef SSE_BASE_HEAP_H
#define SSE_BASE_HEAP_H

/* Gives pages without anything in them back, where the allocator keeps them until it is told: glibc
 * gives back by itself only what lies above all that is in use. Takes some milliseconds where the
 * heap is large. Does nothing with another C library. */
void sse_heap_trim(void);

/* For a fork: gives freed memory back, and sorts what is left of it, so that neither process has
 * to write into memory that both share only to find free blocks. */
void sse_heap_settle(void);

#endif
