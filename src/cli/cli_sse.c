#include "cli/cli_sse.h"

#include <stdio.h>
#include <string.h>

void cli_sse_init(struct cli_sse *sse, cli_sse_event_fn on_event, void *context) {
    *sse = (struct cli_sse){.on_event = on_event, .context = context};
    buf_init(&sse->line, CLI_SSE_BYTES_MAX);
    buf_init(&sse->data, CLI_SSE_BYTES_MAX);
}

void cli_sse_fini(struct cli_sse *sse) {
    buf_fini(&sse->line);
    buf_fini(&sse->data);
}

static void take_data(struct cli_sse *sse, struct str value) {
    bool fits = buf_len(&sse->data) == 0 || buf_append(&sse->data, "\n", 1) == STATUS_OK;
    if (!fits || buf_append_str(&sse->data, value) != STATUS_OK) {
        sse->is_too_large = true;
    }
}

static void take_line(struct cli_sse *sse, struct str line) {
    struct str name;
    struct str value;
    (void)str_cut(line, ':', &name, &value);
    if (str_starts_with(value, STR(" "))) {
        value = str_sub(value, 1, value.len);
    }
    if (str_eq(name, STR("data"))) {
        take_data(sse, value);
    } else if (str_eq(name, STR("event"))) {
        (void)snprintf(sse->event, sizeof(sse->event), "%.*s", STR_ARG(value));
    } else if (str_eq(name, STR("id")) && memchr(value.at, '\0', value.len) == NULL) {
        (void)snprintf(sse->last_id, sizeof(sse->last_id), "%.*s", STR_ARG(value));
    }
}

static bool dispatch(struct cli_sse *sse) {
    bool wants_more = true;
    if (buf_len(&sse->data) > 0 && !sse->is_too_large) {
        struct str event = str_from(sse->event[0] == '\0' ? "message" : sse->event);
        wants_more = sse->on_event(sse->context, event, buf_str(&sse->data));
    }
    buf_clear(&sse->data);
    sse->event[0] = '\0';
    sse->is_too_large = false;
    return wants_more;
}

static bool end_line(struct cli_sse *sse) {
    struct str line = buf_str(&sse->line);
    bool wants_more = true;
    if (str_is_empty(line)) {
        wants_more = dispatch(sse);
    } else if (line.at[0] != ':') {
        take_line(sse, line);
    }
    buf_clear(&sse->line);
    return wants_more;
}

bool cli_sse_feed(struct cli_sse *sse, struct str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        bool is_second = c == '\n' && sse->is_after_cr;
        sse->is_after_cr = c == '\r';
        if (is_second) {
            continue;
        }
        if (c == '\r' || c == '\n') {
            if (!end_line(sse)) {
                return false;
            }
        } else if (buf_append(&sse->line, &c, 1) != STATUS_OK) {
            sse->is_too_large = true;
        }
    }
    return true;
}
