//! Placement constraints (`Constraints.scala`): which offers an app takes, given where its
//! instances already are.
//!
//! Where they are is counted as instances come and go: per configuration, per field, how many have
//! which value. A check then looks at one count, whatever the number of instances.

use super::flags::Quirks;
use crate::base::id::{Names, Symbol};
use crate::base::map::{Lookup, Map};
use crate::marathon::model::app::{Constraint, Operator};
use crate::marathon::model::instance::InstanceId;
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::attributes::{AttributeValue, Attributes};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Renders values of fields as constraints compare them, and remembers.
#[derive(Clone, Default, Debug)]
pub struct Fields {
    rendered: Lookup<Symbol, Symbol>,
    patterns: Lookup<Symbol, Option<Regex>>,
    matched: Lookup<(Symbol, Symbol), bool>,
}

/// As text in a constraint: numbers with at most three decimals, no spaces in lists.
fn render(text: &str) -> String {
    let Ok(read) = Attributes::parse(&format!("x:{text}")) else { return text.to_owned() };
    match read.first("x") {
        Some(AttributeValue::Scalar(_)) => {
            let number: f64 = text.trim().parse().unwrap_or_default();
            let rounded = format!("{number:.3}");
            rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Some(AttributeValue::Ranges(ranges)) => {
            let mut all = String::from("[");
            for (i, (begin, end)) in ranges.iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(all, "{comma}{begin}-{end}");
            }
            all + "]"
        }
        Some(AttributeValue::Set(items)) => {
            let mut sorted: Vec<&str> = items.iter().collect();
            sorted.sort_unstable();
            format!("{{{}}}", sorted.join(","))
        }
        _ => text.to_owned(),
    }
}

/// Whether an agent is in another region than the masters, `home`, and no constraint asks for regions
/// or zones: such an offer is refused as if a constraint did not allow it (`ResourceMatcher`).
#[must_use]
pub fn is_abroad(names: &Names, constraints: &[Constraint], info: &AgentInfo, home: &str) -> bool {
    let Some(field) = names.find("@region") else { return false };
    let region = info.attributes.iter().find(|(name, _)| *name == field).map(|(_, region)| *region);
    let asks = || constraints.iter().any(|c| matches!(c.field.as_str(), "@region" | "@zone"));
    region.is_some_and(|region| names.text(region) != home) && !asks()
}

impl Fields {
    /// The value that an agent has for a field. Its fault domain stands among its attributes as
    /// `@region` and `@zone`, which no constraint could name as attributes.
    pub fn value(&mut self, names: &mut Names, field: &str, info: &AgentInfo) -> Option<Symbol> {
        match field {
            "hostname" | "@hostname" => Some(info.hostname),
            attribute => {
                let name = names.find(attribute)?;
                let raw = info.attributes.iter().find(|(own, _)| *own == name)?.1;
                if let Some(known) = self.rendered.get(&raw) {
                    return Some(*known);
                }
                let text = render(names.text(raw));
                let symbol = names.intern(&text);
                self.rendered.insert(raw, symbol);
                Some(symbol)
            }
        }
    }

    /// Whether the whole value matches; a pattern that is none matches nothing.
    pub fn matches(&mut self, names: &mut Names, pattern: &str, value: Symbol) -> bool {
        let pattern_name = names.intern(pattern);
        let key = (pattern_name, value);
        if let Some(known) = self.matched.get(&key) {
            return *known;
        }
        let compiled = self.patterns.get_or_insert_with(pattern_name, || Regex::new(&format!("^(?:{pattern})$")).ok());
        let matches = compiled.as_ref().is_some_and(|regex| regex.is_match(names.text(value)));
        self.matched.insert(key, matches);
        matches
    }
}

/// How many instances of a configuration have which value of one field.
#[derive(Clone, Default, Debug)]
struct Counts {
    by_value: Map<Symbol, u32>,
    /// How many values have so many.
    histogram: BTreeMap<u32, u32>,
}

impl Counts {
    fn shift(&mut self, from: u32, to: u32) {
        if let Some(n) = self.histogram.get_mut(&from) {
            *n -= 1;
            if *n == 0 {
                self.histogram.remove(&from);
            }
        }
        if to > 0 {
            *self.histogram.entry(to).or_default() += 1;
        }
    }
    fn add(&mut self, value: Symbol, by: u32) {
        let count = self.by_value.entry(value).or_default();
        let old = *count;
        *count += by;
        self.shift(old, old + by);
    }
    fn take(&mut self, value: Symbol) {
        let Some(count) = self.by_value.get_mut(&value) else { return };
        let old = *count;
        *count -= 1;
        if *count == 0 {
            self.by_value.swap_remove(&value);
        }
        self.shift(old, old - 1);
    }
    fn of(&self, value: Symbol) -> u32 {
        self.by_value.get(&value).copied().unwrap_or(0)
    }
    /// How many there are beyond `quota` in each value, together.
    fn beyond(&self, quota: u64) -> u64 {
        let above = self.histogram.iter().rev().take_while(|(count, _)| u64::from(**count) > quota);
        above.map(|(count, values)| (u64::from(*count) - quota) * u64::from(*values)).sum()
    }
    fn least(&self) -> u32 {
        self.histogram.keys().next().copied().unwrap_or(0)
    }
}

/// Placed instances of one configuration.
#[derive(Clone, Default, Debug)]
struct Config {
    /// With the target count of the definition that each was launched with.
    instances: BTreeMap<InstanceId, u32>,
    fields: Map<String, Counts>,
}

/// Where the instances of an app are, by configuration.
#[derive(Clone, Default, Debug)]
pub struct Placed {
    configs: BTreeMap<Version, Config>,
    /// Every field that some constraint of the app names.
    fields: Vec<String>,
}

/// What is asked about one instance that is placed.
pub struct Member<'a> {
    pub id: InstanceId,
    pub config: Version,
    /// `instances` of its definition.
    pub target: u32,
    pub info: &'a AgentInfo,
}

impl Placed {
    /// From now on these fields are counted; `false`: there are new ones, so whoever is placed must
    /// be added again.
    pub fn count_fields(&mut self, constraints: &[Constraint]) -> bool {
        let before = self.fields.len();
        for constraint in constraints {
            if !self.fields.contains(&constraint.field) {
                self.fields.push(constraint.field.clone());
            }
        }
        let known = self.fields.len() == before || self.configs.is_empty();
        if !known {
            self.configs.clear();
        }
        known
    }

    pub fn add(&mut self, names: &mut Names, fields: &mut Fields, member: &Member) {
        if self.fields.is_empty() {
            return;
        }
        let config = self.configs.entry(member.config).or_default();
        if config.instances.insert(member.id, member.target).is_some() {
            return;
        }
        for field in &self.fields {
            if let Some(value) = fields.value(names, field, member.info) {
                match config.fields.get_mut(field) {
                    Some(counts) => counts.add(value, 1),
                    None => config.fields.entry(field.clone()).or_default().add(value, 1),
                }
            }
        }
    }

    pub fn remove(&mut self, names: &mut Names, fields: &mut Fields, member: &Member) {
        let Some(config) = self.configs.get_mut(&member.config) else { return };
        if config.instances.remove(&member.id).is_none() {
            return;
        }
        for (field, counts) in &mut config.fields {
            if let Some(value) = fields.value(names, field, member.info) {
                counts.take(value);
            }
        }
        if config.instances.is_empty() {
            self.configs.remove(&member.config);
        }
    }

    /// Whether an instance of a definition, last changed at `config` and with `target` instances,
    /// may go to this agent.
    pub fn allows(
        &self,
        names: &mut Names,
        fields: &mut Fields,
        constraints: &[Constraint],
        at: (Version, u32),
        info: &AgentInfo,
        quirks: Quirks,
    ) -> bool {
        if constraints.is_empty() {
            return true;
        }
        let (config, target) = at;
        // A new configuration may share a host with what it replaces.
        let mut newer = self.configs.range(config..);
        let first = newer.next().map(|(_, config)| config);
        let merged = newer.next().map(|_| self.merged(config));
        let nothing = Config::default();
        let placed = merged.as_ref().or(first).unwrap_or(&nothing);
        constraints.iter().all(|constraint| {
            let value = fields.value(names, &constraint.field, info);
            let Some(value) = value else { return constraint.operator == Operator::Unlike };
            placed.allows(names, fields, constraint, value, target, quirks)
        })
    }

    /// Rare: definitions of two configurations are placed and the older one is launched.
    fn merged(&self, from: Version) -> Config {
        let mut all = Config::default();
        for config in self.configs.range(from..).map(|(_, config)| config) {
            all.instances.extend(config.instances.iter().map(|(id, target)| (*id, *target)));
            for (field, counts) in &config.fields {
                let sum = all.fields.entry(field.clone()).or_default();
                counts.by_value.iter().for_each(|(value, n)| sum.add(*value, *n));
            }
        }
        all
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.configs.values().map(|config| config.instances.len()).sum()
    }
}

impl Config {
    fn allows(
        &self,
        names: &mut Names,
        fields: &mut Fields,
        constraint: &Constraint,
        value: Symbol,
        target: u32,
        quirks: Quirks,
    ) -> bool {
        let nothing = Counts::default();
        let counts = self.fields.get(&constraint.field).unwrap_or(&nothing);
        let wanted = constraint.value.as_deref().unwrap_or("");
        match constraint.operator {
            Operator::Unique => counts.of(value) == 0,
            Operator::Cluster if wanted.is_empty() => counts.by_value.is_empty() || counts.of(value) > 0,
            Operator::Cluster => names.text(value) == wanted,
            Operator::GroupBy => self.group_by(counts, value, wanted.parse().ok(), target, quirks),
            Operator::Like => !names.text(value).is_empty() && fields.matches(names, wanted, value),
            Operator::Unlike => !names.text(value).is_empty() && !fields.matches(names, wanted, value),
            // Validation admits whole numbers only.
            Operator::MaxPer => wanted.parse().is_ok_and(|most: u32| counts.of(value) < most),
            Operator::Is => render(wanted) == names.text(value),
        }
    }

    /// Quirk: of `groups` at most that many values are used, although upstream's documentation says
    /// that it is the least number. Quirk: the quota is that of a placed instance's definition, not
    /// of the one being launched, so that scaling up finds every group full.
    ///
    /// Deviation: without a number of groups the peer divides by zero and its launch queue dies;
    /// here and in its documentation instances are then spread evenly over the values seen.
    fn group_by(&self, counts: &Counts, value: Symbol, groups: Option<i64>, target: u32, quirks: Quirks) -> bool {
        let here = counts.of(value);
        let Some(groups) = groups.filter(|n| *n > 0) else { return here == 0 || here <= counts.least() };
        let first = self.instances.values().next().copied();
        let size = match quirks {
            Quirks::Real => first.unwrap_or(1),
            Quirks::Fixed => target,
        };
        let (quota, over) = (u64::from(size) / groups as u64, u64::from(size) % groups as u64);
        if here == 0 {
            return (counts.by_value.len() as u64) < groups as u64;
        }
        u64::from(here) < quota || (u64::from(here) == quota && over > counts.beyond(quota))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn an_agent_of_another_region_is_abroad_unless_somebody_asks() {
        let mut names = testing::names();
        let (field, eu) = (names.intern("@region"), names.intern("eu"));
        let total = crate::mesos::resource::Resources::EMPTY;
        let mut info = AgentInfo { hostname: eu, total, attributes: vec![(field, eu)], devices: 0, address: 0 };
        let abroad = |info: &AgentInfo, field: &str, home: &str| {
            is_abroad(&names, &[testing::constraint(field, Operator::Unique, None)], info, home)
        };
        assert!(abroad(&info, "rack", "us"));
        assert!(!abroad(&info, "rack", "eu") && !abroad(&info, "@region", "us") && !abroad(&info, "@zone", "us"));
        info.attributes.clear();
        assert!(!abroad(&info, "rack", "us"), "one without a domain is nowhere else");
    }

    struct Case {
        names: Names,
        fields: Fields,
        placed: Placed,
        constraints: Vec<Constraint>,
        quirks: Quirks,
        next: u32,
    }

    impl Case {
        fn new(field: &str, operator: Operator, value: Option<&str>) -> Self {
            let constraints = vec![testing::constraint(field, operator, value)];
            let mut placed = Placed::default();
            placed.count_fields(&constraints);
            let (names, fields) = (testing::names(), Fields::default());
            Self { names, fields, placed, constraints, quirks: Quirks::Real, next: 100 }
        }
        fn allows(&mut self, host: &str, attributes: &[(&str, &str)], target: u32) -> bool {
            let place = testing::place_in(&mut self.names, host, attributes);
            let at = (Version(5), target);
            self.placed.allows(&mut self.names, &mut self.fields, &self.constraints, at, &place.info, self.quirks)
        }
        /// Places an instance if the constraints allow it.
        fn launch(&mut self, host: &str, attributes: &[(&str, &str)], target: u32) -> bool {
            let allowed = self.allows(host, attributes, target);
            if allowed {
                self.add(5, host, attributes, target);
            }
            allowed
        }
        fn add(&mut self, config: i64, host: &str, attributes: &[(&str, &str)], target: u32) -> (u32, AgentInfo) {
            let place = testing::place_in(&mut self.names, host, attributes);
            self.next += 1;
            let id = InstanceId(Symbol(self.next));
            let member = Member { id, config: Version(config), target, info: &place.info };
            self.placed.add(&mut self.names, &mut self.fields, &member);
            (self.next, (*place.info).clone())
        }
    }

    #[test]
    fn unique_and_max_per_count_values() {
        let mut unique = Case::new("hostname", Operator::Unique, None);
        assert!(unique.launch("h1", &[], 3) && !unique.launch("h1", &[], 3) && unique.launch("h2", &[], 3));
        let mut most = Case::new("rack", Operator::MaxPer, Some("2"));
        assert!(most.launch("h1", &[("rack", "a")], 3) && most.launch("h2", &[("rack", "a")], 3));
        assert!(!most.launch("h3", &[("rack", "a")], 3) && most.launch("h3", &[("rack", "b")], 3));
        assert!(!most.launch("h3", &[], 3), "no such attribute");
    }

    #[test]
    fn what_older_configurations_hold_does_not_count() {
        let mut unique = Case::new("hostname", Operator::Unique, None);
        let (old, info) = unique.add(4, "h1", &[], 1);
        assert!(unique.launch("h1", &[], 1), "the one there is to be replaced");
        assert!(!unique.launch("h1", &[], 1));
        let (newer, _) = unique.add(6, "h2", &[], 1);
        assert!(!unique.allows("h2", &[], 1), "two configurations count together");
        for (id, config) in [(old, 4), (newer, 6)] {
            let member = Member { id: InstanceId(Symbol(id)), config: Version(config), target: 1, info: &info };
            unique.placed.remove(&mut unique.names, &mut unique.fields, &member);
        }
        assert_eq!(unique.placed.count(), 1);
    }

    #[test]
    fn cluster_follows_its_value_or_the_first_instance() {
        let mut named = Case::new("rack", Operator::Cluster, Some("b"));
        assert!(!named.launch("h1", &[("rack", "a")], 2) && named.launch("h1", &[("rack", "b")], 2));
        let mut any = Case::new("rack", Operator::Cluster, Some(""));
        assert!(any.launch("h1", &[("rack", "a")], 2));
        assert!(!any.launch("h2", &[("rack", "b")], 2) && any.launch("h2", &[("rack", "a")], 2));
    }

    #[test]
    fn patterns_match_the_whole_value() {
        for (operator, value, expected) in [
            (Operator::Like, "r[12]", [true, false, false]),
            (Operator::Unlike, "r[12]", [false, true, true]),
            (Operator::Is, "r1", [true, false, false]),
        ] {
            let mut case = Case::new("rack", operator, Some(value));
            let got =
                [&[("rack", "r1")][..], &[("rack", "r12")], &[]].map(|attributes| case.allows("h1", attributes, 1));
            assert_eq!(got, expected, "{operator:?}");
        }
        assert!(!Case::new("rack", Operator::Like, Some("(")).allows("h1", &[("rack", "(")], 1));
    }

    #[test]
    fn values_are_rendered_alike() {
        for (text, shown) in [
            ("1.0005", "1"),
            ("1.00051", "1.001"),
            ("1.000", "1"),
            ("[5-6,1-2]", "[1-2,5-6]"),
            ("{b,a}", "{a,b}"),
            ("west-1a", "west-1a"),
        ] {
            assert_eq!(render(text), shown);
        }
        let mut case = Case::new("level", Operator::Is, Some("1.0"));
        assert!(case.allows("h1", &[("level", "1")], 1));
    }

    /// Nine over three racks: three each; a fourth value is refused.
    #[test]
    fn group_by_is_even_and_limits_the_number_of_groups() {
        let mut case = Case::new("rack", Operator::GroupBy, Some("3"));
        // The first placed instance's definition decides the quota, from the second on.
        for rack in ["a", "b", "c"] {
            assert!(case.launch("h1", &[("rack", rack)], 10));
        }
        assert!(!case.allows("h1", &[("rack", "d")], 10));
        for rack in ["a", "b", "c", "a", "b", "c"] {
            assert!(case.launch("h1", &[("rack", rack)], 10));
        }
        assert!(case.launch("h1", &[("rack", "a")], 10), "the tenth goes anywhere");
        assert!(!case.launch("h1", &[("rack", "b")], 10) && !case.launch("h1", &[("rack", "a")], 10));
        // Scaled to 13: placed instances still say 10, so every group is full.
        assert!(!case.allows("h1", &[("rack", "b")], 13));
        case.quirks = Quirks::Fixed;
        assert!(case.allows("h1", &[("rack", "b")], 13));
    }

    #[test]
    fn group_by_without_a_number_spreads_evenly() {
        let mut case = Case::new("rack", Operator::GroupBy, None);
        assert!(case.launch("h1", &[("rack", "a")], 4) && case.launch("h1", &[("rack", "a")], 4));
        assert!(case.launch("h1", &[("rack", "b")], 4) && case.launch("h1", &[("rack", "b")], 4));
        assert!(case.launch("h1", &[("rack", "b")], 4) && !case.launch("h1", &[("rack", "b")], 4));
        assert!(case.launch("h1", &[("rack", "c")], 4), "a new value always");
    }
}
