//! What each fault does, against what arithmetic says.

mod common;

use common::{facts_until, world};
use mesosim::base::time::{Span, Time};
use mesosim::fact::{End, Fact};

/// One machine, one job at 100 s that takes 10 s, links of 1 ms, disks of 2 ms, and a fault.
fn one(fault: &str) -> Vec<(Time, Fact)> {
    let text = format!(
        r#"
duration = "10m"
stop_when_done = false
network.latency = "1ms"
disk.latency = "2ms"
[[agents]]
name = "box"
count = 1
resources = "cpus:4;mem:4096"
[[frameworks]]
name = "f"
failover_timeout = "1h"
[[workload]]
kind = "job-list"
framework = "f"
jobs = [{{ at = "100s", tasks = 4, cpus = 1, mem = "64MiB", duration = "10s" }}]
[[fault]]
{fault}
"#
    );
    let mut world = world(&text);
    facts_until(&mut world, Time::from_secs(600)).into_iter().map(|f| (f.at, f.what)).collect()
}

fn times(facts: &[(Time, Fact)], which: impl Fn(&Fact) -> bool) -> Vec<Time> {
    facts.iter().filter(|(_, f)| which(f)).map(|(at, _)| *at).collect()
}

fn bit(facts: &[(Time, Fact)]) -> bool {
    facts.iter().any(|(_, f)| matches!(f, Fact::FaultBit { .. }))
}

const NOTHING: &str =
    "kind = \"latency-burst\"\nat = \"9m\"\nlasts = \"1s\"\nfrom = \"agents\"\nto = \"master\"\nextra = \"1ms\"\n";

fn started(facts: &[(Time, Fact)]) -> Vec<Time> {
    times(facts, |f| matches!(f, Fact::TaskStarted { .. }))
}

#[test]
fn latency_adds_up_message_by_message() {
    let plain = started(&one(NOTHING));
    let late = one(
        "kind = \"latency-burst\"\nat = \"99s\"\nlasts = \"30s\"\nfrom = \"box-0\"\nto = \"master\"\nextra = \"500ms\"\n",
    );
    // RUN_TASK is the one message between them before a task starts.
    let expected: Vec<Time> = plain.iter().map(|t| *t + Span::from_millis(500)).collect();
    assert!(bit(&late));
    assert_eq!(started(&late), expected);
}

#[test]
fn a_burst_that_reaches_the_time_out_costs_the_agent() {
    // Pings every 15 s, five misses in a row: answers that are 60 s late are in time, 80 s are not.
    let lost = |extra: &str| {
        let when = "kind = \"latency-burst\"\nat = \"200s\"\nlasts = \"5m\"\n";
        let facts = one(&format!("{when}from = \"agents\"\nto = \"master\"\nextra = \"{extra}\"\n"));
        assert!(bit(&facts));
        times(&facts, |f| matches!(f, Fact::AgentUnreachable { .. })).len()
    };
    assert_eq!((lost("30s"), lost("40s")), (0, 1));
}

#[test]
fn a_stalled_disk_holds_a_registration_until_it_goes_on() {
    let plain = times(&one(NOTHING), |f| matches!(f, Fact::AgentRegistered { .. }));
    assert!(plain[0] < Time::from_secs(2), "{plain:?}");
    let stalled = one("kind = \"disk-stall\"\nat = \"0s\"\nlasts = \"30s\"\ntarget = \"master\"\n");
    assert!(bit(&stalled));
    // The held write takes its 2 ms when the disk goes on.
    let registered = times(&stalled, |f| matches!(f, Fact::AgentRegistered { .. }));
    assert_eq!(registered, [Time::from_secs(30) + Span::from_millis(2)]);
    let never = one("kind = \"disk-stall\"\nat = \"0s\"\ntarget = \"master\"\n");
    assert!(started(&never).is_empty());
}

#[test]
fn a_slow_agent_takes_its_messages_one_by_one() {
    let plain = started(&one(NOTHING));
    let slow = one("kind = \"slow-agent\"\nat = \"99s\"\nlasts = \"50s\"\ntarget = \"agents\"\nservice = \"200ms\"\n");
    // Four RUN_TASK together: the k-th is served after k * 200 ms.
    let expected: Vec<Time> = (1..=4).zip(&plain).map(|(k, t)| *t + Span::from_millis(200) * k).collect();
    assert_eq!(started(&slow), expected);
    assert!(times(&slow, |f| matches!(f, Fact::JobEnded { .. })).len() == 1, "it goes on when it is well");
}

#[test]
fn failing_tasks_fail_while_the_burst_lasts_and_no_longer() {
    let ends = |facts: &[(Time, Fact)], which| {
        times(facts, |f| matches!(f, Fact::TaskEnded { how, .. } if *how == which)).len()
    };
    // All run at 105 s; a batch framework does not repeat what failed by itself.
    let facts = one("kind = \"task-failures\"\nat = \"105s\"\npercent = 100\n");
    assert_eq!((ends(&facts, End::Failed), ends(&facts, End::Finished), bit(&facts)), (4, 0, true));
    assert!(times(&facts, |f| matches!(f, Fact::TaskEnded { .. })).iter().all(|&t| t == Time::from_secs(105)));
    // Launched in the middle of a burst: they fail as soon as they run.
    let facts = one("kind = \"task-failures\"\nat = \"90s\"\nlasts = \"40s\"\npercent = 100\n");
    assert_eq!((ends(&facts, End::Failed), bit(&facts)), (4, true));
    assert_eq!(times(&facts, |f| matches!(f, Fact::TaskEnded { .. })), started(&facts));
    // A burst that is over before they run.
    let facts = one("kind = \"task-failures\"\nat = \"90s\"\nlasts = \"5s\"\npercent = 100\n");
    assert_eq!((ends(&facts, End::Finished), bit(&facts)), (4, false));
    // A part.
    let facts = one("kind = \"task-failures\"\nat = \"105s\"\npercent = 50\n");
    assert_eq!(ends(&facts, End::Failed) + ends(&facts, End::Finished), 4);
}

#[test]
fn lost_packets_delay_and_lose_nothing() {
    let facts =
        one("kind = \"loss-burst\"\nat = \"0s\"\nlasts = \"10m\"\nfrom = \"agents\"\nto = \"master\"\npercent = 60\n");
    assert!(bit(&facts));
    assert_eq!(times(&facts, |f| matches!(f, Fact::JobEnded { .. })).len(), 1);
    assert_eq!(started(&facts).len(), 4);
}

#[test]
fn faults_that_overlap_end_apart() {
    let two = |first: &str, second: &str| one(&format!("{first}[[fault]]\n{second}"));
    // A worse one that is over before the tasks arrive leaves the other one's pace.
    let slow = |at, lasts, service| {
        format!(
            "kind = \"slow-agent\"\nat = \"{at}\"\nlasts = \"{lasts}\"\ntarget = \"agents\"\nservice = \"{service}\"\n"
        )
    };
    let mild = slow("90s", "60s", "200ms");
    assert_eq!(started(&two(&mild, &slow("91s", "2s", "900ms"))), started(&one(&mild)));
    assert_ne!(started(&one(&mild)), started(&one(NOTHING)));
    // A disk goes on when the last stall ends.
    let stall = |lasts| format!("kind = \"disk-stall\"\nat = \"0s\"\nlasts = \"{lasts}\"\ntarget = \"master\"\n");
    let registered = |facts: &[(Time, Fact)]| times(facts, |f| matches!(f, Fact::AgentRegistered { .. }));
    assert_eq!(registered(&two(&stall("10s"), &stall("30s"))), registered(&one(&stall("30s"))));
    assert_eq!(registered(&two(&stall("30s"), &stall("10s"))), registered(&one(&stall("30s"))));
}

#[test]
fn any_fault_of_processes_finds_the_leader() {
    let late = "kind = \"latency-burst\"\nat = \"99s\"\nlasts = \"30s\"\nfrom = \"box-0\"\nextra = \"500ms\"\nto = ";
    let (named, found) = (one(&format!("{late}\"master\"\n")), one(&format!("{late}\"leading-master\"\n")));
    assert_eq!(started(&named), started(&found));
    let stall = "kind = \"disk-stall\"\nat = \"1ms\"\nlasts = \"30s\"\ntarget = ";
    let registered = |facts: &[(Time, Fact)]| times(facts, |f| matches!(f, Fact::AgentRegistered { .. }));
    let (named, found) = (one(&format!("{stall}\"master\"\n")), one(&format!("{stall}\"leading-master\"\n")));
    assert_eq!(registered(&named), registered(&found));
    assert!(registered(&found)[0] > Time::from_secs(30));
}
