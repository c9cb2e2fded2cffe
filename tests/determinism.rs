//! The same scenario and seed give the same digest, however the run is made.

mod common;

use common::{facts_until, scenario, stormy, world};
use mesosim::base::dice::{Dice, Site};
use mesosim::base::time::{Span, Time};
use mesosim::fact::Fact;
use mesosim::world::{World, fault};

const END: Time = Time::from_secs(20 * 60);

fn digest(mut world: World) -> String {
    world.run_until(END);
    world.digest().hex()
}

/// Beats made and not made: one digest. `seeds` runs of a cluster with crashes, a lost rack,
/// partitions and drawn latencies; every fault bites somewhere.
fn elision(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let elided = world(&stormy(seed));
        let mut eager = elided.clone();
        eager.make_all_beats();
        let (mut a, mut b) = (elided, eager);
        let (facts_a, facts_b) = (facts_until(&mut a, END), facts_until(&mut b, END));
        if let Some(at) = facts_a.iter().zip(&facts_b).position(|(x, y)| x != y) {
            panic!("seed {seed}: fact {at} is {:?} elided and {:?} eager", facts_a[at], facts_b[at]);
        }
        assert_eq!(a.digest().hex(), b.digest().hex(), "seed {seed}");
        let ([.., made_a, _], [.., made_b, _]) = (a.counts(), b.counts());
        assert!(made_a * 2 < made_b, "seed {seed}: {made_a} beats made elided, {made_b} eager");
        let unreachable = facts_a.iter().filter(|f| matches!(f.what, Fact::AgentUnreachable { .. })).count();
        assert!(unreachable >= 5, "seed {seed}: the lost rack at least is noticed");
    }
}

#[test]
fn eager_and_elided_heartbeats_have_one_digest_over_200_seeds() {
    elision(0..200);
}

/// Slow links: round trips can reach the period, so beats are always made, and some are missed.
#[test]
fn slow_links_are_never_elided() {
    let text = stormy(3).replace(
        r#"latency = { exponential = "2ms", shift = "1ms" }"#,
        r#"latency = { exponential = "800ms", shift = "1ms" }"#,
    );
    let elided = world(&text);
    let mut eager = elided.clone();
    eager.make_all_beats();
    assert_eq!(digest(elided.clone()), digest(eager));
    let mut idle = elided;
    idle.run_until(Time::from_secs(60));
    assert!(idle.counts()[1] > 20, "beats are made on slow links");
}

#[test]
fn twice_is_the_same_and_another_seed_differs() {
    let first = digest(world(&stormy(1)));
    assert_eq!(first, digest(world(&stormy(1))));
    assert_ne!(first, digest(world(&stormy(2))));
}

/// A clone made at any moment goes on as the original would have.
#[test]
fn forked_worlds_go_on_alike() {
    let mut first = world(&stormy(5));
    first.run_until(END);
    let (whole, events) = (first.digest().hex(), first.counts()[0]);
    // Twelve moments at random.
    let key = Dice::new(11).key(Site::new("test-fork"));
    for steps in (0..12).map(|n| key.draw(0, n).below(events * 9 / 10)) {
        let mut original = world(&stormy(5));
        for _ in 0..steps {
            original.step();
        }
        let fork = original.clone();
        assert!(original.now() < END);
        let (a, b) = std::thread::scope(|s| {
            let other = s.spawn(|| digest(fork));
            (digest(original), other.join().expect("the fork runs"))
        });
        assert_eq!((a, b), (whole.clone(), whole.clone()), "forked after {steps} events");
    }
}

/// Details and the message tap are for eyes only.
#[test]
fn watching_changes_nothing() {
    let plain = digest(world(&stormy(6)));
    let mut watched = world(&stormy(6));
    watched.watch_details();
    watched.watch_messages(|_, _, _| true);
    assert_eq!(digest(watched), plain);
}

/// The explicit list of faults stands for the random sections, to the digest.
#[test]
fn the_explicit_list_of_faults_gives_the_same_run() {
    let text = stormy(7);
    let (random, occurrences) = World::build(&scenario(&text)).unwrap_or_else(|e| panic!("{e}"));
    let cut = text.find("[[fault]]").expect("it has faults");
    let explicit = format!("{}{}", &text[..cut], fault::to_toml(&occurrences));
    let (listed, again) = World::build(&scenario(&explicit)).unwrap_or_else(|e| panic!("{e}"));
    assert!(occurrences.len() > 10);
    assert_eq!(fault::to_toml(&again), fault::to_toml(&occurrences));
    assert_eq!(digest(listed), digest(random));
}

/// Taking one fault away changes nobody's dice: up to that fault nothing differs, and the other
/// faults strike at the same instants.
#[test]
fn removing_a_fault_shifts_no_dice() {
    let text = stormy(8);
    let (mut whole, occurrences) = World::build(&scenario(&text)).unwrap_or_else(|e| panic!("{e}"));
    let cut = text.find("[[fault]]").expect("it has faults");
    let removed = occurrences.len() / 2;
    let gone = occurrences[removed].at;
    let rest: String = occurrences
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != removed)
        .map(|(_, o)| format!("[[fault]]\n{}\n", o.toml))
        .collect();
    let mut less = world(&format!("{}{rest}", &text[..cut]));
    let before = gone - Span(1);
    let until = |w: &mut World, end| -> Vec<_> {
        let strip = |f: &mesosim::fact::At<Fact>| {
            !matches!(f.what, Fact::FaultBegan { .. } | Fact::FaultBit { .. } | Fact::FaultEnded { .. })
        };
        facts_until(w, end).into_iter().filter(strip).collect()
    };
    assert_eq!(until(&mut whole, before), until(&mut less, before));
    // Arrivals are drawn by workload and number: all of them come at the same instants.
    let jobs = |facts: Vec<mesosim::fact::At<Fact>>| -> Vec<_> {
        facts.into_iter().filter(|f| matches!(f.what, Fact::JobSubmitted { .. })).collect()
    };
    assert_eq!(jobs(until(&mut whole, END)), jobs(until(&mut less, END)));
}

/// Busy mailboxes: a service time delays, merges more allocation runs, and is as repeatable.
#[test]
fn a_busy_master_is_slower_and_as_deterministic() {
    let text = stormy(9) + "[master]\nservice_time = \"500us\"\n[allocator]\nservice_time = \"2ms\"\n";
    let busy = digest(world(&text));
    assert_eq!(busy, digest(world(&text)));
    assert_ne!(busy, digest(world(&stormy(9))));
}

/// A process may be stopped after any single effect of a handler. The rest never happens, and the
/// world goes on: whatever the point, the cluster finds back and keeps its books.
#[test]
fn a_process_can_die_between_any_two_effects() {
    let mut seen = std::collections::BTreeSet::new();
    for effects in 1..40 {
        let mut world = world(&stormy(10));
        world.run_until(Time::from_secs(30));
        // The first agent's slot: master, two frameworks, agents.
        world.stop_after_effects(3, effects);
        let facts = facts_until(&mut world, Time::from_secs(120));
        let stopped = facts.iter().find(|f| matches!(f.what, Fact::ProcessStopped { slot: 3, .. }));
        seen.insert(stopped.map(|f| f.at));
        world.run_until(END);
    }
    assert!(seen.len() > 10, "the points of death differ: {}", seen.len());
}
