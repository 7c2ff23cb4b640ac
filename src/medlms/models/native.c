/* What lies between the matrix products of a training step, each in one pass over memory. native.py builds this file and says
 * what goes in and out; fast_layers.py and dropout.py hold the same in torch, which is what runs where this can't be built.
 *
 * Numbers are fp32 or bf16 (NARROW), opened to fp32 a piece at a time; sums are fp32. A row's result depends on that row
 * alone, so neighbours and the number of threads change nothing.
 */
#include "native.h"

/* Which entries of a token dropout keeps, all bits set or none, for entries [at, at + n). ``floor`` >= 0: eight two-bit fields a
 * word, ``words`` apart, kept above the floor; otherwise one word an entry, its upper 15 bits kept below -floor - 1 - 16384.
 */
static inline void kept(const int16_t *restrict token, i64 words, i64 floor, i64 at, i64 n, uint32_t *restrict to) {
    if (floor < 0) {
        int32_t limit = (int32_t)(-floor - 1) - 16384;
        for (i64 i = 0; i < n; i++) to[i] = (token[at + i] >> 1) < limit ? 0xffffffffu : 0;
        return;
    }
    for (i64 done = 0; done < n;) {
        i64 field = (at + done) / words, first = (at + done) % words, run = SMALL(words - first, n - done);
        int shift = (int)(2 * field);
        const int16_t *restrict word = token + first;
        uint32_t *restrict out = to + done;
        for (i64 i = 0; i < run; i++)
            out[i] = (int32_t)(((uint16_t)word[i] >> shift) & 3) > (int32_t)floor ? 0xffffffffu : 0;
        done += run;
    }
}

static inline void drop(float *restrict x, const uint32_t *restrict keep, i64 n) {
    for (i64 i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], 4);
        bits &= keep[i];
        memcpy(&x[i], &bits, 4);
    }
}

/* out = x where kept, else 0. x and out [tokens, width], may be the same; mask [tokens, words]. */
void dropped(const void *x, void *out, const int16_t *mask, i64 tokens, i64 width, i64 words, i64 floor, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float part[PIECE];
        uint32_t keep[PIECE];
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            kept(mask + token * words, words, floor, at, n, keep);
            drop(part, keep, n);
            store(part, out, token * width + at, n, kind);
        }
    }
}

/* both [tokens, 2 * width] is gate beside up: inner = silu(gate) * up, and seen = inner where kept (seen NULL: no dropout). */
void gated(const void *both, void *inner, void *seen, const int16_t *mask, i64 tokens, i64 width, i64 words, i64 floor,
           int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float gate[PIECE], up[PIECE];
        uint32_t keep[PIECE];
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(both, token * 2 * width + at, gate, n, kind);
            load(both, token * 2 * width + width + at, up, n, kind);
            for (i64 i = 0; i < n; i++) {
                float share = 1.0f / (1.0f + exponential(-gate[i]));
                up[i] = gate[i] * share * up[i];
            }
            store(up, inner, token * width + at, n, kind);
            if (seen) {
                kept(mask + token * words, words, floor, at, n, keep);
                drop(up, keep, n);
                store(up, seen, token * width + at, n, kind);
            }
        }
    }
}

/* Backward of ``gated``: the gradient of inner is ``grad`` plus ``low`` where kept. out [tokens, 2 * width]; seen is made again
 * (without dropout: inner is), into low's place.
 */
void gated_back(const void *both, const void *grad, void *low, void *out, const int16_t *mask, i64 tokens, i64 width,
                i64 words, i64 floor, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float gate[PIECE], up[PIECE], g[PIECE], l[PIECE], inner[PIECE];
        uint32_t keep[PIECE];
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at), place = token * width + at;
            load(both, token * 2 * width + at, gate, n, kind);
            load(both, token * 2 * width + width + at, up, n, kind);
            load(grad, place, g, n, kind);
            load(low, place, l, n, kind);
            if (mask) {
                kept(mask + token * words, words, floor, at, n, keep);
                drop(l, keep, n);
            }
            for (i64 i = 0; i < n; i++) {
                float share = 1.0f / (1.0f + exponential(-gate[i])), bent = gate[i] * share, sum = g[i] + l[i];
                inner[i] = bent * up[i];
                g[i] = sum * bent;
                gate[i] = sum * up[i] * (share + bent * (1.0f - share));
            }
            store(gate, out, token * 2 * width + at, n, kind);
            store(g, out, token * 2 * width + width + at, n, kind);
            if (mask) drop(inner, keep, n);
            store(inner, low, place, n, kind);
        }
    }
}

/* Root-mean-square norm: out = round(x * inverse) * weight; inverse fp32 [tokens]. */
void norm(const void *x, const void *weight, void *out, float *inverse, i64 tokens, i64 width, float epsilon, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float part[PIECE], w[PIECE], sum = 0;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
#pragma omp simd reduction(+ : sum)
            for (i64 i = 0; i < n; i++) sum += part[i] * part[i];
        }
        float turned = 1.0f / sqrtf(sum / (float)width + epsilon);
        inverse[token] = turned;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            load(weight, at, w, n, kind);
            if (kind == NARROW)
                for (i64 i = 0; i < n; i++) part[i] = widened(narrowed(part[i] * turned)) * w[i];
            else
                for (i64 i = 0; i < n; i++) part[i] = part[i] * turned * w[i];
            store(part, out, token * width + at, n, kind);
        }
    }
}

/* Backward of ``norm``. With g = grad * weight and r the inverse: r * g - x * r^3 * mean(g * x). */
void norm_back(const void *grad, const void *x, const void *weight, const float *inverse, void *out, i64 tokens, i64 width,
               int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float part[PIECE], g[PIECE], w[PIECE], sum = 0, r = inverse[token];
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            load(grad, token * width + at, g, n, kind);
            load(weight, at, w, n, kind);
#pragma omp simd reduction(+ : sum)
            for (i64 i = 0; i < n; i++) sum += part[i] * (g[i] * w[i]);
        }
        float along = sum / (float)width * r * r * r;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            load(grad, token * width + at, g, n, kind);
            load(weight, at, w, n, kind);
            for (i64 i = 0; i < n; i++) part[i] = g[i] * w[i] * r - part[i] * along;
            store(part, out, token * width + at, n, kind);
        }
    }
}

/* Between [tokens, heads * size] as layers write it and heads apart. ``places`` holds, for every token, where in a tensor of
 * heads apart its first head begins (in numbers), and the distance to the next head: [tokens, 2]. The first ``turned`` heads
 * are turned by the angles of their positions, backwards with way = -1. apart = 1: from the layers to heads apart; 0: back.
 * ``stride`` numbers lie between two tokens of the layers' side. cosine, sine [tokens, size / 2].
 */
void heads(const void *from, void *to, const i64 *places, const void *cosine, const void *sine, i64 tokens, i64 count,
           i64 size, i64 turned, i64 stride, float way, int apart, int kind) {
    i64 half = size / 2;
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float x[PIECE], y[PIECE], c[PIECE], s[PIECE];
        if (turned) {
            load(cosine, token * half, c, half, kind);
            load(sine, token * half, s, half, kind);
        }
        for (i64 head = 0; head < count; head++) {
            i64 whole = token * stride + head * size, split = places[2 * token] + head * places[2 * token + 1];
            i64 source = apart ? whole : split, target = apart ? split : whole;
            if (head >= turned) {
                i64 wide = kind == NARROW ? 2 : 4;
                memcpy((char *)to + target * wide, (const char *)from + source * wide, (size_t)(size * wide));
                continue;
            }
            load(from, source, x, size, kind);
            for (i64 i = 0; i < half; i++) {
                y[i] = x[i] * c[i] - way * (x[half + i] * s[i]);
                y[half + i] = x[half + i] * c[i] + way * (x[i] * s[i]);
            }
            store(y, to, target, size, kind);
        }
    }
}

/* Softmax in place over scores [rows, keys], scaled; row i is query i % queries of its head and sees keys up to
 * before + i % queries, of these the last ``window`` (0: all). What it does not see becomes 0.
 */
void causal_softmax(void *scores, i64 rows, i64 keys, i64 queries, i64 before, i64 window, float scale, int kind) {
#pragma omp parallel
    {
        float *part = malloc((size_t)keys * sizeof(float));
#pragma omp for schedule(static)
        for (i64 row = 0; row < rows; row++) {
            i64 last = before + row % queries, first = window && last >= window ? last - window + 1 : 0, n = last - first + 1;
            i64 place = row * keys;
            float largest = -INFINITY, sum = 0;
            load(scores, place + first, part, n, kind);
#pragma omp simd reduction(max : largest)
            for (i64 i = 0; i < n; i++) largest = part[i] > largest ? part[i] : largest;
#pragma omp simd reduction(+ : sum)
            for (i64 i = 0; i < n; i++) {
                part[i] = exponential((part[i] - largest) * scale);
                sum += part[i];
            }
            float share = 1.0f / sum;
            for (i64 i = 0; i < n; i++) part[i] *= share;
            size_t wide = kind == NARROW ? 2 : 4;
            memset((char *)scores + (size_t)place * wide, 0, (size_t)first * wide);
            store(part, scores, place + first, n, kind);
            memset((char *)scores + (size_t)(place + last + 1) * wide, 0, (size_t)(keys - last - 1) * wide);
        }
        free(part);
    }
}

/* Backward of ``causal_softmax`` in place of grad [rows, keys]: weights * (grad - sum(weights * grad)) * scale. */
void softmax_back(const void *weights, void *grad, i64 rows, i64 keys, i64 queries, i64 before, i64 window, float scale,
                  int kind) {
#pragma omp parallel for schedule(static)
    for (i64 row = 0; row < rows; row++) {
        i64 last = before + row % queries, first = window && last >= window ? last - window + 1 : 0;
        i64 place = row * keys;
        float w[PIECE], g[PIECE], sum = 0;
        for (i64 at = first; at <= last; at += PIECE) {
            i64 n = SMALL(PIECE, last + 1 - at);
            load(weights, place + at, w, n, kind);
            load(grad, place + at, g, n, kind);
#pragma omp simd reduction(+ : sum)
            for (i64 i = 0; i < n; i++) sum += w[i] * g[i];
        }
        size_t wide = kind == NARROW ? 2 : 4;
        memset((char *)grad + (size_t)place * wide, 0, (size_t)first * wide);
        for (i64 at = first; at <= last; at += PIECE) {
            i64 n = SMALL(PIECE, last + 1 - at);
            load(weights, place + at, w, n, kind);
            load(grad, place + at, g, n, kind);
            for (i64 i = 0; i < n; i++) g[i] = w[i] * (g[i] - sum) * scale;
            store(g, grad, place + at, n, kind);
        }
        memset((char *)grad + (size_t)(place + last + 1) * wide, 0, (size_t)(keys - last - 1) * wide);
    }
}

#ifdef __AVX512BW__
#include <immintrin.h>

/* The 16 values of a block in bf16. Its scale is finite, so no NaN has to be kept one. */
static inline __m512i block_values(const float *code, float scale) {
    __m512i bits = _mm512_castps_si512(_mm512_mul_ps(_mm512_loadu_ps(code), _mm512_set1_ps(scale)));
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_castsi256_si512(_mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
}

/* 64 values of 16 bits from 32 bytes: the compiler finds no table lookup for plain loops. */
static inline void looked_up(const uint8_t *bytes, __m512i all, uint16_t *to) {
    __m512i places = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)bytes));
    __m512i upper = _mm512_permutexvar_epi16(_mm512_srli_epi16(places, 4), all);
    __m512i lower = _mm512_permutexvar_epi16(_mm512_and_si512(places, _mm512_set1_epi16(15)), all);
    __m512i even = _mm512_unpacklo_epi16(upper, lower), odd = _mm512_unpackhi_epi16(upper, lower);
    __m512i front = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), back = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi64(even, front, odd));
    _mm512_storeu_si512(to + 32, _mm512_permutex2var_epi64(even, back, odd));
}
#endif

/* out = code[4-bit place] * scale of its block: packed [count / 2], the first of two in a byte's upper half; scales [count / block],
 * code [16]. A block has few enough values for all to be made first.
 */
void unpacked(const uint8_t *packed, const float *scales, const float *code, void *out, i64 count, i64 block, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 first = 0; first < count; first += block) {
        float values[16], scale = scales[first / block];
        i64 half = SMALL(block, count - first) / 2, done = 0;
        const uint8_t *restrict bytes = packed + first / 2;
        uint16_t table[16], *restrict narrow = (uint16_t *)out + first;
#ifdef __AVX512BW__
        if (kind == NARROW && fabsf(scale) < INFINITY) {
            __m512i all = block_values(code, scale);
            for (; done + 32 <= half; done += 32) looked_up(bytes + done, all, narrow + 2 * done);
            if (done == half) continue;
        }
#endif
        for (int i = 0; i < 16; i++) values[i] = code[i] * scale;
        if (kind != NARROW) {
            float *restrict wide = (float *)out + first;
            for (i64 i = 0; i < half; i++) {
                wide[2 * i] = values[bytes[i] >> 4];
                wide[2 * i + 1] = values[bytes[i] & 15];
            }
            continue;
        }
        for (int i = 0; i < 16; i++) table[i] = narrowed(values[i]);
        for (; done < half; done++) {
            narrow[2 * done] = table[bytes[done] >> 4];
            narrow[2 * done + 1] = table[bytes[done] & 15];
        }
    }
}
