/*
 * Posteriors, and the chance to draw from them.  Runs in workers and in the janitor; owns a table
 * that is the same in all.
 *
 * The draw is exact.  A Beta(a, b) is X / (X + Y) of two gammas, each by the method of Marsaglia
 * and Tsang (2000), their normals from a ziggurat (Marsaglia and Tsang again).  Both parameters are
 * 1 or more here, which the method asks for.  Most credentials have not failed of late, and then
 * one of the parameters is exactly 1: the distribution function can be turned around, and a power
 * of one uniform does.  That is 15 to 30 ns; a normal approximation would be 10 ns less and wrong
 * just where it matters, among credentials that hardly ever fail.
 */
#include "upstream/posterior.h"

#include <assert.h>
#include <math.h>

#define ONE     1024 /* of a success or a failure */
#define DECAY   (1.0 - 1.0 / POSTERIOR_EVENTS)
#define LIFE_S  (POSTERIOR_HALF_LIFE_MS / 1000)
#define SECOND  INT64_C(1000)
#define ALMOST1 0x1.fffffffffffffp-1

/* After so many half-lives not one 1024th is left of the largest count. */
#define LIVES 16

_Static_assert(POSTERIOR_EVENTS < 64, "a count fits its 16 bits");

struct counts {
	uint32_t successes, failures, time_s;
};

static struct counts
counts_of(posterior w)
{
	return (struct counts){ (uint32_t)(w >> 48), (uint32_t)(w >> 32) & 0xffff, (uint32_t)w };
}

/* What is nothing has no time: it is to be told from nothing by nobody. */
static posterior
word_of(struct counts c)
{
	assert(c.successes <= UINT16_MAX && c.failures <= UINT16_MAX);
	if (c.successes == 0 && c.failures == 0)
		return 0;
	return (posterior)c.successes << 48 | (posterior)c.failures << 32 | c.time_s;
}

static uint32_t
seconds_of(int64_t ms)
{
	int64_t s = ms / SECOND;

	return s <= 0 ? 0 : s >= UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* How much of a count of time_s is left now. */
static double
left(uint32_t time_s, uint32_t now_s)
{
	if (now_s <= time_s)
		return 1;
	if ((now_s - time_s) / LIFE_S >= LIVES)
		return 0;
	return exp2(-(double)(now_s - time_s) / LIFE_S);
}

/* Rounds down, so that in the end all is forgotten. */
static struct counts
discounted(struct counts c, double rest, uint32_t now_s)
{
	return (
	    struct counts){ (uint32_t)(c.successes * rest), (uint32_t)(c.failures * rest), now_s };
}

posterior
posterior_after(posterior w, bool success, int64_t now_ms)
{
	struct counts c = counts_of(w);
	uint32_t now_s = seconds_of(now_ms);

	c = discounted(c, DECAY * left(c.time_s, now_s), now_s);
	*(success ? &c.successes : &c.failures) += ONE;
	return word_of(c);
}

posterior
posterior_moved(posterior w, int64_t from_ms, int64_t to_ms)
{
	struct counts c = counts_of(w);

	return word_of(discounted(c, left(c.time_s, seconds_of(from_ms)), seconds_of(to_ms)));
}

void
posterior_counts(posterior w, int64_t now_ms, double *successes, double *failures)
{
	struct counts c = counts_of(w);
	double rest = left(c.time_s, seconds_of(now_ms)) / ONE;

	if (successes)
		*successes = c.successes * rest;
	if (failures)
		*failures = c.failures * rest;
}

double
posterior_mean(posterior w, int64_t now_ms)
{
	double successes, failures;

	posterior_counts(w, now_ms, &successes, &failures);
	return (1 + successes) / (2 + successes + failures);
}

/* ---- a table for normals ---- */

/*
 * The ziggurat: LAYERS stripes of equal area under exp(-x^2/2), the lowest with the tail.  A point
 * in a stripe is nearly always also under the stripe above, and then a product is all it took.
 */
#define LAYERS 256
#define TAIL   3.6541528853610088 /* where 256 stripes of equal area begin theirs */

static struct {
	double x[LAYERS + 1]; /* right edges, from the lowest stripe up; the last is the top */
	double y[LAYERS + 1];
} ziggurat;

static double
bell(double x)
{
	return exp(-0.5 * x * x);
}

static void
ziggurat_build(void)
{
	double area = TAIL * bell(TAIL) + sqrt(M_PI_2) * erfc(TAIL * M_SQRT1_2);
	double *x = ziggurat.x, *y = ziggurat.y;

	if (x[1] > 0)
		return;
	x[0] = area / bell(TAIL);
	x[1] = TAIL;
	x[LAYERS] = 0;
	for (int i = 2; i < LAYERS; i++)
		x[i] = sqrt(-2 * log(area / x[i - 1] + bell(x[i - 1])));
	for (int i = 0; i <= LAYERS; i++)
		y[i] = bell(x[i]);
}

/* ---- chance ---- */

/* splitmix64: any seed, 0 too, gives a state that is good from the first number on. */
void
chance_seed(struct chance *c, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		c->s[i] = z ^ z >> 31;
	}
	ziggurat_build();
}

static uint64_t
rotated(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t
chance_next(struct chance *c)
{
	uint64_t *s = c->s;
	uint64_t result = rotated(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotated(s[3], 45);
	return result;
}

double
chance_unit(struct chance *c)
{
	return (double)(chance_next(c) >> 11) * 0x1p-53;
}

/* In (0, 1), neither end: for logarithms. */
static double
chance_open(struct chance *c)
{
	return ((double)(chance_next(c) >> 12) + 0.5) * 0x1p-52;
}

/* The upper half of a product; what falls into the part that would be counted once more is thrown
 * again. */
uint64_t
chance_below(struct chance *c, uint64_t n)
{
	assert(n > 0);
	unsigned __int128 product = (unsigned __int128)chance_next(c) * n;

	if ((uint64_t)product < n) {
		uint64_t uneven = -n % n;

		while ((uint64_t)product < uneven)
			product = (unsigned __int128)chance_next(c) * n;
	}
	return (uint64_t)(product >> 64);
}

/* ---- draws ---- */

/* Beyond TAIL: Marsaglia's method of 1964. */
static double
normal_tail(struct chance *c)
{
	double x, y;

	do {
		x = -log(chance_open(c)) / TAIL;
		y = -log(chance_open(c));
	} while (y + y < x * x);
	return TAIL + x;
}

static double
normal_draw(struct chance *c)
{
	const double *x = ziggurat.x, *y = ziggurat.y;

	for (;;) {
		uint64_t bits = chance_next(c);
		unsigned i = bits & (LAYERS - 1);
		double u = (double)(bits >> 11) * 0x1p-52 - 1; /* these bits are not those of i */
		double at = u * x[i];

		if (fabs(at) < x[i + 1])
			return at;
		if (i == 0)
			return copysign(normal_tail(c), u);
		if (y[i + 1] + (y[i] - y[i + 1]) * chance_unit(c) < bell(at))
			return at;
	}
}

/* Of shape 1 or more. */
static double
gamma_draw(double shape, struct chance *c)
{
	double d = shape - 1.0 / 3, k = 1 / sqrt(9 * d);

	for (;;) {
		double x = normal_draw(c), v = 1 + k * x;

		if (v <= 0)
			continue;
		v = v * v * v;
		double u = chance_open(c), xx = x * x;

		if (u < 1 - 0.0331 * xx * xx || log(u) < 0.5 * xx + d * (1 - v + log(v)))
			return d * v;
	}
}

/* Rounding must not make certain what is not. */
static double
inside(double x)
{
	return x < 0x1p-1022 ? 0x1p-1022 : x > ALMOST1 ? ALMOST1 : x;
}

double
posterior_draw(posterior w, int64_t now_ms, struct chance *c)
{
	struct counts n = counts_of(w);

	assert(ziggurat.x[1] > 0); /* by chance_seed */
	if (w == 0)
		return chance_open(c);
	double rest = left(n.time_s, seconds_of(now_ms)) / ONE;
	double a = 1 + n.successes * rest, b = 1 + n.failures * rest;

	if (n.failures == 0)
		return inside(pow(chance_open(c), 1 / a));
	if (n.successes == 0)
		return inside(1 - pow(chance_open(c), 1 / b));
	double x = gamma_draw(a, c), y = gamma_draw(b, c);

	return inside(x / (x + y));
}
