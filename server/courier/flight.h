/* flight.h - one callback on its way: a libcurl handle with every door shut that it does not need;
 * minos-courier's runner. */
#pragma once

#include <curl/curl.h>

#include "server/courier/order.h"

struct flight;

/* Prepare the try that `o` orders (copied); add flight_easy to a multi handle. */
struct flight *flight_new(const struct order *o);
void flight_free(struct flight *f); /* the handle must be out of the multi; accepts NULL */
CURL *flight_easy(const struct flight *f);

/* What came of it; `code` is what libcurl says. */
struct order_reply flight_reply(struct flight *f, CURLcode code);
