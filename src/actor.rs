//! What a core sees of the world, and all that it can do to it.
//!
//! A core is `handle(&mut self, cx: &mut Cx, input: Input)`. `Cx` lends the clocks of the core's
//! process, the dice, the name table and the behaviour switches; what the core wants done it puts
//! in the outbox as `Effect`s, a closed list. There is no other door: no I/O, no engine, no async.
//! The world may stop the process after any single effect; the rest then never happened.

pub mod bug;
#[cfg(test)]
pub(crate) mod testing;

use crate::base::dice::{Dice, Draw, Site};
use crate::base::id::Names;
use crate::base::time::{Span, Time};
use crate::fact::{Detail, Fact};
use crate::job::{Progress, TaskSpec};
use crate::mesos::message::{LogEntry, Msg, RegistryOp};
use crate::mesos::resource::Resources;
use crate::zk::wire::Record;
use bug::Bug;
use std::sync::Arc;

/// A process: a slot of the world (its network address) and the how-manieth process there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessId {
    pub slot: u32,
    pub incarnation: u32,
}

impl ProcessId {
    /// Whoever lives at this address: to open a connection without knowing which life it is.
    #[must_use]
    pub const fn at(slot: u32) -> Self {
        Self { slot, incarnation: u32::MAX }
    }
    /// Whether it is an address rather than one life of a process.
    #[must_use]
    pub const fn is_address(self) -> bool {
        self.incarnation == u32::MAX
    }
}

/// A mailbox of a process. Other processes write to `MAIN`; what belongs to the process's ZooKeeper
/// client or to its registrar finds its way there by the kind of message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mailbox(pub u8);

impl Mailbox {
    pub const MAIN: Self = Self(0);
    pub const ALLOCATOR: Self = Self(1);
    pub const REGISTRAR: Self = Self(2);
    /// The process's ZooKeeper client.
    pub const ZK: Self = Self(3);
    /// How many a process can have.
    pub const COUNT: usize = 4;
}

/// Names a timer of a mailbox: its kind in the top byte, a number below. Re-arming replaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerKey(pub u64);

impl TimerKey {
    #[must_use]
    pub const fn new(kind: u8, number: u64) -> Self {
        Self((kind as u64) << 56 | number & ((1 << 56) - 1))
    }
    #[must_use]
    pub const fn kind(self) -> u8 {
        (self.0 >> 56) as u8
    }
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 & ((1 << 56) - 1)
    }
}

/// A durable record of a process's disk.
#[derive(Clone, PartialEq, Debug)]
pub enum DiskOp {
    /// Operations of the registry, written together as one version.
    Registry { version: u64, operations: Arc<[RegistryOp]> },
    /// The agent's id (`meta/slaves/latest`).
    AgentId(crate::base::id::AgentId),
    /// Forget the agent's id (it unregistered or was told to shut down).
    ForgetAgentId,
    /// All reservations and volumes of an agent (`meta/resources/resources.info`).
    Checkpointed(Resources),
    /// An image was pulled to the agent's machine.
    Image(crate::base::id::Symbol),
    /// A scheduler's framework id.
    FrameworkId(crate::base::id::FrameworkId),
    /// How the jobs of a scheduler get on.
    Progress(Arc<Progress>),
    /// A replica of the registry's log accepts nothing below this ballot any more.
    Promised { ballot: u64 },
    /// A replica of the registry's log accepted this; implies the promise of its ballot.
    Accepted(Arc<LogEntry>),
    /// A record of a ZooKeeper server.
    Zookeeper(Arc<Record>),
}

impl DiskOp {
    /// Whether an older record is worth nothing once this one is durable.
    #[must_use]
    pub fn replaces(&self, older: &Self) -> bool {
        match self {
            Self::Promised { .. } => matches!(older, Self::Promised { .. }),
            Self::Accepted(_) => matches!(older, Self::Promised { .. } | Self::Accepted(_)),
            Self::Zookeeper(record) => matches!(older, Self::Zookeeper(older) if record.replaces(older)),
            Self::Checkpointed(_) => matches!(older, Self::Checkpointed(_)),
            Self::Progress(what) => matches!(older, Self::Progress(older) if what.replaces(older)),
            Self::FrameworkId(_) => matches!(older, Self::FrameworkId(_)),
            Self::Registry { .. } | Self::AgentId(_) | Self::ForgetAgentId | Self::Image(_) => false,
        }
    }
    /// Whether there can be such.
    #[must_use]
    pub fn replaces_any(&self) -> bool {
        match self {
            Self::Promised { .. } | Self::Accepted(_) | Self::Checkpointed(_) | Self::FrameworkId(_) => true,
            Self::Progress(what) => matches!(**what, Progress::Over(_)),
            Self::Zookeeper(record) => record.replaces_any(),
            Self::Registry { .. } | Self::AgentId(_) | Self::ForgetAgentId | Self::Image(_) => false,
        }
    }
}

/// How a `Watch` works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchMode {
    /// Send a ping at once and then every period; count the periods without an answer.
    Ping,
    /// Expect the peer's pings; one miss is counted when none came for `every * misses`.
    Listen,
}

/// What a core wants done, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// To another process, over the network.
    Send {
        to: ProcessId,
        msg: Msg,
    },
    /// To a mailbox of the same process, behind what is there already.
    Dispatch {
        to: Mailbox,
        msg: Msg,
    },
    Timer {
        key: TimerKey,
        after: Span,
    },
    Cancel {
        key: TimerKey,
    },
    /// Make this durable and say `Persisted(token)`.
    Persist {
        token: u64,
        op: DiskOp,
    },
    /// Watch the peer's heartbeat: every miss is an input `WatchMissed`. Replaces an earlier one.
    Watch {
        peer: ProcessId,
        every: Span,
        misses: u32,
        mode: WatchMode,
    },
    Unwatch {
        peer: ProcessId,
    },
    /// Start a container in this process's machine.
    Spawn {
        key: u64,
        spec: Arc<TaskSpec>,
        task: crate::base::id::TaskId,
    },
    /// Stop a container, or (`None`) this process itself.
    Exit {
        key: Option<u64>,
    },
    Fact(Fact),
    Detail(Detail),
}

/// What a core is told. Mirrors the effects.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// First input of a process's life: what its disk holds.
    Start {
        disk: Arc<[DiskOp]>,
    },
    /// A message, from a process or (`from` is oneself) from a mailbox of the same process.
    Message {
        from: ProcessId,
        msg: Msg,
    },
    Timer {
        key: TimerKey,
    },
    Persisted {
        token: u64,
    },
    /// First message of a new connection with the peer follows.
    Linked {
        peer: ProcessId,
    },
    /// The connection with the peer broke.
    Exited {
        peer: ProcessId,
    },
    /// The k-th heartbeat in a row was missed.
    WatchMissed {
        peer: ProcessId,
        misses: u32,
    },
    /// A container of this process ended by itself or was stopped.
    ContainerEnded {
        key: u64,
        how: crate::fact::End,
    },
}

/// Behaviour switches handed to a core at birth: which version it plays, which quirks it keeps,
/// which old bugs it shows again (`bug`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Behaviour {
    pub preset: Preset,
    pub quirks: Vec<Quirk>,
    pub bugs: Vec<Bug>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Preset {
    /// Mesos 1.12-dev.
    #[default]
    Mesos112,
}

/// Observable oddities of upstream that can be switched off. None yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quirk {}

/// What is lent to a core while it handles one input.
pub struct Cx<'a> {
    /// Monotonic clock of the process.
    pub now: Time,
    /// Wall clock of the process; may be skewed.
    pub wall: Time,
    /// The process itself.
    pub me: ProcessId,
    pub dice: &'a mut Dice,
    pub names: &'a mut Names,
    pub behaviour: &'a Behaviour,
    pub outbox: &'a mut Vec<Effect>,
    /// Whether anybody wants `Detail`.
    pub detailed: bool,
}

impl Cx<'_> {
    /// Whether an old bug is to be shown again.
    #[must_use]
    #[inline]
    pub fn shows(&self, bug: Bug) -> bool {
        self.behaviour.bugs.contains(&bug)
    }
    #[inline]
    pub fn send(&mut self, to: ProcessId, msg: Msg) {
        self.outbox.push(Effect::Send { to, msg });
    }
    #[inline]
    pub fn dispatch(&mut self, to: Mailbox, msg: Msg) {
        self.outbox.push(Effect::Dispatch { to, msg });
    }
    pub fn timer(&mut self, key: TimerKey, after: Span) {
        self.outbox.push(Effect::Timer { key, after });
    }
    pub fn cancel(&mut self, key: TimerKey) {
        self.outbox.push(Effect::Cancel { key });
    }
    pub fn persist(&mut self, token: u64, op: DiskOp) {
        self.outbox.push(Effect::Persist { token, op });
    }
    #[inline]
    pub fn fact(&mut self, fact: Fact) {
        self.outbox.push(Effect::Fact(fact));
    }
    #[inline]
    pub fn detail(&mut self, detail: impl FnOnce() -> Detail) {
        if self.detailed {
            self.outbox.push(Effect::Detail(detail()));
        }
    }
    /// A draw that depends on the seed and these three and on nothing else.
    #[inline]
    pub fn draw(&mut self, site: Site, entity: u64, n: u64) -> Draw {
        self.dice.draw(site, entity, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_keys_keep_both_parts() {
        let key = TimerKey::new(7, 123_456);
        assert_eq!((key.kind(), key.number()), (7, 123_456));
        assert!(std::mem::size_of::<Effect>() <= 80, "{}", std::mem::size_of::<Effect>());
    }
}
