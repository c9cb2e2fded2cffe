//! The tables of a scenario one by one, with their defaults. Flags of Mesos have upstream's names
//! and defaults.

use super::bandwidth::{self, Bandwidth};
use super::error::Diagnostic;
use super::fleet;
use super::load::Loader;
use super::model::{
    AgentFlags, AllocatorFlags, Check, Cluster, Disk, Expect, Fleet, Framework, Invariants, MasterFlags, Network, Op,
    Report, Request, Role, Scenario, When, default_min_allocatable,
};
use super::resources;
use super::section::{Cut, Section};
use super::source::Place;
use super::units::split_help;
use super::value::{Data, Table, Value};
use crate::base::map::Map;
use crate::base::quantity::Milli;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use serde::Deserialize;

/// Everything that may stand at the top level, for did-you-mean.
const TOP: [&str; 25] = [
    "name",
    "seed",
    "duration",
    "stop_when_done",
    "data",
    "network",
    "disk",
    "cluster",
    "master",
    "allocator",
    "agent",
    "agents",
    "roles",
    "frameworks",
    "marathon",
    "endpoints",
    "app",
    "sizes",
    "workload",
    "fault",
    "request",
    "expect",
    "report",
    "check",
    "description",
];

/// Capabilities that a framework may declare, as upstream's `FrameworkInfo.Capability.Type`.
const CAPABILITIES: [&str; 8] = [
    "REVOCABLE_RESOURCES",
    "TASK_KILLING_STATE",
    "GPU_RESOURCES",
    "SHARED_RESOURCES",
    "PARTITION_AWARE",
    "MULTI_ROLE",
    "RESERVATION_REFINEMENT",
    "REGION_AWARE",
];

/// `None` if a part without which the rest means nothing is missing; mistakes are in the loader.
pub(crate) fn scenario(loader: &mut Loader, mut table: Table, stem: String) -> Option<Scenario> {
    let name = name(loader, &mut table, stem);
    let seed = loader.take(&mut table, "seed").unwrap_or(1);
    let duration = duration(loader, &mut table);
    // Until the duration is known, nothing is after the end.
    let end = duration.unwrap_or(Span::MAX);
    let stop_when_done = loader.take(&mut table, "stop_when_done").unwrap_or(true);
    let network = network(loader, &mut table);
    let disk = disk(loader, &mut table);
    let cluster = cluster(loader, &mut table);
    let master = master(loader, &mut table);
    let allocator = allocator(loader, &mut table);
    let agent = agent(loader, &mut table);
    let roles = roles(loader, &mut table);
    let fleets = fleets(loader, &mut table);
    let frameworks = frameworks(loader, &mut table);
    let marathons = kindless(loader, &mut table, "marathon");
    let endpoints = kindless(loader, &mut table, "endpoints");
    let apps = kindless(loader, &mut table, "app");
    let sizes = bandwidth::sizes(loader, &mut table);
    let workloads = sections(loader, &mut table, "workload");
    let faults = sections(loader, &mut table, "fault");
    let requests = requests(loader, &mut table, end);
    let expects = expects(loader, &mut table, end);
    let report = report(loader, &mut table, end);
    let check = check(loader, &mut table);
    let _: Option<String> = loader.take(&mut table, "description");
    for (key, entry) in &table.0 {
        loader.errors.push(Diagnostic::unknown(Some(entry.key_place), "key", key, &TOP));
    }
    Some(Scenario {
        name,
        seed,
        duration: duration?,
        stop_when_done,
        network,
        disk,
        cluster,
        master,
        allocator: allocator?,
        agent,
        fleets,
        roles,
        frameworks,
        endpoints,
        marathons,
        apps,
        sizes,
        workloads,
        faults,
        requests,
        expects,
        report,
        check: check?,
        hash: String::new(),
        files: Vec::new(),
        toml_text: String::new(),
    })
}

/// The name becomes a folder under `results/`.
fn name(loader: &mut Loader, table: &mut Table, stem: String) -> String {
    let Some(value) = table.take("name") else { return stem };
    let name: String = loader.value(&value).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if matches!(value.data, Data::Text(_)) && (name.is_empty() || name.starts_with('.') || !name.chars().all(plain)) {
        let help = "it names the folder of the results: use letters, digits, `-`, `_` and `.`";
        loader.refuse(value.place, format!("{name:?} cannot be the name of a scenario"), help);
    }
    name
}

fn duration(loader: &mut Loader, table: &mut Table) -> Option<Span> {
    let Some(value) = table.take("duration") else {
        let place = Place { file: 0, start: 0, end: 0 };
        loader.refuse(place, "missing key `duration`", "add `duration = \"2h\"`: when the run ends at the latest");
        return None;
    };
    let duration: Span = loader.value(&value)?;
    if duration == Span::ZERO {
        loader.refuse(value.place, "the run would end before it begins", "write a duration above zero, such as \"2h\"");
    }
    Some(duration)
}

/// Reads one table into a struct whose fields are all optional.
fn table_of<T: for<'de> Deserialize<'de> + Default>(loader: &mut Loader, table: &mut Table, key: &str) -> T {
    match table.take(key) {
        None => T::default(),
        Some(Value { data: Data::Array(_), place }) => {
            let help = match key {
                "agent" => "write [agent] for the flags of all agents, [[agents]] for machines".to_owned(),
                _ => format!("write [{key}] in single brackets, once"),
            };
            loader.refuse(place, format!("`{key}` is one table, found a list"), help);
            T::default()
        }
        Some(value) => loader.value(&value).unwrap_or_default(),
    }
}

fn network(loader: &mut Loader, table: &mut Table) -> Network {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        latency: Option<Distribution>,
    }
    let raw: Raw = table_of(loader, table, "network");
    let latency = Distribution::Uniform { low: Span::from_micros(500), high: Span::from_micros(1_500) };
    Network { latency: raw.latency.unwrap_or(latency) }
}

fn disk(loader: &mut Loader, table: &mut Table) -> Disk {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        latency: Option<Distribution>,
    }
    let raw: Raw = table_of(loader, table, "disk");
    Disk { latency: raw.latency.unwrap_or(Distribution::Fixed(Span::from_millis(5))) }
}

fn cluster(loader: &mut Loader, table: &mut Table) -> Cluster {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        masters: Option<u32>,
        zookeepers: Option<u32>,
        zk_session_timeout: Option<Span>,
        zk_tick_time: Option<Span>,
        restart_delay: Option<Span>,
        region: Option<String>,
    }
    let places = table.get("cluster").cloned();
    let raw: Raw = table_of(loader, table, "cluster");
    let (masters, zookeepers) = (raw.masters.unwrap_or(1), raw.zookeepers.unwrap_or(0));
    if !(1..=9).contains(&masters) {
        let message = format!("{masters} masters cannot lead a cluster");
        loader.refuse(place_in(places.as_ref(), "masters"), message, "write 1, 3 or 5; at most 9");
    }
    if zookeepers > 9 {
        let message = format!("{zookeepers} ZooKeeper servers are more than a majority can be found of in time");
        loader.refuse(place_in(places.as_ref(), "zookeepers"), message, "write 1, 3 or 5; at most 9");
    }
    if masters > 1 && zookeepers == 0 {
        let help = "add zookeepers = 3, or leave one master, which everybody knows";
        loader.refuse(place_in(places.as_ref(), "masters"), "several masters need ZooKeeper to elect a leader", help);
    }
    let tick = raw.zk_tick_time.unwrap_or(Span::from_secs(2));
    let timeout = raw.zk_session_timeout.unwrap_or(Span::from_secs(10));
    if tick < Span::from_millis(10) {
        let message = format!("a tick of {tick} is too short");
        loader.refuse(place_in(places.as_ref(), "zk_tick_time"), message, "ZooKeeper's tickTime is \"2s\"");
    }
    if !(tick * 2..=tick * 20).contains(&timeout) {
        let help = format!("ZooKeeper grants 2 to 20 ticks of {tick}: write \"{}\" to \"{}\"", tick * 2, tick * 20);
        let message = format!("no session can have a time-out of {timeout}");
        loader.refuse(place_in(places.as_ref(), "zk_session_timeout"), message, help);
    }
    let restart_delay = raw.restart_delay.unwrap_or(Span::from_secs(5));
    let region = raw.region;
    Cluster { masters, zookeepers, zk_session_timeout: timeout, zk_tick_time: tick, restart_delay, region }
}

fn master(loader: &mut Loader, table: &mut Table) -> MasterFlags {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        agent_ping_timeout: Option<Span>,
        max_agent_ping_timeouts: Option<u32>,
        agent_reregister_timeout: Option<Span>,
        offer_timeout: Option<Span>,
        max_completed_frameworks: Option<u32>,
        max_completed_tasks_per_framework: Option<u32>,
        max_unreachable_tasks_per_framework: Option<u32>,
        recovery_agent_removal_limit: Option<String>,
        registry_gc_interval: Option<Span>,
        registry_max_agent_age: Option<Span>,
        registry_max_agent_count: Option<u32>,
        service_time: Option<Span>,
    }
    let places = table.get("master").cloned();
    let raw: Raw = table_of(loader, table, "master");
    let (low, high) = (Span::from_secs(1), Span::from_secs(900));
    let ping = raw.agent_ping_timeout.unwrap_or(MasterFlags::default().agent_ping_timeout);
    if !(low..=high).contains(&ping) {
        let message = format!("agent_ping_timeout {ping} is out of range");
        loader.refuse(place_in(places.as_ref(), "agent_ping_timeout"), message, "Mesos allows \"1s\" to \"15m\"");
    }
    if raw.max_agent_ping_timeouts == Some(0) {
        let place = place_in(places.as_ref(), "max_agent_ping_timeouts");
        loader.refuse(place, "no ping may be missed", "write a number of at least 1");
    }
    if raw.offer_timeout == Some(Span::ZERO) {
        let place = place_in(places.as_ref(), "offer_timeout");
        loader.refuse(place, "offers would end at once", "write a duration above zero, or remove the key");
    }
    let limit = raw.recovery_agent_removal_limit.map_or(Some(100), |text| {
        text.strip_suffix('%').and_then(|n| n.trim().parse::<u32>().ok()).filter(|n| *n <= 100)
    });
    if limit.is_none() {
        let place = place_in(places.as_ref(), "recovery_agent_removal_limit");
        loader.refuse(place, "not a percentage", "write \"0%\" to \"100%\"");
    }
    let d = MasterFlags::default();
    let or = |value: Option<u32>, default: usize| value.map_or(default, |n| n as usize);
    MasterFlags {
        agent_ping_timeout: ping,
        max_agent_ping_timeouts: raw.max_agent_ping_timeouts.unwrap_or(d.max_agent_ping_timeouts),
        agent_reregister_timeout: raw.agent_reregister_timeout.unwrap_or(d.agent_reregister_timeout),
        offer_timeout: raw.offer_timeout,
        max_completed_frameworks: or(raw.max_completed_frameworks, d.max_completed_frameworks),
        max_completed_tasks_per_framework: or(
            raw.max_completed_tasks_per_framework,
            d.max_completed_tasks_per_framework,
        ),
        max_unreachable_tasks_per_framework: or(
            raw.max_unreachable_tasks_per_framework,
            d.max_unreachable_tasks_per_framework,
        ),
        recovery_agent_removal_limit_percent: limit.unwrap_or(100),
        registry_gc_interval: raw.registry_gc_interval.unwrap_or(d.registry_gc_interval),
        registry_max_agent_age: raw.registry_max_agent_age.unwrap_or(d.registry_max_agent_age),
        registry_max_agent_count: or(raw.registry_max_agent_count, d.registry_max_agent_count),
        service_time: raw.service_time.unwrap_or(d.service_time),
    }
}

/// Place of a key in a table that was read, else of the table.
fn place_in(table: Option<&Value>, key: &str) -> Place {
    let inner = table.and_then(|value| match &value.data {
        Data::Table(t) => t.get(key),
        _ => None,
    });
    inner.or(table).map_or(Place { file: 0, start: 0, end: 0 }, |value| value.place)
}

fn allocator(loader: &mut Loader, table: &mut Table) -> Option<AllocatorFlags> {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        allocation_interval: Option<Span>,
        min_allocatable_resources: Option<String>,
        filter_gpu_resources: Option<bool>,
        fair_sharing_excluded_resource_names: Option<Vec<String>>,
        service_time: Option<Span>,
    }
    let (mut policy, mut chunk) = (None, None);
    if let Some(Data::Table(inner)) = table.0.get_mut("allocator").map(|entry| &mut entry.value.data) {
        (policy, chunk) = (inner.take("policy"), inner.take("chunk"));
    }
    let places = table.get("allocator").cloned();
    let raw: Raw = match table.get("allocator") {
        // Unknown keys here are as likely a slip of these two as of the others.
        Some(Value { data: Data::Table(inner), .. }) => {
            let known = [
                "policy",
                "chunk",
                "allocation_interval",
                "min_allocatable_resources",
                "filter_gpu_resources",
                "fair_sharing_excluded_resource_names",
                "service_time",
            ];
            let wrong = inner.0.iter().find(|(key, _)| !known.contains(&key.as_str()));
            let wrong = wrong.map(|(key, entry)| Diagnostic::unknown(Some(entry.key_place), "key", key, &known));
            match wrong {
                Some(d) => {
                    loader.errors.push(d);
                    table.take("allocator");
                    Raw::default()
                }
                None => table_of(loader, table, "allocator"),
            }
        }
        _ => table_of(loader, table, "allocator"),
    };
    let policy = Section::word_or_table(policy, "drf", &loader.sources);
    let chunk = Section::word_or_table(chunk, "whole", &loader.sources);
    if raw.allocation_interval == Some(Span::ZERO) {
        let place = place_in(places.as_ref(), "allocation_interval");
        loader.refuse(place, "the allocator would never rest", "write a duration above zero; upstream's is \"1s\"");
    }
    let minimum = raw
        .min_allocatable_resources
        .map_or_else(|| Ok(default_min_allocatable()), |text| resources::min_allocatable(&text));
    let minimum = minimum.unwrap_or_else(|text| {
        let (message, help) = split_help(&text);
        loader.refuse(place_in(places.as_ref(), "min_allocatable_resources"), message, help);
        Vec::new()
    });
    Some(AllocatorFlags {
        policy: loader.keep(policy)?,
        chunk: loader.keep(chunk)?,
        allocation_interval: raw.allocation_interval.unwrap_or(Span::from_secs(1)),
        min_allocatable_resources: minimum,
        filter_gpu_resources: raw.filter_gpu_resources.unwrap_or(true),
        fair_sharing_excluded_resource_names: raw.fair_sharing_excluded_resource_names.unwrap_or_default(),
        service_time: raw.service_time.unwrap_or(Span::ZERO),
    })
}

fn agent(loader: &mut Loader, table: &mut Table) -> AgentFlags {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        registration_backoff_factor: Option<Span>,
        executor_startup: Option<Distribution>,
        executor_registration_timeout: Option<Span>,
        executor_shutdown_grace_period: Option<Span>,
    }
    let raw: Raw = table_of(loader, table, "agent");
    AgentFlags {
        registration_backoff_factor: raw.registration_backoff_factor.unwrap_or(Span::from_secs(1)),
        executor_startup: raw.executor_startup.unwrap_or(Distribution::Fixed(Span::ZERO)),
        executor_registration_timeout: raw.executor_registration_timeout.unwrap_or(Span::from_secs(60)),
        executor_shutdown_grace_period: raw.executor_shutdown_grace_period.unwrap_or(Span::from_secs(5)),
    }
}

fn roles(loader: &mut Loader, table: &mut Table) -> Vec<Role> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        weight: Option<f64>,
        guarantee: Option<String>,
        limit: Option<String>,
    }
    let Some(value) = table.take("roles") else { return Vec::new() };
    let Data::Table(named) = value.data else {
        let message = format!("`roles` is a table, found {}", value.kind());
        loader.refuse(value.place, message, "write [roles.NAME] for each role");
        return Vec::new();
    };
    let mut roles = Vec::new();
    for (name, entry) in named.0 {
        if let Err((message, help)) = role_name(&name) {
            loader.refuse(entry.key_place, message, help);
        }
        let Some(raw) = loader.value::<Raw>(&entry.value) else { continue };
        let weight = raw.weight.unwrap_or(1.0);
        if !(weight > 0.0 && weight.is_finite()) {
            let place = place_in(Some(&entry.value), "weight");
            loader.refuse(place, format!("weight {weight} is out of range"), "write a number above zero");
        }
        let [guarantee, limit] = quota(loader, &name, &entry.value, [raw.guarantee, raw.limit]);
        roles.push(Role { name, weight, guarantee, limit });
    }
    roles
}

/// Guarantee and limit of a role, as far as they are well written and agree with each other.
fn quota(loader: &mut Loader, name: &str, table: &Value, texts: [Option<String>; 2]) -> [Vec<(String, Milli)>; 2] {
    const KEYS: [&str; 2] = ["guarantee", "limit"];
    let mut read: [Vec<(String, Milli)>; 2] = Default::default();
    for (i, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let place = place_in(Some(table), KEYS[i]);
        if name.contains('/') {
            let help = "give it to the role above, whose quota counts what is below it too";
            loader.refuse(place, format!("a role below another has no quota, and {name:?} is one"), help);
            continue;
        }
        match resources::amounts(text) {
            Ok(amounts) => read[i] = amounts,
            Err(told) => {
                let (message, help) = told.split_once('\n').unwrap_or((&told, ""));
                loader.refuse(place, message.to_owned(), help);
            }
        }
    }
    let [guarantees, limits] = &read;
    for (kind, guarantee) in guarantees {
        if let Some((_, limit)) = limits.iter().find(|(name, limit)| name == kind && limit < guarantee) {
            let message = format!("the guarantee of {guarantee} {kind} is above the limit of {limit}");
            loader.refuse(place_in(Some(table), "guarantee"), message, "guarantee at most the limit");
        }
    }
    read
}

/// Whether a role may be called so: the rules of upstream's `src/common/roles.cpp`.
///
/// # Errors
/// What is wrong, and the mend.
pub fn role_name(name: &str) -> Result<(), (String, &'static str)> {
    if name == "*" {
        return Ok(());
    }
    let bad = |help| Err((format!("{name:?} cannot be the name of a role"), help));
    if name.is_empty() {
        return bad("write a name such as \"dev\", or \"*\" for the default role");
    }
    for part in name.split('/') {
        match part {
            "" => return bad("a role neither begins nor ends with `/` and has no `//`"),
            "." | ".." | "*" => return bad("no part of a role is `.`, `..` or `*`"),
            part if part.starts_with('-') => return bad("no part of a role begins with `-`"),
            part if part.chars().any(|c| c.is_whitespace() || c == '\u{8}') => {
                return bad("a role has no spaces or control characters");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a name that was seen before.
fn unique(
    loader: &mut Loader,
    seen: &mut Map<String, Place>,
    name: &str,
    place: Place,
    what: &str,
    help: &str,
) -> bool {
    if let Some(first) = seen.get(name) {
        let line = loader.sources.line(*first);
        loader.refuse(place, format!("{what} `{name}` is there already, in line {line}"), help);
        return false;
    }
    seen.insert(name.to_owned(), place);
    true
}

fn fleets(loader: &mut Loader, table: &mut Table) -> Vec<Fleet> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Common {
        name: Option<String>,
        bandwidth: Option<Bandwidth>,
    }
    let how = Cut { kind_key: "from", default_kind: Some("group"), common: &["name", "from", "bandwidth"] };
    let (mut fleets, mut seen, mut hostnames) = (Vec::new(), Map::default(), Map::default());
    for (i, (mut inner, place)) in loader.tables(table, "agents").into_iter().enumerate() {
        let name_place = inner.get("name").map_or(place, |value| value.place);
        let common = inner.split(&["name", "bandwidth"]);
        let common: Option<Common> = loader.value(&Value { place, data: Data::Table(common) });
        let bandwidth = common.as_ref().and_then(|c| c.bandwidth);
        let name = common.and_then(|c| c.name).unwrap_or_else(|| "agent".to_owned());
        let help = "give each [[agents]] a `name` of its own";
        let is_new = unique(loader, &mut seen, &name, name_place, "the fleet", help);
        let Some(section) = loader.section(inner, place, i, &how) else { continue };
        let Some(hosts) = loader.keep_all(fleet::read(&section, &name)) else { continue };
        // One repeated host is enough, and none if the reason has just been given.
        let mut hosts_new = hosts.iter().map(|host| &host.hostname);
        let help = "give the fleets other names";
        let _ = is_new && hosts_new.all(|name| unique(loader, &mut hostnames, name, place, "the host", help));
        fleets.push(Fleet { name, hosts, bandwidth, section });
    }
    fleets
}

fn frameworks(loader: &mut Loader, table: &mut Table) -> Vec<Framework> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Common {
        name: String,
        role: Option<String>,
        user: Option<String>,
        failover_timeout: Option<Span>,
        checkpoint: Option<bool>,
        capabilities: Option<Vec<String>>,
    }
    const COMMON: [&str; 7] = ["name", "role", "user", "failover_timeout", "checkpoint", "capabilities", "kind"];
    let how = Cut { kind_key: "kind", default_kind: Some("batch"), common: &COMMON };
    let (mut frameworks, mut seen) = (Vec::new(), Map::default());
    for (i, (mut inner, place)) in loader.tables(table, "frameworks").into_iter().enumerate() {
        let common = Value { place, data: Data::Table(inner.split(&COMMON[..6])) };
        let section = loader.section(inner, place, i, &how);
        let Some(raw) = loader.value::<Common>(&common) else { continue };
        let name_place = place_in(Some(&common), "name");
        unique(loader, &mut seen, &raw.name, name_place, "the framework", "give it another name");
        let role = raw.role.unwrap_or_else(|| "*".to_owned());
        if let Err((message, help)) = role_name(&role) {
            loader.refuse(place_in(Some(&common), "role"), message, help);
        }
        let capabilities = raw.capabilities.unwrap_or_default();
        if let Some(wrong) = capabilities.iter().find(|c| !CAPABILITIES.contains(&c.as_str())) {
            let place = place_in(Some(&common), "capabilities");
            loader.errors.push(Diagnostic::unknown(Some(place), "capability", wrong, &CAPABILITIES));
        }
        let Some(section) = section else { continue };
        frameworks.push(Framework {
            name: raw.name,
            role,
            user: raw.user.unwrap_or_else(|| "root".to_owned()),
            failover_timeout: raw.failover_timeout.unwrap_or(Span::ZERO),
            checkpoint: raw.checkpoint.unwrap_or(false),
            capabilities,
            section,
        });
    }
    frameworks
}

fn sections(loader: &mut Loader, table: &mut Table, key: &str) -> Vec<Section> {
    let how = Cut { kind_key: "kind", default_kind: None, common: &["kind"] };
    let tables = loader.tables(table, key).into_iter().enumerate();
    tables.filter_map(|(i, (inner, place))| loader.section(inner, place, i, &how)).collect()
}

/// Tables of one kind only, which has the name of the key.
fn kindless(loader: &mut Loader, table: &mut Table, key: &'static str) -> Vec<Section> {
    let how = Cut { kind_key: "kind", default_kind: Some(key), common: &[] };
    let tables = loader.tables(table, key).into_iter().enumerate();
    tables.filter_map(|(i, (inner, place))| loader.section(inner, place, i, &how)).collect()
}

fn requests(loader: &mut Loader, table: &mut Table, end: Span) -> Vec<Request> {
    let how = Cut { kind_key: "kind", default_kind: None, common: &["kind", "at"] };
    let mut requests = Vec::new();
    for (i, (mut inner, place)) in loader.tables(table, "request").into_iter().enumerate() {
        let at = match inner.take("at") {
            Some(value) => instant(loader, &value, end),
            None => {
                loader.refuse(place, "missing key `at`", "add `at = \"10m\"`: when the request arrives");
                None
            }
        };
        let section = loader.section(inner, place, i, &how);
        if let (Some(at), Some(section)) = (at, section) {
            requests.push(Request { at, section });
        }
    }
    requests
}

/// An instant that is not after the end of the run.
fn instant(loader: &mut Loader, value: &Value, end: Span) -> Option<Time> {
    let at: Time = loader.value(value)?;
    if at.0 > end.0 {
        let message = format!("{} is after the end of the run", Span(at.0));
        loader.refuse(value.place, message, format!("write an instant up to \"{end}\", or a longer `duration`"));
    }
    Some(at)
}

fn expects(loader: &mut Loader, table: &mut Table, end: Span) -> Vec<Expect> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        metric: String,
        equals: Option<f64>,
        not_equals: Option<f64>,
        less: Option<f64>,
        at_most: Option<f64>,
        greater: Option<f64>,
        at_least: Option<f64>,
        at: Option<Time>,
        within: Option<Time>,
        from: Option<Time>,
        until: Option<Time>,
        why: Option<String>,
    }
    let mut expects = Vec::new();
    for (inner, place) in loader.tables(table, "expect") {
        let value = Value { place, data: Data::Table(inner) };
        let Some(raw) = loader.value::<Raw>(&value) else { continue };
        let ops = [
            (Op::Equal, raw.equals),
            (Op::NotEqual, raw.not_equals),
            (Op::Less, raw.less),
            (Op::LessOrEqual, raw.at_most),
            (Op::Greater, raw.greater),
            (Op::GreaterOrEqual, raw.at_least),
        ];
        let mut given = ops.iter().filter_map(|(op, value)| value.map(|value| (*op, value)));
        let (Some((op, wanted)), None) = (given.next(), given.next()) else {
            let help = "write one of equals, not_equals, less, at_most, greater, at_least = NUMBER";
            loader.refuse(place, format!("`{}` needs exactly one comparison", raw.metric), help);
            continue;
        };
        let when = match (raw.at, raw.within, raw.from, raw.until) {
            (None, None, None, None) => When::End,
            (Some(at), None, None, None) => When::At(at),
            (None, Some(within), None, None) => When::Within(within),
            (None, None, Some(from), Some(until)) if from < until => When::Throughout(from, until),
            (None, None, ..) => {
                let help = "write both, the earlier one as `from`: it must hold all the time between them";
                loader.refuse(place, "`from` and `until` go together", help);
                continue;
            }
            (Some(_), Some(_), ..) => {
                let help = "`at` looks once at that instant, `within` asks for any instant up to then";
                loader.refuse(place_in(Some(&value), "within"), "`at` and `within` exclude each other", help);
                continue;
            }
            _ => {
                let help = "`from` and `until` ask for all instants between them";
                loader.refuse(place, "`from` excludes `at` and `within`", help);
                continue;
            }
        };
        for key in ["at", "within", "from", "until"] {
            if let Data::Table(inner) = &value.data
                && let Some(at) = inner.get(key)
            {
                instant(loader, at, end);
            }
        }
        let line = loader.sources.line(place);
        let why = raw.why.unwrap_or_default();
        expects.push(Expect { metric: raw.metric, op, value: wanted, when, line, why });
    }
    expects
}

fn report(loader: &mut Loader, table: &mut Table, duration: Span) -> Report {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        plots: Option<bool>,
        interval: Option<Span>,
    }
    let places = table.get("report").cloned();
    let raw: Raw = table_of(loader, table, "report");
    if raw.interval == Some(Span::ZERO) {
        let place = place_in(places.as_ref(), "interval");
        loader.refuse(place, "samples need a distance", "write a duration above zero, such as \"10s\"");
    }
    Report { plots: raw.plots.unwrap_or(true), interval: raw.interval.unwrap_or(round_interval(duration)) }
}

/// A round length that cuts the run into at most a thousand pieces: enough for a figure's width.
fn round_interval(duration: Span) -> Span {
    const ROUND_S: [i64; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
    let round_ms = [1, 2, 5, 10, 20, 50, 100, 200, 500].into_iter().map(Span::from_millis);
    let hours = (2..).map(|h| Span::from_secs(h * 3_600));
    let mut round = round_ms.chain(ROUND_S.into_iter().map(Span::from_secs)).chain(hours.take(24));
    round.find(|span| duration.0 / 1_000 <= span.0).unwrap_or(Span::from_secs(86_400))
}

fn check(loader: &mut Loader, table: &mut Table) -> Option<Check> {
    let (inner, place) = match table.take("check") {
        None => (Table::default(), Place { file: 0, start: 0, end: 0 }),
        Some(Value { data: Data::Table(inner), place }) => (inner, place),
        Some(other) => {
            loader.refuse(other.place, format!("`check` is a table, found {}", other.kind()), "write [check]");
            return None;
        }
    };
    for (key, entry) in inner.0.iter().filter(|(key, _)| *key != "invariants") {
        loader.errors.push(Diagnostic::unknown(Some(entry.key_place), "key", key, &["invariants"]));
    }
    let invariants = match inner.get("invariants") {
        None => Invariants::All,
        Some(Value { data: Data::Text(word), place }) => match word.as_str() {
            "all" => Invariants::All,
            "none" => Invariants::Only(Vec::new()),
            _ => {
                let help = "write \"all\", \"none\" or a list of names";
                loader.refuse(*place, format!("{word:?} is neither `all` nor `none`"), help);
                return None;
            }
        },
        Some(value) => Invariants::Only(loader.value(value)?),
    };
    let how = Cut { kind_key: "kind", default_kind: Some("check"), common: &[] };
    let section = Section::cut(inner, place, 0, &how, &loader.sources);
    Some(Check { invariants, section: loader.keep(section)? })
}
