//! The simulator's allocator against recordings of the real one, offer by offer.

use mesosim::mesos::allocator::amounts::Amounts;
use mesosim::mesos::allocator::policy::drf::Drf;
use mesosim::mesos::allocator::setups::{AGENT, Roles, Setup, agent_name, checksum, framework_name};
use mesosim::mesos::message::Refuse;
use mesosim::mesos::resource::Resources;
use mesosim::replay::{Body, Capability, Case, Cases, Event, Framework, Init, Mesos, Offers, Record, play};
use std::collections::{BTreeMap, BTreeSet};

/// All cases below `tests/oracle` and, if it is set, `MESOSIM_ORACLE`.
fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle");
    #[expect(clippy::disallowed_methods, reason = "a test may be pointed at more recordings")]
    let more = std::env::var("MESOSIM_ORACLE").ok();
    let mut all = Vec::new();
    for folder in std::iter::once(folder.to_owned()).chain(more) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            all.extend(Cases::new(&text).map(|case| case.unwrap_or_else(|error| panic!("{path:?}:{error}")).1));
        }
    }
    all
}

#[test]
fn the_allocator_agrees_with_the_real_one() {
    let (all, mut different) = (cases(), Vec::new());
    assert!(all.len() > 80, "{} cases", all.len());
    for case in &all {
        assert!(case.output.is_some(), "these are recordings");
        match play::<Mesos>(case) {
            Ok(ours) => {
                let difference = case.first_difference(&ours);
                different.extend(difference.map(|difference| format!("case `{}`: {difference}", case.name)));
            }
            Err(refused) => different.push(refused.to_string()),
        }
    }
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), all.len(), different.join("\n"));
}

fn agents(count: u32, total: &str) -> impl Iterator<Item = Event> {
    (0..count).map(move |n| Event::AddAgent {
        id: agent_name(n),
        total: Resources::parse(total).unwrap(),
        hostname: None,
        used: Vec::new(),
    })
}
fn framework(id: String, role: String) -> Event {
    Event::AddFramework {
        framework: Framework {
            id,
            roles: vec![role],
            suppressed: BTreeSet::new(),
            capabilities: Capability::usual(),
            min_allocatable: BTreeMap::new(),
        },
        active: true,
        used: Vec::new(),
    }
}
fn frameworks(count: u32, roles: Roles) -> impl Iterator<Item = Event> {
    (0..count).map(move |n| framework(framework_name(n), roles.of(n)))
}
fn bench_case(input: Vec<Event>) -> Case {
    let input = std::iter::once(Event::Init(Init::default())).chain(input).collect();
    Case { name: "bench".into(), why: String::new(), input, output: None, rounded: false }
}
fn offers(record: &Record) -> &Offers {
    match &record.body {
        Body::Allocation { offers, .. } => offers,
        Body::Error(text) => panic!("{text}"),
    }
}
/// Framework, role, agent and resources of each offer.
fn rows(offers: &Offers) -> impl Iterator<Item = (&String, &String, &String, &Resources)> {
    offers.iter().flat_map(|(framework, roles)| {
        let role = roles.iter();
        role.flat_map(move |(role, agents)| agents.iter().map(move |(agent, r)| (framework, role, agent, r)))
    })
}

/// Checksum of the offers of a record.
fn sum(record: &Record) -> String {
    let rows = rows(offers(record));
    checksum(rows.map(|(f, r, a, resources)| [f.clone(), r.clone(), a.clone(), resources.to_string()]).collect())
}

/// The benchmark's checksum is that of a replay of the same set-up, in the second cycle too.
#[test]
fn what_is_measured_is_what_is_replayed() {
    for (count, of, roles) in [(300, 7, Roles::Flat(1)), (120, 40, Roles::Flat(40)), (120, 40, Roles::Nested(20))] {
        let mut setup = Setup::new(Drf);
        setup.add_agents(count, &Resources::parse(AGENT).unwrap());
        setup.add_frameworks(of, roles);
        setup.cycle();
        let first = setup.checksum();
        setup.give_back(Refuse::NONE);
        setup.cycle();

        let mut input: Vec<Event> = agents(count, AGENT).chain(frameworks(of, roles)).collect();
        input.push(Event::Allocate(None));
        let records = play::<Mesos>(&bench_case(input.clone())).unwrap();
        let back = rows(offers(&records[0])).map(|(framework, role, agent, resources)| Event::Recover {
            framework: framework.clone(),
            role: role.clone(),
            agent: agent.clone(),
            resources: resources.clone(),
            refuse: None,
            allocated: false,
        });
        input.extend(back.collect::<Vec<_>>());
        input.push(Event::Allocate(None));
        let records = play::<Mesos>(&bench_case(input)).unwrap();
        let sums: Vec<String> = records.iter().map(sum).collect();
        assert_eq!(sums, [first, setup.checksum()]);
    }
}

/// The same for roles with quotas of half an agent and of two.
#[test]
fn what_is_measured_with_quotas_is_what_is_replayed() {
    for (small, large) in [(20, 10), (200, 100)] {
        let mut setup = Setup::new(Drf);
        setup.add_agents(small + large, &Resources::parse(Setup::<Drf>::QUOTA_AGENT).unwrap());
        setup.add_quota_frameworks(small, large);
        setup.set_quotas(small, large);
        let count = setup.cycle();
        assert!(count > small, "{count} offers");

        let sizes = [("small", small, Setup::<Drf>::SMALL_QUOTA), ("large", large, Setup::<Drf>::LARGE_QUOTA)];
        let mut input: Vec<Event> = agents(small + large, Setup::<Drf>::QUOTA_AGENT).collect();
        for (size, count, _) in sizes {
            input.extend((0..count).map(|i| framework(format!("framework-{size}-{i}"), format!("{size}-{i}"))));
        }
        for (size, count, quota) in sizes {
            let amounts = Amounts::of(&Resources::parse(quota).unwrap());
            let amounts: BTreeMap<String, _> = amounts.iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
            input.extend((0..count).map(|i| Event::UpdateQuota {
                role: format!("{size}-{i}"),
                guarantees: amounts.clone(),
                limits: amounts.clone(),
            }));
        }
        input.push(Event::Allocate(None));
        let records = play::<Mesos>(&bench_case(input)).unwrap();
        assert_eq!(records.iter().map(sum).collect::<Vec<_>>(), [setup.checksum()]);
    }
}
