/* api_schema_ca.c: the bodies of operations on the internal CA. */
#include "control/api_schema.h"
#include "control/ca_step.h"

static const struct api_member step_new[] = {
    {"step", API_WORD, .is_required = true, .words = ca_step_names},
    {"force", API_BOOLEAN, .is_required = false},
};
const struct api_schema api_schema_ca_step_new = {"CaStepNew", step_new,
                                                  sizeof(step_new) / sizeof(step_new[0])};
