//! Why an event was refused. A refused event leaves everything as it was.

use crate::mesos::resource::role_fault;
use thiserror::Error;

/// What is wrong with an event.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    #[error("there is no such agent")]
    UnknownAgent,
    #[error("there is no such framework")]
    UnknownFramework,
    #[error("there is such an agent already")]
    AgentExists,
    #[error("there is such a framework already")]
    FrameworkExists,
    #[error("the framework has no such role")]
    NotSubscribed,
    #[error("the framework names a role twice")]
    RoleTwice,
    #[error("the framework is not active")]
    Inactive,
    #[error("the framework does not hold that on this agent")]
    NotHeld,
    #[error("nothing is given back or taken")]
    Empty,
    #[error("an amount is negative")]
    Negative,
    #[error("a weight must be above zero")]
    Weight,
    #[error("bad role: {0}")]
    Role(&'static str),
    #[error("a quota is for a role at the top, not for one below another")]
    NestedQuota,
    #[error("{0}")]
    Operation(String),
}

/// Judges the name of a role; `*` is one. Parts that begin with `-` are refused by masters for the
/// sake of command lines; allocators have no opinion on them.
pub(super) fn role(path: &str) -> Result<(), Fault> {
    if path == "*" {
        return Ok(());
    }
    let fault = match path.split('/').any(|part| part.starts_with('-')) {
        true => {
            let parts: Vec<&str> = path.split('/').map(|part| part.strip_prefix('-').unwrap_or(part)).collect();
            role_fault(&parts.join("/"))
        }
        false => role_fault(path),
    };
    fault.map_or(Ok(()), |fault| Err(Fault::Role(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_is_a_role_and_dots_are_none() {
        assert_eq!(role("*"), Ok(()));
        assert_eq!(role("a/b"), Ok(()));
        assert_eq!(role("a/-b"), Ok(()));
        assert!(matches!(role("a/.."), Err(Fault::Role(_))));
        assert_eq!(Fault::NotHeld.to_string(), "the framework does not hold that on this agent");
    }
}
