/* Decodes the raw outputs of a detector that `evonas export` wrote: one header, C99, no
 * allocation.
 *
 * A raw file (detector.tflite, detector-int8.tflite) gives, level by level, a map of box codes and
 * one of class logits, NHWC. Join the levels' maps, first to last, into
 *     codes  (n_anchors, 4): x, y, width, height
 *     logits (n_anchors, n_classes)
 * after dequantising int8 ones with their tensor's scale and zero point. anchors.npy holds
 * (n_anchors, 4) float32 behind a header: centre y, centre x, height, width, as shares of the
 * image's side. `python decode_raw.py EXPORT --anchors-header` prints it as a C array.
 *
 * A box of anchor a and code t, as shares of the side:
 *     centre x = t[0] / 10 * a.width  + a.centre_x      width  = exp(min(t[2] / 5, 4.135)) * a.width
 *     centre y = t[1] / 10 * a.height + a.centre_y      height = exp(min(t[3] / 5, 4.135)) * a.height
 * and the score of a class is 1 / (1 + exp(-logit)).
 */
#ifndef EVONAS_DECODE_H
#define EVONAS_DECODE_H

#include <math.h>
#include <stddef.h>

#define EVONAS_CENTRE_SCALE 10.0f
#define EVONAS_SIZE_SCALE 5.0f
#define EVONAS_LARGEST_LOG 4.135f

typedef struct {
    float x1, y1, x2, y2; /* shares of the image's side, clipped to 0..1 */
    float score;
    int label;
} evonas_detection;

static float evonas_clip(float v) { return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v; }

static float evonas_side(float code, float anchor_side) {
    float log = code / EVONAS_SIZE_SCALE;
    return expf(log < EVONAS_LARGEST_LOG ? log : EVONAS_LARGEST_LOG) * anchor_side;
}

/* Writes the box of one anchor, clipped, into `out`. */
static void evonas_box(const float *code, const float *anchor, evonas_detection *out) {
    float cy = code[1] / EVONAS_CENTRE_SCALE * anchor[2] + anchor[0];
    float cx = code[0] / EVONAS_CENTRE_SCALE * anchor[3] + anchor[1];
    float h = evonas_side(code[3], anchor[2]), w = evonas_side(code[2], anchor[3]);
    out->x1 = evonas_clip(cx - w / 2);
    out->y1 = evonas_clip(cy - h / 2);
    out->x2 = evonas_clip(cx + w / 2);
    out->y2 = evonas_clip(cy + h / 2);
}

static float evonas_iou(const evonas_detection *a, const evonas_detection *b) {
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    float both = w > 0 && h > 0 ? w * h : 0.0f;
    float all = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both;
    return all > 0 ? both / all : 0.0f;
}

/* Puts a candidate into the `count` best ones, best first; of equal scores the earlier one first.
 * Returns the new count. */
static size_t evonas_insert(evonas_detection *best, size_t count, size_t room,
                            evonas_detection found) {
    size_t place;
    if (count == room) {
        if (room == 0 || found.score <= best[room - 1].score) return count;
        count--;
    }
    for (place = count; place > 0 && best[place - 1].score < found.score; place--)
        best[place] = best[place - 1];
    best[place] = found;
    return count + 1;
}

/* Finds objects: the best `room` pairs of anchor and class above `least_score` (evonas has 100 and
 * 0.01), then suppression class by class of what overlaps a better one by more than `most_overlap`
 * (0.6). Returns how many stand in `found`, best first.
 *
 *   codes   (n_anchors, 4)          anchors (n_anchors, 4)
 *   logits  (n_anchors, n_classes)  found   room for `room`
 */
static size_t evonas_decode(const float *codes, const float *logits, const float *anchors,
                            size_t n_anchors, size_t n_classes, float least_score,
                            float most_overlap, evonas_detection *found, size_t room) {
    size_t count = 0, kept = 0, a, c, i, j;
    for (a = 0; a < n_anchors; a++) {
        for (c = 0; c < n_classes; c++) {
            evonas_detection one;
            one.score = 1.0f / (1.0f + expf(-logits[a * n_classes + c]));
            if (!(one.score > least_score)) continue;
            one.label = (int)c;
            evonas_box(codes + 4 * a, anchors + 4 * a, &one);
            count = evonas_insert(found, count, room, one);
        }
    }
    for (i = 0; i < count; i++) {
        for (j = 0; j < kept; j++)
            if (found[j].label == found[i].label && evonas_iou(&found[j], &found[i]) > most_overlap)
                break;
        if (j == kept) found[kept++] = found[i];
    }
    return kept;
}

#endif
