/* test_message.c - the signature, against values made by others; one process. */
#include "server/courier/message.h"

#include "server/base64.h"
#include "tests/unit/courier/unit.h"

/* HMAC-SHA256 of "msg_ID.1674087231.{...}" with the bytes 0, 1, ... 31 as secret; by Python's hmac.
 */
#define ID "01M80ZKFF3Y5NZPZJWRWHYHB4M"
#define BODY "{\"type\":\"submission.done\"}"
#define SIGNED "v1,5TbabMb7aIxJhETR0Q9I7/zTyFnNkeUtmUBsYqCyNVk="
#define SIGNED_BY_PREVIOUS "v1,ftYccWD9uedt5YIQ1Mi+tVZ79LFeCM+IdbFylmuy36M="

static struct callback_secrets secrets(void)
{
    struct callback_secrets s = { .found = true };
    for (size_t i = 0; i < CALLBACK_SECRET_BYTES; i++) {
        s.current[i] = (uint8_t)i;
        s.previous[i] = (uint8_t)(255 - i);
    }
    return s;
}

START_TEST(the_signature_is_that_of_standard_webhooks)
{
    const struct callback_secrets s = secrets();
    auto_buf_ struct buf b = { 0 };
    message_headers(&s, ID, INT64_C(1674087231999), BODY, strlen(BODY), &b);
    ck_assert_str_eq(buf_text(&b), "webhook-id: msg_" ID "\nwebhook-timestamp: 1674087231\n"
                                   "webhook-signature: " SIGNED "\n");
}
END_TEST

START_TEST(during_its_grace_the_old_secret_signs_too)
{
    struct callback_secrets s = secrets();
    auto_buf_ struct buf during = { 0 }, after = { 0 };
    s.previous_end_unix_ms = INT64_C(1674087232000);
    message_headers(&s, ID, INT64_C(1674087231999), BODY, strlen(BODY), &during);
    ck_assert_has(buf_text(&during), SIGNED " " SIGNED_BY_PREVIOUS "\n");
    message_headers(&s, ID, INT64_C(1674087232000), BODY, strlen(BODY), &after);
    ck_assert_ptr_null(strstr(strstr(buf_text(&after), "signature: ") + 11, " "));
}
END_TEST

UNIT_MAIN("message", the_signature_is_that_of_standard_webhooks,
          during_its_grace_the_old_secret_signs_too)
