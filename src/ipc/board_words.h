/*
 * The words that stand on the board and that its users read and write themselves: counts,
 * slots, cells.  Each is an atomic that is right by itself.
 */
#ifndef POLLUX_IPC_BOARD_WORDS_H
#define POLLUX_IPC_BOARD_WORDS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define BOARD_LAYOUT_VERSION 2
#define BOARD_WORKERS_MAX    256 /* slots: workers of one generation and those that drain */
/* Journals of leases: one for each slot, and the janitor's, who has no slot but probes. */
#define BOARD_JANITOR  BOARD_WORKERS_MAX
#define BOARD_JOURNALS (BOARD_WORKERS_MAX + 1)

/* What changes in the store and is cached by workers; one counter each. */
enum board_generation {
	BOARD_GEN_CREDENTIALS,
	BOARD_GEN_CLIENTS,
	BOARD_GEN_MODELS,
	BOARD_GEN_THAWS, /* something frozen was set free before its time */
	BOARD_GEN_COUNT
};

enum worker_state { WORKER_EMPTY, WORKER_STARTING, WORKER_READY, WORKER_DRAINING };

/* Counters and gauges that a worker keeps in its slot.  COUNTER ones survive in the totals when
 * the slot is swept. */
#define BOARD_COUNTS(C)                                                                         \
	C(CONNECTIONS, "connections", GAUGE)   /* open client connections */                    \
	C(EXCHANGES, "exchanges", GAUGE)       /* requests being answered */                    \
	C(STREAMS, "streams", GAUGE)           /* of these, streams that have begun */          \
	C(FETCHES, "fetches", GAUGE)           /* upstream calls under way */                   \
	C(REQUESTS, "requests", COUNTER)       /* heads read */                                 \
	C(ANSWERED, "answered", COUNTER)       /* answers begun, of any status */               \
	C(GONE, "clients_gone", COUNTER)       /* clients that left before the end */           \
	C(ATTEMPTS, "attempts", COUNTER)       /* upstream calls started */                     \
	C(RETRIES, "retries", COUNTER)         /* of these, not the first of their request */   \
	C(LOST_WRITES, "lost_writes", COUNTER) /* records the store did not take */

enum board_count {
#define BOARD_COUNT_ENUM(name, text, kind) BOARD_##name,
	BOARD_COUNTS(BOARD_COUNT_ENUM)
#undef BOARD_COUNT_ENUM
	    BOARD_COUNT_COUNT
};

struct board_slot {
	_Atomic pid_t pid;       /* 0: empty */
	_Atomic uint32_t state;  /* enum worker_state */
	_Atomic uint32_t number; /* which of the N sockets it serves */
	_Atomic uint32_t orphan; /* of an earlier master, which cannot reap it any more */
	_Atomic int64_t since_wall_ms;
	_Atomic int64_t counts[BOARD_COUNT_COUNT];
	char pad[64];
};

enum board_kind { BOARD_KIND_CLIENT = 1, BOARD_KIND_ADDRESS };

struct board_cell {
	_Atomic uint64_t key;  /* private to the board; 0: free */
	_Atomic uint64_t kind; /* private to the board; 0: being made */
	_Atomic uint64_t words[6];
};

/* What is known of a subject and a model.  upstream/fitness.h says what the words mean. */
#define BOARD_ROW_WORDS 16
struct board_row {
	_Alignas(64) _Atomic uint64_t words[BOARD_ROW_WORDS];
};

/* What one lease of a worker holds.  upstream/lease.h says what the words mean. */
#define BOARD_LEASE_WORDS 8
struct board_lease {
	_Alignas(64) _Atomic uint64_t words[BOARD_LEASE_WORDS];
};

#define BOARD_MODEL_BYTES 120  /* of a model's name */
#define BOARD_TRACE_BYTES 1008 /* of a trace */

#endif
