/*
 * Places of leases: see holdings.h.  Those that are free form a list through the array.
 */
#include "upstream/holdings.h"

#include <assert.h>
#include "base/mem.h"

#define NO_PLACE   UINT32_MAX
#define FIRST_ROOM 64

void
holdings_init(struct holdings *h, struct board *board, int slot)
{
	*h = (struct holdings){ .board = board, .slot = slot, .first_free = NO_PLACE };
}

void
holdings_fini(struct holdings *h)
{
	mem_free(h->items);
	h->items = NULL;
}

static void
grow(struct holdings *h)
{
	uint32_t room = h->room ? h->room * 2 : FIRST_ROOM;

	h->items = mem_resize(h->items, room * sizeof(*h->items));
	for (uint32_t i = room; i-- > h->room;) {
		h->items[i] = (struct held){ .next_free = h->first_free };
		h->first_free = i;
	}
	h->room = room;
}

bool
holdings_take(struct holdings *h, uint32_t *place)
{
	struct board_lease *line = NULL;

	if (h->first_free == NO_PLACE)
		grow(h);
	*place = h->first_free;
	if (h->slot >= 0) {
		line = board_lease(h->board, h->slot, *place, true);
		if (!line)
			return false;
	}
	struct held *held = &h->items[*place];

	h->first_free = held->next_free;
	*held = (struct held){ .place = line, .used = true };
	return true;
}

void
holdings_leave(struct holdings *h, uint32_t place)
{
	struct held *held = holdings_at(h, place);

	if (held->place)
		lease_line_wipe(held->place);
	*held = (struct held){ .next_free = h->first_free };
	h->first_free = place;
}

struct held *
holdings_at(struct holdings *h, uint32_t place)
{
	assert(place < h->room && h->items[place].used);
	return &h->items[place];
}

void
held_write(const struct held *held)
{
	if (held->place)
		lease_line_write(held->place, &held->line);
}
