//! The API: requests to commands (`route`), state to bodies (`reply` and the rest), events.
//! Everything is a value; the state machine lends a `View` and carries out `Command`s.

pub mod command;
pub mod view;
