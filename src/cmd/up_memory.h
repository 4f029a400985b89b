/* up_memory.h: how much memory there is for this process. */
#ifndef CMD_UP_MEMORY_H
#define CMD_UP_MEMORY_H

#include <stddef.h>

/* What this process may use by default: its control group's limit, or most of the machine's memory. */
size_t up_memory_limit(void);

#endif
