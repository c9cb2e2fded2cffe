//! Streams through the whole simulator: cheaper semantics must not pass as speed. Every task has
//! its launch, its updates and their acknowledgements; every offer ends. The digests stand here so
//! that a change of behaviour is seen (`UPDATE_EXPECT=1` takes the new ones).

use expect_test::{Expect, expect};
use mesosim::base::map::Map;
use mesosim::fact::Fact;
use mesosim::scenario::Scenario;
use mesosim::sim::{Finished, Sim};
use mesosim::world::World;
use std::path::Path;

fn scenario(file: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
    let text = std::fs::read_to_string(&path).expect("a built-in scenario");
    let folder = path.parent().expect("it lies in a folder");
    match Scenario::parse(&text, file, folder, &[], None) {
        Ok(scenario) => scenario,
        Err(e) => panic!("{}", e.render(false)),
    }
}

fn run(file: &str) -> Finished {
    let sim = Sim::of(scenario(file), false).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let finished = sim.run(&mut ()).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(finished.broken.is_none(), "{:?}", finished.broken);
    for outcome in &finished.expectations {
        assert!(outcome.passed, "{outcome:?}");
    }
    finished
}

fn same_digest(finished: &Finished, expected: &Expect) {
    expected.assert_eq(&finished.manifest.digest);
}

/// S1: 1,076 jobs of 77,715 tasks on 1,000 machines, two hours of arrivals.
#[test]
fn s1_runs_every_task_with_all_its_messages() {
    const TASKS: u64 = 77_715;
    let finished = run("streams/s1-day-short.toml");
    let messages: Map<&str, u64> = finished.world.messages().into_iter().collect();
    let sent = |label: &str| messages.get(label).copied().unwrap_or_else(|| panic!("no {label} in {messages:?}"));
    assert_eq!(sent("RUN_TASK"), TASKS);
    // STARTING, RUNNING, FINISHED; each on four legs; nothing lost, so nothing twice.
    for leg in ["STATUS_UPDATE", "UPDATE", "ACKNOWLEDGE", "STATUS_UPDATE_ACK"] {
        assert_eq!(sent(leg), 3 * TASKS, "{leg}");
    }
    let (master, _) = finished.world.masters().next().expect("a master");
    assert_eq!(master.sizes()[2], 0, "no task is left in the master's books");
    same_digest(&finished, &expect!["c7432d0971496dd05fbcbbc19afea238"]);
}

/// The same stream by its facts: offers that were made, accepted, declined and are outstanding.
#[test]
fn s1_ends_every_offer() {
    let (mut world, _) = World::build(&scenario("streams/s1-day-short.toml")).unwrap_or_else(|e| panic!("{e}"));
    let (mut made, mut launched, mut started) = (0, 0, 0);
    let mut ended: Map<String, u64> = Map::default();
    let mut facts = Vec::new();
    while !world.is_done() && world.step() {
        world.take_facts(&mut facts);
        for fact in facts.drain(..) {
            match fact.what {
                Fact::Offered { count, .. } => made += u64::from(count),
                Fact::OffersEnded { count, how, .. } => {
                    *ended.entry(format!("{how:?}")).or_default() += u64::from(count)
                }
                Fact::TaskLaunched { .. } => launched += 1,
                Fact::TaskStarted { .. } => started += 1,
                _ => {}
            }
        }
    }
    let (master, _) = world.masters().next().expect("a master");
    let outstanding = master.outstanding_offers().count() as u64;
    assert_eq!((launched, started), (77_715, 77_715));
    assert_eq!(outstanding, 0);
    assert_eq!(made, ended["Accepted"] + ended["Declined"] + outstanding, "{ended:?}");
    assert!(ended["Accepted"] > 1_000 && ended["Declined"] > 1_000, "{ended:?}");
}

#[test]
fn the_small_scenarios_give_the_digests_they_gave() {
    same_digest(&run("offer-example.toml"), &expect!["617293ba7b01bd621a1a7aa2b9431464"]);
    same_digest(&run("first-flight.toml"), &expect!["2be89616de9f5f1e3e87eeb642055010"]);
}
