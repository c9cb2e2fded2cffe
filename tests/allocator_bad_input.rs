//! Recordings with something broken in them: whatever is done to a case, an allocator refuses an
//! event or goes on, it never panics, and after a refusal it is as it was before.

mod reference;

use mesosim::replay::{Case, Cases, Event, Mesos, Player, Session, TOLERANCE, first_difference};
use reference::Reference;
use reference::script::Random;

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        // The small ones: thousands of variants are to be played.
        (text.len() < 6_000).then(|| Cases::new(&text).next().unwrap().unwrap().1)
    };
    paths.iter().filter_map(read).collect()
}

/// One of many ways to spoil a script: leave out, repeat, exchange events, bring in foreign ones.
fn spoil(input: &mut Vec<Event>, others: &[Case], random: &mut Random) {
    let mut below = |n: usize| (random.next() % n.max(1) as u64) as usize;
    for _ in 0..1 + below(3) {
        let (at, other) = (1 + below(input.len() - 1), 1 + below(input.len() - 1));
        match below(4) {
            0 if input.len() > 2 => drop(input.remove(at)),
            1 => input.insert(at, input[other].clone()),
            2 => input.swap(at, other),
            _ => {
                let foreign = &others[below(others.len())].input;
                input.insert(at, foreign[1 + below(foreign.len() - 1)].clone());
            }
        }
    }
}

fn never_panics_nor_keeps<P: Player>(scripts: u64) {
    let cases = cases();
    assert!(cases.len() > 60);
    let mut refused = 0;
    for seed in 0..scripts {
        let mut random = Random::new(seed);
        let mut input = cases[(random.next() % cases.len() as u64) as usize].input.clone();
        spoil(&mut input, &cases, &mut random);
        // One session meets the bad events, the other one only the good ones.
        let mut brave = Session::<P>::start(&input[0]).unwrap();
        let mut spared = Session::<P>::start(&input[0]).unwrap();
        for event in &input[1..] {
            let Ok(records) = brave.apply(event) else {
                refused += 1;
                continue;
            };
            let others = spared.apply(event).unwrap();
            let found = first_difference(&others, &records, TOLERANCE);
            assert!(found.is_none(), "seed {seed}: {}", found.unwrap());
        }
    }
    assert!(refused as u64 > scripts / 10, "{refused} of {scripts}");
}

#[test]
fn spoilt_scripts_are_refused_where_they_contradict_themselves() {
    never_panics_nor_keeps::<Reference>(1_000);
    never_panics_nor_keeps::<Mesos>(1_000);
}
