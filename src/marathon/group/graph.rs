//! Dependencies between specs (`Group.dependencyGraph`): who waits for whom in a deployment.
//!
//! A spec depends on the specs that it names, on all specs in a group that it names, and on what
//! the groups around it name.

use crate::base::map::Lookup;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;

/// Specs by number, in order of their paths, with edges to those they depend on.
pub struct Graph<'a> {
    ids: Vec<&'a PathId>,
    edges: Vec<Vec<u32>>,
}

impl<'a> Graph<'a> {
    #[must_use]
    pub fn of(root: &'a Group) -> Self {
        let specs = root.all_specs();
        let ids: Vec<&PathId> = specs.keys().copied().collect();
        let mut numbers = Lookup::default();
        for (n, id) in ids.iter().enumerate() {
            numbers.insert(*id, n as u32);
        }
        let mut edges = vec![Vec::new(); ids.len()];
        let resolve = |dependency: &PathId| -> Vec<u32> {
            match (numbers.get(&dependency), root.group(dependency)) {
                (Some(n), _) => vec![*n],
                (None, Some(group)) => group.all_specs().keys().filter_map(|id| numbers.get(id).copied()).collect(),
                (None, None) => Vec::new(),
            }
        };
        for (n, spec) in specs.values().enumerate() {
            edges[n].extend(spec.dependencies.iter().flat_map(resolve));
        }
        group_edges(root, &numbers, &resolve, &mut edges);
        for targets in &mut edges {
            targets.sort_unstable();
            targets.dedup();
        }
        Self { ids, edges }
    }

    /// The length of the longest chain of dependencies that starts at each spec, itself counted;
    /// or the specs of a cycle, in order.
    pub fn depths(&self) -> Result<Lookup<&'a PathId, u32>, Vec<&'a PathId>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done(u32),
        }
        let mut marks = vec![Mark::New; self.ids.len()];
        let mut depths = Lookup::default();
        // A walk with its own stack: chains may be long.
        let mut stack: Vec<(u32, usize)> = Vec::new();
        for start in 0..self.ids.len() as u32 {
            if marks[start as usize] == Mark::New {
                marks[start as usize] = Mark::Open;
                stack.push((start, 0));
            }
            while let Some(&mut (at, ref mut next)) = stack.last_mut() {
                let Some(&target) = self.edges[at as usize].get(*next) else {
                    let below = self.edges[at as usize].iter().map(|t| match marks[*t as usize] {
                        Mark::Done(depth) => depth,
                        Mark::New | Mark::Open => 0,
                    });
                    let depth = below.max().unwrap_or(0) + 1;
                    marks[at as usize] = Mark::Done(depth);
                    depths.insert(self.ids[at as usize], depth);
                    stack.pop();
                    continue;
                };
                *next += 1;
                match marks[target as usize] {
                    Mark::New => {
                        marks[target as usize] = Mark::Open;
                        stack.push((target, 0));
                    }
                    Mark::Open => {
                        let from = stack.iter().position(|(n, _)| *n == target).unwrap_or(0);
                        return Err(stack[from..].iter().map(|(n, _)| self.ids[*n as usize]).collect());
                    }
                    Mark::Done(_) => {}
                }
            }
        }
        Ok(depths)
    }
}

/// Dependencies of groups hold for all specs below them.
fn group_edges(
    group: &Group,
    numbers: &Lookup<&PathId, u32>,
    resolve: &dyn Fn(&PathId) -> Vec<u32>,
    edges: &mut [Vec<u32>],
) {
    if !group.dependencies.is_empty() {
        let targets: Vec<u32> = group.dependencies.iter().flat_map(resolve).collect();
        for id in group.all_specs().keys() {
            if let Some(n) = numbers.get(id) {
                edges[*n as usize].extend(&targets);
            }
        }
    }
    group.groups.values().for_each(|inner| group_edges(inner, numbers, resolve, edges));
}

#[cfg(test)]
mod tests {
    use super::super::tree::{edit, put_spec};
    use super::*;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::json::read::testing::app;
    use crate::marathon::model::version::Version;
    use serde_json::json;
    use std::sync::Arc;

    fn root(apps: &[(&str, &[&str])]) -> Group {
        apps.iter().fold(Group::empty(PathId::root(), Version(0)), |root, (id, dependencies)| {
            let spec = app(json!({ "id": id, "cmd": "run", "dependencies": dependencies }));
            put_spec(&root, &Arc::new(spec), &Flags::default())
        })
    }

    fn depths(root: &Group) -> Result<Vec<u32>, String> {
        let graph = Graph::of(root);
        let depths = graph.depths().map_err(|cycle| cycle.iter().map(ToString::to_string).collect::<String>())?;
        Ok(root.all_specs().keys().map(|id| *depths.get(id).expect("each has a depth")).collect())
    }

    #[test]
    fn depth_is_the_longest_chain() {
        assert_eq!(
            depths(&root(&[("/a", &["/b", "/c"]), ("/b", &["/c"]), ("/c", &[]), ("/d", &["/gone"])])),
            Ok(vec![3, 2, 1, 1])
        );
        // A group stands for all specs in it, in both directions.
        let tree = root(&[("/db/one", &[]), ("/db/two", &["/db/one"]), ("/web/a", &["/db"]), ("/web/b", &[])]);
        assert_eq!(depths(&tree), Ok(vec![1, 2, 3, 1]));
        let tree = edit(&tree, &PathId::absolute("/web"), &Flags::default(), &mut |web| {
            web.dependencies.insert(PathId::absolute("/db"));
        });
        assert_eq!(depths(&tree), Ok(vec![1, 2, 3, 3]));
    }

    #[test]
    fn cycles_are_named() {
        assert_eq!(depths(&root(&[("/a", &["/b"]), ("/b", &["/c"]), ("/c", &["/b"])])), Err("/b/c".into()));
        assert_eq!(depths(&root(&[("/a", &["/a"])])), Err("/a".into()));
    }

    #[test]
    fn long_chains_are_walked_without_recursion() {
        let ids: Vec<String> = (0..3_000).map(|i| format!("/a{i:05}")).collect();
        let mut tree = Group::empty(PathId::root(), Version(0));
        let template = app(json!({ "id": "/x", "cmd": "run" }));
        for (i, id) in ids.iter().enumerate() {
            let mut spec = template.clone();
            spec.id = PathId::absolute(id);
            spec.dependencies = ids.get(i + 1).map(|next| PathId::absolute(next)).into_iter().collect();
            tree.specs.insert(spec.id.clone(), Arc::new(spec));
        }
        assert_eq!(depths(&tree).map(|d| d[0]), Ok(3_000));
    }
}
