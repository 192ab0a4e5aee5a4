/* openapi.h - the OpenAPI 3.1 document, server/openapi.json as it was at build time. */
#pragma once

#include <stddef.h>

/* Not NUL-terminated within `*ret_len`; lives as long as the program. */
const char *openapi_text(size_t *ret_len);
