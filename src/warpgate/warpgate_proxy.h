/* warpgate_proxy.h: the way out of a network that lets only an HTTP proxy through: CONNECT (RFC 9110 §9.3.6), for tunnels and enrolment.
 *
 * http://[user:password@]host[:port], port 80 if none is named; user and password go to the proxy alone (Basic, RFC 7617), and into no
 * log. Inside is the same TLS as without a proxy, to the same peer: a proxy sees where to, how much, and nothing else.
 * Workloads are never reached through it. This file reads; warpgate_proxy_call.h speaks.
 */
#ifndef WARPGATE_WARPGATE_PROXY_H
#define WARPGATE_WARPGATE_PROXY_H

#include "base/status.h"
#include "base/str.h"
#include "net/address.h"

#define WARPGATE_PROXY_ANSWER_MAX 8192 /* bytes of its response heads */
#define WARPGATE_PROXY_AUTHORIZATION_SIZE 1024
#define WARPGATE_PROXY_BYPASS_SIZE 1024

struct warpgate_proxy {
    char host[ADDRESS_HOST_SIZE]; /* empty: none */
    uint16_t port;
    char authorization[WARPGATE_PROXY_AUTHORIZATION_SIZE]; /* base64 of user:password, or empty */
    bool is_ambient; /* from the environment that other programs use, too: with its exceptions */
    char bypass[WARPGATE_PROXY_BYPASS_SIZE]; /* NO_PROXY */
};

/* STATUS_INVALID with why: the text is not repeated in it, for it may hold a password. */
enum status warpgate_proxy_parse(struct str url, struct warpgate_proxy *proxy,
                                 struct why *why) MUST_USE;
/* HTTPS_PROXY or https_proxy, with NO_PROXY or no_proxy. Without them, the proxy is none. */
enum status warpgate_proxy_from_environment(struct warpgate_proxy *proxy, struct why *why) MUST_USE;
void warpgate_proxy_fini(struct warpgate_proxy *proxy); /* wipes */
/* Whether `host` is reached through it. NULL is allowed: no. An ambient proxy is not used for loopback names and addresses, nor for
 * what its exceptions name: "*", a host, or a domain with all below it. */
bool warpgate_proxy_serves(const struct warpgate_proxy *proxy, const char *host);

/* Judges what the proxy answered so far: STATUS_OK with the length of its head; STATUS_AGAIN; STATUS_DENIED with why (slug proxy_auth,
 * proxy_refused); STATUS_INVALID (proxy_malformed). */
enum status warpgate_proxy_judge(struct str answer, size_t *head_len, struct why *why) MUST_USE;

#endif
