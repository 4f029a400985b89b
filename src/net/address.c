#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- texts ---- */

static enum status parse_port(struct str text, uint16_t *port, struct str whole, struct why *why) {
    uint64_t value;
    if (str_to_u64(text, UINT16_MAX, &value) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "address_port",
                       "\"%.*s\" has no valid port: give a number from 0 to 65535",
                       STR_ARG(str_sub(whole, 0, 100)));
    }
    *port = (uint16_t)value;
    return STATUS_OK;
}

/* Cuts "host:port" and "[v6]:port"; `port` is empty with a NULL pointer where there is none. */
static bool cut_port(struct str text, struct str *host, struct str *port) {
    *port = (struct str){NULL, 0};
    if (text.len > 0 && text.at[0] == '[') {
        size_t close = str_find(text, ']');
        if (close == text.len) {
            return false;
        }
        *host = str_sub(text, 1, close - 1);
        struct str rest = str_sub(text, close + 1, text.len);
        if (rest.len > 0 && rest.at[0] != ':') {
            return false;
        }
        if (rest.len > 0) {
            *port = str_sub(rest, 1, rest.len);
        }
        return str_find(*host, ':') < host->len;
    }
    size_t colon = str_find(text, ':');
    *host = str_sub(text, 0, colon);
    if (colon < text.len) {
        *port = str_sub(text, colon + 1, text.len);
    }
    return str_find(*port, ':') == port->len;
}

static bool is_host_text(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        if (c <= ' ' || c >= 0x7f || strchr("/\\@?#[]%\"'<>", c) != NULL) {
            return false;
        }
    }
    return host.len > 0;
}

enum status address_split(struct str text, uint16_t default_port, char host[ADDRESS_HOST_SIZE],
                          uint16_t *port, struct why *why) {
    struct str host_text;
    struct str port_text;
    if (!cut_port(text, &host_text, &port_text) || !is_host_text(host_text) ||
        str_to_cstr(host_text, host, ADDRESS_HOST_SIZE) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "address_invalid",
                       "\"%.*s\" is not HOST:PORT or [IPV6]:PORT", STR_ARG(str_sub(text, 0, 100)));
    }
    if (port_text.at == NULL) {
        if (default_port == 0) {
            return why_set(why, STATUS_INVALID, "address_port",
                           "\"%.*s\" names no port: give HOST:PORT",
                           STR_ARG(str_sub(text, 0, 100)));
        }
        *port = default_port;
        return STATUS_OK;
    }
    return parse_port(port_text, port, text, why);
}

enum status address_from_ip(struct str ip, uint16_t port, struct address *address) {
    char text[INET6_ADDRSTRLEN];
    *address = (struct address){0};
    if (str_to_cstr(ip, text, sizeof(text)) != STATUS_OK) {
        return STATUS_INVALID;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address->len = sizeof(*v4);
        return STATUS_OK;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->storage;
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address->len = sizeof(*v6);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status address_parse_listen(struct str text, struct address *address, struct why *why) {
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    enum status status = address_split(text, 0, host, &port, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct str ip = str_from(host);
    if (str_eq_nocase(ip, STR("localhost"))) {
        ip = STR("127.0.0.1");
    }
    if (address_from_ip(ip, port, address) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "address_invalid",
                       "%.100s is not an IP address: listen on one, such as 127.0.0.1:8443", host);
    }
    return STATUS_OK;
}

void address_ip(const struct address *address, char out[ADDRESS_TEXT_SIZE]) {
    out[0] = '\0';
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &v4->sin_addr, out, ADDRESS_TEXT_SIZE);
        return;
    }
    if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, ADDRESS_TEXT_SIZE);
            return;
        }
        inet_ntop(AF_INET6, &v6->sin6_addr, out, ADDRESS_TEXT_SIZE);
        return;
    }
    if (address->storage.ss_family == AF_UNIX) {
        snprintf(out, ADDRESS_TEXT_SIZE, "unix");
    }
}

uint16_t address_port(const struct address *address) {
    if (address->storage.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    }
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    }
    return 0;
}

void address_text(const struct address *address, char out[ADDRESS_TEXT_SIZE]) {
    char ip[ADDRESS_TEXT_SIZE];
    address_ip(address, ip);
    if (address->storage.ss_family != AF_INET && address->storage.ss_family != AF_INET6) {
        snprintf(out, ADDRESS_TEXT_SIZE, "%.*s", ADDRESS_TEXT_SIZE - 1, ip);
        return;
    }
    bool is_v6 = strchr(ip, ':') != NULL;
    snprintf(out, ADDRESS_TEXT_SIZE, is_v6 ? "[%.*s]:%u" : "%.*s:%u", INET6_ADDRSTRLEN, ip,
             address_port(address));
}

/* ---- names ---- */

struct address_lookup {
    struct loop *loop;
    uv_getaddrinfo_t request;
    struct loop_task answer; /* for what needs no query: found is never called from inside start */
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    address_found_fn found;
    void *context;
    bool is_cancelled;
    struct address results[ADDRESS_RESULTS_MAX];
    size_t count;
    int error;
};

static void finish_lookup(struct address_lookup *lookup) {
    if (!lookup->is_cancelled) {
        struct why why = {0};
        enum status status = STATUS_OK;
        if (lookup->count == 0) {
            const char *reason = lookup->error != 0 ? uv_strerror(lookup->error) : "no address";
            status = why_set(&why, STATUS_UNAVAILABLE, "name_unresolved",
                             "the name %.150s could not be resolved: %s", lookup->host, reason);
        }
        lookup->found(lookup->context, status, lookup->results, lookup->count, &why);
    }
    memory_free(lookup);
}

static void on_answer(struct loop_task *task) {
    finish_lookup(CONTAINER_OF(task, struct address_lookup, answer));
}

static void add_result(struct address_lookup *lookup, const struct sockaddr *from, socklen_t len) {
    if (lookup->count == ADDRESS_RESULTS_MAX ||
        (from->sa_family != AF_INET && from->sa_family != AF_INET6)) {
        return;
    }
    struct address *to = &lookup->results[lookup->count++];
    *to = (struct address){.len = len};
    memcpy(&to->storage, from, len);
    if (from->sa_family == AF_INET) {
        ((struct sockaddr_in *)&to->storage)->sin_port = htons(lookup->port);
    } else {
        ((struct sockaddr_in6 *)&to->storage)->sin6_port = htons(lookup->port);
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int error, struct addrinfo *list) {
    struct address_lookup *lookup = CONTAINER_OF(request, struct address_lookup, request);
    lookup->error = error;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        add_result(lookup, at->ai_addr, at->ai_addrlen);
    }
    uv_freeaddrinfo(list);
    finish_lookup(lookup);
}

/* RFC 6761 §6.3: localhost and everything below it, with or without the final dot. */
static bool is_localhost(struct str host) {
    char lower[ADDRESS_HOST_SIZE];
    if (host.len > 0 && host.at[host.len - 1] == '.') {
        host.len--;
    }
    str_lower(host, lower);
    struct str name = str_make(lower, host.len);
    return str_eq(name, STR("localhost")) || str_ends_with(name, STR(".localhost"));
}

static bool answer_without_query(struct address_lookup *lookup) {
    struct str host = str_from(lookup->host);
    if (address_from_ip(host, lookup->port, &lookup->results[0]) == STATUS_OK) {
        lookup->count = 1;
        return true;
    }
    if (is_localhost(host)) {
        lookup->count =
            address_from_ip(STR("127.0.0.1"), lookup->port, &lookup->results[0]) == STATUS_OK &&
                    address_from_ip(STR("::1"), lookup->port, &lookup->results[1]) == STATUS_OK
                ? 2
                : 0;
        return true;
    }
    return false;
}

struct address_lookup *address_lookup_start(struct loop *loop, const char *host, uint16_t port,
                                            address_found_fn found, void *context) {
    struct address_lookup *lookup = MEMORY_NEW(struct address_lookup);
    lookup->loop = loop;
    lookup->port = port;
    lookup->found = found;
    lookup->context = context;
    loop_task_init(&lookup->answer, on_answer);
    if (str_to_cstr(str_from(host), lookup->host, sizeof(lookup->host)) != STATUS_OK) {
        lookup->error = UV_EINVAL;
        loop_task_schedule(loop, &lookup->answer);
        return lookup;
    }
    if (!answer_without_query(lookup)) {
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        lookup->error = uv_getaddrinfo(loop_uv(loop), &lookup->request, on_resolved, lookup->host,
                                       NULL, &hints);
        if (lookup->error == 0) {
            return lookup;
        }
    }
    loop_task_schedule(loop, &lookup->answer);
    return lookup;
}

void address_lookup_cancel(struct address_lookup *lookup) {
    lookup->is_cancelled = true;
    if (!list_is_linked(&lookup->answer.node)) {
        uv_cancel((uv_req_t *)&lookup->request); /* either way on_resolved comes and frees it */
    }
}
