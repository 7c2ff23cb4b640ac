/* What native.c and decoder.c share: numbers of 16 and 32 bits, and e^x. */
#ifndef MEDLMS_NATIVE_H
#define MEDLMS_NATIVE_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 256
#define NARROW 1
#define SMALL(a, b) ((a) < (b) ? (a) : (b))

typedef int64_t i64;

static inline float widened(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float out;
    memcpy(&out, &bits, 4);
    return out;
}

/* To the nearest, ties to even, as torch does; a NaN stays one. */
static inline uint16_t narrowed(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

static inline void load(const void *from, i64 at, float *restrict to, i64 n, int kind) {
    if (kind == NARROW) {
        const uint16_t *restrict x = (const uint16_t *)from + at;
        for (i64 i = 0; i < n; i++) to[i] = widened(x[i]);
    } else {
        memcpy(to, (const float *)from + at, (size_t)n * 4);
    }
}

static inline void store(const float *restrict from, void *to, i64 at, i64 n, int kind) {
    if (kind == NARROW) {
        uint16_t *restrict y = (uint16_t *)to + at;
        for (i64 i = 0; i < n; i++) y[i] = narrowed(from[i]);
    } else {
        memcpy((float *)to + at, from, (size_t)n * 4);
    }
}

/* e^x to about one unit in the last place; the range is cut where fp32 ends. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float whole = rintf(x * 1.44269504088896341f);
    float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t power = ((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &power, 4);
    return p * scale;
}
#endif
