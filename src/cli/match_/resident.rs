//! Offers for an app with persistent volumes, which are used in two steps: for a new instance
//! everything that it needs is reserved and its volumes are made, and on an offer that has those
//! reservations it is launched, now and whenever its task has ended. The checks are those of
//! Marathon's core; who holds what is read from the labels of reservations.

use super::judge::{Desk, Detail, Together, Verdict, detail, many};
use super::read::{Offer, Task};
use crate::base::id::Symbol;
use crate::base::quantity::{KINDS, Milli};
use crate::fact::OfferRefusal;
use crate::marathon::core::matching::{self, fit_back, fit_new, reasons_new};
use crate::marathon::core::residents::holders;
use crate::marathon::core::resources::{self, FRAMEWORK_LABEL, INSTANCE_LABEL, Roles};
use crate::marathon::core::{ports, volumes};
use crate::marathon::model::app::PersistentVolume;
use crate::marathon::model::json::write;
use crate::mesos::resource::Resources;
use crate::mesos::task_state::TaskState;
use serde_json::json;

/// An instance without a task that has a reservation, as far as offers and tasks tell.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Its name.
    id: String,
    /// Index among the instances that constraints look at.
    known: usize,
    /// Ids of its volumes, if its last task told.
    volumes: Option<Vec<String>>,
}

/// `web.instance-1` of `web.instance-1._app.3`.
fn instance_of(task: &str) -> &str {
    task.rsplitn(3, '.').nth(2).unwrap_or(task)
}

impl Desk<'_> {
    /// Whether an ended task's instance waits on its volumes for the next launch.
    pub(super) fn waits(&self, task: &Task) -> bool {
        let begins_anew = task.state == TaskState::GoneByOperator;
        self.spec.is_resident() && task.state.is_terminal() && !begins_anew
    }

    /// The task's instance, which was put as the last one, waits.
    pub(super) fn note_waiting(&mut self, task: &Task) {
        let id = instance_of(&task.id).to_owned();
        let volumes = (!task.volumes.is_empty()).then(|| task.volumes.clone());
        self.waiting.push(Waiting { id, known: self.known.len() - 1, volumes });
    }

    /// Instances that are found in offers only: they hold something, and have no task.
    pub(super) fn learn_holders(&mut self, tasks: &[Task], offers: &[Offer]) {
        let mut unknown = Vec::new();
        for offer in offers {
            for id in self.own_holders(offer) {
                let has_task = tasks.iter().any(|task| instance_of(&task.id) == id);
                if has_task || self.waiting.iter().any(|waiting| waiting.id == id) {
                    continue;
                }
                self.put(&offer.info);
                self.know(id.clone(), "reserved", offer.info.clone());
                self.waiting.push(Waiting { id: id.clone(), known: self.known.len() - 1, volumes: None });
                unknown.push(id);
            }
        }
        if !unknown.is_empty() {
            let (one, hold) = if unknown.len() == 1 { ("it", "holds") } else { ("them", "hold") };
            let they = if unknown.len() == 1 { "it" } else { "they" };
            let what = format!(
                "without a task, taken to wait for one; if Marathon does not know {one}, it gives back what {they} {hold}"
            );
            self.notes.push(format!("{} {what}: {}", many(unknown.len(), "reservation"), unknown.join(", ")));
        }
    }

    fn framework(offer: &Offer) -> Option<String> {
        let label = || offer.resources.objects().find_map(|object| object.label(FRAMEWORK_LABEL).map(str::to_owned));
        offer.framework.clone().or_else(label)
    }

    /// Instances of the app for which something of an offer is reserved.
    fn own_holders(&self, offer: &Offer) -> Vec<String> {
        let Some(framework) = Self::framework(offer) else { return Vec::new() };
        let prefix = format!("{}.", self.spec.id.safe());
        let own = |name: &std::sync::Arc<str>| name.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('.'));
        holders(&offer.resources, &framework).iter().filter(|name| own(name)).map(|name| name.to_string()).collect()
    }

    /// Of one instance's volumes those that are not among `own`.
    fn absent(&self, waiting: &Waiting, own: &Resources) -> Vec<String> {
        let made = own.persistent_volumes();
        let is_there = |is: &dyn Fn(&str) -> bool| made.objects().any(|o| o.persistence_id().is_some_and(is));
        match &waiting.volumes {
            Some(ids) => ids.iter().filter(|id| !is_there(&|other| other == *id)).cloned().collect(),
            None => {
                let prefix = |volume: &PersistentVolume| format!("{}#{}#", self.spec.id.safe(), volume.container_path);
                let gone = self.spec.volumes.iter().filter(|volume| {
                    let prefix = prefix(volume);
                    !is_there(&|id| id.starts_with(&prefix))
                });
                gone.map(|volume| volume.container_path.clone()).collect()
            }
        }
    }

    /// Whether the instance can be launched on what is left of the offer, and takes that; or why not.
    fn launch_back(&mut self, waiting: &Waiting, offer: &Offer, at: (usize, u32), left: &mut Resources) -> Vec<Detail> {
        let framework = Self::framework(offer).unwrap_or_default();
        let own = left.labelled(FRAMEWORK_LABEL, &framework).labelled(INSTANCE_LABEL, &waiting.id);
        let absent = self.absent(waiting, &own);
        if !absent.is_empty() {
            let text = format!("{}: not all its volumes are in the offer; missing: {}", waiting.id, absent.join(", "));
            let fields = json!({ "instance": waiting.id, "volumes": absent });
            return vec![detail(OfferRefusal::NoCorrespondingReservationFound, text, fields)];
        }
        let spec = self.spec;
        let flags = self.circumstances.flags.clone();
        // Its own place is not counted.
        self.count(waiting.known, false);
        let allowed = self.allows(&spec.constraints, &offer.info);
        let in_the_way = if allowed { Vec::new() } else { self.constraints(&offer.info) };
        self.count(waiting.known, true);
        let roles = Roles::own(spec, &framework, &waiting.id);
        let dice = Self::dice(at.0, at.1);
        let mut found = match fit_back(spec, left, &flags, dice, roles, allowed) {
            Ok(chosen) => {
                resources::take(left, roles, spec.each, ports::ranges(&chosen));
                *left -= &own.persistent_volumes();
                return Vec::new();
            }
            Err(OfferRefusal::UnfulfilledConstraint) => in_the_way,
            Err(reason) => vec![self.amounts(reason, offer, roles, spec.each)],
        };
        for detail in &mut found {
            detail.text = format!("{}: {}", waiting.id, detail.text);
            detail.fields.insert("instance".to_owned(), waiting.id.as_str().into());
        }
        found
    }

    /// Why nothing is reserved there for a new instance; nothing if it is.
    fn reasons_new(&mut self, i: usize, offer: &Offer) -> Vec<Detail> {
        let spec = self.spec;
        let flags = self.circumstances.flags.clone();
        let allowed = self.allows(&spec.constraints, &offer.info);
        let words = (&mut self.names, &mut self.fields);
        let found = reasons_new(spec, &offer.resources, &flags, Self::dice(i, 0), words, (allowed, true));
        let roles = Roles::unreserved(spec);
        let (has, _) = resources::usable(&offer.resources, roles);
        let needs = matching::to_reserve(spec);
        let mut details = Vec::new();
        for reason in found {
            match reason {
                OfferRefusal::UnfulfilledConstraint => details.extend(self.constraints(&offer.info)),
                OfferRefusal::InsufficientDisk if has.disk() >= needs.disk() => details.push(self.disks(offer)),
                other => details.push(self.amounts(other, offer, roles, needs)),
            }
        }
        details
    }

    /// No disk of its own for some volume.
    fn disks(&self, offer: &Offer) -> Detail {
        let wanted = self.spec.volumes.iter().filter(|volume| volume.disk_type != "root");
        let wanted: Vec<String> = wanted.map(told).collect();
        let free = offer.resources.objects().filter(|object| !object.is_reserved());
        let source = |object: &crate::mesos::resource::Object| {
            let source = object.meta().disk.as_ref()?.source.clone()?;
            Some(format!("{:?} {} of {} MiB", source.kind, source.root.as_deref().unwrap_or("-"), object.scalar()?))
        };
        let there: Vec<String> = free.filter_map(|object| source(&object)).collect();
        let has = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        let text = format!("wanted disks for {}; disks of that kind in the offer: {has}", wanted.join(", "));
        detail(OfferRefusal::InsufficientDisk, text, json!({ "resource": KINDS[2], "wanted": wanted, "disks": there }))
    }

    /// What is said of each offer, alone and with the others.
    pub(super) fn judge_resident(&mut self, offers: &[Offer]) -> (Vec<Verdict>, Together) {
        let verdicts = offers.iter().enumerate().map(|(i, offer)| self.alone(i, offer));
        let mut verdicts: Vec<Verdict> = verdicts.collect();
        let together = self.fill_resident(offers, &mut verdicts);
        (verdicts, together)
    }

    fn alone(&mut self, i: usize, offer: &Offer) -> Verdict {
        if let Some(details) = self.blocked(offer) {
            return Verdict { details, ..Verdict::default() };
        }
        let (mut back, mut launches) = (Vec::new(), false);
        for waiting in self.waiting_in(offer) {
            let against = self.launch_back(&waiting, offer, (i, 0), &mut offer.resources.clone());
            launches |= against.is_empty();
            back.extend(against);
        }
        let mut new = if self.wants_new() { self.reasons_new(i, offer) } else { Vec::new() };
        if launches || (self.wants_new() && new.is_empty()) {
            // It is used, though not for everybody.
            let lines = back.into_iter().map(|detail| detail.text).collect();
            return Verdict { lines, ..Verdict::default() };
        }
        if !self.wants_new() && back.is_empty() {
            let ids: Vec<&str> = self.waiting.iter().map(|waiting| &*waiting.id).collect();
            let text = format!("nobody is new, and nothing of who waits is in the offer: {}", ids.join(", "));
            new.push(detail(OfferRefusal::NoCorrespondingReservationFound, text, json!({ "waiting": ids })));
        } else if !back.is_empty() {
            new.iter_mut().for_each(|detail| detail.text = format!("a new instance: {}", detail.text));
        }
        // What is in the way of a new one counts, if there is to be one.
        new.extend(back);
        Verdict { details: new, ..Verdict::default() }
    }

    /// Whether instances are missing that hold nothing yet; who asks about an app that is complete
    /// means one more.
    fn wants_new(&self) -> bool {
        self.waiting.is_empty() || self.spec.instances as usize > self.known.len()
    }

    fn waiting_in(&self, offer: &Offer) -> Vec<Waiting> {
        let holders = self.own_holders(offer);
        self.waiting.iter().filter(|waiting| holders.contains(&waiting.id)).cloned().collect()
    }

    /// Launches who waits and reserves for new ones as long as it goes, each offer in turn as often as
    /// one offer is used at a time.
    fn fill_resident(&mut self, offers: &[Offer], verdicts: &mut [Verdict]) -> Together {
        let spec = self.spec;
        let flags = self.circumstances.flags.clone();
        let mut left: Vec<Resources> = offers.iter().map(|offer| offer.resources.clone()).collect();
        let mut together = Together { all: 0, at_once: 0, more: false };
        let mut up: Vec<String> = Vec::new();
        let wants_new = self.wants_new();
        let blocked: Vec<bool> = offers.iter().map(|offer| self.blocked(offer).is_some()).collect();
        for round in 0.. {
            let before = together.all;
            for (i, offer) in offers.iter().enumerate().filter(|(i, _)| !blocked[*i]) {
                let waiting: Vec<Waiting> = self.waiting_in(offer);
                for _ in 0..flags.max_instances_per_offer {
                    let stage = verdicts[i].takes;
                    let mut launched = None;
                    for one in waiting.iter().filter(|one| !up.contains(&one.id)) {
                        if self.launch_back(one, offer, (i, stage), &mut left[i]).is_empty() {
                            launched = Some(one.id.clone());
                            break;
                        }
                    }
                    if let Some(id) = launched {
                        verdicts[i].launches.push(id.clone());
                        up.push(id);
                    } else if !wants_new {
                        break;
                    } else {
                        let allowed = self.allows(&spec.constraints, &offer.info);
                        let (dice, words) = (Self::dice(i, stage), (&mut self.names, &mut self.fields));
                        let Ok(found) = fit_new(spec, &left[i], &flags, dice, words, (allowed, true)) else { break };
                        let (roles, ranges) = (Roles::unreserved(spec), ports::ranges(&found.ports));
                        resources::take(&mut left[i], roles, found.needs, ranges);
                        volumes::take(&mut left[i], &found.disks);
                        self.put(&offer.info);
                    }
                    verdicts[i].takes += 1;
                    together.all += 1;
                }
            }
            if round == 0 {
                together.at_once = together.all;
            }
            together.more = together.all >= super::judge::MOST;
            if together.all == before || together.more {
                break;
            }
        }
        together
    }

    /// How many instances wait with a reservation.
    pub(super) fn count_waiting(&self) -> usize {
        self.waiting.len()
    }

    fn count(&mut self, known: usize, add: bool) {
        let info = self.known[known].info.clone();
        self.count_member(Symbol(known as u32 + 1), &info, add);
    }
}

/// A volume as people say it.
pub(super) fn told(volume: &PersistentVolume) -> String {
    let Milli(size) = volume.size;
    let most = volume.max_size.map_or(String::new(), |most| format!(" to {}", write::amount(most)));
    format!("volume {} of {}{most} MiB on {}", volume.container_path, write::amount(Milli(size)), volume.disk_type)
}

/// What becomes of an offer that is used.
pub(super) fn used(verdict: &Verdict) -> String {
    let mut words = Vec::new();
    if !verdict.launches.is_empty() {
        words.push(format!("launches {} on what it holds", verdict.launches.join(" and ")));
    }
    let new = verdict.takes - verdict.launches.len() as u32;
    if new > 0 || words.is_empty() {
        words.push(format!("reserves for {new}"));
    }
    format!("matches, {}", words.join(", "))
}
