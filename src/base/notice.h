/* notice.h: when to speak of trouble that lasts: at its beginning, when it becomes another, and then once a minute.
 *
 * One for each thing that may be in trouble; plain memory of its owner, all zero at first. Trouble is told apart by its slug
 * (struct why), of which NOTICE_SLUG_SIZE - 1 bytes count.
 */
#ifndef BASE_NOTICE_H
#define BASE_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#define NOTICE_INTERVAL_MS 60000
#define NOTICE_SLUG_SIZE 48

struct notice {
    char slug[NOTICE_SLUG_SIZE]; /* of the last trouble spoken of; empty: none */
    int64_t spoke_at_ms;         /* monotonic */
};

/* True when this trouble is worth a line now: the caller writes it. */
bool notice_is_due(struct notice *notice, const char *slug, int64_t now_ms);
/* The trouble is over: the next is news, of whatever kind. */
void notice_forget(struct notice *notice);

#endif
