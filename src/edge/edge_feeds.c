#include "edge/edge_feeds.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_feed.h"
#include "edge/edge_roster_report.h"

#define FEEDS_MAX EDGE_ENROLMENT_CONTROLS_MAX

/* Where one is to go: texts of our own. */
struct place {
    char address[264];
    char server_name[256];
};

struct edge_feeds {
    struct edge *edge;
    int (*connect_control)(void *context);
    void *connect_context;
    struct edge_feed *at[FEEDS_MAX];
    size_t count;
    bool is_started;
    struct place wanted[FEEDS_MAX];
    size_t wanted_count;
    struct loop_task follow_task; /* a feed may have told it: it must not end in its own call */
};

static struct edge_feed *make_feed(struct edge_feeds *feeds, const char *address,
                                   struct str server_name) {
    const struct edge_config config = {
        .connect_control = feeds->connect_control,
        .connect_context = feeds->connect_context,
        .control_address = address,
        .control_server_name = server_name,
    };
    return edge_feed_new(feeds->edge, &config);
}

static bool is_wanted(const struct edge_feeds *feeds, const struct edge_feed *feed) {
    for (size_t i = 0; i < feeds->wanted_count; i++) {
        if (edge_feed_is_at(feed, feeds->wanted[i].address, feeds->wanted[i].server_name)) {
            return true;
        }
    }
    return false;
}

static bool is_there(const struct edge_feeds *feeds, const struct place *place) {
    for (size_t i = 0; i < feeds->count; i++) {
        if (edge_feed_is_at(feeds->at[i], place->address, place->server_name)) {
            return true;
        }
    }
    return false;
}

static void drop_unwanted(struct edge_feeds *feeds) {
    size_t kept = 0;
    for (size_t i = 0; i < feeds->count; i++) {
        struct edge_feed *feed = feeds->at[i];
        if (is_wanted(feeds, feed)) {
            feeds->at[kept++] = feed;
        } else {
            edge_feed_free(&feed);
        }
    }
    feeds->count = kept;
}

static void run_follow(struct loop_task *task) {
    struct edge_feeds *feeds = CONTAINER_OF(task, struct edge_feeds, follow_task);
    drop_unwanted(feeds);
    for (size_t i = 0; i < feeds->wanted_count && feeds->count < FEEDS_MAX; i++) {
        const struct place *place = &feeds->wanted[i];
        if (is_there(feeds, place)) {
            continue;
        }
        struct edge_feed *feed = make_feed(feeds, place->address, str_from(place->server_name));
        if (feed == NULL) {
            log_warn("edge.control_unusable", "control=%s is not host:port", place->address);
            continue;
        }
        log_info("edge.control_told", "control=%s", place->address);
        feeds->at[feeds->count++] = feed;
        if (feeds->is_started) {
            edge_feed_start(feed);
        }
    }
}

void edge_feeds_follow(struct edge_feeds *feeds, const struct edge_controls *controls) {
    if (feeds == NULL || feeds->connect_control != NULL) {
        return;
    }
    feeds->wanted_count = 0;
    for (size_t i = 0; i < controls->count; i++) {
        struct place *place = &feeds->wanted[feeds->wanted_count];
        if (str_to_cstr(controls->at[i].address, place->address, sizeof(place->address)) ==
                STATUS_OK &&
            str_to_cstr(controls->at[i].server_name, place->server_name,
                        sizeof(place->server_name)) == STATUS_OK) {
            feeds->wanted_count++;
        }
    }
    loop_task_schedule(feeds->edge->loop, &feeds->follow_task);
}

struct edge_feeds *edge_feeds_new(struct edge *edge, const struct edge_config *config) {
    struct edge_feeds *feeds = MEMORY_NEW(struct edge_feeds);
    const struct enrolment_edge one = {str_from(config->control_address),
                                       config->control_server_name};
    const struct enrolment_edge *places = config->controls != NULL ? config->controls->at : &one;
    size_t count = config->controls != NULL ? config->controls->count : 1;
    feeds->edge = edge;
    feeds->connect_control = config->connect_control;
    feeds->connect_context = config->connect_context;
    loop_task_init(&feeds->follow_task, run_follow);
    for (size_t i = 0; i < count; i++) {
        char address[264];
        struct edge_feed *feed =
            str_to_cstr(places[i].address, address, sizeof(address)) == STATUS_OK
                ? make_feed(feeds, address, places[i].server_name)
                : NULL;
        if (feed == NULL) {
            edge_feeds_free(&feeds);
            return NULL;
        }
        feeds->at[feeds->count++] = feed;
    }
    return feeds;
}

void edge_feeds_start(struct edge_feeds *feeds) {
    feeds->is_started = true;
    for (size_t i = 0; i < feeds->count; i++) {
        edge_feed_start(feeds->at[i]);
    }
}

void edge_feeds_free(struct edge_feeds **at) {
    struct edge_feeds *feeds = *at;
    *at = NULL;
    if (feeds == NULL) {
        return;
    }
    loop_task_cancel(&feeds->follow_task);
    for (size_t i = 0; i < feeds->count; i++) {
        edge_feed_free(&feeds->at[i]);
    }
    memory_free(feeds);
}

void edge_feeds_report(struct edge_feeds *feeds, const struct feed_message *message) {
    for (size_t i = 0; feeds != NULL && i < feeds->count; i++) {
        edge_feed_report(feeds->at[i], message);
    }
}

bool edge_feeds_ask(struct edge_feeds *feeds, const struct feed_message *message) {
    for (size_t i = 0; feeds != NULL && i < feeds->count; i++) {
        if (edge_feed_is_live(feeds->at[i])) {
            edge_feed_report(feeds->at[i], message);
            return true;
        }
    }
    return false;
}

static void tell(void *context, const struct feed_message *message) {
    edge_feeds_report(context, message);
}

/* What nobody hears is told anew by the next sync. */
void edge_feeds_report_due(struct edge_feeds *feeds) {
    bool is_heard = false;
    for (size_t i = 0; feeds != NULL && i < feeds->count; i++) {
        is_heard |= edge_feed_is_connected(feeds->at[i]);
    }
    if (is_heard) {
        edge_roster_report(feeds->edge->roster, tell, feeds);
    }
}

bool edge_feeds_is_live(const struct edge_feeds *feeds) {
    for (size_t i = 0; feeds != NULL && i < feeds->count; i++) {
        if (edge_feed_is_live(feeds->at[i])) {
            return true;
        }
    }
    return false;
}
