/* What lies between the matrix products when a Llama-shaped model reads or writes: turning and keeping keys and values, attention
 * over pages of them, quantising, and what is read off logits. decoder_passes.py says what goes in and out.
 *
 * A page holds PAGE keys of every key head, as 32-bit words: a number in fp32, or two in bf16 (NARROW) that are multiplied and
 * summed by one instruction. Keys lie as [words of a head][PAGE], two neighbouring dimensions to a word; values as
 * [words of a page][size], two neighbouring keys to a word. So both products of attention are the one below.
 */
#include "native.h"

#define PAGE 64
#define TILE 4 /* rows of queries at once */
#define LARGEST 256 /* numbers in a head */

#if defined(__AVX512BF16__) && defined(__AVX512F__)
#include <immintrin.h>
#define FAST 1
#endif

typedef uint32_t word;

static inline float as_float(word x) {
    float out;
    memcpy(&out, &x, 4);
    return out;
}

#ifdef FAST
/* c [rows][16 * vectors] += a [rows][steps] b [steps][16 * vectors]; rows and vectors are constants where this is expanded. */
static inline __attribute__((always_inline)) void tile(const word *a, i64 a_next, const int rows, i64 steps, const word *b, i64 b_next,
                                                       const int vectors, float *c, i64 c_next, const int kind, const word *ahead) {
    __m512 sum[TILE][4];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_loadu_ps(c + r * c_next + 16 * v);
    for (i64 step = 0; step < steps; step++) {
        __m512i other[4];
        for (int v = 0; v < vectors; v++) other[v] = _mm512_loadu_si512(b + step * b_next + 16 * v);
        if (ahead)
            for (int v = 0; v < vectors; v++) _mm_prefetch((const char *)(ahead + (step * vectors + v) * 16), _MM_HINT_T0);
        for (int r = 0; r < rows; r++) {
            __m512i own = _mm512_set1_epi32((int)a[r * a_next + step]);
            for (int v = 0; v < vectors; v++)
                sum[r][v] = kind == NARROW ? _mm512_dpbf16_ps(sum[r][v], (__m512bh)own, (__m512bh)other[v])
                                           : _mm512_fmadd_ps(_mm512_castsi512_ps(own), _mm512_castsi512_ps(other[v]), sum[r][v]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) _mm512_storeu_ps(c + r * c_next + 16 * v, sum[r][v]);
}

#define ROWS(count, vectors, kind)                                        \
    case count:                                                          \
        tile(a, a_next, count, steps, b, b_next, vectors, c, c_next, kind, ahead); \
        break;
#define TILES(vectors, kind) \
    switch (rows) { ROWS(1, vectors, kind) ROWS(2, vectors, kind) ROWS(3, vectors, kind) ROWS(4, vectors, kind) }
#endif

/* c [rows][width] += a [rows][steps] b [steps][width] in words; rows <= TILE, width a multiple of 16. What lies at ``ahead`` (NULL:
 * nothing) is fetched meanwhile: a page is read from memory once and is longer than the processor looks ahead by itself.
 */
static void product(const word *a, i64 a_next, int rows, i64 steps, const word *b, i64 b_next, i64 width, float *c, i64 c_next,
                    int kind, const word *ahead) {
#ifdef FAST
    for (; width >= 64; width -= 64, b += 64, c += 64, ahead = NULL) {
        if (kind == NARROW) TILES(4, NARROW) else TILES(4, 0)
    }
    for (; width > 0; width -= 16, b += 16, c += 16, ahead = NULL) {
        if (kind == NARROW) TILES(1, NARROW) else TILES(1, 0)
    }
#else
    (void)ahead;
    for (int r = 0; r < rows; r++)
        for (i64 step = 0; step < steps; step++) {
            word own = a[r * a_next + step];
            const word *restrict other = b + step * b_next;
            float *restrict sum = c + r * c_next;
            if (kind == NARROW) {
                float low = as_float(own << 16), high = as_float(own & 0xffff0000u);
                for (i64 i = 0; i < width; i++)
                    sum[i] += low * as_float(other[i] << 16) + high * as_float(other[i] & 0xffff0000u);
            } else {
                float x = as_float(own);
                for (i64 i = 0; i < width; i++) sum[i] += x * as_float(other[i]);
            }
        }
#endif
}

/* One head of a token: normed where a weight is given, and turned by the angles of its position. */
static inline void turned(float *restrict x, const float *restrict c, const float *restrict s, i64 size, const void *weight,
                          float epsilon, int kind) {
    i64 half = size / 2;
    if (weight) {
        float w[LARGEST], sum = 0;
        load(weight, 0, w, size, kind);
        for (i64 i = 0; i < size; i++) sum += x[i] * x[i];
        float inverse = 1.0f / sqrtf(sum / (float)size + epsilon);
        for (i64 i = 0; i < size; i++) {
            float y = x[i] * inverse;
            if (kind == NARROW) y = widened(narrowed(y)) * w[i], x[i] = widened(narrowed(y));
            else x[i] = y * w[i];
        }
    }
    for (i64 i = 0; i < half; i++) {
        float one = x[i], two = x[half + i];
        x[i] = one * c[i] - two * s[i];
        x[half + i] = two * c[i] + one * s[i];
    }
}

/* Turn the queries of ``all`` [tokens, (heads + 2 * groups) * size] in place, and keep keys and values in their pages: token t
 * goes to page slots[t] / PAGE, place slots[t] % PAGE. cosine, sine fp32 [positions, size / 2].
 */
void keep(void *all, const float *cosine, const float *sine, const i64 *positions, const i64 *slots, void *keys, void *values,
          i64 tokens, i64 heads, i64 groups, i64 size, const void *query_norm, const void *key_norm, float epsilon, int kind) {
    i64 half = size / 2, stride = (heads + 2 * groups) * size;
    i64 wide = kind == NARROW ? 2 : 1, words = PAGE * size / wide; /* of one head in a page */
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float x[LARGEST];
        const float *c = cosine + positions[token] * half, *s = sine + positions[token] * half;
        i64 page = slots[token] / PAGE, place = slots[token] % PAGE;
        for (i64 head = 0; head < heads; head++) {
            i64 at = token * stride + head * size;
            load(all, at, x, size, kind);
            turned(x, c, s, size, query_norm, epsilon, kind);
            store(x, all, at, size, kind);
        }
        for (i64 group = 0; group < groups; group++) {
            word *k = (word *)keys + (page * groups + group) * words, *v = (word *)values + (page * groups + group) * words;
            load(all, token * stride + (heads + group) * size, x, size, kind);
            turned(x, c, s, size, key_norm, epsilon, kind);
            if (kind == NARROW)
                for (i64 i = 0; i < half; i++) k[i * PAGE + place] = narrowed(x[2 * i]) | (word)narrowed(x[2 * i + 1]) << 16;
            else
                for (i64 i = 0; i < size; i++) memcpy(&k[i * PAGE + place], &x[i], 4);
            i64 from = token * stride + (heads + groups + group) * size;
            if (kind == NARROW) {
                const uint16_t *own = (const uint16_t *)all + from;
                uint16_t *to = (uint16_t *)(v + place / 2 * size) + place % 2;
                /* A number of the next key, which may never come, is multiplied by 0: it must not be what lay here before. */
                if (place % 2 == 0) memset(v + place / 2 * size, 0, (size_t)size * 4);
                for (i64 i = 0; i < size; i++) to[2 * i] = own[i];
            } else {
                memcpy(v + place * size, (const float *)all + from, (size_t)size * 4);
            }
        }
    }
}

/* The softmax of a row of scores over keys [low, high) of a page goes on: ``state`` holds the largest score and the sum so far. */
static inline float weights(float *restrict scores, i64 low, i64 high, float scale, float state[2], word *restrict out, int kind) {
    float largest = state[0], sum = 0;
    for (i64 i = low; i < high; i++) largest = scores[i] * scale > largest ? scores[i] * scale : largest;
    for (i64 i = 0; i < PAGE; i++) scores[i] = exponential(scores[i] * scale - largest);
    for (i64 i = 0; i < PAGE; i++) scores[i] = i >= low && i < high ? scores[i] : 0.0f;
#pragma omp simd reduction(+ : sum)
    for (i64 i = 0; i < PAGE; i++) sum += scores[i];
    float before = state[0] == -INFINITY ? 0.0f : exponential(state[0] - largest);
    state[0] = largest;
    state[1] = state[1] * before + sum;
    if (kind == NARROW) {
        uint16_t *narrow = (uint16_t *)out;
        for (i64 i = 0; i < PAGE; i++) narrow[i] = narrowed(scores[i]);
    } else {
        memcpy(out, scores, PAGE * 4);
    }
    return before;
}

/* Attention of blocks of tokens over pages. ``blocks`` [count, 5]: first token, tokens (at most BLOCK), position of the first,
 * where its page table begins, entries. Entry e of a table says that page ``pages``[e] holds positions ``bases``[e] up to the next
 * entry's. q [tokens, stride] holds the queries, out [tokens, heads * size]. A token sees the last ``window`` (0: all) positions
 * up to its own.
 */
#define BLOCK 16
void attend(const void *q, void *out, const void *keys, const void *values, const i64 *blocks, const int32_t *pages,
            const int32_t *bases, i64 count, i64 stride, i64 heads, i64 groups, i64 size, i64 window, float scale, int kind) {
    i64 per = heads / groups, wide = kind == NARROW ? 2 : 1, words = PAGE * size / wide, steps = size / wide;
#pragma omp parallel
    {
        i64 most = BLOCK * per;
        float *sums = malloc((size_t)(most * size) * 4), scores[TILE * PAGE];
        word *own = malloc((size_t)(most * steps) * 4), shares[TILE * PAGE];
        float(*state)[2] = malloc((size_t)most * sizeof *state);
#pragma omp for schedule(dynamic, 1)
        for (i64 work = 0; work < count * groups; work++) {
            const i64 *block = blocks + work / groups * 5;
            i64 group = work % groups, first = block[0], tokens = block[1], position = block[2], rows = tokens * per;
            const int32_t *page = pages + block[3], *base = bases + block[3];
            for (i64 row = 0; row < rows; row++) {
                i64 at = (first + row / per) * stride + (group * per + row % per) * size;
                memcpy(own + row * steps, (const char *)q + at * (kind == NARROW ? 2 : 4), (size_t)steps * 4);
                state[row][0] = -INFINITY, state[row][1] = 0;
            }
            memset(sums, 0, (size_t)(rows * size) * 4);
            for (i64 entry = 0; entry < block[4]; entry++) {
                i64 begin = base[entry], end = entry + 1 < block[4] ? base[entry + 1] : begin + PAGE;
                if (window && end <= position - window + 1) continue;
                if (begin >= position + tokens) break;
                const word *k = (const word *)keys + (page[entry] * groups + group) * words;
                const word *v = (const word *)values + (page[entry] * groups + group) * words;
                for (i64 row = 0; row < rows; row += TILE) {
                    int many = (int)SMALL(TILE, rows - row);
                    i64 last = position + (row + many - 1) / per + 1, seen = SMALL(end, last) - begin;
                    if (seen <= 0) continue;
                    i64 width = (seen + 15) / 16 * 16;
                    memset(scores, 0, sizeof scores);
                    product(own + row * steps, steps, many, steps, k, PAGE, width, scores, PAGE, kind, row ? NULL : v);
                    for (int r = 0; r < many; r++) {
                        i64 at = position + (row + r) / per, high = SMALL(end, at + 1) - begin;
                        i64 low = window && at - window + 1 > begin ? at - window + 1 - begin : 0;
                        if (high <= low) {
                            memset(shares + r * PAGE / wide, 0, (size_t)(PAGE / wide) * 4);
                            continue;
                        }
                        float *sum = sums + (row + r) * size;
                        float before = weights(scores + r * PAGE, low, high, scale, state[row + r], shares + r * PAGE / wide, kind);
                        if (before != 1.0f)
                            for (i64 i = 0; i < size; i++) sum[i] *= before;
                    }
                    product(shares, PAGE / wide, many, (seen + wide - 1) / wide, v, size, size, sums + row * size, size, kind,
                            row || entry + 1 == block[4] ? NULL : (const word *)keys + (page[entry + 1] * groups + group) * words);
                }
            }
            for (i64 row = 0; row < rows; row++) {
                float share = 1.0f / state[row][1], *sum = sums + row * size;
                for (i64 i = 0; i < size; i++) sum[i] *= share;
                store(sum, out, (first + row / per) * heads * size + (group * per + row % per) * size, size, kind);
            }
        }
        free(sums);
        free(own);
        free(state);
    }
}

/* x [tokens, width] += more, then its root-mean-square norm in out, both as torch rounds them. */
void add_norm(void *x, const void *more, const void *weight, void *out, i64 tokens, i64 width, float epsilon, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 token = 0; token < tokens; token++) {
        float part[PIECE], other[PIECE], w[PIECE], sum = 0;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            if (more) {
                load(more, token * width + at, other, n, kind);
                if (kind == NARROW)
                    for (i64 i = 0; i < n; i++) part[i] = widened(narrowed(part[i] + other[i]));
                else
                    for (i64 i = 0; i < n; i++) part[i] += other[i];
                store(part, x, token * width + at, n, kind);
            }
#pragma omp simd reduction(+ : sum)
            for (i64 i = 0; i < n; i++) sum += part[i] * part[i];
        }
        float inverse = 1.0f / sqrtf(sum / (float)width + epsilon);
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, token * width + at, part, n, kind);
            load(weight, at, w, n, kind);
            if (kind == NARROW)
                for (i64 i = 0; i < n; i++) part[i] = widened(narrowed(part[i] * inverse)) * w[i];
            else
                for (i64 i = 0; i < n; i++) part[i] = part[i] * inverse * w[i];
            store(part, out, token * width + at, n, kind);
        }
    }
}

/* Per row of logits [rows, width]: where the largest is (the first of equals), and the logarithm of the sum of their e^x. */
void likeliest(const void *logits, i64 *best, float *whole, i64 rows, i64 width, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 row = 0; row < rows; row++) {
        float part[PIECE], largest = -INFINITY;
        i64 where = 0;
        double sum = 0;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            float high = -INFINITY;
            load(logits, row * width + at, part, n, kind);
#pragma omp simd reduction(max : high)
            for (i64 i = 0; i < n; i++) high = part[i] > high ? part[i] : high;
            if (high > largest) {
                for (i64 i = n - 1; i >= 0; i--) where = part[i] == high ? at + i : where;
                if (whole && largest > -INFINITY) sum *= exp((double)(largest - high));
                largest = high;
            }
            if (!whole) continue;
            float more = 0;
#pragma omp simd reduction(+ : more)
            for (i64 i = 0; i < n; i++) more += exponential(part[i] - largest);
            sum += more;
        }
        best[row] = where;
        if (whole) whole[row] = largest + (float)log(sum);
    }
}

/* Rows of x [rows, width] in 8 bits: to [rows, width], and what one step is worth in scales [rows]. */
void eight_bit(const void *x, int8_t *to, float *scales, i64 rows, i64 width, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 row = 0; row < rows; row++) {
        float part[PIECE], largest = 0;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, row * width + at, part, n, kind);
#pragma omp simd reduction(max : largest)
            for (i64 i = 0; i < n; i++) largest = fabsf(part[i]) > largest ? fabsf(part[i]) : largest;
        }
        float steps = largest > 0 ? 127.0f / largest : 0;
        scales[row] = largest / 127.0f;
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            load(x, row * width + at, part, n, kind);
            for (i64 i = 0; i < n; i++) to[row * width + at + i] = (int8_t)(int32_t)rintf(part[i] * steps);
        }
    }
}

/* out [rows, width] = sums of 8-bit products, times the scales of row and column. */
void opened(const int32_t *sums, const float *rows_scale, const float *columns_scale, void *out, i64 rows, i64 width, int kind) {
#pragma omp parallel for schedule(static)
    for (i64 row = 0; row < rows; row++) {
        float part[PIECE];
        for (i64 at = 0; at < width; at += PIECE) {
            i64 n = SMALL(PIECE, width - at);
            for (i64 i = 0; i < n; i++) part[i] = (float)sums[row * width + at + i] * (rows_scale[row] * columns_scale[at + i]);
            store(part, out, row * width + at, n, kind);
        }
    }
}
