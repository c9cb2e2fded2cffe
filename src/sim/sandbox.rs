//! Sandboxes of commands that ran as frameworks of their own: what they wrote as long as they ran.

use crate::base::id::Symbol;
use crate::base::time::{Span, Time};
use crate::fact::{At, End, Fact};
use crate::frameworks::execute::command::{Command, File};
use crate::world::World;

/// One command, and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Sandbox {
    /// Of its framework.
    pub owner: Symbol,
    pub name: String,
    pub command: Command,
    /// When its container began to run.
    pub began: Option<Time>,
    /// When that ended, and how.
    pub ended: Option<(Time, End)>,
}

impl Sandbox {
    /// The content of a file at an instant at which it has been made; `None` if it never ran.
    #[must_use]
    pub fn file(&self, file: File, now: Time) -> Option<String> {
        let began = self.began?;
        let ran: Span = self.ended.map_or(now, |(at, _)| at) - began;
        Some(self.command.sandbox(file, ran))
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sandboxes(pub(super) Vec<Sandbox>);

impl Sandboxes {
    pub(super) fn of(world: &World) -> Self {
        let one = |(owner, command): (Symbol, &Command)| {
            let name = world.names().text(owner).to_owned();
            Sandbox { owner, name, command: command.clone(), began: None, ended: None }
        };
        Self(world.commands().map(one).collect())
    }

    /// This is asked for every fact, and most worlds have no commands.
    #[inline]
    pub(super) fn take(&mut self, fact: &At<Fact>) {
        if !self.0.is_empty() {
            self.look(fact);
        }
    }

    fn look(&mut self, fact: &At<Fact>) {
        let (owner, ended) = match fact.what {
            Fact::TaskStarted { owner, .. } => (owner, None),
            Fact::TaskEnded { owner, how, .. } => (owner, Some((fact.at, how))),
            _ => return,
        };
        let Some(sandbox) = self.0.iter_mut().find(|s| s.owner == owner) else { return };
        match ended {
            None => sandbox.began = Some(fact.at),
            Some(_) => sandbox.ended = ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::frameworks::execute::command::File;
    use crate::scenario::Scenario;
    use crate::sim::Sim;
    use std::path::Path;

    #[test]
    fn a_sandbox_holds_what_was_written_until_the_end() {
        let told = |until: i64, more: &str| {
            let text = format!(
                "duration = '{until}s'\nstop_when_done = false\n[[agents]]\nname = 'a'\ncount = 1\nresources = 'cpus:4;mem:64'\n\
                 [[frameworks]]\nname = 'dump'\nkind = 'execute'\nresources = 'cpus:1;mem:32'\n\
                 command = 'echo one; sleep 20; echo two 1>&2; exit 3'\n{more}"
            );
            let scenario = Scenario::parse(&text, "t.toml", Path::new("."), &[], None).unwrap();
            let finished = Sim::of(scenario, false).unwrap().run(&mut ()).unwrap();
            let now = finished.world.now();
            let [sandbox] = &finished.sandboxes[..] else { panic!("one command") };
            assert_eq!(sandbox.name, "dump");
            [File::Stdout, File::Stderr].map(|file| sandbox.file(file, now))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told(60, ""), [some("one\n"), some("two\n")]);
        assert_eq!(told(20, ""), [some("one\n"), some("")], "it runs still");
        assert_eq!(told(60, "kill_after = '5s'"), [some("one\n"), some("")]);
        assert_eq!(told(60, "at = '70s'"), [None, None]);
    }
}
