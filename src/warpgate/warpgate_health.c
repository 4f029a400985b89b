#include "warpgate/warpgate_health.h"

static bool set_health(struct warpgate_health_record *record, enum warpgate_health health) {
    bool is_change = record->health != health;
    record->health = health;
    return is_change;
}

bool warpgate_health_failed(struct warpgate_health_record *record) {
    if (record->failure_count < WARPGATE_HEALTH_FAILURES) {
        record->failure_count++;
    }
    bool is_enough = record->failure_count == WARPGATE_HEALTH_FAILURES ||
                     record->health == WARPGATE_HEALTH_UNKNOWN;
    return is_enough && set_health(record, WARPGATE_HEALTH_DOWN);
}

bool warpgate_health_passed(struct warpgate_health_record *record) {
    record->failure_count = 0;
    return set_health(record, WARPGATE_HEALTH_UP);
}

bool warpgate_health_connected(struct warpgate_health_record *record) {
    return !record->is_checked && warpgate_health_passed(record);
}

void warpgate_health_set_checked(struct warpgate_health_record *record, bool is_checked) {
    record->is_checked = is_checked;
    record->failure_count = 0;
}
