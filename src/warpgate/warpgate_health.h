/* warpgate_health.h: whether a workload is up, as far as is known. Pure.
 *
 * Nothing is known at first. What fails first is down at once; what was up goes down by two failures in a row, and one success
 * brings it up. Without a check of its own a workload is judged by its connections; with one (bundle.h) the check decides what is
 * up, and connections that fail are failures, too.
 */
#ifndef WARPGATE_WARPGATE_HEALTH_H
#define WARPGATE_WARPGATE_HEALTH_H

#include <stdbool.h>

#define WARPGATE_HEALTH_FAILURES 2

enum warpgate_health {
    WARPGATE_HEALTH_UNKNOWN,
    WARPGATE_HEALTH_UP,
    WARPGATE_HEALTH_DOWN,
};

struct warpgate_health_record {
    enum warpgate_health health;
    unsigned failure_count; /* in a row */
    bool is_checked;        /* a check of its own decides */
};

/* Each returns true when `health` has changed. */
bool warpgate_health_failed(struct warpgate_health_record *record);
bool warpgate_health_connected(struct warpgate_health_record *record);
bool warpgate_health_passed(struct warpgate_health_record *record); /* a check */
/* A check begins or ends to decide. What is known stays until it is known better. */
void warpgate_health_set_checked(struct warpgate_health_record *record, bool is_checked);

#endif
