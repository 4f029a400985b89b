#include "control/mail_budget.h"

#define HOUR_MS (INT64_C(3600) * 1000)

void mail_budget_init(struct mail_budget *budget, const struct clock *clock) {
    *budget = (struct mail_budget){.clock = clock};
    pthread_mutex_init(&budget->lock, NULL);
}

void mail_budget_fini(struct mail_budget *budget) {
    pthread_mutex_destroy(&budget->lock);
}

/* The organization's own, else the one that is free or began first. */
static struct mail_budget_row *find_row(struct mail_budget *budget, const struct id *organization) {
    struct mail_budget_row *oldest = &budget->rows[0];
    for (size_t i = 0; i < MAIL_BUDGET_ROWS_MAX; i++) {
        struct mail_budget_row *row = &budget->rows[i];
        if (id_eq(&row->organization, organization)) {
            return row;
        }
        bool is_older = id_is_none(&row->organization) || row->begun_at_ms < oldest->begun_at_ms;
        oldest = !id_is_none(&oldest->organization) && is_older ? row : oldest;
    }
    *oldest = (struct mail_budget_row){.organization = *organization, .begun_at_ms = INT64_MIN / 2};
    return oldest;
}

enum status mail_budget_take(struct mail_budget *budget, const struct id *organization,
                             int64_t *retry_after_seconds, struct why *why) {
    enum status status = STATUS_OK;
    const int64_t now_ms = clock_mono_ms(budget->clock);
    pthread_mutex_lock(&budget->lock);
    struct mail_budget_row *row = find_row(budget, organization);
    if (now_ms - row->begun_at_ms >= HOUR_MS) {
        row->begun_at_ms = now_ms;
        row->count = 0;
    }
    if (row->count < MAIL_BUDGET_AN_HOUR) {
        row->count++;
    } else {
        *retry_after_seconds = (row->begun_at_ms + HOUR_MS - now_ms) / 1000 + 1;
        status = why_set(why, STATUS_UNAVAILABLE, "too_many_attempts",
                         "the organization has sent %d mails within an hour", MAIL_BUDGET_AN_HOUR);
    }
    pthread_mutex_unlock(&budget->lock);
    return status;
}
