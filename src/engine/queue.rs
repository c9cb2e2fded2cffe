//! The event queue: events in order of (time, sequence) and nothing else.
//!
//! Two 4-ary heaps of 16-byte keys, for events that are near and far, with the payloads in a slab,
//! and a lane for events of the current instant, which need no heap: whatever is pushed for "now"
//! comes after everything that the heaps still hold for "now", because that was pushed before the
//! clock came here.

use crate::base::time::Time;
use std::collections::VecDeque;

/// Bits of a key that name the payload's slot.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u128 = (1 << SLOT_BITS) - 1;
/// Bits of a key below the instant: sequence number, then slot.
const ORDER_BITS: u32 = 64;
/// Events nearer than this are kept apart from those further away: messages on their way are few
/// and short-lived, timers and ends of tasks are many and far, and neither should pay for the other.
const NEAR_NS: i64 = 1 << 23;

/// Instant, sequence number, slot, from the top: sequence numbers differ, so slots never decide.
type Key = u128;

fn instant(key: Key) -> Time {
    Time((key >> ORDER_BITS) as i64)
}

/// A 4-ary heap of keys.
#[derive(Clone, Debug, Default)]
struct Heap(Vec<Key>);

impl Heap {
    #[inline]
    fn push(&mut self, key: Key) {
        let mut at = self.0.len();
        self.0.push(key);
        let heap = &mut self.0[..];
        while at > 0 {
            let parent = (at - 1) / 4;
            if heap[parent] <= key {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = key;
    }

    #[inline]
    fn pop(&mut self) -> Option<Key> {
        let last = self.0.pop()?;
        let heap = &mut self.0[..];
        let Some(&first) = heap.first() else { return Some(last) };
        let mut at = 0;
        loop {
            let child = at * 4 + 1;
            let least = match heap.get(child..) {
                Some([a, b, c, d, ..]) => {
                    let (i, x) = if b < a { (1, b) } else { (0, a) };
                    let (j, y) = if d < c { (3, d) } else { (2, c) };
                    child + if y < x { j } else { i }
                }
                Some([]) | None => break,
                Some(few) => {
                    let mut least = 0;
                    for (i, key) in few.iter().enumerate() {
                        if *key < few[least] {
                            least = i;
                        }
                    }
                    child + least
                }
            };
            if heap[least] >= last {
                break;
            }
            heap[at] = heap[least];
            at = least;
        }
        heap[at] = last;
        Some(first)
    }
}

/// Events with their instants. Cloning it forks it.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    near: Heap,
    far: Heap,
    /// Free slots hold the default.
    slab: Vec<T>,
    free: Vec<u32>,
    lane: VecDeque<T>,
    now: Time,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            near: Heap::default(),
            far: Heap::default(),
            slab: Vec::new(),
            free: Vec::new(),
            lane: VecDeque::new(),
            now: Time::ZERO,
            sequence: 0,
        }
    }
}

impl<T: Default> Queue<T> {
    /// The instant of the event popped last.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.near.0.len() + self.far.0.len() + self.lane.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn first(&self) -> Option<Key> {
        match (self.near.0.first(), self.far.0.first()) {
            (Some(a), Some(b)) => Some(*a.min(b)),
            (a, b) => a.or(b).copied(),
        }
    }

    /// The instant of the next event.
    #[inline]
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        if self.lane.is_empty() { self.first().map(instant) } else { Some(self.now) }
    }

    /// Adds an event; an instant that has passed counts as now.
    #[inline]
    pub fn push(&mut self, at: Time, event: T) {
        if at <= self.now {
            self.lane.push_back(event);
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = event;
                slot
            }
            None => {
                self.slab.push(event);
                self.slab.len() as u32 - 1
            }
        };
        assert!(u128::from(slot) <= SLOT_MASK && self.sequence < 1 << (ORDER_BITS - SLOT_BITS), "too many events");
        let order = u128::from(self.sequence) << SLOT_BITS | u128::from(slot);
        self.sequence += 1;
        // The instant is later than now, so it is not negative.
        let key = (at.0 as u128) << ORDER_BITS | order;
        if at.0 - self.now.0 < NEAR_NS {
            self.near.push(key);
        } else {
            self.far.push(key);
        }
    }

    /// Removes the next event and moves the clock to its instant; the default if there is none.
    #[inline]
    pub fn pop(&mut self) -> T {
        match self.first() {
            Some(key) if self.lane.is_empty() || instant(key) == self.now => {
                if self.near.0.first() == Some(&key) {
                    self.near.pop();
                } else {
                    self.far.pop();
                }
                let slot = (key & SLOT_MASK) as u32;
                self.free.push(slot);
                self.now = instant(key);
                std::mem::take(&mut self.slab[slot as usize])
            }
            _ => self.lane.pop_front().unwrap_or_default(),
        }
    }

    /// Moves the clock forward without an event; never past the next one, never back.
    pub fn advance(&mut self, to: Time) {
        let limit = self.next_time().unwrap_or(Time::MAX);
        self.now = self.now.max(to.min(limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a list that is kept sorted by (time, sequence).
        #[test]
        fn pops_in_order_of_time_and_sequence(
            steps in prop::collection::vec((0_u8..3, 0_i64..6), 1..400),
            scale in prop::sample::select(vec![1, NEAR_NS / 3]),
        ) {
            let mut queue = Queue::default();
            let mut list: Vec<(i64, u32)> = Vec::new();
            let mut next = 0;
            for (what, delay) in steps {
                if what < 2 {
                    let at = queue.now().0 + delay * scale;
                    queue.push(Time(at), next);
                    let place = list.partition_point(|&(t, _)| t <= at);
                    list.insert(place, (at, next));
                    next += 1;
                } else {
                    prop_assert_eq!(queue.next_time(), list.first().map(|&(t, _)| Time(t)));
                    let expected = if list.is_empty() { None } else { Some(list.remove(0)) };
                    let popped = queue.pop();
                    prop_assert_eq!(Some((queue.now().0, popped)).filter(|_| expected.is_some()), expected);
                }
                prop_assert_eq!(queue.len(), list.len());
            }
            while !queue.is_empty() {
                let event = queue.pop();
                prop_assert_eq!((queue.now().0, event), list.remove(0));
            }
            prop_assert!(list.is_empty() && queue.is_empty());
        }
    }

    #[test]
    fn the_clock_never_passes_an_event_or_goes_back() {
        let mut queue = Queue::default();
        queue.push(Time(10), 'a');
        queue.advance(Time(20));
        assert_eq!(queue.now(), Time(10));
        queue.advance(Time(5));
        assert_eq!((queue.pop(), queue.now()), ('a', Time(10)));
        queue.push(Time(3), 'b');
        assert_eq!((queue.pop(), queue.now()), ('b', Time(10)));
    }
}
