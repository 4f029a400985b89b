#include "http/h1_scan.h"

#include <string.h>

void h1_scan_init(struct h1_scan *scan, size_t max) {
    *scan = (struct h1_scan){.max = max};
    buf_init(&scan->pending, max);
}

void h1_scan_reset(struct h1_scan *scan) {
    buf_fini(&scan->pending);
    h1_scan_init(scan, scan->max);
}

bool h1_scan_has_begun(const struct h1_scan *scan) {
    return buf_len(&scan->pending) > 0;
}

/* `line_len` counts the CR, not the LF. */
static enum status check_line(const char *line, size_t line_len, struct why *why) {
    if (line_len == 0 || line[line_len - 1] != '\r') {
        return why_set(why, STATUS_INVALID, "bare_lf", "a line ends in LF without CR");
    }
    if (memchr(line, '\r', line_len - 1) != NULL) {
        return why_set(why, STATUS_INVALID, "bare_cr", "a CR is not followed by LF");
    }
    if (line[0] == ' ' || line[0] == '\t') {
        return why_set(why, STATUS_INVALID, "obs_fold", "a line begins with white space");
    }
    return STATUS_OK;
}

static enum status scan_lines(struct h1_scan *scan, const char *at, size_t len, struct why *why) {
    while (scan->searched < len) {
        const char *lf = memchr(at + scan->searched, '\n', len - scan->searched);
        if (lf == NULL) {
            scan->searched = len;
            break;
        }
        const char *line = at + scan->line;
        size_t line_len = (size_t)(lf - line);
        enum status status = check_line(line, line_len, why);
        if (status != STATUS_OK) {
            return status;
        }
        scan->line_count++;
        scan->line = (size_t)(lf - at) + 1;
        scan->searched = scan->line;
        if (line_len == 1) {
            return STATUS_OK;
        }
    }
    return STATUS_AGAIN;
}

static enum status refuse_size(struct why *why) {
    return why_set(why, STATUS_TOO_LARGE, "head_too_large", "the header section is too large");
}

/* Nothing is pending: the usual case, without a copy. */
static enum status scan_fresh(struct h1_scan *scan, const uint8_t *bytes, size_t len, size_t *used,
                              struct str *section, struct why *why) {
    enum status status = scan_lines(scan, (const char *)bytes, len, why);
    *used = status == STATUS_OK ? scan->line : len;
    if (status == STATUS_OK || status == STATUS_AGAIN) {
        if (*used > scan->max) {
            return refuse_size(why);
        }
        *section = str_make(bytes, *used);
    }
    if (status == STATUS_AGAIN && buf_append(&scan->pending, bytes, len) != STATUS_OK) {
        return refuse_size(why);
    }
    return status;
}

enum status h1_scan_feed(struct h1_scan *scan, const uint8_t *bytes, size_t len, size_t *used,
                         struct str *section, struct why *why) {
    size_t before = buf_len(&scan->pending);
    if (before == 0) {
        return scan_fresh(scan, bytes, len, used, section, why);
    }
    size_t take = len < scan->max - before ? len : scan->max - before;
    *used = take;
    if (buf_append(&scan->pending, bytes, take) != STATUS_OK) {
        return refuse_size(why);
    }
    struct str all = buf_str(&scan->pending);
    enum status status = scan_lines(scan, all.at, all.len, why);
    if (status == STATUS_OK) {
        *used = scan->line - before;
        *section = str_sub(all, 0, scan->line);
    }
    return status == STATUS_AGAIN && take < len ? refuse_size(why) : status;
}
