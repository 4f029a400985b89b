#include "policy/canonical_path.h"

/* What a byte means. One table for a path as it was sent, one for a path after decoding. */
enum byte_kind {
    BYTE_PLAIN = 0,
    BYTE_SLASH,
    BYTE_PERCENT,
    BYTE_END, /* "?": the query begins */
    BYTE_BACKSLASH,
    BYTE_PARAMETER,
    BYTE_CONTROL,
    BYTE_MALFORMED,
    BYTE_LEAD, /* begins UTF-8 sequences that may be overlong */
};

static const uint8_t kinds_as_sent[256] = {
    [0x00 ... 0x20] = BYTE_MALFORMED,
    ['#'] = BYTE_MALFORMED,
    ['%'] = BYTE_PERCENT,
    ['/'] = BYTE_SLASH,
    [';'] = BYTE_PARAMETER,
    ['?'] = BYTE_END,
    ['\\'] = BYTE_BACKSLASH,
    [0x7f ... 0xff] = BYTE_MALFORMED,
};

static const uint8_t kinds_decoded[256] = {
    [0x00 ... 0x1f] = BYTE_CONTROL,
    ['%'] = BYTE_PERCENT,
    ['/'] = BYTE_SLASH,
    [';'] = BYTE_PARAMETER,
    ['\\'] = BYTE_BACKSLASH,
    [0x7f] = BYTE_CONTROL,
    [0xc0] = BYTE_LEAD,
    [0xc1] = BYTE_LEAD,
    [0xe0] = BYTE_LEAD,
    [0xf0] = BYTE_LEAD,
    [0xf8] = BYTE_LEAD,
    [0xfc] = BYTE_LEAD,
};

static int read_hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = str_lower_char(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that the escape at `at` stands for, or -1. */
static int read_escape(struct str s, size_t at) {
    if (s.len - at < 3) {
        return -1;
    }
    int high = read_hex(s.at[at + 1]);
    int low = read_hex(s.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* True if the segment that begins at `at` is "." or "..". `stop` ends a path besides "/" and its length. */
static bool is_dot_segment(struct str s, size_t at, char stop) {
    size_t dots = 0;
    while (at < s.len && dots < 3 && s.at[at] == '.') {
        at++;
        dots++;
    }
    return dots > 0 && dots < 3 && (at == s.len || s.at[at] == '/' || s.at[at] == stop);
}

/* Lead bytes of BYTE_LEAD: C0 and C1 are always overlong, the others with a second byte below a bound. */
static bool is_overlong(struct str s, size_t at) {
    uint8_t lead = (uint8_t)s.at[at];
    if (lead == 0xc0 || lead == 0xc1) {
        return true;
    }
    uint8_t second = at + 1 < s.len ? (uint8_t)s.at[at + 1] : 0;
    unsigned bound = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : lead == 0xf8 ? 0x88 : 0x84;
    return second >= 0x80 && second < bound;
}

static enum status refuse_slash(struct str s, size_t at, struct why *why) {
    if (at + 1 < s.len && s.at[at + 1] == '/') {
        return why_set(why, STATUS_INVALID, "path_empty_segment",
                       "the path has an empty segment (//)");
    }
    return why_set(why, STATUS_INVALID, "path_dot_segment", "the path has a . or .. segment");
}

static enum status refuse_byte(enum byte_kind kind, struct why *why) {
    switch (kind) {
    case BYTE_BACKSLASH:
        return why_set(why, STATUS_INVALID, "path_backslash", "the path has a backslash");
    case BYTE_PARAMETER:
        return why_set(why, STATUS_INVALID, "path_parameter", "the path has a semicolon");
    case BYTE_CONTROL:
        return why_set(why, STATUS_INVALID, "path_control", "the path has a control character");
    default:
        return why_set(why, STATUS_INVALID, "path_malformed",
                       "the path has a byte that no path may carry unencoded");
    }
}

/* Walks a path as it was sent. *end: where the query begins. Dot and empty segments are left to the walk over the decoded
 * form when there is anything to decode. */
static enum status scan_sent(struct str target, size_t *end, bool *has_escapes, struct why *why) {
    *has_escapes = false;
    size_t at = 0;
    for (; at < target.len; at++) {
        enum byte_kind kind = kinds_as_sent[(uint8_t)target.at[at]];
        if (kind == BYTE_PLAIN) {
            continue;
        }
        if (kind == BYTE_END) {
            break;
        }
        if (kind == BYTE_PERCENT) {
            *has_escapes = true;
            continue;
        }
        if (kind != BYTE_SLASH) {
            return refuse_byte(kind, why);
        }
        bool is_empty = at + 1 < target.len && target.at[at + 1] == '/';
        if (is_empty || is_dot_segment(target, at + 1, '?')) {
            return refuse_slash(target, at, why);
        }
    }
    *end = at;
    return STATUS_OK;
}

/* Walks a decoded path. */
static enum status check_decoded(struct str path, size_t *offset, struct why *why) {
    for (size_t at = 0; at < path.len; at++) {
        enum byte_kind kind = kinds_decoded[(uint8_t)path.at[at]];
        if (kind == BYTE_PLAIN) {
            continue;
        }
        *offset = at;
        if (kind == BYTE_SLASH) {
            bool is_empty = at + 1 < path.len && path.at[at + 1] == '/';
            if (is_empty || is_dot_segment(path, at + 1, '/')) {
                return refuse_slash(path, at, why);
            }
        } else if (kind == BYTE_PERCENT) {
            if (read_escape(path, at) >= 0) {
                return why_set(why, STATUS_INVALID, "path_double_encoding",
                               "the path has a percent escape left after decoding");
            }
        } else if (kind == BYTE_LEAD) {
            if (is_overlong(path, at)) {
                return why_set(why, STATUS_INVALID, "path_overlong", "the path has overlong UTF-8");
            }
        } else {
            return refuse_byte(kind, why);
        }
    }
    return STATUS_OK;
}

/* Decodes every escape once. An encoded slash is refused here: afterwards it could not be told from a raw one. */
static enum status decode(struct str sent, struct arena *arena, struct str *path, struct why *why) {
    char *out = arena_bytes(arena, sent.len);
    size_t len = 0;
    for (size_t at = 0; at < sent.len; at++) {
        char c = sent.at[at];
        if (c == '%') {
            int byte = read_escape(sent, at);
            if (byte < 0) {
                return why_set(why, STATUS_INVALID, "path_malformed",
                               "the path has a percent sign without two hexadecimal digits");
            }
            if (byte == '/') {
                return why_set(why, STATUS_INVALID, "path_encoded_slash",
                               "the path has an encoded slash");
            }
            c = (char)byte;
            at += 2;
        }
        out[len++] = c;
    }
    *path = str_make(out, len);
    return STATUS_OK;
}

static enum status check_start(struct str path, struct why *why) {
    if (path.len == 0 || path.at[0] != '/') {
        return why_set(why, STATUS_INVALID, "path_malformed", "the path does not begin with /");
    }
    return STATUS_OK;
}

enum status canonical_path(struct str target, struct arena *arena, struct str *path,
                           struct why *why) {
    enum status status = check_start(target, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t end = 0;
    bool has_escapes = false;
    status = scan_sent(target, &end, &has_escapes, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct str sent = str_sub(target, 0, end);
    if (!has_escapes) {
        *path = sent;
        return STATUS_OK;
    }
    struct str decoded = STR_EMPTY;
    status = decode(sent, arena, &decoded, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t offset = 0;
    status = check_decoded(decoded, &offset, why);
    if (status == STATUS_OK) {
        *path = decoded;
    }
    return status;
}

enum status canonical_path_check(struct str path, size_t *offset, struct why *why) {
    size_t unused = 0;
    size_t *fault = offset != NULL ? offset : &unused;
    *fault = 0;
    enum status status = check_start(path, why);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; at < path.len; at++) {
        *fault = at;
        if (path.at[at] == '?' || path.at[at] == '#') {
            return why_set(why, STATUS_INVALID, "path_malformed",
                           "a path has no query and no fragment");
        }
        if (path.at[at] == '%' && read_escape(path, at) >= 0) {
            return why_set(why, STATUS_INVALID, "path_double_encoding",
                           "a configured path is written decoded, without percent escapes");
        }
    }
    return check_decoded(path, fault, why);
}
