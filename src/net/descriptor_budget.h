/* descriptor_budget.h: how many descriptors this process may still open, and how many of them are kept for what matters.
 *
 * Connections count themselves (conn.c); what else is open is counted once, when there is little else. When less than the reserve
 * is free, the front takes nobody on who can wait (front.h), so that tunnels, feeds and the API still get in.
 * One for the process, as the limit is: safe from any thread.
 */
#ifndef NET_DESCRIPTOR_BUDGET_H
#define NET_DESCRIPTOR_BUDGET_H

#include <stddef.h>

/* The reserve: so many, or a twentieth of the limit if that is more, but never more than half of it. */
#define DESCRIPTOR_BUDGET_RESERVE_MIN 64

struct descriptor_budget {
    size_t limit;
    size_t reserve;
    size_t used;
};

/* For mains: raises the limit to the most that the system allows without asking. */
void descriptor_budget_raise_limit(void);
/* Counts what is open besides connections: at start, and again whenever a front opens. */
void descriptor_budget_count_others(void);
/* A connection's descriptor comes and goes. */
void descriptor_budget_take(void);
void descriptor_budget_give(void);
/* The limit, which may be changed from outside: asks the system. */
void descriptor_budget_read_limit(void);
/* By the limit as it was read last. */
struct descriptor_budget descriptor_budget_now(void);
/* How many would have to be closed for the reserve to be whole; 0: enough are free. */
size_t descriptor_budget_missing(const struct descriptor_budget *budget);

#endif
