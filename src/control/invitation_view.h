/* invitation_view.h: an invitation as the API shows it. */
#ifndef CONTROL_INVITATION_VIEW_H
#define CONTROL_INVITATION_VIEW_H

#include "control/api_call.h"
#include "store/store_invitation.h"

/* `accept_url` empty: null, as everywhere but in the answer to who has just invited where no mail is sent. STATUS_OK, or what the store says
 * when it is asked for the mail. */
enum status invitation_view_write(struct api_call *call, const struct store_invitation *row,
                                  struct str accept_url, json_t **item) MUST_USE;

#endif
