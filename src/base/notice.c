#include "base/notice.h"

#include <stdio.h>
#include <string.h>

bool notice_is_due(struct notice *notice, const char *slug, int64_t now_ms) {
    bool is_new = strncmp(notice->slug, slug, NOTICE_SLUG_SIZE - 1) != 0;
    if (!is_new && now_ms - notice->spoke_at_ms < NOTICE_INTERVAL_MS) {
        return false;
    }
    (void)snprintf(notice->slug, sizeof notice->slug, "%s", slug);
    notice->spoke_at_ms = now_ms;
    return true;
}

void notice_forget(struct notice *notice) {
    notice->slug[0] = '\0';
}
