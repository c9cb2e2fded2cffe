//! The API: requests to commands (`route` and the resources `apps`, `groups`, `pods`, `tasks`),
//! state to bodies (`show`, `stats`, `info`), outcomes to answers (`reply`), events (`event`).
//! Everything is a value; the state machine lends a `View` and carries out `Command`s.

#[cfg(test)]
mod any_request;
mod apps;
pub mod command;
mod embed;
pub mod event;
mod groups;
mod info;
mod pods;
mod queue;
pub mod reply;
pub mod route;
mod selector;
pub mod show;
mod stats;
pub mod subscriptions;
mod tasks;
#[cfg(test)]
mod testing;
pub mod view;

pub use command::{Answer, Command, Outcome, Update};
pub use route::route;
pub use view::View;
