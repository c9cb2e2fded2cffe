//! From a file to a `Scenario`: read, parse, override, check, hash.

use super::error::{Diagnostic, Error};
use super::file::DataFile;
use super::model::Scenario;
use super::section::{Cut, Section};
use super::source::{Place, Sources};
use super::value::{self, Data, Table, Value};
use super::{overrides, parts};
use crate::base::digest::Digest;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Scenario {
    /// Reads a scenario file. `overrides` are pairs of `--set KEY=VALUE`; `data` is the folder of
    /// `--data`, in which files that sections name are looked for first.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as one mistake does not hide another.
    pub fn load(path: &Path, overrides: &[(String, String)], data: Option<&Path>) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            let help = match e.kind() {
                std::io::ErrorKind::NotFound => "check the path; scenarios that come with mesosim are in scenarios/",
                std::io::ErrorKind::InvalidData => "save the file as UTF-8 text",
                _ => "check the path and its permissions",
            };
            Error::plain(format!("cannot read {name}: {e}"), help)
        })?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")), overrides, data)
    }

    /// The same from a text; `base` is the folder that paths in it are relative to.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as one mistake does not hide another.
    pub fn parse(
        text: &str,
        file_name: &str,
        base: &Path,
        overrides: &[(String, String)],
        data: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut sources = Sources::default();
        let file = sources.add(file_name, text);
        let mut table = match value::parse_document(&sources, file) {
            Ok(table) => table,
            Err(d) => return Err(Error::new(&Arc::new(sources), vec![d])),
        };
        let applied = overrides.iter().map(|(key, value)| overrides::apply(&mut table, key, value, &mut sources));
        let wrong: Vec<Diagnostic> = applied.filter_map(Result::err).collect();
        let sources = Arc::new(sources);
        if !wrong.is_empty() {
            return Err(Error::new(&sources, wrong));
        }
        let toml_text = toml::to_string(&table).unwrap_or_default();
        let mut digest = Digest::default();
        // Where the data lies is not part of what the scenario is; its content is, below.
        let own_data = table.take("data");
        table.digest(&mut digest);
        let mut loader = Loader {
            sources,
            errors: Vec::new(),
            base: base.to_owned(),
            data: data.map(Path::to_owned),
            files: vec![],
        };
        if let (Some(value), None) = (own_data, data) {
            loader.data = loader.value::<String>(&value).map(|folder| base.join(folder));
        }
        let stem = Path::new(file_name).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let scenario = parts::scenario(&mut loader, table, stem);
        match scenario {
            Some(mut scenario) if loader.errors.is_empty() => {
                scenario.files = loader.files;
                scenario.files.iter().for_each(|file| digest.put_text(&file.hash));
                scenario.hash = digest.hex();
                scenario.toml_text = toml_text;
                Ok(scenario)
            }
            _ => {
                // The first mistake in the text is the one to look at first.
                loader.errors.sort_by_key(|d| d.place);
                Err(Error::new(&loader.sources, loader.errors))
            }
        }
    }
}

/// Collects mistakes while the parts of a scenario are read.
pub(crate) struct Loader {
    pub(crate) sources: Arc<Sources>,
    pub(crate) errors: Vec<Diagnostic>,
    base: PathBuf,
    data: Option<PathBuf>,
    files: Vec<DataFile>,
}

impl Loader {
    pub(crate) fn refuse(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(Diagnostic::new(Some(place), message, help));
    }
    /// The value, or `None` and a mistake noted.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|d| self.errors.push(d)).ok()
    }
    pub(crate) fn keep_all<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|e| self.errors.extend(e.into_diagnostics())).ok()
    }
    pub(crate) fn value<T: DeserializeOwned>(&mut self, value: &Value) -> Option<T> {
        self.keep(T::deserialize(value))
    }
    /// Takes a key of the top level.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, table: &mut Table, key: &str) -> Option<T> {
        table.take(key).and_then(|value| self.value(&value))
    }
    /// The elements of a list of tables `[[key]]`, each with its place.
    pub(crate) fn tables(&mut self, table: &mut Table, key: &str) -> Vec<(Table, Place)> {
        let items = match table.take(key) {
            None => return Vec::new(),
            Some(Value { data: Data::Array(items), .. }) => items,
            Some(other) => {
                let message = format!("`{key}` is a list of tables, found {}", other.kind());
                self.refuse(other.place, message, format!("write [[{key}]] in double brackets"));
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for item in items {
            match item {
                Value { data: Data::Table(table), place } => tables.push((table, place)),
                other => {
                    let message = format!("an element of `{key}` is a table, found {}", other.kind());
                    self.refuse(other.place, message, format!("write [[{key}]] and the keys below it"));
                }
            }
        }
        tables
    }
    /// Cuts a section and finds the data file that it names.
    pub(crate) fn section(&mut self, table: Table, place: Place, index: usize, how: &Cut) -> Option<Section> {
        let cut = Section::cut(table, place, index, how, &self.sources);
        let mut section = self.keep(cut)?;
        let (name, place) = match section.get("file") {
            Some(Value { data: Data::Text(name), place }) => (name.clone(), *place),
            _ => return Some(section),
        };
        match DataFile::find(&name, &self.base, self.data.as_deref()) {
            Ok(file) => {
                self.files.push(file.clone());
                section.set_data_file(file);
                Some(section)
            }
            Err(text) => {
                let (message, help) = super::units::split_help(&text);
                self.refuse(place, message, help);
                None
            }
        }
    }
}

/// Short cuts for tests here and in the plug-ins.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The scenario of a text that must be right.
    pub(crate) fn parse(text: &str) -> Scenario {
        parse_in(text, Path::new(""))
    }
    pub(crate) fn parse_in(text: &str, base: &Path) -> Scenario {
        Scenario::parse(text, "test.toml", base, &[], None).unwrap_or_else(|e| panic!("{}", e.render(false)))
    }
    /// What is said about a text that must be wrong.
    pub(crate) fn refuse(text: &str) -> String {
        match Scenario::parse(text, "test.toml", Path::new(""), &[], None) {
            Ok(_) => panic!("accepted: {text}"),
            Err(e) => e.render(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{parse, refuse};
    use super::*;
    use crate::base::time::Time;
    use crate::scenario::file::scratch::Folder;
    use crate::scenario::model::{Invariants, Op, When};
    use expect_test::expect;

    const SMALL: &str = "duration = \"2h\"\n[[frameworks]]\nname = \"one\"\n";

    #[test]
    fn defaults_are_filled_in() {
        let mut scenario = parse(SMALL);
        assert_eq!(
            (scenario.name.as_str(), scenario.seed, scenario.report.interval.to_string()),
            ("test", 1, "10s".into())
        );
        assert_eq!(scenario.check.invariants, Invariants::All);
        scenario.hash.clear();
        expect![[r#"
            Scenario {
                name: "test",
                seed: 1,
                duration: Span(
                    7200000000000,
                ),
                stop_when_done: true,
                network: Network {
                    latency: Uniform {
                        low: Span(
                            500000,
                        ),
                        high: Span(
                            1500000,
                        ),
                    },
                },
                disk: Disk {
                    latency: Fixed(
                        Span(
                            5000000,
                        ),
                    ),
                },
                cluster: Cluster {
                    masters: 1,
                    zookeepers: 0,
                    zk_session_timeout: Span(
                        10000000000,
                    ),
                    zk_tick_time: Span(
                        2000000000,
                    ),
                    restart_delay: Span(
                        5000000000,
                    ),
                    region: None,
                },
                master: MasterFlags {
                    agent_ping_timeout: Span(
                        15000000000,
                    ),
                    max_agent_ping_timeouts: 5,
                    agent_reregister_timeout: Span(
                        600000000000,
                    ),
                    offer_timeout: None,
                    max_completed_frameworks: 50,
                    max_completed_tasks_per_framework: 1000,
                    max_unreachable_tasks_per_framework: 1000,
                    recovery_agent_removal_limit_percent: 100,
                    registry_gc_interval: Span(
                        900000000000,
                    ),
                    registry_max_agent_age: Span(
                        1209600000000000,
                    ),
                    registry_max_agent_count: 102400,
                    service_time: Span(
                        0,
                    ),
                },
                allocator: AllocatorFlags {
                    policy: Section(drf #0: ),
                    chunk: Section(whole #0: ),
                    allocation_interval: Span(
                        1000000000,
                    ),
                    min_allocatable_resources: [
                        Quantities(
                            [
                                10,
                                0,
                                0,
                                0,
                            ],
                        ),
                        Quantities(
                            [
                                0,
                                32000,
                                0,
                                0,
                            ],
                        ),
                    ],
                    filter_gpu_resources: true,
                    fair_sharing_excluded_resource_names: [],
                    service_time: Span(
                        0,
                    ),
                },
                agent: AgentFlags {
                    registration_backoff_factor: Span(
                        1000000000,
                    ),
                    executor_startup: Fixed(
                        Span(
                            0,
                        ),
                    ),
                    executor_registration_timeout: Span(
                        60000000000,
                    ),
                    executor_shutdown_grace_period: Span(
                        5000000000,
                    ),
                },
                fleets: [],
                roles: [],
                frameworks: [
                    Framework {
                        name: "one",
                        role: "*",
                        user: "root",
                        failover_timeout: Span(
                            0,
                        ),
                        checkpoint: false,
                        capabilities: [],
                        section: Section(batch #0: ),
                    },
                ],
                endpoints: [],
                marathons: [],
                apps: [],
                sizes: [],
                workloads: [],
                faults: [],
                requests: [],
                expects: [],
                report: Report {
                    plots: true,
                    interval: Span(
                        10000000000,
                    ),
                },
                check: Check {
                    invariants: All,
                    section: Section(check #0: ),
                },
                hash: "",
                files: [],
                toml_text: "duration = \"2h\"\n\n[[frameworks]]\nname = \"one\"\n",
            }
        "#]]
        .assert_debug_eq(&scenario);
    }

    #[test]
    fn everything_reads() {
        let scenario = parse(
            r#"
            name = "whole"
            description = "all keys"
            seed = 7
            duration = "1d"
            stop_when_done = false
            [network]
            latency = { exponential = "2ms", shift = "1ms" }
            [disk]
            latency = { lognormal = { median = "5ms", sigma = 1 } }
            [master]
            agent_ping_timeout = "20s"
            offer_timeout = "2m"
            [allocator]
            policy = { kind = "random", spread = 2 }
            chunk = "whole"
            min_allocatable_resources = "cpus:1;mem:64|gpus:1"
            [agent]
            executor_startup = "1s"
            [roles.zebra]
            weight = 2
            [roles."ant/dev"]
            weight = 0.5
            [[agents]]
            count = 3
            resources = "cpus:4;mem:1024"
            [[frameworks]]
            name = "one"
            role = "zebra"
            capabilities = ["GPU_RESOURCES"]
            failover_timeout = "1h"
            chooser = "best-fit"
            [[workload]]
            kind = "poisson"
            rate = "6/min"
            [[fault]]
            kind = "agent-crash"
            at = "10m"
            [[request]]
            at = "5m"
            kind = "teardown"
            framework = "one"
            [[expect]]
            metric = "tasks.finished"
            at_least = 5
            within = "10m"
            why = "they are quick"
            [[expect]]
            metric = "tasks.lost"
            equals = 0
            [report]
            plots = false
            interval = "1m"
            [check]
            invariants = ["no-overcommit"]
            "#,
        );
        let roles: Vec<_> = scenario.roles.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(roles, ["zebra", "ant/dev"], "in the order of the file");
        assert_eq!(
            (scenario.expects[0].op, scenario.expects[0].when),
            (Op::GreaterOrEqual, When::Within(Time::from_secs(600)))
        );
        assert_eq!((scenario.expects[1].when, scenario.expects[1].line), (When::End, 48));
        assert_eq!(scenario.faults[0].line(), 36);
        assert_eq!(scenario.framework_index("one"), Some(0));
        expect![[r#"
            (
                AllocatorFlags {
                    policy: Section(random #0: spread = 2),
                    chunk: Section(whole #0: ),
                    allocation_interval: Span(
                        1000000000,
                    ),
                    min_allocatable_resources: [
                        Quantities(
                            [
                                1000,
                                64000,
                                0,
                                0,
                            ],
                        ),
                        Quantities(
                            [
                                0,
                                0,
                                0,
                                1000,
                            ],
                        ),
                    ],
                    filter_gpu_resources: true,
                    fair_sharing_excluded_resource_names: [],
                    service_time: Span(
                        0,
                    ),
                },
                [
                    Framework {
                        name: "one",
                        role: "zebra",
                        user: "root",
                        failover_timeout: Span(
                            3600000000000,
                        ),
                        checkpoint: false,
                        capabilities: [
                            "GPU_RESOURCES",
                        ],
                        section: Section(batch #0: chooser = "best-fit"),
                    },
                ],
                [
                    Request {
                        at: Time(
                            300000000000,
                        ),
                        section: Section(teardown #0: framework = "one"),
                    },
                ],
            )
        "#]]
        .assert_debug_eq(&(&scenario.allocator, &scenario.frameworks, &scenario.requests));
        assert_eq!(scenario.check.select(&["no-overcommit", "b"]).unwrap(), ["no-overcommit"]);
        expect![[r#"
            error: unknown invariant `no-overcommit`
              --> test.toml:55:27
               |
            55 |             invariants = ["no-overcommit"]
               |                           ^^^^^^^^^^^^^^^
               |
               = help: did you mean `no-overcomit`?"#]]
        .assert_eq(&scenario.check.select(&["no-overcomit"]).unwrap_err().render(false));
    }

    #[test]
    fn hash_is_of_content_not_of_layout() {
        let hash = |text: &str| parse(text).hash;
        let reformatted = "# a comment\nframeworks = [{ name = 'one' }]\nduration = \"2h\"";
        assert_eq!(hash(SMALL), hash(reformatted));
        assert_ne!(hash(SMALL), hash(&SMALL.replace("2h", "3h")));
    }

    #[test]
    fn printed_back_it_is_the_same_scenario() {
        let overrides = [("frameworks.one.role".to_owned(), "dev".to_owned()), ("seed".to_owned(), "9".to_owned())];
        let first = Scenario::parse(SMALL, "test.toml", Path::new(""), &overrides, None).unwrap();
        assert_eq!((first.seed, first.frameworks[0].role.as_str()), (9, "dev"));
        let second = parse(&first.toml_text);
        assert_eq!((&first.hash, &first.toml_text), (&second.hash, &second.toml_text));
        assert_ne!(first.hash, parse(SMALL).hash);
    }

    #[test]
    fn data_files_count_for_the_hash_wherever_they_lie() {
        let (here, there) = (Folder::new("load-a"), Folder::new("load-b"));
        let text = "duration = '1h'\n[[workload]]\nkind = 'job-csv'\nfile = 'x.csv'\n";
        let file = here.write("x.csv", "one");
        there.write("x.csv", "one");
        let load = |base: &Path, data: Option<&Path>| Scenario::parse(text, "test.toml", base, &[], data).unwrap();
        let a = load(&here.0, None);
        assert_eq!(a.files, [file]);
        assert_eq!(a.hash, load(&there.0, None).hash);
        assert_eq!(a.hash, load(Path::new("nowhere"), Some(&there.0)).hash);
        there.write("x.csv", "two");
        assert_ne!(a.hash, load(&there.0, None).hash);
        assert_eq!(a.hash, load(&there.0, Some(&here.0)).hash, "the data folder comes first");
        let set = [("data".to_owned(), here.0.display().to_string())];
        assert_eq!(a.hash, Scenario::parse(text, "test.toml", Path::new(""), &set, None).unwrap().hash);
    }

    #[test]
    fn mistakes_at_the_top_level() {
        let said = [
            "duration = '2h'\nlatnecy = 1\n[frameworks.x]\nrole = 'a'\n[agent]\nregistration_backof_factor = '1s'\n",
            "seed = 1\n",
            "duration = 90\n",
            "duration = '90'\n",
            "duration = '0s'\nname = 'a b'\nseed = -1\n",
            "duration = '1h\n",
            "duration = '1h'\nduration = '2h'\n",
            "duration = 2026-01-01\n",
            "duration = '1h'\n[[agent]]\ncount = 2\n",
            "duration = '1h'\n[[network]]\nlatency = '1ms'\n",
            "duration = '1h'\nnetwork = 3\n",
            "duration = '1h'\nworkload = 'poisson'\nfault = [1]\n",
            "duration = '1h'\nseed = 99999999999999999999\n",
        ]
        .map(refuse)
        .join("\n\n");
        expect![[r#"
            error: unknown key `latnecy`
             --> test.toml:2:1
              |
            2 | latnecy = 1
              | ^^^^^^^
              |
              = help: known here: `name`, `seed`, `duration`, `stop_when_done`, `data`, `network`, `disk`, `cluster`, `master`, `allocator`, `agent`, `agents`, `roles`, `frameworks`, `marathon`, `endpoints`, `app`, `sizes`, `workload`, `fault`, `request`, `expect`, `report`, `check`, `description`

            error: `frameworks` is a list of tables, found a table
             --> test.toml:3:2
              |
            3 | [frameworks.x]
              |  ^^^^^^^^^^
              |
              = help: write [[frameworks]] in double brackets

            error: unknown key `registration_backof_factor`
             --> test.toml:6:1
              |
            6 | registration_backof_factor = '1s'
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `registration_backoff_factor`?

            error: missing key `duration`
             --> test.toml:1:1
              |
            1 | seed = 1
              | ^
              |
              = help: add `duration = "2h"`: when the run ends at the latest

            error: a duration needs a unit
             --> test.toml:1:12
              |
            1 | duration = 90
              |            ^^
              |
              = help: write "90s"

            error: a duration needs a unit
             --> test.toml:1:12
              |
            1 | duration = '90'
              |            ^^^^
              |
              = help: write "90s" for seconds; the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"

            error: the run would end before it begins
             --> test.toml:1:12
              |
            1 | duration = '0s'
              |            ^^^^
              |
              = help: write a duration above zero, such as "2h"

            error: "a b" cannot be the name of a scenario
             --> test.toml:2:8
              |
            2 | name = 'a b'
              |        ^^^^^
              |
              = help: it names the folder of the results: use letters, digits, `-`, `_` and `.`

            error: expected a whole number, found `-1`
             --> test.toml:3:8
              |
            3 | seed = -1
              |        ^^
              |
              = help: write a number that is not negative

            error: invalid literal string, expected `'`
             --> test.toml:1:15
              |
            1 | duration = '1h
              |               ^
              |
              = help: see https://toml.io for how to write keys, tables and values

            error: duplicate key
             --> test.toml:2:1
              |
            2 | duration = '2h'
              | ^^^^^^^^
              |
              = help: remove one of the two

            error: a scenario has no dates
             --> test.toml:1:12
              |
            1 | duration = 2026-01-01
              |            ^^^^^^^^^^
              |
              = help: simulated time starts at 0: write a duration such as "1h30m"

            error: `agent` is one table, found a list
             --> test.toml:2:1
              |
            2 | [[agent]]
              | ^^^^^^^^^
              |
              = help: write [agent] for the flags of all agents, [[agents]] for machines

            error: `network` is one table, found a list
             --> test.toml:2:1
              |
            2 | [[network]]
              | ^^^^^^^^^^^
              |
              = help: write [network] in single brackets, once

            error: expected a table, found `3`
             --> test.toml:2:11
              |
            2 | network = 3
              |           ^
              |
              = help: write keys and values, for example { key = 1 }

            error: `workload` is a list of tables, found a text
             --> test.toml:2:12
              |
            2 | workload = 'poisson'
              |            ^^^^^^^^^
              |
              = help: write [[workload]] in double brackets

            error: an element of `fault` is a table, found a whole number
             --> test.toml:3:10
              |
            3 | fault = [1]
              |          ^
              |
              = help: write [[fault]] and the keys below it

            error: this number is too large
             --> test.toml:2:8
              |
            2 | seed = 99999999999999999999
              |        ^^^^^^^^^^^^^^^^^^^^
              |
              = help: write a smaller one"#]].assert_eq(&said);
    }

    #[test]
    fn a_file_that_is_not_there() {
        let error = Scenario::load(Path::new("scenarios/no-such.toml"), &[], None).unwrap_err();
        expect![[r#"
            error: cannot read scenarios/no-such.toml: No such file or directory (os error 2)
             |
             = help: check the path; scenarios that come with mesosim are in scenarios/"#]]
        .assert_eq(&error.render(false));
    }
}
