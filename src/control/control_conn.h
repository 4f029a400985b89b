/* control_conn.h: the control plane's two services on the front, and the connections that they hold. Loop thread only.
 *
 * The API: server name api.<domain>, HTTP/2 or HTTP/1.1. Machines: the same name with ALPN mezusphere-control/1, HTTP/1.1 over
 * TLS 1.3; a client certificate is verified if there is one.
 */
#ifndef CONTROL_CONTROL_CONN_H
#define CONTROL_CONTROL_CONN_H

#include "control/control_state.h"

/* Makes both TLS contexts and their certificates. STATUS_INVALID, STATUS_FAILED. */
enum status control_conn_make_tls(struct control *control, struct why *why) MUST_USE;
/* After a step of the CA's rotation: trusts its roots from here on; `is_anew`: other certificates of our own, too. */
enum status control_conn_take_ca(struct control *control, bool is_anew, struct why *why) MUST_USE;
/* Renews the certificates when it is time. */
void control_conn_maintain(struct control *control);
void control_conn_add_services(struct control *control, struct front *front);
/* Tells all connections to finish, or ends them at once. */
void control_conn_drain_all(struct control *control);
/* Clients of the API, not machines: told to go, with the answer to what they ask next. */
void control_conn_leave_all(struct control *control);
size_t control_conn_client_count(const struct control *control);
void control_conn_abort_all(struct control *control);

#endif
