/* mail_budget.h: how many mails an organization may have sent in an hour: they go to people who have not asked for them.
 *
 * Counted in memory, for MAIL_BUDGET_ROWS_MAX organizations; the one that began its hour first goes first. Safe from any thread.
 */
#ifndef CONTROL_MAIL_BUDGET_H
#define CONTROL_MAIL_BUDGET_H

#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/status.h"

#define MAIL_BUDGET_AN_HOUR 100
#define MAIL_BUDGET_ROWS_MAX 256

struct mail_budget {
    pthread_mutex_t lock;
    const struct clock *clock; /* borrowed */
    struct mail_budget_row {
        struct id organization;
        int64_t begun_at_ms; /* mono */
        unsigned count;
    } rows[MAIL_BUDGET_ROWS_MAX];
};

void mail_budget_init(struct mail_budget *budget, const struct clock *clock);
void mail_budget_fini(struct mail_budget *budget);
/* One more. STATUS_UNAVAILABLE (too_many_attempts) with *retry_after_seconds. */
enum status mail_budget_take(struct mail_budget *budget, const struct id *organization,
                             int64_t *retry_after_seconds, struct why *why) MUST_USE;

#endif
