/* control_demo.h: what --demo adds: a project "demo" with a route and a fresh key. See control_make_demo in control.h. */
#ifndef CONTROL_CONTROL_DEMO_H
#define CONTROL_CONTROL_DEMO_H

#include "control/control_state.h"

/* What the store says; STATUS_NOT_FOUND (demo_organization). Nothing is left behind on failure. */
enum status control_demo_make(struct control *control, struct control_demo *demo,
                              struct why *why) MUST_USE;

#endif
