//! The policy that `src/README.md` shows: it compiles, it is what stands there, and it decides.

#[expect(unreachable_pub, reason = "the file stands as it would in the allocator's folder")]
mod fewest_cpus;

use fewest_cpus::{FewestCpus, SUMMARY};
use mesosim::mesos::allocator::policy::drf::Drf;
use mesosim::mesos::allocator::policy::{POLICIES, Sharing};
use mesosim::mesos::allocator::setups::Setup;
use mesosim::mesos::resource::Resources;

#[test]
fn the_readme_shows_this_file() {
    let shown = include_str!("fewest_cpus.rs");
    assert!(include_str!("../../src/README.md").contains(shown), "src/README.md must show tests/policy_example");
    assert!(shown.lines().count() <= 20 && !SUMMARY.is_empty());
    assert!(POLICIES.iter().all(|(_, summary)| *summary != SUMMARY));
}

/// Who gets the second agent if the first has much memory and few CPUs.
fn second_agent<S: Sharing>(sharing: S) -> String {
    let mut setup = Setup::new(sharing);
    setup.add_framework("f", "a");
    setup.add_framework("g", "b");
    setup.add_agents(1, &Resources::parse("cpus:1;mem:9000").unwrap());
    setup.cycle();
    let (f, g) = (setup.frameworks[0], setup.frameworks[1]);
    setup.add_agents(1, &Resources::parse("cpus:8;mem:1000").unwrap());
    setup.cycle();
    setup.add_agents(1, &Resources::parse("cpus:1;mem:100").unwrap());
    setup.cycle();
    assert_eq!(setup.offers.len(), 1);
    let winner = (setup.offers[0].allocation.framework, setup.offers[0].allocation.role);
    assert!(winner == f || winner == g);
    setup.names.framework(winner.0).to_owned()
}

#[test]
fn it_decides_otherwise_than_drf() {
    // f holds 1 CPU and nine tenths of the memory, g 8 CPUs, eight tenths of all.
    assert_eq!(second_agent(FewestCpus), "f");
    assert_eq!(second_agent(Drf), "g");
}
