//! Start-up time in whole small clusters: what an app fetches takes as long as its size and the
//! machine's bandwidth say.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::{facts_until, world};
use mesosim::base::time::{Span, Time};
use mesosim::check::{Checker, INVARIANTS};
use mesosim::fact::{At, Fact};
use mesosim::mesos::task_state::{Reason, TaskState};
use mesosim::scenario::Scenario;
use mesosim::sim::Sim;
use std::path::Path;

/// A message takes a millisecond; `agents` and what follows is given.
fn cluster(more: &str) -> String {
    format!(
        r#"
duration = "1h"
stop_when_done = false
[network]
latency = "1ms"
[sizes]
"nginx" = "80MiB"
"redis:7" = "40MiB"
"http://files/app.tgz" = "20MiB"
[[marathon]]
{more}
"#
    )
}

/// `count` machines that download a MiB a second.
fn agents(count: u32) -> String {
    format!(
        "[[agents]]\ncount = {count}\nresources = \"cpus:8;mem:8192;disk:1000;ports:[31000-32000]\"\nbandwidth = \"1MiB/s\"\n"
    )
}

fn request(at: &str, method: &str, path: &str, body: &str) -> String {
    let body = if body.is_empty() { String::new() } else { format!("body = '''{body}'''\n") };
    format!("[[request]]\nkind = \"marathon\"\nat = \"{at}\"\nmethod = \"{method}\"\npath = \"{path}\"\n{body}")
}

/// An app of one image without ports and health checks.
fn app(id: &str, instances: u32, image: &str, more: &str) -> String {
    format!(
        r#"{{"id": "{id}", "cmd": "serve", "instances": {instances}, "cpus": 0.5, "mem": 64, "portDefinitions": [],
        "container": {{"type": "DOCKER", "docker": {{"image": "{image}"{more}}}}}}}"#
    )
}

/// From each launch by the master to the start of the container, in the order of the launches.
fn waits(facts: &[At<Fact>]) -> Vec<(Time, Option<Span>)> {
    let launched = facts.iter().filter_map(|fact| match fact.what {
        Fact::TaskLaunched { task, .. } => Some((fact.at, task)),
        _ => None,
    });
    let started = |wanted| {
        facts.iter().find_map(|fact| match fact.what {
            Fact::TaskStarted { task, .. } if task == wanted => Some(fact.at),
            _ => None,
        })
    };
    launched.map(|(at, task)| (at, started(task).map(|start| start - at))).collect()
}

fn lengths(facts: &[At<Fact>]) -> Vec<Option<Span>> {
    waits(facts).into_iter().map(|(_, wait)| wait).collect()
}

/// Longer than that, by the way of RUN_TASK.
fn after(s: i64) -> Option<Span> {
    Some(Span::from_secs(s) + Span::from_millis(1))
}

#[test]
fn a_pull_takes_size_by_bandwidth_once_a_machine() {
    let post = request("10s", "POST", "/v2/apps", &app("/web", 1, "redis:7", ""));
    let more = request("2m", "PUT", "/v2/apps/web", r#"{"instances": 3}"#);
    let mut world = world(&cluster(&(agents(1) + &post + &more)));
    assert_eq!(lengths(&facts_until(&mut world, Time::from_secs(240))), [after(40), after(0), after(0)]);
}

#[test]
fn every_machine_pulls_for_itself() {
    let body = app("/web", 3, "redis:7", "").replace("\"cpus\": 0.5", "\"cpus\": 8");
    let mut world = world(&cluster(&(agents(3) + &request("10s", "POST", "/v2/apps", &body))));
    assert_eq!(lengths(&facts_until(&mut world, Time::from_secs(120))), [after(40); 3]);
}

#[test]
fn two_images_share_the_bandwidth_of_a_machine() {
    let slow = "[agent]\nexecutor_registration_timeout = \"5m\"\n";
    let first = request("10s", "POST", "/v2/apps", &app("/a", 1, "nginx", ""));
    let second = request("10s", "POST", "/v2/apps", &app("/b", 1, "redis:7", ""));
    let mut world = world(&cluster(&(agents(1) + slow + &first + &second)));
    let waits = waits(&facts_until(&mut world, Time::from_secs(240)));
    // 120 MiB in all: however far apart they began, the last byte comes 120 s after the first.
    let [(a, Some(long)), (b, Some(short))] = waits[..] else { panic!("{waits:?}") };
    let apart = b - a;
    assert!(apart < Span::from_secs(10), "{apart}");
    let ns = Span(1);
    assert!((long - after(120).unwrap()).0.abs() <= ns.0, "{long}");
    assert!((short - after(80).unwrap()).0.abs() <= ns.0, "{short}");
}

#[test]
fn artifacts_come_before_the_image_and_are_kept_if_cached() {
    for (cache, second) in [("true", 0), ("false", 20)] {
        let fetch = format!(r#""fetch": [{{"uri": "http://files/app.tgz", "cache": {cache}}}], "id""#);
        let body = app("/web", 1, "nginx:latest", "").replacen("\"id\"", &fetch, 1);
        let slow = "[agent]\nexecutor_registration_timeout = \"5m\"\n";
        let post = request("10s", "POST", "/v2/apps", &body);
        let more = request("4m", "PUT", "/v2/apps/web", r#"{"instances": 2}"#);
        let mut world = world(&cluster(&(agents(1) + slow + &post + &more)));
        let facts = facts_until(&mut world, Time::from_secs(400));
        assert_eq!(lengths(&facts), [after(100), after(second)], "cache: {cache}");
    }
}

#[test]
fn a_forced_pull_is_made_again() {
    let body = app("/web", 1, "redis:7", r#", "forcePullImage": true"#);
    let post = request("10s", "POST", "/v2/apps", &body);
    let more = request("4m", "PUT", "/v2/apps/web", r#"{"instances": 2}"#);
    let mut world = world(&cluster(&(agents(1) + &post + &more)));
    assert_eq!(lengths(&facts_until(&mut world, Time::from_secs(400))), [after(40), after(40)]);
}

#[test]
fn a_pod_fetches_what_its_containers_need() {
    let body = r#"{"id": "/pod", "containers": [
        {"name": "a", "resources": {"cpus": 0.1, "mem": 32}, "image": {"kind": "DOCKER", "id": "redis:7"}},
        {"name": "b", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "serve"}},
            "artifacts": [{"uri": "http://files/app.tgz", "cache": true}]}]}"#;
    let mut world = world(&cluster(&(agents(1) + &request("10s", "POST", "/v2/pods", body))));
    let facts = facts_until(&mut world, Time::from_secs(240));
    // Both at a time, at half of the bandwidth each, and longer than an executor may take to register.
    assert_eq!(lengths(&facts), [after(60), after(40)]);
}

/// Upstream's default gives an executor a minute, download included: an image that takes longer never
/// comes, and every attempt begins anew.
#[test]
fn an_image_that_takes_longer_than_the_registration_time_out_never_runs() {
    let post = request("10s", "POST", "/v2/apps", &app("/web", 1, "nginx", ""));
    let mut world = world(&cluster(&(agents(1) + &post)));
    let facts = facts_until(&mut world, Time::from_secs(600));
    let failed = facts.iter().filter(|fact| {
        let late = Reason::ExecutorRegistrationTimeout;
        matches!(fact.what, Fact::TaskTerminal { state: TaskState::Failed, reason, .. } if reason == late)
    });
    assert!(failed.count() >= 3);
    assert!(lengths(&facts).iter().all(Option::is_none));
}

/// Marathon gives up a launch that nobody confirms, and meanwhile an operator may: no trace is left.
#[test]
fn a_task_killed_while_it_is_pulled_for_never_runs() {
    let slow = "[agent]\nexecutor_registration_timeout = \"30m\"\n";
    let post = request("10s", "POST", "/v2/apps", &app("/web", 1, "nginx", ""));
    let drop = request("30s", "DELETE", "/v2/apps/web", "");
    let post_again = request("3m", "POST", "/v2/apps", &app("/web", 1, "nginx", ""));
    let mut world = world(&cluster(&(agents(1) + slow + &post + &drop + &post_again)));
    let facts = facts_until(&mut world, Time::from_secs(400));
    assert_eq!(lengths(&facts), [None, after(80)]);
}

#[test]
fn marathon_gives_up_a_launch_that_takes_longer_than_it_waits() {
    // After Marathon's first reconciliation, which would confirm the launch.
    let slow = "[agent]\nexecutor_registration_timeout = \"30m\"\n";
    let post = request("30s", "POST", "/v2/apps", &app("/web", 1, "nginx", ""));
    let given = cluster(&(agents(1) + slow + &post));
    let hasty = given.replace("[[marathon]]", "[[marathon]]\ntask_launch_confirm_timeout = \"45s\"");
    let started = |text: &str| {
        let facts = facts_until(&mut world(text), Time::from_secs(300));
        let killed = facts.iter().any(|f| matches!(f.what, Fact::TaskTerminal { state: TaskState::Killed, .. }));
        (lengths(&facts).first().copied().flatten(), killed)
    };
    assert_eq!(started(&given), (after(80), false));
    assert_eq!(started(&hasty), (None, true));
}

/// Images are on the disk, the fetcher's cache ends with the process.
#[test]
fn images_outlive_the_agent() {
    let fetch = r#""fetch": [{"uri": "http://files/app.tgz", "cache": true}], "id""#;
    let body = app("/web", 1, "redis:7", "").replacen("\"id\"", fetch, 1);
    let slow = "[agent]\nexecutor_registration_timeout = \"5m\"\n";
    let post = request("10s", "POST", "/v2/apps", &body);
    let fault = "[[fault]]\nkind = \"agent-crash\"\nprocess = true\nat = \"2m\"\ntarget = \"agent-0\"\ndown = \"5s\"\n";
    let mut world = world(&cluster(&(agents(1) + slow + &post + fault)));
    assert_eq!(lengths(&facts_until(&mut world, Time::from_secs(900))), [after(60), after(20)]);
}

/// Public machines have a line of their own.
#[test]
fn fleets_differ_in_bandwidth() {
    let public = "[[agents]]\nname = \"public\"\ncount = 1\nbandwidth = \"16Mbit/s\"\n\
        resources = \"cpus(slave_public):4;mem(slave_public):8192\"\n";
    let body = app("/edge", 1, "redis:7", "").replacen(
        "\"id\"",
        "\"acceptedResourceRoles\": [\"slave_public\"], \"role\": \"slave_public\", \"id\"",
        1,
    );
    let inner = app("/web", 1, "redis:7", "").replacen("\"id\"", "\"acceptedResourceRoles\": [\"*\"], \"id\"", 1);
    let inner = request("10s", "POST", "/v2/apps", &inner);
    let given = cluster(&(agents(1) + public + &request("10s", "POST", "/v2/apps", &body) + &inner));
    let given = given.replace("[[marathon]]", "[[marathon]]\nmesos_role = \"slave_public\"");
    let mut waits = lengths(&facts_until(&mut world(&given), Time::from_secs(120)));
    waits.sort();
    // 40 MiB are 335.54432 megabits.
    assert_eq!(waits, [Some(Span(20_971_520_000) + Span::from_millis(1)), after(40)]);
}

/// Pulls under crashes of machines and of Marathon: all invariants, and two runs alike.
#[test]
fn storms_with_pulls_are_clean_and_repeat() {
    let faults = "[[fault]]\nkind = \"agent-crash\"\nmtbf = \"5m\"\nmttr = \"30s\"\n\
        [[fault]]\nkind = \"marathon-crash\"\nat = \"9m\"\n[cluster]\nmasters = 1\nzookeepers = 3\n";
    let post = request("1m", "POST", "/v2/apps", &app("/web", 6, "redis:7", ""));
    let put = app("/web", 6, "nginx", "");
    let upgrade = request("8m", "PUT", "/v2/apps/web", &put);
    let mut crashed = 0;
    for seed in 1..=4 {
        let text = format!("seed = {seed}\n{}", cluster(&(agents(4) + faults + &post + &upgrade)));
        let mut run = |text: &str| {
            let mut world = world(text);
            let names: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
            let mut checker = Checker::new(&names);
            world.watch(checker.watch());
            let mut started = 0;
            while world.next_time().is_some_and(|t| t <= Time::from_secs(1200)) {
                let (mut facts, mut seen) = (Vec::new(), Vec::new());
                world.step();
                world.take_facts(&mut facts);
                world.take_messages(&mut seen);
                started += facts.iter().filter(|f| matches!(f.what, Fact::TaskStarted { .. })).count();
                crashed += facts.iter().filter(|f| matches!(f.what, Fact::ProcessStopped { .. })).count();
                if let Some(violation) = checker.after_step(&world, &facts, &seen) {
                    panic!("{violation}");
                }
            }
            assert!(started > 6, "{started}");
            world.digest().hex()
        };
        assert_eq!(run(&text), run(&text));
    }
    assert!(crashed > 20, "{crashed}");
}

#[test]
fn sizes_without_a_bandwidth_change_nothing() {
    let post = request("10s", "POST", "/v2/apps", &app("/web", 2, "nginx", ""));
    let with = cluster(&(agents(2).replace("bandwidth = \"1MiB/s\"\n", "") + &post));
    let without = with.replace("\"nginx\" = \"80MiB\"\n", "");
    let instants = |text: &str| {
        let facts = facts_until(&mut world(text), Time::from_secs(60));
        assert_eq!(lengths(&facts), [after(0), after(0)]);
        facts.iter().map(|fact| (fact.at, fact.by)).collect::<Vec<_>>()
    };
    assert_eq!(instants(&with), instants(&without));
}

/// What `slow-image-pull` expects does not come about if images weigh nothing.
#[test]
fn the_scenario_is_about_the_pulls() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/marathon/slow-image-pull.toml");
    let missed = |overrides: &[(String, String)]| {
        let scenario =
            Scenario::load(Path::new(path), overrides, None).unwrap_or_else(|e| panic!("{}", e.render(false)));
        let finished = Sim::of(scenario, true).map(|sim| sim.run(&mut ()).expect("it runs"));
        let finished = finished.unwrap_or_else(|e| panic!("{}", e.render(false)));
        assert!(finished.broken.is_none());
        finished.expectations.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.why.clone()).collect()
    };
    assert_eq!(missed(&[]), [] as [String; 0]);
    let told: Vec<String> = missed(&[("sizes".to_owned(), "{}".to_owned())]);
    assert_eq!(told, ["private machines wait for theirs", "the upgrade takes as long as the pulls, one after another"]);
    let slow: Vec<String> = missed(&[("agents.0.bandwidth".to_owned(), "40Mbit/s".to_owned())]);
    assert!(slow.iter().any(|why| why.starts_with("every pull")), "{slow:?}");
}
