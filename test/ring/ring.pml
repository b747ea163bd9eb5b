/* The slot ring as docs/reference/ring.md has it, for `spin`: two publishers, two executors, a lane of two
 * slots. Positions are modulo 8 and start at 6, so that they wrap.
 *
 * The first publisher's items are a batch and, as its last, the batch's fence. The other publisher has item 1;
 * of two items it has none.
 * With -DDEATH executor 1 may die between any two steps, and is swept then.
 *
 * One step is one look at shared memory, and what a thread then does by itself. Checked, in every order:
 *   - no item runs twice, and none is settled twice (assertions);
 *   - the fence runs after its batch (assertion);
 *   - every item is settled in the end and its slot free (assertions at the end);
 *   - nobody sleeps for ever (an executor that sleeps is no valid end).
 *
 * -DBELL, -DFENCE and -DSHOW each plant a mistake that must be found, and so do -DHEAD, -DMUTE, -DSWEEP and
 * -DNAME beside -DDEATH.
 */

#ifndef ITEMS
#define ITEMS 4
#endif
#define THE_FENCE (ITEMS - 1)
#if ITEMS == 2
#define BATCH 1
#else
#define BATCH (ITEMS - 2)
#endif
#define SIZE 2
#define MOD 8
#define FIRST 6
#define NEXT(p, n) (((p) + (n)) % MOD)
#define SLOT(p) ((p) % SIZE)
/* How far the turn of position `p` is from "shown": 0 is shown, up to 3 is past it, from 4 on before it. */
#define SHOWN(p) ((turn[SLOT(p)] + MOD - (p) - 1) % MOD)
#define IS_OUT(s) (turn[s] % SIZE != (s))
#define NONE SIZE
/* Nobody's, as the position says it; executors are 1 and 2. */
#define UNOWNED(p) (10 + (p))

#define EMPTY 0
#define PUBLISHED 1
#define CLAIMED 2
#define DONE 3
#define REQUEUE 6
#define FAULT 7

byte tail = FIRST;
byte head = FIRST;
byte turn[SIZE];
byte owner[SIZE];
byte status[SIZE];
byte item[SIZE];

byte bell; /* Rings so seldom that it never wraps here. */
bool asleep[3];
byte sleepers;
byte batch;
byte done_count;
bool runs[ITEMS];
bool settled[ITEMS];
bool died;

/* Status and counters change in a straight line: an engine stops a thread in no such place. */
inline settle(s, to) {
  status[s] = to;
  assert(!settled[item[s]]);
  settled[item[s]] = true;
  if
  :: item[s] != 1 && item[s] != THE_FENCE -> batch++
  :: else
  fi;
  done_count++
}

/* Whoever sleeps by now is woken. */
inline ring_bell() {
  if
  :: sleepers != 0 -> d_step { bell++; asleep[1] = false; asleep[2] = false }
  :: sleepers == 0
  fi
}

inline release(s) {
  d_step { turn[s] = NEXT(turn[s], SIZE - 1) }
}

proctype publisher(byte what; byte count) {
  byte p;
again:
  p = tail;
  if
  :: atomic { turn[SLOT(p)] != p -> p = 0; goto busy }
  :: turn[SLOT(p)] == p
  fi;
  if
  :: atomic { tail != p -> p = 0; goto again }
  :: d_step {
      tail == p -> tail = NEXT(p, 1);
#ifdef SHOW
      turn[SLOT(p)] = NEXT(p, 1); /* Before it is filled. */
    }
    d_step {
#endif
      item[SLOT(p)] = what; /* Plain stores, that nobody looks at before the turn. */
      status[SLOT(p)] = PUBLISHED;
      owner[SLOT(p)] = UNOWNED(p)
    }
  fi;
  d_step {
#ifndef SHOW
    turn[SLOT(p)] = NEXT(p, 1);
#endif
    p = 0;
    count--;
    what = (count == 1 -> THE_FENCE : what + 2)
  }
  ring_bell();
  if
  :: count > 0 -> goto again
  :: else -> goto over
  fi;
busy:
  (turn[SLOT(tail)] == tail) -> goto again;
over:
  skip
}

/* What the last look before sleeping asks. */
#define AWAKE (SHOWN(head) < 4 || (parked != NONE && batch == BATCH) || done_count == ITEMS)

proctype executor(byte me) {
  byte h = 0;
  byte seen = 0;
  byte s = 0;
  byte parked = NONE;
  {
    skip;
again:
    if
    :: atomic { parked != NONE && batch == BATCH -> s = parked; parked = NONE }
      if
      :: d_step { status[s] == REQUEUE -> status[s] = CLAIMED } goto run_it
      :: atomic { status[s] != REQUEUE -> s = 0 } /* Swept. */
      fi
    :: parked == NONE || batch < BATCH
    fi;
    h = head;
    if
    :: atomic { SHOWN(h) >= 4 -> h = 0; goto idle }
    :: SHOWN(h) < 4
    fi;
#ifdef HEAD
    if
    :: d_step { head == h -> head = NEXT(h, 1); s = SLOT(h); h = 0 } /* The head first, and the name afterwards. */
      owner[s] = me
    :: atomic { head != h -> h = 0; goto again }
    fi;
#else
    if
    :: d_step { owner[SLOT(h)] == UNOWNED(h) -> owner[SLOT(h)] = me }
      d_step {
        if
        :: head == h -> head = NEXT(h, 1)
        :: else
        fi;
        s = SLOT(h);
        h = 0
      }
    :: owner[SLOT(h)] != UNOWNED(h) -> /* Another's: moves the head past it. */
      atomic {
        if
        :: head == h -> head = NEXT(h, 1)
        :: else
        fi;
        h = 0;
        goto again
      }
    fi;
#endif
    if
    :: d_step { status[s] == PUBLISHED -> status[s] = CLAIMED }
    :: atomic { status[s] != PUBLISHED -> s = 0; goto again } /* Swept. */
    fi;
run_it:
    skip;
#ifndef FENCE
    if
    :: item[s] != THE_FENCE || batch == BATCH
    :: d_step { item[s] == THE_FENCE && batch < BATCH && status[s] == CLAIMED ->
        status[s] = REQUEUE;
        parked = s;
        s = 0 }
      goto again
    fi;
#endif
    d_step {
      assert(!runs[item[s]]);
      assert(item[s] != THE_FENCE || batch == BATCH);
      runs[item[s]] = true
    }
    if
    :: d_step { status[s] == CLAIMED -> settle(s, DONE) }
    :: atomic { status[s] != CLAIMED -> s = 0; goto again } /* Swept. */
    fi;
    d_step { release(s); s = 0 }
    ring_bell();
    goto again;
idle:
    sleepers++;
#ifndef BELL
    seen = bell;
#endif
    if
    :: AWAKE
    :: !AWAKE ->
#ifdef BELL
      seen = bell; /* After the last look. */
#endif
      d_step { asleep[me] = (bell == seen); seen = 0 } /* The processor looks and sleeps at once. */
      !asleep[me]
    fi;
    d_step { sleepers--; seen = 0 }
    if
    :: done_count < ITEMS -> goto again
    :: done_count == ITEMS
    fi
  } unless { died && me == 1 }
}

/* Ends executor 1 at any time, or never, and sweeps what it held. */
proctype sweeper() {
  byte s = 0;
  if
  :: done_count == ITEMS -> goto over
  :: died = true
  fi;
again:
  if
  :: s == SIZE -> goto rings
#ifdef NAME
  :: s < SIZE /* Trusts a name that the last lap may have left. */
#else
  :: s < SIZE && IS_OUT(s)
  :: atomic { s < SIZE && !IS_OUT(s) -> s++; goto again }
#endif
  fi;
  if
  :: owner[s] == 1
  :: atomic { owner[s] != 1 -> s++; goto again }
  fi;
  if
#ifdef SWEEP
  :: true -> d_step { settle(s, FAULT) } /* Whether it was settled or not. */
#else
  :: d_step { status[s] == CLAIMED || status[s] == PUBLISHED || status[s] == REQUEUE -> status[s] = EMPTY }
    d_step { settle(s, FAULT) }
  :: status[s] == DONE
#endif
  fi;
  d_step { release(s); s++ }
  goto again;
rings:
#ifndef MUTE
  ring_bell(); /* It may have died between counting a slot and ringing. */
#endif
  s = 0;
over:
  skip
}

init {
  d_step {
    turn[SLOT(FIRST)] = FIRST;
    turn[SLOT(FIRST + 1)] = FIRST + 1
  }
  atomic {
#if ITEMS == 2
    run publisher(0, 2);
#else
    run publisher(0, ITEMS - 1);
    run publisher(1, 1);
#endif
    run executor(1);
    run executor(2);
#ifdef DEATH
    run sweeper()
#endif
  }
  _nr_pr == 1;
  assert(done_count == ITEMS);
  assert(!IS_OUT(0) && !IS_OUT(1))
}
