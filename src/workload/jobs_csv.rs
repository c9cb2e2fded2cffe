//! `job-csv`: a trace of jobs, one per line, plain or gzipped.
//!
//! ```toml
//! [[workload]]
//! kind = "job-csv"
//! file = "streams/day.csv.gz"
//! frameworks = { Batch = "batch", Service = "service" }   # names of the trace to frameworks
//! ```
//!
//! The file begins with the line `job_id,framework,submit_s,tasks,duration_s,cpus,mem_gb`; ids
//! grow, `submit_s` does not fall. A GB is 1024 MiB. All tasks of a job run equally long. Decimals
//! are read exactly, to nanoseconds and thousandths. The file is streamed.

use super::{Arrival, Census, Plugin, Source};
use crate::base::dice::Dice;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::{SECOND_NS, Span, Time};
use crate::job::Behaviour;
use crate::scenario::file::Rows;
use crate::scenario::units::Pairs;
use crate::scenario::{Error, Scenario, Section};
use serde::Deserialize;
use std::sync::Arc;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "job-csv", summary: "a trace of jobs, one per line, plain or gzipped", build };

const COLUMNS: &[&str] = &["job_id", "framework", "submit_s", "tasks", "duration_s", "cpus", "mem_gb"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Read by `Section::data_file`.
    #[serde(rename = "file")]
    _file: String,
    #[serde(default)]
    frameworks: Pairs,
    gang: Option<bool>,
}

fn build(section: &Section, scenario: &Scenario) -> Result<Box<dyn Source>, Error> {
    let file = section.data_file()?;
    let p: Params = section.read()?;
    let mut names: Vec<(String, u32)> = Vec::new();
    for (in_trace, name) in &p.frameworks.0 {
        let framework = scenario.framework_of(section, &format!("frameworks.{in_trace}"), name)?;
        names.push((in_trace.clone(), framework));
    }
    // A name that is not mapped means the framework of that name.
    for (i, framework) in scenario.frameworks.iter().enumerate() {
        if names.iter().all(|(name, _)| *name != framework.name) {
            names.push((framework.name.clone(), i as u32));
        }
    }
    let rows = Rows::open(file, COLUMNS).map_err(|e| section.in_file(&e))?;
    Ok(Box::new(JobsCsv { rows, names: names.into(), gang: p.gang, last: None }))
}

#[derive(Clone)]
struct JobsCsv {
    rows: Rows,
    /// Names in the trace and indices of frameworks.
    names: Arc<[(String, u32)]>,
    gang: Option<bool>,
    /// Id and instant of the line before.
    last: Option<(u64, Time)>,
}

impl JobsCsv {
    fn read(&mut self) -> Result<Option<Arrival>, String> {
        let Some(row) = self.rows.next_row()? else { return Ok(None) };
        let (id, at) = (row.whole(0)?, Time(row.decimal(2, SECOND_NS)?));
        if let Some((last_id, last_at)) = self.last {
            if id <= last_id {
                let what = format!("job_id {id} after {last_id}");
                return Err(row.error(&what, "number the jobs upwards, each once"));
            }
            if at < last_at {
                let what = format!("submit_s {} is before the line above", row.text(2));
                return Err(row.error(&what, "sort the file by submit_s"));
            }
        }
        self.last = Some((id, at));
        let name = row.text(1);
        let framework = self.names.iter().find(|(known, _)| known == name).map(|(_, i)| *i);
        let framework = framework.ok_or_else(|| {
            let known: Vec<&str> = self.names.iter().map(|(known, _)| known.as_str()).collect();
            let mend = format!("write one of {}, or map it with `frameworks = {{ ... }}`", known.join(", "));
            row.error(&format!("unknown framework `{name}`"), &mend)
        })?;
        let tasks = match u32::try_from(row.whole(3)?) {
            Ok(tasks) if tasks > 0 => tasks,
            _ => return Err(row.error(&format!("{} tasks", row.text(3)), "write a number from 1 to 4294967295")),
        };
        let cpus = Milli(row.decimal(5, 1_000)?);
        // Millionths of a GB are 1024 millionths of a MiB; Mesos rounds to thousandths.
        let mem_millionths = i128::from(row.decimal(6, 1_000_000)?) * 1_024;
        let mem = i64::try_from((mem_millionths + 500) / 1_000)
            .map_err(|_| row.error("mem_gb is too large", "write a smaller number"))?;
        let each = Quantities::new(cpus, Milli(mem), Milli::ZERO, Milli::ZERO);
        if each.is_zero() {
            return Err(row.error("a task of nothing can run nowhere", "write cpus and mem_gb above 0"));
        }
        let behaviour = Behaviour::fixed(Span(row.decimal(4, SECOND_NS)?));
        Ok(Some(Arrival { at, framework, tasks, each, behaviour, devices: None, gang: self.gang }))
    }
}

impl Source for JobsCsv {
    fn next(&mut self, _dice: &mut Dice) -> Result<Option<Arrival>, String> {
        self.read()
    }
    fn census(&self) -> Result<Option<Census>, String> {
        let mut all = Self { rows: self.rows.from_start(), last: None, ..self.clone() };
        let mut census = Census::default();
        while let Some(job) = all.read()? {
            census.add(job.at, job.tasks);
        }
        Ok(Some(census))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{build_all, drain};
    use super::*;
    use crate::scenario::file::scratch::Folder;
    use crate::scenario::testing::parse_in;
    use expect_test::expect;

    const HEADER: &str = "job_id,framework,submit_s,tasks,duration_s,cpus,mem_gb\n";

    fn sources(folder: &Folder, lines: &str, rest: &str) -> Result<Vec<Box<dyn Source>>, String> {
        folder.write("t.csv", lines);
        let frameworks = "[[frameworks]]\nname = 'batch'\n[[frameworks]]\nname = 'Service'\n";
        let text = format!("duration = '1h'\n{frameworks}[[workload]]\nkind = 'job-csv'\nfile = 't.csv'\n{rest}\n");
        build_all(&parse_in(&text, &folder.0)).map_err(|e| e.render(false))
    }

    #[test]
    fn reads_exactly_and_forks() {
        let folder = Folder::new("jobs-csv");
        let lines = "0,Batch,0.100000001,3,12.345678901,0.5,1.5\n7,Service,0.29,1,0,1,0.001\n9,Batch,5,2,1,2,4\n";
        let mut all = sources(&folder, &format!("{HEADER}{lines}"), "frameworks = { Batch = 'batch' }").unwrap();
        let jobs = drain(&*all[0]);
        expect![[r#"
            100000001 0 3 cpus:0.5;mem:1536 Fixed(Span(12345678901))
            290000000 1 1 cpus:1;mem:1.024 Fixed(Span(0))
            5000000000 0 2 cpus:2;mem:4096 Fixed(Span(1000000000))
        "#]]
        .assert_eq(
            &jobs
                .iter()
                .map(|j| format!("{} {} {} {} {:?}\n", j.at.0, j.framework, j.tasks, j.each, j.behaviour.duration))
                .collect::<String>(),
        );
        let mut dice = Dice::new(1);
        let first = all[0].next(&mut dice).unwrap();
        let mut fork = all[0].clone();
        assert_eq!(first.as_ref(), jobs.first());
        for job in &jobs[1..] {
            assert_eq!(fork.next(&mut dice).unwrap().as_ref(), Some(job));
        }
        assert_eq!(all[0].census(), Ok(Some(Census { jobs: 3, tasks: 6, last: Time::from_secs(5) })));
        assert_eq!(all[0].next(&mut dice).unwrap().as_ref(), jobs.get(1), "neither fork nor census moved it");
    }

    #[test]
    fn malformed_lines_say_where_and_what_to_write() {
        let folder = Folder::new("jobs-csv-bad");
        let good = "1,batch,5,1,1,1,1\n";
        let said: String = [
            "1,batch,5,1,1,1\n",
            "1,batch,five,1,1,1,1\n",
            "1,batch,-5,1,1,1,1\n",
            "1,batch,5,0,1,1,1\n",
            "1,batch,5,1.5,1,1,1\n",
            "1,batch,5,1,1e3,1,1\n",
            "1,batch,5,1,1,1.0001,1\n",
            "1,batch,5,1,1,0,0\n",
            "1,Batch,5,1,1,1,1\n",
            "x,batch,5,1,1,1,1\n",
            &format!("{good}1,batch,6,1,1,1,1\n"),
            &format!("{good}\n2,batch,4,1,1,1,1\n"),
        ]
        .map(|lines| match sources(&folder, &format!("{HEADER}{lines}"), "") {
            Ok(all) => all[0].census().unwrap_err() + "\n",
            Err(e) => e,
        })
        .concat();
        expect![[r#"
            t.csv:2: field `mem_gb` is missing; write 7 fields: job_id,framework,submit_s,tasks,duration_s,cpus,mem_gb
            t.csv:2: submit_s is not a number: "five"; write a decimal number such as 12.5
            t.csv:2: submit_s is negative: -5; write a number of at least 0
            t.csv:2: 0 tasks; write a number from 1 to 4294967295
            t.csv:2: tasks is not a whole number: "1.5"; write digits only
            t.csv:2: duration_s is not a number: "1e3"; write a decimal number such as 12.5
            t.csv:2: cpus is finer than 3 decimals: 1.0001; write a plainer number
            t.csv:2: a task of nothing can run nowhere; write cpus and mem_gb above 0
            t.csv:2: unknown framework `Batch`; write one of batch, Service, or map it with `frameworks = { ... }`
            t.csv:2: job_id is not a whole number: "x"; write digits only
            t.csv:3: job_id 1 after 1; number the jobs upwards, each once
            t.csv:4: submit_s 4 is before the line above; sort the file by submit_s
        "#]]
        .assert_eq(&folder.hide(&said));
    }

    #[test]
    fn mistakes_of_the_section_are_shown_in_place() {
        let folder = Folder::new("jobs-csv-section");
        let said = [
            (HEADER, "frameworks = { Batch = 'bacth' }"),
            ("job_id,framework\n1,batch\n", ""),
            (HEADER, "framework = 'batch'"),
        ]
        .map(|(lines, rest)| sources(&folder, lines, rest).err().unwrap_or_default())
        .join("\n\n");
        expect![[r#"
            error: unknown framework `bacth`
             --> test.toml:9:24
              |
            9 | frameworks = { Batch = 'bacth' }
              |                        ^^^^^^^
              |
              = help: did you mean `batch`?

            error: t.csv:1: the header is `job_id,framework`
             --> test.toml:8:8
              |
            8 | file = 't.csv'
              |        ^^^^^^^
              |
              = help: write `job_id,framework,submit_s,tasks,duration_s,cpus,mem_gb`

            error: unknown key `framework`
             --> test.toml:9:1
              |
            9 | framework = 'batch'
              | ^^^^^^^^^
              |
              = help: did you mean `frameworks`?"#]]
        .assert_eq(&folder.hide(&said));
    }
}
