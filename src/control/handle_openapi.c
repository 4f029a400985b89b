#include "control/handle.h"

extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

enum status handle_openapi_get(struct api_call *call) {
    call->answer.raw_body = str_make(openapi_json, openapi_json_len);
    return STATUS_OK;
}
