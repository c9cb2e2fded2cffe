//! `mesosim match APP.json OFFERS.json`: which offers Marathon would use for an app, and exactly
//! why not the others; nothing runs. The checks are those of the simulated Marathon.

mod judge;
mod read;
mod resident;

use super::plan::{self, told};
use super::{Failure, print};
use crate::base::id::Names;
use crate::base::time::Time;
use crate::fact::OfferRefusal;
use crate::marathon::group::define::{self, Context};
use crate::marathon::group::{impossible, pod};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::{Detail, Rejection};
use crate::marathon::model::version::Version;
use clap::Args;
use judge::{Circumstances, Desk, Together, Verdict, many};
use read::Offer;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Show which offers match a Marathon app or pod, and why the others do not.
#[derive(Args)]
#[command(name = "match")]
pub(super) struct Arguments {
    /// The app or pod, as Marathon's API has it (JSON).
    app: PathBuf,
    /// Offers as Mesos' scheduler API gives them, or as /v2/queue?embed=lastUnusedOffers (JSON).
    offers: PathBuf,
    /// Where its instances are, as /v2/tasks gives them, or those of a pod as /v2/pods/ID::status (JSON);
    /// constraints look at them.
    #[arg(long, value_name = "FILE")]
    instances: Option<PathBuf>,
    /// Attributes of the agents on which they are, as /slaves of a Mesos master gives them (JSON).
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// When it is asked, for maintenance, e.g. 2026-01-31T12:00:00Z [default: within every window].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Region of the Mesos master: without constraints on regions, apps stay there.
    #[arg(long, value_name = "REGION")]
    master_region: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Features that are enabled: secrets, gpu_resources, external_volumes.
    #[arg(long, value_name = "FEATURE")]
    enable_features: Vec<String>,
    /// Marathon's own role, which apps have by default.
    #[arg(long, value_name = "ROLE", default_value = "*")]
    mesos_role: String,
}

/// The answer to it all.
struct Answer<'a> {
    spec: &'a RunSpec,
    placed: usize,
    /// Of those without a task that have a reservation.
    waiting: usize,
    offers: &'a [Offer],
    verdicts: Vec<Verdict>,
    together: Together,
    notes: Vec<String>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let flags = plan::flags(&arguments.enable_features, &arguments.mesos_role)?;
    let now = arguments.at.as_deref().map(instant).transpose()?;
    let refuse = |file: &Path, what: &str, e: &Rejection| {
        let text = told(e, None).replacen("a valid definition", what, 1);
        Failure::Input(format!("error: {}: {text}", file.display()))
    };
    let value = plan::json_of(&arguments.app)?;
    let spec = app(&value, &flags).map_err(|e| refuse(&arguments.app, "a valid definition", &e))?;
    let impossible = impossible::constraints(&spec);
    if !impossible.is_empty() {
        let lines: String = impossible.iter().map(|i| format!("\n  {}: {}", i.place, i.what)).collect();
        let mends: Vec<&str> = impossible.iter().map(|i| i.mend.as_str()).collect();
        let text = format!("constraints that nothing can meet{lines}\nhelp: {}", mends.join("; "));
        return Err(Failure::Input(format!("error: {}: {text}", arguments.app.display())));
    }
    let mut names = Names::default();
    let value = plan::json_of(&arguments.offers)?;
    let offers = read::offers(&value, spec.id.as_str(), &mut names)
        .map_err(|e| refuse(&arguments.offers, "a list of offers", &e))?;
    let (mut tasks, mut agents) = (Vec::new(), Vec::new());
    if let Some(file) = &arguments.instances {
        tasks = read::tasks(&plan::json_of(file)?).map_err(|e| refuse(file, "a list of tasks", &e))?;
    }
    if let Some(file) = &arguments.agents {
        agents = read::agents(&plan::json_of(file)?).map_err(|e| refuse(file, "a list of agents", &e))?;
    }
    let circumstances = Circumstances { flags, now, region: arguments.master_region, ..Circumstances::default() };
    let mut desk = Desk::new(&spec, &circumstances, names);
    desk.learn(&tasks, &agents, &offers);
    let placed = desk.placed();
    let waiting = desk.count_waiting();
    let (verdicts, together) = if spec.is_resident() { desk.judge_resident(&offers) } else { desk.judge(&offers) };
    let answer = Answer { spec: &spec, placed, waiting, offers: &offers, verdicts, together, notes: desk.notes };
    if arguments.json {
        let text = serde_json::to_string_pretty(&answer.as_json()).unwrap_or_default();
        print(&format!("{text}\n"));
    } else {
        print(&answer.as_text());
    }
    if answer.matches() == 0 { Err(Failure::Broken) } else { Ok(()) }
}

/// Nanoseconds since 1970.
fn instant(text: &str) -> Result<i64, Failure> {
    let version = Version::parse(text).ok_or_else(|| {
        let mend = "write --at 2026-01-31T12:00:00Z";
        Failure::Input(format!("error: --at {text}: not a time\nhelp: {mend}"))
    })?;
    Ok(version.0.saturating_mul(1_000_000))
}

/// The one app or pod that the JSON means.
fn app(value: &Value, flags: &Flags) -> Result<RunSpec, Rejection> {
    let group = |fields: &serde_json::Map<String, Value>| fields.contains_key("apps") || fields.contains_key("groups");
    let inner = match value {
        Value::Object(fields) if fields.len() == 1 => fields.get("app").unwrap_or(value),
        Value::Array(list) if list.len() == 1 => &list[0],
        _ => value,
    };
    if inner.is_array() || inner.as_object().is_some_and(group) {
        return Err(Rejection::invalid("/", "these are several apps; give the one that is asked about"));
    }
    let root = Group::empty(PathId::root(), Version::at(Time::ZERO));
    let context = Context { root: &root, flags, strict: true };
    let is_pod = inner.get("containers").is_some();
    let mut spec = if is_pod { pod::pod(inner, &PathId::root(), context)? } else { define::app(inner, context)? };
    if is_pod && spec.is_resident() {
        let what = "it has persistent volumes; pods with such are matched in two steps, which is not judged here";
        return Err(Rejection::invalid("/volumes", what));
    }
    // Instances older than this do not count in constraints.
    let changed = inner.get("versionInfo").and_then(|info| info.get("lastConfigChangeAt")).and_then(Value::as_str);
    spec.versions.last_config_change = match changed {
        None => Version(i64::MIN),
        Some(text) => Version::parse(text).ok_or_else(|| {
            Rejection::Malformed {
                details: vec![Detail {
                    path: "/versionInfo/lastConfigChangeAt".to_owned(),
                    errors: vec![format!("`{text}` is no time as 2026-01-31T12:00:00.000Z")],
                }],
                semantic: true,
            }
        })?,
    };
    Ok(spec)
}

impl Answer<'_> {
    fn matches(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.details.is_empty()).count()
    }

    /// How many offers came to each reason, and how many ended there, in the order of the funnel.
    fn funnel(&self) -> Vec<(OfferRefusal, usize, usize)> {
        let mut left = self.verdicts.len();
        let step = |reason: &OfferRefusal| {
            let first = |verdict: &&Verdict| verdict.details.first().is_some_and(|d| d.reason == *reason);
            let declined = self.verdicts.iter().filter(first).count();
            let row = (*reason, declined, left);
            left -= declined;
            row
        };
        OfferRefusal::ALL.iter().map(step).collect()
    }

    /// What one instance needs.
    fn needs(&self) -> String {
        let spec = self.spec;
        let mut words = vec![spec.each.to_string()];
        if let Some(pod) = spec.pod() {
            words[0] += &format!(" for {} and the executor", many(pod.containers.len(), "container"));
        }
        let ports = spec.ports.iter().filter(|need| need.host != crate::marathon::model::app::HostPort::None).count();
        if ports > 0 {
            words.push(many(ports, "port"));
        }
        for constraint in &spec.constraints {
            let value = constraint.value.iter().map(|value| format!(" {value}"));
            words.push(format!("{} {}{}", constraint.field, constraint.operator.name(), value.collect::<String>()));
        }
        words.extend(spec.volumes.iter().map(resident::told));
        words.join(", ")
    }

    fn as_text(&self) -> String {
        let spec = self.spec;
        let waiting = match self.waiting {
            0 => String::new(),
            n => format!(", {} with a reservation", if n == 1 { "1 waits".to_owned() } else { format!("{n} wait") }),
        };
        let mut text = format!("{}: {}, {} placed{waiting}; each: {}\n", spec.id, many(spec.instances as usize, "instance"), self.placed, self.needs());
        self.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
        text.push('\n');
        let ids = self.offers.iter().map(|offer| offer.id.chars().count()).max().unwrap_or(0);
        let hosts = self.offers.iter().map(|offer| offer.hostname.chars().count()).max().unwrap_or(0);
        for (offer, verdict) in self.offers.iter().zip(&self.verdicts) {
            let word = match verdict.details.first() {
                None if spec.is_resident() => resident::used(verdict),
                None => format!("matches, takes {}", verdict.takes),
                Some(first) => format!("{:?}", first.reason),
            };
            text += &format!("{:ids$}  {:hosts$}  {word}\n", offer.id, offer.hostname);
            verdict.lines.iter().for_each(|line| text += &format!("    {line}\n"));
            for (i, detail) in verdict.details.iter().enumerate() {
                let also = verdict.details[..i].iter().all(|other| other.reason != detail.reason) && i > 0;
                let also = if also { format!("{:?}: ", detail.reason) } else { String::new() };
                text += &format!("    {also}{}\n", detail.text);
            }
        }
        text += "\nreason                           declined  of offers\n";
        for (reason, declined, reached) in self.funnel().into_iter().filter(|(_, declined, _)| *declined > 0) {
            text += &format!("{:31}  {declined:8}  {reached:9}\n", format!("{reason:?}"));
        }
        text += &format!("{:31}  {:8}  {:9}\n\n", "matches", "", self.matches());
        let Together { all, at_once, more } = self.together;
        let least = if more { "at least " } else { "" };
        let once = if at_once < all { format!(", {at_once} when they come once") } else { String::new() };
        text += &format!("{least}{} {} in these offers together{once}", many(all as usize, "instance"), if all == 1 { "fits" } else { "fit" });
        let missing = (spec.instances as usize).saturating_sub(self.placed);
        text += &format!("; {} missing\n", if missing == 1 { "1 is".to_owned() } else { format!("{missing} are") });
        text
    }

    fn as_json(&self) -> Value {
        let offers = self.offers.iter().zip(&self.verdicts).map(|(offer, verdict)| {
            let details = verdict.details.iter().map(|detail| {
                let mut fields = detail.fields.clone();
                fields.insert("reason".into(), format!("{:?}", detail.reason).into());
                fields.insert("message".into(), detail.text.as_str().into());
                Value::Object(fields)
            });
            let mut shown = json!({
                "id": offer.id,
                "hostname": offer.hostname,
                "matches": verdict.details.is_empty(),
                "reason": verdict.details.first().map(|detail| format!("{:?}", detail.reason)),
                "details": details.collect::<Vec<_>>(),
                "takes": verdict.takes,
            });
            if self.spec.is_resident() {
                shown["launches"] = json!(verdict.launches);
                shown["remarks"] = json!(verdict.lines);
            }
            shown
        });
        let funnel = self.funnel().into_iter().map(|(reason, declined, processed)| {
            json!({ "reason": format!("{reason:?}"), "declined": declined, "processed": processed })
        });
        let Together { all, at_once, more } = self.together;
        json!({
            "app": self.spec.id.as_str(),
            "instances": self.spec.instances,
            "placed": self.placed,
            "waiting": self.waiting,
            "notes": self.notes,
            "offers": offers.collect::<Vec<_>>(),
            "matching": self.matches(),
            "funnel": funnel.collect::<Vec<_>>(),
            "fit": { "together": all, "atOnce": at_once, "countedToTheEnd": !more },
        })
    }
}
