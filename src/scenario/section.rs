//! A plug-in's part of a scenario: its kind and its table, with the place in the file.

#[derive(Clone, Debug)]
pub struct Section {
    pub kind: String,
}
