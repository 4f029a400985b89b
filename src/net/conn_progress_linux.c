#include "net/conn_progress.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/conn_state.h"

/* struct tcp_info as far as it is needed. The library's is shorter, and linux/tcp.h, which defines the layout for good, cannot
 * be included beside the library's header, which libuv brings. */
struct kernel_tcp_info {
    struct tcp_info known;
    uint64_t pacing_rate;
    uint64_t max_pacing_rate;
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint32_t segs_out;
    uint32_t segs_in;
    uint32_t notsent_bytes;
};
_Static_assert(sizeof(struct tcp_info) == 104 &&
                   offsetof(struct kernel_tcp_info, bytes_acked) == 120,
               "the layout of linux/tcp.h");

struct conn_progress conn_progress(const struct conn *conn) {
    struct kernel_tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (conn->fd < 0 || getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct kernel_tcp_info, notsent_bytes) + sizeof(info.notsent_bytes)) {
        return (struct conn_progress){0};
    }
    return (struct conn_progress){
        .acked_bytes = info.bytes_acked,
        .is_outstanding = info.known.tcpi_unacked > 0 || info.notsent_bytes > 0,
        .round_trip_ms = info.known.tcpi_rtt / 1000,
    };
}
