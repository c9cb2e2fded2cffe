//! `openb-nodes`: the machines of Alibaba's GPU trace of 2023, from its list of nodes.
//!
//! ```toml
//! [[agents]]
//! from = "openb-nodes"
//! file = "openb_node_list_all_node.csv"
//! ```
//!
//! A node keeps its name, offers cpus, mem and whole gpus to Mesos, has its GPU model as attribute
//! `model`, and the same GPUs as devices for frameworks that share them.

use super::Plugin;
use crate::base::quantity::Milli;
use crate::scenario::error::Error;
use crate::scenario::file::Rows;
use crate::scenario::model::Host;
use crate::scenario::section::Section;
use serde::Deserialize;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "openb-nodes", summary: "the nodes of Alibaba's GPU trace of 2023 (openb)", read };

const COLUMNS: &[&str] = &["sn", "cpu_milli", "memory_mib", "gpu", "model"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Read by `Section::data_file`.
    #[serde(rename = "file")]
    _file: String,
}

fn read(section: &Section, _name: &str) -> Result<Vec<Host>, Error> {
    let file = section.data_file()?;
    let _: Params = section.read()?;
    hosts(&mut Rows::open(file, COLUMNS).map_err(|e| section.in_file(&e))?).map_err(|e| section.in_file(&e))
}

fn hosts(rows: &mut Rows) -> Result<Vec<Host>, String> {
    let mut hosts = Vec::new();
    while let Some(row) = rows.next_row()? {
        let (cpus, mem_mib, gpus) = (Milli(row.decimal(1, 1)?), row.whole(2)?, row.whole(3)?);
        let (hostname, model) = (row.text(0), row.text(4));
        if hostname.is_empty() {
            return Err(row.error("sn is empty", "write the name of the node"));
        }
        if model.is_empty() != (gpus == 0) {
            return Err(row.error(&format!("{gpus} GPUs of model {model:?}"), "give gpu and model both or neither"));
        }
        let gpu_text = if gpus > 0 { format!(";gpus:{gpus}") } else { String::new() };
        hosts.push(Host {
            hostname: hostname.to_owned(),
            resources: format!("cpus:{cpus};mem:{mem_mib}{gpu_text}"),
            attributes: (gpus > 0).then(|| ("model".to_owned(), model.to_owned())).into_iter().collect(),
            devices: u32::try_from(gpus).map_err(|_| row.error("too many GPUs", "write a smaller number"))?,
        });
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::scratch::Folder;
    use expect_test::expect;

    #[test]
    fn reads_nodes() {
        let folder = Folder::new("openb-nodes");
        let file = folder.write("n.csv", "sn,cpu_milli,memory_mib,gpu,model\na,32500,262144,0,\nb,96000,1024,8,G2\n");
        let read = hosts(&mut Rows::open(&file, COLUMNS).unwrap()).unwrap();
        expect![[r#"
            [
                Host {
                    hostname: "a",
                    resources: "cpus:32.5;mem:262144",
                    attributes: [],
                    devices: 0,
                },
                Host {
                    hostname: "b",
                    resources: "cpus:96;mem:1024;gpus:8",
                    attributes: [
                        (
                            "model",
                            "G2",
                        ),
                    ],
                    devices: 8,
                },
            ]
        "#]]
        .assert_debug_eq(&read);
        let file = folder.write("bad.csv", "sn,cpu_milli,memory_mib,gpu,model\na,32000,262144,0,G2\n");
        let error = hosts(&mut Rows::open(&file, COLUMNS).unwrap()).unwrap_err();
        expect![[r#"bad.csv:2: 0 GPUs of model "G2"; give gpu and model both or neither"#]]
            .assert_eq(&folder.hide(&error));
    }
}
