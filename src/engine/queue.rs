//! The event queue: events in order of (time, sequence) and nothing else.
//!
//! A 4-ary heap of 16-byte keys with the payloads in a slab, and a lane for events of the current
//! instant, which need no heap: whatever is pushed for "now" comes after everything that the heap
//! still holds for "now", because that was pushed before the clock came here.

use crate::base::time::Time;
use std::collections::VecDeque;

/// Bits of a key's second word that name the payload's slot; the rest is the sequence number.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    at: i64,
    /// Sequence number above, slot below: sequence numbers differ, so slots never decide.
    order: u64,
}

/// Events with their instants. Cloning it forks it.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    heap: Vec<Key>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    lane: VecDeque<T>,
    now: Time,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: Vec::new(),
            slab: Vec::new(),
            free: Vec::new(),
            lane: VecDeque::new(),
            now: Time::ZERO,
            sequence: 0,
        }
    }
}

impl<T> Queue<T> {
    /// The instant of the event popped last.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() + self.lane.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.lane.is_empty()
    }
    /// The instant of the next event.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        if self.lane.is_empty() { self.heap.first().map(|k| Time(k.at)) } else { Some(self.now) }
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
                self.slab[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                self.slab.len() as u32 - 1
            }
        };
        assert!(u64::from(slot) <= SLOT_MASK && self.sequence < 1 << (64 - SLOT_BITS), "too many events");
        let key = Key { at: at.0, order: self.sequence << SLOT_BITS | u64::from(slot) };
        self.sequence += 1;
        self.heap.push(key);
        self.sift_up(self.heap.len() - 1);
    }

    /// Removes the next event and moves the clock to its instant.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, T)> {
        match self.heap.first() {
            Some(key) if key.at == self.now.0 || self.lane.is_empty() => {}
            _ => return Some((self.now, self.lane.pop_front()?)),
        }
        let last = self.heap.pop()?;
        let key = match self.heap.first_mut() {
            Some(first) => {
                let key = std::mem::replace(first, last);
                self.sift_down();
                key
            }
            None => last,
        };
        let slot = (key.order & SLOT_MASK) as u32;
        self.free.push(slot);
        self.now = Time(key.at);
        Some((self.now, self.slab[slot as usize].take()?))
    }

    /// Moves the clock forward without an event; never past the next one, never back.
    pub fn advance(&mut self, to: Time) {
        let limit = self.next_time().unwrap_or(Time::MAX);
        self.now = self.now.max(to.min(limit));
    }

    fn sift_up(&mut self, mut at: usize) {
        let key = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / 4;
            if self.heap[parent] <= key {
                break;
            }
            self.heap[at] = self.heap[parent];
            at = parent;
        }
        self.heap[at] = key;
    }

    fn sift_down(&mut self) {
        let heap = &mut self.heap[..];
        let key = heap[0];
        let mut at = 0;
        loop {
            let first = at * 4 + 1;
            let Some(children) = heap.get(first..heap.len().min(first + 4)).filter(|c| !c.is_empty()) else { break };
            let mut least = 0;
            for (i, child) in children.iter().enumerate().skip(1) {
                if *child < children[least] {
                    least = i;
                }
            }
            if heap[first + least] >= key {
                break;
            }
            heap[at] = heap[first + least];
            at = first + least;
        }
        heap[at] = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a list that is kept sorted by (time, sequence).
        #[test]
        fn pops_in_order_of_time_and_sequence(steps in prop::collection::vec((0_u8..3, 0_i64..6), 1..400)) {
            let mut queue = Queue::default();
            let mut list: Vec<(i64, u32)> = Vec::new();
            let mut next = 0;
            for (what, delay) in steps {
                if what < 2 {
                    let at = queue.now().0 + delay;
                    queue.push(Time(at), next);
                    let place = list.partition_point(|&(t, _)| t <= at);
                    list.insert(place, (at, next));
                    next += 1;
                } else {
                    prop_assert_eq!(queue.next_time(), list.first().map(|&(t, _)| Time(t)));
                    let expected = if list.is_empty() { None } else { Some(list.remove(0)) };
                    prop_assert_eq!(queue.pop().map(|(t, e)| (t.0, e)), expected);
                }
                prop_assert_eq!(queue.len(), list.len());
            }
            while let Some((t, e)) = queue.pop() {
                prop_assert_eq!((t.0, e), list.remove(0));
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
        assert_eq!(queue.pop(), Some((Time(10), 'a')));
        queue.push(Time(3), 'b');
        assert_eq!(queue.pop(), Some((Time(10), 'b')));
    }
}
