/* isolation.c - the keeper's proof as JSON, once for each slot; slots. */
#include "worker/isolation.h"

#include <jansson.h>
#include <stdlib.h>

/* Of a row that holds the layer's name is enough; of one that does not, everything. */
static json_t *row_json(const struct box_proof_row *r)
{
    json_t *j = json_pack("{s:s, s:b}", "layer", r->layer, "ok", r->ok);
    if (j == NULL || r->ok)
        return j;
    json_object_set_new(j, "claim", json_string(r->claim));
    json_object_set_new(j, "seen", json_string(r->seen));
    json_object_set_new(j, "allowed", json_boolean(r->allowed));
    return j;
}

char *isolation_text(const struct box_proof *p)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(layers, row_json(&p->rows[i]));
    json_t *root = json_pack("{s:b, s:s, s:s, s:s, s:o}", "complete", p->complete, "mode", p->mode,
                             "cgroup", p->cgroup, "kernel", p->kernel, "layers", layers);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (text == NULL)
        abort(); /* the heap is exhausted */
    return text;
}
