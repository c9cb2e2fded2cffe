//! `mesosim match` as its users meet it: what it says of offers, and of files that are wrong.

#[path = "common/binary.rs"]
mod binary;

use binary::{folder, good, mesosim, refused};
use expect_test::expect;
use serde_json::{Value, json};
use std::path::PathBuf;

fn offer(id: &str, host: &str, resources: &str, rack: &str) -> Value {
    let one = |text: &str| {
        let (name, value) = text.split_once(':').expect("name:value");
        let (name, role) = name.split_once('@').unwrap_or((name, "*"));
        match value.split_once('-') {
            Some((a, b)) => json!({ "name": name, "type": "RANGES", "role": role,
                "ranges": { "range": [{ "begin": a.parse::<u64>().unwrap(), "end": b.parse::<u64>().unwrap() }] } }),
            None => json!({ "name": name, "type": "SCALAR", "role": role,
                "scalar": { "value": value.parse::<f64>().unwrap() } }),
        }
    };
    json!({
        "id": { "value": id }, "agent_id": { "value": format!("S-{host}") }, "hostname": host,
        "framework_id": { "value": "F" }, "allocation_info": { "role": "*" },
        "resources": resources.split(' ').map(one).collect::<Vec<_>>(),
        "attributes": [{ "name": "rack", "type": "TEXT", "text": { "value": rack } }],
    })
}

fn web() -> Value {
    json!({ "id": "/web", "cmd": "serve", "instances": 6, "cpus": 2, "mem": 1024,
        "portDefinitions": [{ "port": 8080 }], "requirePorts": true,
        "constraints": [["hostname", "UNIQUE"], ["rack", "MAX_PER", "2"]] })
}

fn offers() -> Value {
    let mut away = offer("O6", "n6", "cpus:8 mem:8192 ports:8000-9000", "c");
    away["unavailability"] = json!({ "start": { "nanoseconds": 1_769_860_800_000_000_000i64 },
        "duration": { "nanoseconds": 3_600_000_000_000i64 } });
    json!({ "offers": [
        offer("O1", "n1", "cpus:4 mem:4096 ports:8000-9000", "a"),
        offer("O2", "n2", "cpus:1.5 cpus@db:4 mem:512 ports:8000-9000", "b"),
        offer("O3", "n3", "cpus:8 mem:8192 ports:8000-9000", "b"),
        offer("O4", "n4", "cpus:8 mem:8192 ports:31000-32000", "e"),
        offer("O5", "n5", "cpus@db:8 mem@db:64", "c"),
        away,
        offer("O7", "n7", "cpus:8 mem:8192 ports:8000-9000", "c"),
        offer("O8", "n8", "cpus:8 mem:8192 gpus:1 ports:8000-9000", "d"),
    ] })
}

fn tasks() -> Value {
    let task = |id: &str, host: &str, state: &str| json!({ "id": id, "appId": "/web", "host": host, "slaveId": format!("S-{host}"), "state": state });
    json!({ "tasks": [
        task("web.instance-1._app.1", "n1", "TASK_RUNNING"),
        task("web.instance-2._app.1", "n20", "TASK_RUNNING"),
        task("web.instance-3._app.2", "n21", "TASK_STAGING"),
        task("web.instance-4._app.1", "n3", "TASK_UNREACHABLE"),
        { "id": "api.instance-5._app.1", "appId": "/api", "host": "n7", "state": "TASK_RUNNING" },
    ] })
}

fn agents() -> Value {
    json!({ "slaves": [
        { "id": "S-n20", "hostname": "n20", "attributes": { "rack": "c" } },
        { "id": "S-n21", "hostname": "n21", "attributes": { "rack": "c" } },
    ] })
}

fn files(name: &str, app: &Value, offers: &Value) -> PathBuf {
    let text = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    let all = [
        ("web.json", text(app)),
        ("offers.json", text(offers)),
        ("tasks.json", text(&tasks())),
        ("slaves.json", text(&agents())),
    ];
    folder(name, &all.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>())
}

const ALL: [&str; 7] = ["match", "web.json", "offers.json", "--instances", "tasks.json", "--agents", "slaves.json"];

#[test]
fn every_offer_is_judged_with_its_numbers() {
    let place = files("judged", &web(), &offers());
    expect![[r#"
        /web: 6 instances, 3 placed; each: cpus:2;mem:1024, 1 port, hostname UNIQUE, rack MAX_PER 2
        note: 1 instance ended or unreachable, so constraints do not count it

        O1  n1  UnfulfilledConstraint
            constraints(0) hostname UNIQUE: `n1` is taken by web.instance-1._app.1 (TASK_RUNNING)
        O2  n2  InsufficientCpus
            wanted 2 cpus, the offer has 1.5 for role *; not usable: 4 cpus for role db
            InsufficientMemory: wanted 1024 mem, the offer has 512 for role *
        O3  n3  matches, takes 1
        O4  n4  InsufficientPorts
            port 8080 is not in [31000-32000]
        O5  n5  UnfulfilledRole
            nothing is for role *; there is 8 cpus for role db, 64 mem for role db
            UnfulfilledConstraint: constraints(1) rack MAX_PER 2: `c` has 2 instances of at most 2: web.instance-2._app.1 (TASK_RUNNING), web.instance-3._app.2 (TASK_STAGING)
            InsufficientCpus: wanted 2 cpus, the offer has 0 for role *; not usable: 8 cpus for role db
            InsufficientMemory: wanted 1024 mem, the offer has 0 for role *; not usable: 64 mem for role db
        O6  n6  UnfulfilledConstraint
            the agent is in maintenance from 2026-01-31T12:00:00.000Z until 2026-01-31T13:00:00.000Z; --at TIME says when it is asked
            AgentMaintenance: the agent is in maintenance from 2026-01-31T12:00:00.000Z until 2026-01-31T13:00:00.000Z; --at TIME says when it is asked
        O7  n7  UnfulfilledConstraint
            constraints(1) rack MAX_PER 2: `c` has 2 instances of at most 2: web.instance-2._app.1 (TASK_RUNNING), web.instance-3._app.2 (TASK_STAGING)
        O8  n8  DeclinedScarceResources
            it has 1 gpus, which are kept for apps that need some; the label GPU_SCHEDULING_BEHAVIOR "unrestricted" lets this one in

        reason                           declined  of offers
        UnfulfilledRole                         1          8
        UnfulfilledConstraint                   3          7
        InsufficientCpus                        1          4
        InsufficientPorts                       1          3
        DeclinedScarceResources                 1          2
        matches                                            1

        1 instance fits in these offers together; 3 are missing
    "#]].assert_eq(&good(&place, &ALL));
}

#[test]
fn the_json_form_has_the_same() {
    let place = files("as-json", &web(), &offers());
    let text = good(&place, &[&ALL[..], &["--json", "--at", "2026-02-01T00:00:00Z"]].concat());
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let reasons: Vec<&Value> = value["offers"].as_array().unwrap().iter().map(|offer| &offer["reason"]).collect();
    expect![[r#"[String("UnfulfilledConstraint"), String("InsufficientCpus"), Null, String("InsufficientPorts"), String("UnfulfilledRole"), String("UnfulfilledConstraint"), String("UnfulfilledConstraint"), String("DeclinedScarceResources")]"#]].assert_eq(&format!("{reasons:?}"));
    expect![[r#"
        [
          {
            "resource": "cpus",
            "wanted": 2,
            "usable": 1.5,
            "elsewhere": [
              {
                "resource": "cpus",
                "amount": 4,
                "where": "for role db"
              }
            ],
            "reason": "InsufficientCpus",
            "message": "wanted 2 cpus, the offer has 1.5 for role *; not usable: 4 cpus for role db"
          },
          {
            "resource": "mem",
            "wanted": 1024,
            "usable": 512,
            "elsewhere": [],
            "reason": "InsufficientMemory",
            "message": "wanted 1024 mem, the offer has 512 for role *"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&value["offers"][1]["details"]).unwrap());
    expect![[r#"{"together":1,"atOnce":1,"countedToTheEnd":true} 1"#]]
        .assert_eq(&format!("{} {}", value["fit"], value["matching"]));
}

/// What the README shows is what is printed.
#[test]
fn the_example_of_the_readme_is_real() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files =
        ["scenarios/match/web.json", "scenarios/match/offers.json", "--instances", "scenarios/match/tasks.json"];
    let shown = good(root, &[&["match"][..], &files].concat());
    let readme = std::fs::read_to_string(root.join("README.md")).expect("it can be read");
    assert!(readme.contains(&format!("```\n{shown}```\n")), "{shown}");
}

#[test]
fn nothing_that_matches_is_exit_1() {
    let place = files("none", &web(), &json!([offer("O1", "n1", "cpus:1 mem:8", "a")]));
    let outcome = mesosim(&place, &["match", "web.json", "offers.json"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    expect![[r#"
        /web: 6 instances, 0 placed; each: cpus:2;mem:1024, 1 port, hostname UNIQUE, rack MAX_PER 2

        O1  n1  InsufficientCpus
            wanted 2 cpus, the offer has 1 for role *
            InsufficientMemory: wanted 1024 mem, the offer has 8 for role *

        reason                           declined  of offers
        InsufficientCpus                        1          1
        matches                                            0

        0 instances fit in these offers together; 6 are missing
    "#]]
    .assert_eq(&outcome.stdout);
}

/// Groups, regions and clusters: what stands in the way, and which instance.
#[test]
fn constraints_name_what_is_in_the_way() {
    let says = |name: &str, constraint: Value, more: &[&str]| {
        // Other instances are in rack c, and that on n1 is known through this offer.
        let (host, rack) = if constraint[0] == "rack" { ("n9", "a") } else { ("n1", "a") };
        let mut app = web();
        (app["constraints"], app["requirePorts"]) = (json!([constraint]), json!(false));
        let mut here = offer("O1", host, "cpus:4 mem:4096 ports:1-9", rack);
        here["domain"] = json!({ "fault_domain": { "region": { "name": "eu" }, "zone": { "name": "eu-1" } } });
        let place = files(name, &app, &json!([here]));
        let arguments = [&ALL[..], more].concat();
        let lines = mesosim(&place, &arguments).stdout;
        let shown = lines.lines().skip_while(|line| !line.starts_with("O1")).take_while(|line| !line.is_empty());
        shown.map(|line| format!("{line}\n")).collect::<String>()
    };
    let told = [
        says("group", json!(["rack", "GROUP_BY", "1"]), &[]),
        says("cluster", json!(["rack", "CLUSTER"]), &[]),
        says("like", json!(["rack", "LIKE", "b|c"]), &[]),
        says("unlike", json!(["rack", "UNLIKE", "a.*"]), &[]),
        says("is", json!(["level", "IS", "3"]), &[]),
        says("zone", json!(["@zone", "LIKE", "eu-2"]), &[]),
        says("region", json!(["hostname", "LIKE", "n.*"]), &["--master-region", "us"]),
        says("home", json!(["@region", "LIKE", "eu"]), &["--master-region", "us"]),
    ];
    expect![[r#"
        O1  n9  UnfulfilledConstraint
            constraints(0) rack GROUP_BY 1: `a` would be one more than 1 group (c), and 1 are allowed
        O1  n9  UnfulfilledConstraint
            constraints(0) rack CLUSTER: the others are at `c`, this is `a`: web.instance-2._app.1 (TASK_RUNNING), web.instance-3._app.2 (TASK_STAGING)
        O1  n9  UnfulfilledConstraint
            constraints(0) rack LIKE b|c: `a` does not match `b|c`
        O1  n9  UnfulfilledConstraint
            constraints(0) rack UNLIKE a.*: `a` matches `a.*`
        O1  n1  UnfulfilledConstraint
            constraints(0) level IS 3: the agent has no `level`
        O1  n1  UnfulfilledConstraint
            constraints(0) @zone LIKE eu-2: `eu-1` does not match `eu-2`
        O1  n1  UnfulfilledConstraint
            the agent is in region eu, the master in us, and no constraint names @region or @zone
        O1  n1  matches, takes 2
    "#]]
    .assert_eq(&told.concat());
}

#[test]
fn wrong_files_are_refused_with_place_and_mend() {
    let mut mistyped = web();
    mistyped["instnaces"] = json!(3);
    let mut impossible = web();
    impossible["constraints"] = json!([["hostname", "MAX_PER", "0"], ["rack", "LIKE", "a"], ["rack", "UNLIKE", "a"]]);
    let group = json!({ "id": "/", "apps": [web()] });
    let mut nowhere = offers();
    nowhere["offers"][1].as_object_mut().unwrap().remove("hostname");
    let mut odd = offers();
    odd["offers"][0]["resources"][0]["skalar"] = json!(1);
    let mut all = String::new();
    for (i, (app, offers)) in [
        (&mistyped, &offers()),
        (&impossible, &offers()),
        (&group, &offers()),
        (&web(), &nowhere),
        (&web(), &odd),
        (&web(), &json!({ "ofers": [] })),
    ]
    .into_iter()
    .enumerate()
    {
        let place = files(&format!("wrong-{i}"), app, offers);
        all += &refused(&place, &ALL);
        all.push('\n');
    }
    let place = files("wrong-flags", &web(), &offers());
    all += &refused(&place, &["match", "web.json", "none.json"]);
    all += &refused(&place, &["match", "web.json", "offers.json", "--at", "noon"]);
    all += &refused(&place, &["match", "web.json", "offers.json", "--instances", "slaves.json"]);
    expect![[r#"
        error: web.json: not a valid definition
          /instnaces: unknown field; did you mean `instances`?
        help: correct these places; numbers in parentheses count from 0

        error: web.json: constraints that nothing can meet
          /constraints(0): MAX_PER 0 lets no instance start
          /constraints(2): LIKE and UNLIKE ask for the opposite of `a` for `rack`
        help: let it be at least 1; keep one of the two

        error: web.json: not a valid definition
          /: these are several apps; give the one that is asked about
        help: correct these places; numbers in parentheses count from 0

        error: offers.json: not a list of offers
          /offers(1)/hostname: is missing
        help: correct these places; numbers in parentheses count from 0

        error: offers.json: not a list of offers
          /offers(0)/resources(0)/skalar: unknown field; did you mean `scalar`?
        help: correct these places; numbers in parentheses count from 0

        error: offers.json: not a list of offers
          /: there is no list `offers`; is `ofers` meant to be `offers`?
        help: correct these places; numbers in parentheses count from 0

        error: none.json: No such file or directory (os error 2)
        help: name a file that can be read
        error: --at noon: not a time
        help: write --at 2026-01-31T12:00:00Z
        error: slaves.json: not a list of tasks
          /: there is no list `tasks`
        help: correct these places; numbers in parentheses count from 0
    "#]]
    .assert_eq(&all);
}

/// All containers and the executor must fit together; instances are those of the pod's status.
#[test]
fn a_pod_is_matched_as_a_whole() {
    let container = |name: &str, cpus: f64| json!({ "name": name, "resources": { "cpus": cpus, "mem": 256 }, "endpoints": [{ "name": name }] });
    let pod = json!({ "id": "/shop", "containers": [container("web", 1.0), container("log", 0.4)],
        "scaling": { "kind": "fixed", "instances": 3 }, "scheduling": { "placement": { "constraints": [
            { "fieldName": "hostname", "operator": "UNIQUE" }] } } });
    let offers = json!({ "offers": [
        offer("O1", "n1", "cpus:1.4 mem:4096 disk:100 ports:8000-9000", "a"),
        offer("O2", "n2", "cpus:1.5 mem:544 disk:10 ports:8000-8001", "a"),
        offer("O3", "n3", "cpus:4 mem:4096 disk:100 ports:8000-8000", "a"),
        offer("O4", "n4", "cpus:4 mem:4096 disk:100 ports:8000-9000", "a"),
    ] });
    let dir = files("match-pod", &pod, &offers);
    let status = json!({ "id": "/shop", "status": "DEGRADED", "instances": [
        { "id": "shop.instance-1", "status": "STABLE", "agentHostname": "n4", "agentId": "S-n4" },
        { "id": "shop.instance-2", "status": "PENDING" }] });
    std::fs::write(dir.join("status.json"), status.to_string()).expect("it can be written");
    expect![[r#"
        /shop: 3 instances, 1 placed; each: cpus:1.5;mem:544;disk:10 for 2 containers and the executor, 2 ports, hostname UNIQUE

        O1  n1  InsufficientCpus
            wanted 1.5 cpus, the offer has 1.4 for role *
        O2  n2  matches, takes 1
        O3  n3  InsufficientPorts
            wanted 2 ports beside 0 fixed, the offer has 1: [8000-8000]
        O4  n4  UnfulfilledConstraint
            constraints(0) hostname UNIQUE: `n4` is taken by shop.instance-1 (TASK_RUNNING)

        reason                           declined  of offers
        UnfulfilledConstraint                   1          4
        InsufficientCpus                        1          3
        InsufficientPorts                       1          2
        matches                                            1

        1 instance fits in these offers together; 2 are missing
    "#]].assert_eq(&good(&dir, &["match", "web.json", "offers.json", "--instances", "status.json"]));
    let stateful = json!([{ "name": "web", "persistent": { "size": 5 } }]);
    let mut other = pod;
    other["volumes"] = stateful;
    other["containers"][0]["volumeMounts"] = json!([{ "name": "web", "mountPath": "d" }]);
    let with_role = ["match", "web.json", "offers.json", "--mesos-role", "db"];
    let told = refused(&files("match-resident-pod", &other, &offers), &with_role);
    assert!(told.contains("persistent volumes"), "{told}");
}

/// Of one framework: free resources, and what it reserved for instances (`name`, what, volume ids).
fn stateful_offer(id: &str, host: &str, free: &str, held: &[(&str, &str, &[&str])]) -> Value {
    let mut offer = offer(id, host, free, "a");
    offer["allocation_info"] = json!({ "role": "db" });
    let list = offer["resources"].as_array_mut().expect("a list");
    for (instance, what, volumes) in held {
        let labels = json!({ "labels": [{ "key": "marathon_framework_id", "value": "F" },
            { "key": "marathon_task_id", "value": instance }] });
        let reservation = json!([{ "type": "DYNAMIC", "role": "db", "principal": "marathon", "labels": labels }]);
        let disks = volumes.iter().map(|id| {
            let volume = json!({ "container_path": id.split('#').nth(1), "mode": "RW" });
            json!({ "name": "disk", "type": "SCALAR", "scalar": { "value": 5000.0 }, "disk":
                { "persistence": { "id": id, "principal": "marathon" }, "volume": volume } })
        });
        let plain = resources_of(what);
        for mut one in plain.into_iter().chain(disks) {
            one.as_object_mut().expect("an object").remove("role");
            one["reservations"] = reservation.clone();
            list.push(one);
        }
    }
    offer
}

fn resources_of(what: &str) -> Vec<Value> {
    offer("", "", what, "")["resources"].as_array().cloned().unwrap_or_default()
}

fn db() -> Value {
    json!({ "id": "/db", "cmd": "serve", "instances": 6, "cpus": 1, "mem": 1024, "role": "db",
        "constraints": [["hostname", "UNIQUE"]],
        "container": { "type": "MESOS", "volumes": [
            { "containerPath": "data", "mode": "RW", "persistent": { "size": 5000 } }] } })
}

#[test]
fn stateful_apps_are_reserved_for_and_launched_on_what_they_hold() {
    const HELD: &str = "cpus:1 mem:1024 ports:31000-31000";
    let offers = json!([
        stateful_offer(
            "O1",
            "n1",
            "cpus:4 mem:4096 disk:20000 ports:31001-31100",
            &[("db.instance-1", HELD, &["db#data#1"])]
        ),
        stateful_offer("O2", "n2", "cpus:4 mem:4096 disk:20000 ports:31001-31100", &[]),
        stateful_offer("O3", "n3", "cpus:4 mem:4096 disk:4999 ports:31001-31100", &[]),
        stateful_offer("O4", "n4", "mem:64", &[("db.instance-2", HELD, &["db#data#0"])]),
        stateful_offer("O5", "n5", "cpus:4 mem:4096 disk:20000 ports:31001-31100", &[]),
        stateful_offer("O6", "n6", "mem:64", &[("db.instance-4", "cpus:1 mem:512 ports:31000-31000", &["db#data#4"])]),
        stateful_offer("O7", "n7", "mem:64", &[("api.instance-9", HELD, &["api#data#9"])]),
    ]);
    let task = |id: &str, host: &str, state: &str, volume: &str| {
        json!({ "id": format!("{id}._app.2"), "appId": "/db",
        "host": host, "state": state, "localVolumes": [{ "containerPath": "data", "persistenceId": volume }] })
    };
    let tasks = json!({ "tasks": [
        task("db.instance-1", "n1", "TASK_FAILED", "db#data#1"),
        task("db.instance-2", "n4", "TASK_FINISHED", "db#data#2"),
        task("db.instance-3", "n5", "TASK_RUNNING", "db#data#3"),
    ] });
    let at = files("match-stateful", &db(), &offers);
    std::fs::write(at.join("db-tasks.json"), tasks.to_string()).expect("a file");
    let arguments = ["match", "web.json", "offers.json", "--instances", "db-tasks.json", "--mesos-role", "db"];
    expect![[r#"
        /db: 6 instances, 1 placed, 3 wait with a reservation; each: cpus:1;mem:1024, 1 port, hostname UNIQUE, volume data of 5000 MiB on root
        note: 1 reservation without a task, taken to wait for one; if Marathon does not know it, it gives back what it holds: db.instance-4

        O1  n1  matches, launches db.instance-1 on what it holds
        O2  n2  matches, reserves for 1
        O3  n3  InsufficientDisk
            wanted 5000 disk, the offer has 4999 for role *
        O4  n4  UnfulfilledConstraint
            a new instance: constraints(0) hostname UNIQUE: `n4` is taken by db.instance-2._app.2 (TASK_FINISHED)
            InsufficientCpus: a new instance: wanted 1 cpus, the offer has 0 for role *; not usable: 1 cpus for role db
            InsufficientMemory: a new instance: wanted 1024 mem, the offer has 64 for role *; not usable: 1024 mem for role db
            InsufficientDisk: a new instance: wanted 5000 disk, the offer has 0 for role *; not usable: 5000 disk in a persistent volume
            NoCorrespondingReservationFound: db.instance-2: not all its volumes are in the offer; missing: db#data#2
        O5  n5  UnfulfilledConstraint
            constraints(0) hostname UNIQUE: `n5` is taken by db.instance-3._app.2 (TASK_RUNNING)
        O6  n6  UnfulfilledConstraint
            a new instance: constraints(0) hostname UNIQUE: `n6` is taken by db.instance-4 (reserved)
            InsufficientCpus: a new instance: wanted 1 cpus, the offer has 0 for role *; not usable: 1 cpus for role db
            InsufficientMemory: a new instance: wanted 1024 mem, the offer has 64 for role *; not usable: 512 mem for role db
            InsufficientDisk: a new instance: wanted 5000 disk, the offer has 0 for role *; not usable: 5000 disk in a persistent volume
            db.instance-4: wanted 1024 mem, the offer has 512 for role db; not usable: 64 mem for role *
        O7  n7  InsufficientCpus
            wanted 1 cpus, the offer has 0 for role *; not usable: 1 cpus for role db
            InsufficientMemory: wanted 1024 mem, the offer has 64 for role *; not usable: 1024 mem for role db
            InsufficientDisk: wanted 5000 disk, the offer has 0 for role *; not usable: 5000 disk in a persistent volume

        reason                           declined  of offers
        UnfulfilledConstraint                   3          7
        InsufficientCpus                        1          4
        InsufficientDisk                        1          3
        matches                                            2

        2 instances fit in these offers together; 5 are missing
    "#]].assert_eq(&good(&at, &arguments));
    let shown: Value = serde_json::from_str(&good(&at, &[&arguments[..], &["--json"]].concat())).expect("JSON");
    assert_eq!((&shown["waiting"], &shown["placed"]), (&json!(3), &json!(1)));
    assert_eq!(shown["offers"][0]["launches"], json!(["db.instance-1"]));
    // If all that is missing waits for what it holds, nothing is reserved.
    let mut complete = db();
    complete["instances"] = json!(4);
    std::fs::write(at.join("four.json"), complete.to_string()).expect("a file");
    let told = good(&at, &[&["match", "four.json"], &arguments[2..]].concat());
    let second: Vec<&str> = told.lines().skip_while(|line| !line.starts_with("O2")).take(2).collect();
    expect![[r#"
        O2  n2  NoCorrespondingReservationFound
            nobody is new, and nothing of who waits is in the offer: db.instance-1, db.instance-2, db.instance-4"#]]
    .assert_eq(&second.join("\n"));
    // Without tasks everything that is held is taken to wait, and what has its volume is launched.
    let told = good(&at, &["match", "web.json", "offers.json", "--mesos-role", "db", "--json"]);
    let shown: Value = serde_json::from_str(&told).expect("JSON");
    let launches: Vec<&Value> = shown["offers"].as_array().unwrap().iter().map(|offer| &offer["launches"]).collect();
    assert_eq!(launches[3], &json!(["db.instance-2"]), "its volume's name is as good as any");
    assert_eq!(launches[6], &json!([]), "another app's");
}

#[test]
fn disks_of_their_own_are_looked_for() {
    let mut app = db();
    app["container"]["volumes"][0]["persistent"] = json!({ "type": "mount", "size": 5000, "maxSize": 9000 });
    let mut disk = offer("O1", "n1", "cpus:4 mem:4096 disk:20000 ports:31000-31100", "a");
    disk["allocation_info"] = json!({ "role": "db" });
    let mount = |root: &str, size: f64| {
        json!({ "name": "disk", "type": "SCALAR", "scalar": { "value": size },
        "disk": { "source": { "type": "MOUNT", "mount": { "root": root } } } })
    };
    disk["resources"].as_array_mut().unwrap().extend([mount("/big", 10_000.0), mount("/small", 100.0)]);
    let mut good_one = disk.clone();
    (good_one["id"], good_one["hostname"]) = (json!("O2"), json!("n2"));
    good_one["resources"].as_array_mut().unwrap().push(mount("/right", 8_000.0));
    let at = files("match-mount", &app, &json!([disk, good_one]));
    expect![[r#"
        /db: 6 instances, 0 placed; each: cpus:1;mem:1024, 1 port, hostname UNIQUE, volume data of 5000 to 9000 MiB on mount

        O1  n1  InsufficientDisk
            wanted disks for volume data of 5000 to 9000 MiB on mount; disks of that kind in the offer: Mount /big of 10000 MiB, Mount /small of 100 MiB
        O2  n2  matches, reserves for 1

        reason                           declined  of offers
        InsufficientDisk                        1          2
        matches                                            1

        1 instance fits in these offers together; 6 are missing
    "#]].assert_eq(&good(&at, &["match", "web.json", "offers.json", "--mesos-role", "db"]));
}
