//! `embed` (`InfoEmbedResolver.scala`): what is shown of an app or group beside its definition.
//! Prefixes are optional for apps; unknown words are ignored.

use crate::http::Request;
use crate::marathon::model::json::write::Parts;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Embed {
    pub(super) counts: bool,
    pub(super) tasks: bool,
    pub(super) deployments: bool,
    pub(super) last_failure: bool,
    pub(super) readiness: bool,
    pub(super) stats: bool,
}

impl Embed {
    fn add(&mut self, word: &str) {
        let prefixes = ["group.apps.", "apps.", "app."];
        let word = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(word);
        match word {
            "tasks" => (self.tasks, self.deployments) = (true, true),
            "failures" => (self.tasks, self.deployments, self.last_failure) = (true, true, true),
            "deployments" => self.deployments = true,
            "readiness" => self.readiness = true,
            "lastTaskFailure" => self.last_failure = true,
            "counts" => self.counts = true,
            "taskStats" => self.stats = true,
            _ => {}
        }
    }

    /// Of an app, or of each in a list.
    pub(super) fn of_apps(request: &Request) -> Self {
        let mut embed = Self::default();
        words(request).for_each(|word| embed.add(word));
        embed
    }
}

fn words(request: &Request) -> impl Iterator<Item = &str> {
    request.query.iter().filter(|(name, _)| name == "embed").map(|(_, word)| word.as_str())
}

/// Of a group: which parts of it, and what of its apps. Without any, all parts.
pub(super) fn of_group(request: &Request) -> (Parts, Embed) {
    if words(request).next().is_none() {
        return (Parts { apps: true, pods: true, groups: true }, Embed::default());
    }
    let has = |part: &str| words(request).any(|word| word == part);
    let mut embed = Embed::default();
    words(request).filter(|word| word.starts_with("group.apps.")).for_each(|word| embed.add(word));
    (Parts { apps: has("group.apps"), pods: has("group.pods"), groups: has("group.groups") }, embed)
}

#[cfg(test)]
mod tests {
    use super::super::testing::get;
    use super::*;

    #[test]
    fn words_with_and_without_prefixes_mean_the_same() {
        let of = |query: &str| Embed::of_apps(&get(&format!("/v2/apps?{query}")));
        assert_eq!(of("embed=apps.tasks"), of("embed=tasks"));
        assert!(of("embed=failures").last_failure && of("embed=counts&embed=app.taskStats").stats);
        assert_eq!(of("embed=nonsense"), Embed::default());
    }

    #[test]
    fn a_group_shows_all_unless_told_what() {
        let (parts, _) = of_group(&get("/v2/groups"));
        assert!(parts.apps && parts.pods && parts.groups);
        let (parts, embed) = of_group(&get("/v2/groups?embed=group.groups&embed=group.apps&embed=group.apps.tasks"));
        assert!(parts.apps && !parts.pods && parts.groups && embed.tasks && !embed.counts);
    }
}
