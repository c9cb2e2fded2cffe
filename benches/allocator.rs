//! Allocation cycles by wall time, with criterion: `cargo bench --bench allocator`. The set-ups are
//! those on which Mesos' own allocator was timed; `mesosim bench allocator` has the large ones.

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use mesosim::base::time::Span;
use mesosim::mesos::allocator::policy::drf::Drf;
use mesosim::mesos::allocator::setups::{AGENT, Roles, Setup};
use mesosim::mesos::message::Refuse;
use mesosim::mesos::resource::Resources;
use std::hint::black_box;

const AGENTS: u32 = 1_000;
/// What tasks use on an agent that is partly taken.
const USED: &str = "cpus:1;mem:128;disk:128;ports:[31126-31510]";

fn r(text: &str) -> Resources {
    Resources::parse(text).expect("a text of ours")
}
fn idle(frameworks: u32, roles: Roles) -> Setup<Drf> {
    let mut setup = Setup::new(Drf);
    setup.add_agents(AGENTS, &r(AGENT));
    setup.add_frameworks(frameworks, roles);
    setup
}
fn used(frameworks: u32) -> Setup<Drf> {
    let mut setup = Setup::new(Drf);
    setup.add_frameworks(frameworks, Roles::Flat(1));
    setup.add_used_agents(AGENTS, &r(AGENT), &r(USED));
    setup
}

/// All agents are offered and given back.
fn full_cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("full-cycle");
    for (name, frameworks, roles) in [
        ("flat", 50, Roles::Flat(1)),
        ("flat", 1_000, Roles::Flat(1)),
        ("role-per-framework", 200, Roles::Flat(200)),
        ("nested", 200, Roles::Nested(50)),
    ] {
        let mut setup = idle(frameworks, roles);
        group.bench_function(BenchmarkId::new(name, frameworks), |b| {
            b.iter(|| {
                black_box(setup.cycle());
                setup.give_back(Refuse::NONE);
            });
        });
    }
    let refuse = Refuse::seconds(Span::from_secs(1));
    let mut setup = idle(50, Roles::Flat(1));
    group.bench_function("decline-filter", |b| {
        b.iter(|| {
            black_box(setup.tick());
            setup.give_back(refuse);
        });
    });
    group.finish();
}

fn add_and_update_agents(c: &mut Criterion) {
    let (more, some) = (r("cpus:32;mem:8192;disk:4096;ports:[31000-32000]"), r(USED));
    c.bench_function("AddAndUpdateSlave", |b| {
        let frameworks = || {
            let mut setup = Setup::new(Drf);
            setup.add_frameworks(50, Roles::Flat(1));
            setup
        };
        b.iter_batched(
            frameworks,
            |mut setup| {
                setup.add_used_agents(AGENTS, &r(AGENT), &some);
                setup.update_agents(&more);
                setup
            },
            BatchSize::LargeInput,
        );
    });
}

/// Agents in use; in each of ten rounds all offers are refused for long.
fn decline_offers(c: &mut Criterion) {
    let refuse = Refuse::seconds(Span::from_secs(100_000));
    let setup = used(50);
    c.bench_function("DeclineOffers", |b| {
        b.iter_batched(
            || setup.clone(),
            |mut setup| {
                for _ in 0..10 {
                    black_box(setup.tick());
                    setup.give_back(refuse);
                }
                setup
            },
            BatchSize::LargeInput,
        );
    });
}

/// In each of five rounds one fifth more of the frameworks wants nothing.
fn suppress_offers(c: &mut Criterion) {
    let setup = used(50);
    c.bench_function("SuppressOffers", |b| {
        b.iter_batched(
            || setup.clone(),
            |mut setup| {
                for fifth in 0..5 {
                    for i in fifth * 10..fifth * 10 + 10 {
                        setup.core.suppress(setup.frameworks[i].0, &[]).expect("one of ours");
                    }
                    black_box(setup.cycle());
                    setup.give_back(Refuse::NONE);
                }
                setup
            },
            BatchSize::LargeInput,
        );
    });
}

fn quotas(c: &mut Criterion) {
    let mut large_and_small = Setup::new(Drf);
    large_and_small.add_agents(300, &r(Setup::<Drf>::QUOTA_AGENT));
    large_and_small.add_quota_frameworks(250, 50);
    large_and_small.set_quotas(250, 50);
    let free = {
        let mut setup = Setup::new(Drf);
        setup.add_agents(200, &r(Setup::<Drf>::QUOTA_AGENT));
        setup.add_frameworks(200, Roles::Flat(200));
        setup
    };
    let mut bound = free.clone();
    (0..200).for_each(|i| bound.set_quota(&format!("role-{i}"), &r(Setup::<Drf>::QUOTA_AGENT)));
    let setups =
        [("LargeAndSmallQuota", large_and_small), ("NonQuotaVsQuota/free", free), ("NonQuotaVsQuota/quota", bound)];
    for (name, setup) in setups {
        c.bench_function(name, |b| {
            b.iter_batched(
                || setup.clone(),
                |mut setup| {
                    black_box(setup.cycle());
                    black_box(setup.cycle());
                    setup
                },
                BatchSize::LargeInput,
            );
        });
    }
}

/// Many frameworks on few agents: each takes one task of an offer and gives the rest back; tasks
/// end in the next round.
fn multi_framework_allocations(c: &mut Criterion) {
    let mut setup = Setup::new(Drf);
    setup.add_agents(80, &r("cpus:64;mem:488000"));
    setup.add_frameworks(554, Roles::Flat(9));
    let task = r("cpus:1;mem:4096");
    let mut running = Vec::new();
    c.bench_function("MultiFrameworkAllocations", |b| {
        b.iter(|| {
            black_box(setup.tick());
            let over = std::mem::take(&mut running);
            for batch in std::mem::take(&mut setup.offers) {
                let of = (batch.allocation.framework, batch.allocation.role);
                for offer in batch.allocation.iter() {
                    let rest = offer.resources.clone() - &task;
                    let done = setup.core.recover(setup.now, of, offer.agent, &rest, Refuse::NONE, false);
                    done.expect("it was offered");
                    running.push((of, offer.agent));
                }
            }
            for (of, agent) in over {
                let done = setup.core.recover(setup.now, of, agent, &task, Refuse::NONE, false);
                done.expect("it ran");
            }
        });
    });
}

criterion_group!(
    benches,
    full_cycle,
    add_and_update_agents,
    decline_offers,
    suppress_offers,
    quotas,
    multi_framework_allocations
);
criterion_main!(benches);
