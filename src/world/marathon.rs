//! `[[marathon]]` and `[[app]]` of a scenario: flags of Marathons, and how the containers of their
//! apps behave.

use super::build::Error;
use super::programs::Program;
use crate::base::id::{Names, RoleId, Symbol};
use crate::base::map::{Lookup, Map};
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::job::{Behaviour, Service};
use crate::marathon::core::Synthetic;
use crate::marathon::core::flags::{Endpoint, Flags, Quirks, Store};
use crate::marathon::model::flags::{self as definitions, AcceptedRoles, Feature};
use crate::marathon::model::path::PathId;
use crate::marathon::rest::show;
use crate::marathon::rest::subscriptions::is_url;
use crate::scenario::model::Scenario;
use crate::scenario::section::Section;
use crate::scenario::units::Probability;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One `[[marathon]]` table: some processes of which one leads.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) name: String,
    /// Its place in the scenario.
    pub(super) index: usize,
    /// Processes at fixed addresses; 0: it runs as tasks of an app.
    pub(super) instances: u32,
    flags: Flags,
}

impl Installation {
    /// Where in ZooKeeper its processes contend.
    pub(super) fn election(&self) -> String {
        format!("{}/leader-curator", self.flags.zk_path)
    }
    /// Flags of the process in a slot.
    pub(super) fn flags(&self, slot: u32) -> Arc<Flags> {
        let address = show::address(slot);
        let hostname = address.split(':').next().unwrap_or_default().to_owned();
        let definitions = definitions::Flags { hostname, ..(*self.flags.definitions).clone() };
        Arc::new(Flags { definitions: Arc::new(definitions), ..self.flags.clone() })
    }
    /// Sizes of what apps fetch.
    pub(super) fn sizes(&self) -> &Map<String, u64> {
        &self.flags.download_bits
    }
    /// Who is at which address outside.
    pub(super) fn knows(&mut self, endpoints: Arc<Map<String, Endpoint>>) {
        self.flags.endpoints = endpoints;
    }
    /// Its framework's name and role.
    pub(super) fn framework(&self) -> (Symbol, RoleId) {
        (self.flags.framework_name, self.flags.mesos_role)
    }
    pub(super) fn store(&self) -> Store {
        self.flags.store
    }
}

/// Keys of a `[[marathon]]` table: upstream's names; spans of time instead of milliseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    name: Option<String>,
    instances: Option<u32>,
    store: Option<String>,
    quirks: Option<String>,
    mesos_role: Option<String>,
    mesos_authentication_principal: Option<String>,
    failover_timeout: Option<Span>,
    checkpoint: Option<bool>,
    enable_features: Option<Vec<String>>,
    accepted_resource_roles_default_behavior: Option<String>,
    gpu_scheduling_behavior: Option<String>,
    local_port_min: Option<u16>,
    local_port_max: Option<u16>,
    text_plain_tasks: Option<bool>,
    default_network_name: Option<String>,
    max_running_deployments: Option<usize>,
    max_queued_root_group_updates: Option<u32>,
    max_instances_per_offer: Option<u32>,
    max_parallel_offers: Option<u32>,
    max_queued_offers: Option<u32>,
    decline_offer_duration: Option<Span>,
    launch_tokens: Option<u32>,
    launch_token_refresh_interval: Option<Span>,
    min_revive_offers_interval: Option<Span>,
    suppress_offers: Option<bool>,
    task_launch_confirm_timeout: Option<Span>,
    task_launch_timeout: Option<Span>,
    task_reservation_timeout: Option<Span>,
    reconciliation_initial_delay: Option<Span>,
    reconciliation_interval: Option<Span>,
    scale_apps_initial_delay: Option<Span>,
    scale_apps_interval: Option<Span>,
    kill_chunk_size: Option<u32>,
    kill_retry_timeout: Option<Span>,
    task_lost_expunge_initial_delay: Option<Span>,
    task_lost_expunge_interval: Option<Span>,
    max_concurrent_marathon_health_checks: Option<u32>,
    instance_tracker_num_parallel_updates: Option<u32>,
    zk_max_versions: Option<u32>,
    event_subscriber: Option<String>,
    http_endpoints: Option<Vec<String>>,
    http_event_callback_slow_consumer_timeout: Option<Span>,
    http_event_request_timeout: Option<Span>,
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// One of the words of a list.
fn word<T: Copy>(section: &Section, key: &str, text: &str, words: &[(&str, T)]) -> Result<T, Error> {
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    found.ok_or_else(|| section.unknown(key, "word", text, &known))
}

fn installation(section: &Section, names: &mut Names, zookeeper: bool, hosted: &[&str]) -> Result<Installation, Error> {
    let p: Params = section.read()?;
    let name = p.name.unwrap_or_else(|| "marathon".to_owned());
    let is_hosted = hosted.contains(&name.as_str());
    if is_hosted && p.instances.is_some() {
        let help = "remove it here, and give the app as many instances";
        return Err(section.error("instances", format!("an app runs `{name}`: its instances are the processes"), help));
    }
    let instances = if is_hosted { 0 } else { p.instances.unwrap_or(1) };
    let default = if zookeeper { Store::Zookeeper } else { Store::Memory };
    let stores = [("memory", Store::Memory), ("zookeeper", Store::Zookeeper)];
    let store = p.store.as_deref().map_or(Ok(default), |text| word(section, "store", text, &stores))?;
    if store == Store::Zookeeper && !zookeeper {
        return Err(section.error("store", "there is no ZooKeeper to store in", "add `zookeepers = 3` to [cluster]"));
    }
    if instances > 1 && store == Store::Memory {
        let help = "several processes share a store and an election: write store = \"zookeeper\"";
        return Err(section.error("instances", format!("{instances} Marathons cannot share a memory"), help));
    }
    let mut own = definitions::Flags { framework_name: name.clone(), ..definitions::Flags::default() };
    set(&mut own.role, p.mesos_role);
    set(&mut own.failover_timeout, p.failover_timeout);
    set(&mut own.checkpoint, p.checkpoint);
    set(&mut own.max_running_deployments, p.max_running_deployments);
    set(&mut own.max_instances_per_offer, p.max_instances_per_offer);
    set(&mut own.local_ports.0, p.local_port_min);
    set(&mut own.local_ports.1, p.local_port_max);
    own.default_network_name = p.default_network_name;
    if let Some(text) = p.accepted_resource_roles_default_behavior {
        own.accepted_roles = word(section, "accepted_resource_roles_default_behavior", &text, AcceptedRoles::ALL)?;
    }
    if let Some(text) = p.gpu_scheduling_behavior {
        let words = [("restricted", true), ("unrestricted", false)];
        own.gpus_restricted = word(section, "gpu_scheduling_behavior", &text, &words)?;
    }
    let mut features = BTreeSet::new();
    for (i, text) in p.enable_features.iter().flatten().enumerate() {
        features.insert(word(section, &format!("enable_features.{i}"), text, Feature::ALL)?);
    }
    own.features = features;
    set(&mut own.text_plain_tasks, p.text_plain_tasks);
    let words = [("real", Quirks::Real), ("fixed", Quirks::Fixed)];
    let quirks = p.quirks.as_deref().map_or(Ok(Quirks::Real), |text| word(section, "quirks", text, &words))?;
    own.mended = quirks == Quirks::Fixed;
    let (framework, role) = (names.intern(&name), names.intern(&own.role));
    let mut flags = Flags { store, ..Flags::new(framework, role, Arc::new(own)) };
    flags.zk_path = format!("/{name}").into();
    flags.quirks = quirks;
    flags.principal = p.mesos_authentication_principal.map(|principal| names.intern(&principal));
    set(&mut flags.max_queued_root_group_updates, p.max_queued_root_group_updates);
    set(&mut flags.max_parallel_offers, p.max_parallel_offers);
    set(&mut flags.max_queued_offers, p.max_queued_offers);
    set(&mut flags.decline_offer_duration, p.decline_offer_duration);
    set(&mut flags.launch_tokens, p.launch_tokens);
    set(&mut flags.launch_token_refresh_interval, p.launch_token_refresh_interval);
    set(&mut flags.min_revive_offers_interval, p.min_revive_offers_interval);
    set(&mut flags.suppress_offers, p.suppress_offers);
    set(&mut flags.task_launch_confirm_timeout, p.task_launch_confirm_timeout);
    set(&mut flags.task_launch_timeout, p.task_launch_timeout);
    set(&mut flags.task_reservation_timeout, p.task_reservation_timeout);
    set(&mut flags.reconciliation_initial_delay, p.reconciliation_initial_delay);
    set(&mut flags.reconciliation_interval, p.reconciliation_interval);
    set(&mut flags.scale_apps_initial_delay, p.scale_apps_initial_delay);
    set(&mut flags.scale_apps_interval, p.scale_apps_interval);
    set(&mut flags.kill_chunk_size, p.kill_chunk_size);
    set(&mut flags.kill_retry_timeout, p.kill_retry_timeout);
    set(&mut flags.task_lost_expunge_initial_delay, p.task_lost_expunge_initial_delay);
    set(&mut flags.task_lost_expunge_interval, p.task_lost_expunge_interval);
    set(&mut flags.max_concurrent_marathon_health_checks, p.max_concurrent_marathon_health_checks);
    set(&mut flags.instance_tracker_num_parallel_updates, p.instance_tracker_num_parallel_updates);
    set(&mut flags.zk_max_versions, p.zk_max_versions);
    if let Some(text) = p.event_subscriber {
        flags.event_subscriber = word(section, "event_subscriber", &text, &[("http_callback", true)])?;
    }
    if let Some(urls) = p.http_endpoints {
        if !flags.event_subscriber {
            let help = "write event_subscriber = \"http_callback\", too";
            return Err(section.error("http_endpoints", "nobody is called without call-back subscriptions", help));
        }
        if let Some(i) = urls.iter().position(|url| !is_url(url)) {
            let message = format!("`{}` is no address that can be posted to", urls[i]);
            let help = "write for example \"http://audit.example.com/events\"";
            return Err(section.error(&format!("http_endpoints.{i}"), message, help));
        }
        flags.http_endpoints = urls.into();
    }
    let slow = p.http_event_callback_slow_consumer_timeout;
    set(&mut flags.http_event_callback_slow_consumer_timeout, slow);
    set(&mut flags.http_event_request_timeout, p.http_event_request_timeout);
    let periods = [
        ("launch_token_refresh_interval", flags.launch_token_refresh_interval),
        ("min_revive_offers_interval", flags.min_revive_offers_interval),
        ("reconciliation_interval", flags.reconciliation_interval),
        ("scale_apps_interval", flags.scale_apps_interval),
        ("kill_retry_timeout", flags.kill_retry_timeout),
        ("task_lost_expunge_interval", flags.task_lost_expunge_interval),
        ("http_event_request_timeout", flags.http_event_request_timeout),
    ];
    if let Some((key, _)) = periods.iter().find(|(_, span)| *span <= Span::ZERO) {
        return Err(section.error(key, "nothing can happen every 0 s", "write a span above zero, like \"5s\""));
    }
    Ok(Installation { name, index: section.index(), instances, flags })
}

/// Installations of Marathon; of those in `hosted` the processes are tasks.
pub(super) fn installations(
    scenario: &Scenario,
    names: &mut Names,
    hosted: &[&str],
) -> Result<Vec<Installation>, Error> {
    let zookeeper = scenario.cluster.zookeepers > 0;
    let mut all: Vec<Installation> = Vec::new();
    let download_bits: Arc<Map<_, _>> = Arc::new(scenario.sizes.iter().cloned().collect());
    for section in &scenario.marathons {
        let mut made = installation(section, names, zookeeper, hosted)?;
        made.flags.download_bits = download_bits.clone();
        made.flags.home_region = scenario.cluster.region.as_deref().map(|region| names.intern(region));
        if all.iter().any(|other| other.name == made.name) {
            let message = format!("there is another Marathon called `{}`", made.name);
            return Err(section.error("name", message, "give it another name"));
        }
        all.push(made);
    }
    Ok(all)
}

/// Keys of an `[[app]]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppParams {
    id: String,
    /// Of a pod; without it: all of its containers that have no table of their own.
    container: Option<String>,
    /// Its containers are this framework or Marathon of the scenario.
    runs: Option<String>,
    /// From the start of a container until its service answers well.
    ready_after: Option<Distribution>,
    well_for: Option<Distribution>,
    ill_for: Option<Distribution>,
    /// How long its containers run; for ever without it.
    exits_after: Option<Distribution>,
    /// Of those that exit, so many with an error (0 to 1).
    failure: Option<Probability>,
}

/// An `[[app]]` table.
pub(super) struct App<'a> {
    /// Its path, and the container's name if it is of a pod.
    name: String,
    /// The program that its containers are.
    pub(super) runs: Option<String>,
    behaviour: Behaviour,
    service: Service,
    pub(super) section: &'a Section,
}

pub(super) fn apps(scenario: &Scenario) -> Result<Vec<App<'_>>, Error> {
    let mut all = Vec::new();
    for section in &scenario.apps {
        let p: AppParams = section.read()?;
        let forever = Distribution::Fixed(Span::MAX);
        let failure_ppm = p.failure.map_or(0, |probability| probability.ppm);
        let behaviour = Behaviour { duration: p.exits_after.unwrap_or(forever), failure_ppm };
        let ready_after = p.ready_after.unwrap_or(Distribution::Fixed(Span::ZERO));
        let service = Service { ready_after, well_for: p.well_for, ill_for: p.ill_for };
        let mut name = PathId::absolute(&p.id).as_str().to_owned();
        if let Some(container) = &p.container {
            name = format!("{name}::{container}");
        }
        all.push(App { name, runs: p.runs, behaviour, service, section });
    }
    Ok(all)
}

/// How containers behave, by interned app path.
pub(super) fn synthetic(apps: &[App], programs: &[Program], names: &mut Names) -> Lookup<Symbol, Synthetic> {
    let mut all = Lookup::default();
    for App { name, runs, behaviour, service, .. } in apps {
        let runs = runs.as_deref().map(|name| names.intern(name));
        let program = programs.iter().position(|program| Some(program.name) == runs).map(|number| number as u32);
        let app = names.intern(name);
        all.insert(app, Synthetic { behaviour: *behaviour, service: *service, program });
    }
    all
}
