/* openapi.c - the embedded OpenAPI document; minos-server. Built from the top of the tree, where
 * the assembler finds the file. */
#include "server/openapi.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        ".globl openapi_begin, openapi_end\n"
        ".hidden openapi_begin, openapi_end\n"
        "openapi_begin:\n"
        ".incbin \"server/openapi.json\"\n"
        "openapi_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char openapi_begin[], openapi_end[];

const char *openapi_text(size_t *ret_len)
{
    *ret_len = (size_t)(openapi_end - openapi_begin);
    return openapi_begin;
}
