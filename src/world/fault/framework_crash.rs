//! Schedulers of frameworks crash and come back: at an instant, or again and again by `mtbf` and
//! `mttr`.
//!
//! The target is a framework's name, or `frameworks` (the default), which are those that are not tasks
//! of an app. As with masters the machine dies unless `process = true`; a scheduler that is a task dies
//! alone, and comes back when whoever runs it starts it again. What it still knows then is what it
//! keeps on its disk (`store`). Jobs that arrive while it is away wait for it.

use super::master_crash::crashes;
use super::{Error, Occurrence, Site};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;

pub const SUMMARY: &str = "schedulers of frameworks stop and start again, at an instant or by mtbf and mttr";

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    crashes("framework-crash", "frameworks", section, site, names, dice)
}

#[cfg(test)]
mod tests {
    use crate::base::time::Time;
    use crate::fact::Fact;
    use crate::scenario::Scenario;
    use crate::world::World;
    use std::path::Path;

    /// Jobs submitted and ended, and how many framework ids there were.
    fn outcome(store: &str) -> (usize, usize, usize) {
        let text = format!(
            "duration = \"1h\"\nstop_when_done = false\n[[agents]]\ncount = 2\nresources = \"cpus:4;mem:4096\"\n\
             [[frameworks]]\nname = \"batch\"\nfailover_timeout = \"1h\"\ncheckpoint = true\nstore = \"{store}\"\n\
             [[workload]]\nkind = \"poisson\"\nframework = \"batch\"\nrate = \"2/min\"\nuntil = \"20m\"\ntasks = 2\n\
             duration = \"90s\"\ncpus = 1\nmem = \"64MiB\"\n\
             [[fault]]\nkind = \"framework-crash\"\nat = \"10m\"\ntarget = \"batch\"\ndown = \"5m\"\n"
        );
        let scenario = Scenario::parse(&text, "t.toml", Path::new("."), &[], None).expect("a scenario");
        let (mut world, occurrences) = World::build(&scenario).expect("a world");
        assert_eq!(occurrences[0].label, "batch crashed");
        world.run_until(Time::from_secs(3_600));
        let mut facts = Vec::new();
        world.take_facts(&mut facts);
        let count = |wanted: fn(&Fact) -> bool| facts.iter().filter(|fact| wanted(&fact.what)).count();
        let ids: crate::base::map::Set<_> = facts
            .iter()
            .filter_map(|fact| match fact.what {
                Fact::FrameworkSubscribed { framework, .. } => Some(framework),
                _ => None,
            })
            .collect();
        let (submitted, ended) =
            (count(|f| matches!(f, Fact::JobSubmitted { .. })), count(|f| matches!(f, Fact::JobEnded { .. })));
        (submitted, ended, ids.len())
    }

    #[test]
    fn a_scheduler_goes_on_with_what_it_keeps() {
        let (submitted, ended, ids) = outcome("disk");
        assert!(submitted > 25 && ended == submitted && ids == 1, "{submitted} submitted, {ended} ended, {ids} ids");
        let (submitted, ended, ids) = outcome("memory");
        assert!(ended < submitted && ids == 2, "{submitted} submitted, {ended} ended, {ids} ids");
    }
}
