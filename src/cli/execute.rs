//! `mesosim execute --command TEXT`: one command as a framework of its own, as mesos-execute runs it,
//! in a small cluster or in that of a scenario.
//!
//! The scheduler is the core that `kind = "execute"` names in scenarios (`frameworks/execute`); here
//! is what its user sees of it. Two things are kinder than upstream: it gives up after a while
//! instead of waiting for an offer for ever, and the exit code says how the command ended.

use super::{Failure, load, overrides, print};
use crate::base::id::{AgentId, FrameworkId, Symbol};
use crate::base::map::Map;
use crate::base::quantity::Quantities;
use crate::base::time::{Span, Time};
use crate::fact::{At, Detail, End, Fact, OfferEnd};
use crate::frameworks::execute::command::File;
use crate::mesos::resource::Resources;
use crate::mesos::task_state::{Reason, TaskState};
use crate::record::trace::short;
use crate::scenario::units::parse_span;
use crate::scenario::{Scenario, role_name};
use crate::sim::{Finished, Sandbox, Sim, Stop, Stretch};
use crate::world::World;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Run one command as a framework of its own, as mesos-execute does, and show its states and output.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell command. Known are echo, sleep, true, false, exit and what joins them; others do
    /// nothing, for a given time.
    #[arg(long)]
    command: String,
    /// Name of the task and its framework.
    #[arg(long, default_value = "mesos-execute")]
    name: String,
    /// What the task needs.
    #[arg(long, default_value = "cpus:1;mem:128")]
    resources: String,
    #[arg(long, default_value = "*")]
    role: String,
    /// Kill the task so long after it began to run.
    #[arg(long, alias = "kill_after", value_name = "TIME", value_parser = parse_span)]
    kill_after: Option<Span>,
    /// The task outlives the process of its agent.
    #[arg(long)]
    checkpoint: bool,
    /// GPU_RESOURCES, for being offered machines with GPUs.
    #[arg(long, alias = "framework_capabilities", value_name = "NAME", value_parser = ["GPU_RESOURCES"])]
    framework_capabilities: Option<String>,
    /// How long a command takes that means nothing here.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = parse_span)]
    takes: Span,
    /// Run it in the cluster of this scenario, beside its other frameworks, instead of on one agent
    /// with cpus:4;mem:4096.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// When in the scenario the command is called.
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = parse_span)]
    at: Span,
    /// Override a key of the scenario; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder with the data files that the scenario names.
    #[arg(long, value_name = "DIR", requires = "scenario")]
    data: Option<PathBuf>,
    /// Override the seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Stop so long after the call, whatever has become of the task.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = parse_span)]
    give_up_after: Span,
    /// Print what happened as JSON.
    #[arg(long)]
    json: bool,
}

const CLUSTER: &str = "\
name = \"execute\"
duration = \"1h\"
[[agents]]
name = \"agent\"
count = 1
resources = \"cpus:4;mem:4096\"
";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut sim = Sim::of(scenario(&arguments)?, false).map_err(|e| Failure::Input(e.render(super::on_terminal())))?;
    let owner = sim.world().names().find(&arguments.name).expect("the world has interned its frameworks");
    let mut story = Story { owner, ..Story::default() };
    sim.world_mut().watch_details();
    let broken = loop {
        let stretch = sim.advance(&mut ()).map_err(|stop| match stop {
            Stop::Scenario(e) => Failure::Input(e.render(super::on_terminal())),
            Stop::Input(told) => super::in_data(&told),
        })?;
        for fact in sim.facts() {
            story.fact(sim.world(), fact);
        }
        for detail in sim.details() {
            story.detail(detail);
        }
        match stretch {
            Stretch::Over(broken) => break broken,
            Stretch::More if story.over => break None,
            Stretch::More => {}
        }
    };
    if let Some(broken) = broken {
        eprintln!("error: {}: {}", broken.what, broken.text);
        return Err(Failure::Broken);
    }
    let finished = sim.finish(None);
    if arguments.json {
        let text = serde_json::to_string_pretty(&story.json(&arguments, &finished)).expect("plain values");
        print(&(text + "\n"));
    } else {
        print(&story.text(&arguments, &finished));
    }
    if story.last() == Some(TaskState::Finished) { Ok(()) } else { Err(Failure::Broken) }
}

fn refuse(flag: &str, what: impl std::fmt::Display, help: &str) -> Failure {
    Failure::Input(format!("error: --{flag}: {what}\nhelp: {help}"))
}

/// What the task needs, and that these are amounts.
fn needs(text: &str) -> Result<Quantities, Failure> {
    let help = "write amounts of cpus, mem, disk and gpus, for example --resources \"cpus:1;mem:128\"";
    let parsed = Resources::parse(text).map_err(|e| refuse("resources", e, help))?;
    let needs = parsed.quantities();
    if !parsed.is_plain() || needs == Quantities::ZERO {
        return Err(refuse("resources", format!("`{text}` is not plain amounts of something"), help));
    }
    Ok(needs)
}

/// The cluster with the framework in it.
fn scenario(arguments: &Arguments) -> Result<Scenario, Failure> {
    needs(&arguments.resources)?;
    if arguments.name.is_empty() {
        return Err(refuse("name", "the name is empty", "leave it out, or write a name"));
    }
    role_name(&arguments.role).map_err(|(what, help)| refuse("role", what, help))?;
    for (flag, span) in [("at", arguments.at), ("takes", arguments.takes)] {
        if span < Span::ZERO {
            return Err(refuse(flag, format!("{span} is before the beginning"), "write a time of at least 0s"));
        }
    }
    if arguments.give_up_after <= Span::ZERO {
        return Err(refuse("give-up-after", "there is no time to run in", "write a time above 0s, such as 10m"));
    }
    // What is wrong with the scenario itself is told before the framework is in it.
    let (text, base) = match &arguments.scenario {
        Some(path) => {
            let there = load(path, &arguments.set, arguments.data.as_deref(), Vec::new())?;
            let (world, _) = World::build(&there).map_err(|e| Failure::Input(e.render(super::on_terminal())))?;
            let taken = there.frameworks.iter().any(|f| f.name == arguments.name)
                || world.marathon_frameworks().iter().any(|(name, _)| world.names().text(*name) == arguments.name);
            if taken {
                let what = format!("the scenario has a framework `{}` already", arguments.name);
                return Err(refuse("name", what, "choose another name"));
            }
            let text = std::fs::read_to_string(path).map_err(|e| {
                Failure::Input(format!("error: cannot read {}: {e}\nhelp: check the path", path.display()))
            })?;
            (text, path.parent().unwrap_or(Path::new("")))
        }
        None => (CLUSTER.to_owned(), Path::new(".")),
    };
    let file = arguments.scenario.as_ref().map_or_else(|| "cluster".to_owned(), |path| path.display().to_string());
    let mut all = vec![("frameworks".to_owned(), with_framework(&text, arguments))];
    let seed = arguments.seed.map(|seed| ("seed".to_owned(), seed.to_string()));
    all.extend(overrides(&arguments.set, seed.into_iter().collect())?);
    let made = Scenario::parse(&text, &file, base, &all, arguments.data.as_deref());
    let mut scenario = made.map_err(|e| Failure::Input(e.render(super::on_terminal())))?;
    // Nothing else of the scenario ends the run or is judged.
    scenario.duration = Span(arguments.at.0.saturating_add(arguments.give_up_after.0));
    scenario.stop_when_done = false;
    scenario.expects.clear();
    Ok(scenario)
}

/// The frameworks of a scenario and this one, as a value for `--set frameworks`.
fn with_framework(text: &str, arguments: &Arguments) -> String {
    let table: toml::Table = text.parse().unwrap_or_default();
    let mut list = table.get("frameworks").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut own = toml::Table::new();
    for (key, value) in [
        ("name", &arguments.name),
        ("kind", &"execute".to_owned()),
        ("command", &arguments.command),
        ("resources", &arguments.resources),
        ("role", &arguments.role),
        ("at", &arguments.at.to_string()),
        ("takes", &arguments.takes.to_string()),
    ] {
        own.insert(key.to_owned(), toml::Value::String(value.clone()));
    }
    if let Some(span) = arguments.kill_after {
        own.insert("kill_after".to_owned(), toml::Value::String(span.to_string()));
    }
    own.insert("checkpoint".to_owned(), toml::Value::Boolean(arguments.checkpoint));
    let capabilities = arguments.framework_capabilities.iter().cloned().map(toml::Value::String);
    own.insert("capabilities".to_owned(), toml::Value::Array(capabilities.collect()));
    list.push(toml::Value::Table(own));
    toml::Value::Array(list).to_string()
}

/// What happened to the framework, in order of time.
#[derive(Default)]
struct Story {
    owner: Symbol,
    framework: Option<FrameworkId>,
    hosts: Map<AgentId, Symbol>,
    /// What the last accepted offers were called and carried.
    taken: Option<(String, Quantities)>,
    host: Option<String>,
    lines: Vec<(Time, String)>,
    states: Vec<(Time, TaskState, Reason)>,
    unplaceable: bool,
    over: bool,
}

impl Story {
    fn say(&mut self, at: Time, line: String) {
        self.lines.push((at, line));
    }

    fn last(&self) -> Option<TaskState> {
        self.states.last().map(|s| s.1)
    }

    fn fact(&mut self, world: &World, fact: &At<Fact>) {
        if self.over {
            return;
        }
        let (at, names) = (fact.at, world.names());
        let own = |id: FrameworkId| self.framework == Some(id);
        match fact.what {
            Fact::AgentRegistered { agent, host, .. } | Fact::AgentReregistered { agent, host, .. } => {
                self.hosts.insert(agent, host);
            }
            Fact::JobUnplaceable { owner, .. } if owner == self.owner => {
                self.unplaceable = true;
                self.over = true;
                let mut totals: Vec<Quantities> = Vec::new();
                for machine in world.machines().filter(|machine| machine.total != Quantities::ZERO) {
                    if !totals.contains(&machine.total) {
                        totals.push(machine.total);
                    }
                }
                let sizes: Vec<String> = totals.iter().take(4).map(ToString::to_string).collect();
                let more = if totals.len() > 4 { " or others" } else { "" };
                self.say(at, format!("no agent is large enough: they have {}{more}", sizes.join(" or ")));
            }
            Fact::FrameworkSubscribed { framework, name, .. } if name == self.owner => {
                let again = if self.framework == Some(framework) { " again" } else { "" };
                self.framework = Some(framework);
                self.say(at, format!("subscribed{again} as {}", short(names.framework(framework))));
            }
            Fact::OffersEnded { framework, first, how: OfferEnd::Accepted, total, .. } if own(framework) => {
                self.taken = Some((short(names.offer(first)), total));
            }
            Fact::TaskLaunched { framework, agent, .. } if own(framework) => {
                let host = self.hosts.get(&agent).map_or_else(|| short(names.agent(agent)), |h| names.text(*h).into());
                let (offer, total) = self.taken.take().unwrap_or_default();
                self.say(at, format!("offer {offer} taken: {total} on {host} ({})", short(names.agent(agent))));
                self.host = Some(host);
            }
            Fact::FrameworkSuppressed { framework } if own(framework) && self.host.is_none() => {
                let line = "no offer was large enough: declined and suppressed, which mesos-execute never revives";
                self.say(at, line.to_owned());
            }
            Fact::FrameworkRemoved { framework } if own(framework) => self.say(at, "framework removed".to_owned()),
            Fact::JobEnded { owner, .. } if owner == self.owner => self.over = true,
            _ => {}
        }
    }

    /// Details of a stretch come after its facts, also those of the instant in which all was over.
    fn detail(&mut self, detail: &At<Detail>) {
        if let Detail::TaskSeen { framework, state, reason, .. } = detail.what
            && self.framework == Some(framework)
        {
            self.states.push((detail.at, state, reason));
        }
    }

    /// What became of it, in a word or two.
    fn outcome(&self) -> &'static str {
        match self.last() {
            _ if self.unplaceable => "too large",
            None if self.host.is_none() => "never launched",
            None => "launched",
            Some(TaskState::Finished) => "finished",
            Some(TaskState::Failed) => "failed",
            Some(TaskState::Killed) => "killed",
            Some(TaskState::Starting | TaskState::Running | TaskState::Staging | TaskState::Killing) => "still running",
            Some(_) => "lost",
        }
    }

    /// How the container ended, as its executor says it.
    fn ended(sandbox: &Sandbox) -> Option<String> {
        let ((at, how), began) = (sandbox.ended?, sandbox.began?);
        Some(match how {
            // Its time was up, so it ended by itself.
            End::Finished | End::Failed if at - began >= sandbox.command.duration => {
                format!("exit status {}", sandbox.command.status)
            }
            End::Finished | End::Failed => "cut short".to_owned(),
            End::Killed => "ended by a signal".to_owned(),
            End::Lost => "died with its agent".to_owned(),
        })
    }

    fn text(&self, arguments: &Arguments, finished: &Finished) -> String {
        let now = finished.world.now();
        let sandbox = finished.sandboxes.iter().find(|s| s.owner == self.owner).expect("the framework runs a command");
        let mut lines = vec![(Time(arguments.at.0), format!("{} called, needs {}", arguments.name, arguments.resources))];
        lines.extend(self.lines.iter().cloned());
        let last = self.states.len().saturating_sub(1);
        for (i, &(at, state, reason)) in self.states.iter().enumerate() {
            let reason = if reason == Reason::None { String::new() } else { format!("  {}", reason.name()) };
            let ended = Self::ended(sandbox).filter(|_| i == last && state.is_terminal());
            let ended = ended.map_or(String::new(), |ended| format!("  {ended}"));
            lines.push((at, format!("{}{reason}{ended}", state.name())));
        }
        let waited = arguments.give_up_after;
        match self.outcome() {
            "never launched" => lines.push((now, format!("gave up after {waited}: no offer was large enough"))),
            "launched" | "still running" => lines.push((now, format!("gave up after {waited}: it has not ended"))),
            _ => {}
        }
        // Within an instant facts come first, as in traces.
        lines.sort_by_key(|line| line.0);
        let mut text: String = lines.iter().map(|(at, line)| format!("{at}  {line}\n")).collect();
        for (name, file) in [("stdout", File::Stdout), ("stderr", File::Stderr)] {
            let Some(content) = sandbox.file(file, now) else { continue };
            text += &format!("{name}\n");
            text.extend(content.lines().map(|line| format!("  {line}\n")));
        }
        text
    }

    fn json(&self, arguments: &Arguments, finished: &Finished) -> Value {
        let now = finished.world.now();
        let sandbox = finished.sandboxes.iter().find(|s| s.owner == self.owner).expect("the framework runs a command");
        let state = |&(at, state, reason): &(Time, TaskState, Reason)| {
            let reason = (reason != Reason::None).then(|| reason.name());
            json!({ "at_s": at.as_secs_f64(), "state": state.name(), "reason": reason })
        };
        let own_end = Self::ended(sandbox).is_some_and(|ended| ended.starts_with("exit status"));
        json!({
            "name": arguments.name,
            "command": arguments.command,
            "called_s": arguments.at.as_secs_f64(),
            "framework": self.framework.map(|id| finished.world.names().framework(id)),
            "agent": self.host,
            "outcome": self.outcome(),
            "exit_status": own_end.then_some(sandbox.command.status),
            "states": self.states.iter().map(state).collect::<Vec<_>>(),
            "stdout": sandbox.file(File::Stdout, now),
            "stderr": sandbox.file(File::Stderr, now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn told(words: &[&str]) -> String {
        let line = Line::try_parse_from([&["execute", "--command", "true"], words].concat());
        let line = line.unwrap_or_else(|e| panic!("{e}"));
        match scenario(&line.arguments) {
            Ok(scenario) => format!("{} until {}", scenario.frameworks[0].name, scenario.duration),
            Err(Failure::Input(text)) => text,
            Err(Failure::Broken) => panic!("nothing ran"),
        }
    }

    #[test]
    fn the_framework_is_added_to_the_cluster() {
        assert_eq!(told(&[]), "mesos-execute until 1h");
        assert_eq!(told(&["--name", "a \"b\"", "--at", "5m", "--give-up-after", "30s"]), "a \"b\" until 5m30s");
    }

    #[test]
    fn mistakes_name_the_flag() {
        for (words, want) in [
            (["--resources", "cpus:lots"], "error: --resources: "),
            (["--resources", "ports:[1-2]"], "error: --resources: `ports:[1-2]` is not plain amounts"),
            (["--name", ""], "error: --name: the name is empty"),
            (["--give-up-after", "0s"], "error: --give-up-after: there is no time"),
            (["--at", "-1s"], "error: --at: -1s is before the beginning"),
            (["--role", "a//b"], "error: --role: \"a//b\" cannot be the name of a role"),
        ] {
            let text = match words {
                ["--at", at] => told(&[&format!("--at={at}")]),
                words => told(&words),
            };
            assert!(text.starts_with(want) && text.contains("help: "), "{words:?}: {text}");
        }
    }
}
