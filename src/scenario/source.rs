//! The texts a scenario came from (its file and every `--set`), and places in them.
//!
//! A value keeps its `Place` for life, so that an error found long after parsing, in a plug-in
//! that the parser has never heard of, still underlines the offending words.

/// A byte range in one of the texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) file: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// One text and the name it goes by in messages.
#[derive(Clone, Debug)]
pub(crate) struct SourceText {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All texts of a scenario; index 0 is the file itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) texts: Vec<SourceText>,
}

impl Sources {
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.texts.push(SourceText { name: name.into(), text: text.into() });
        self.texts.len() as u32 - 1
    }
    pub(crate) fn name(&self, place: Place) -> &str {
        &self.texts[place.file as usize].name
    }
    /// Line of a place, counted from 1.
    pub(crate) fn line(&self, place: Place) -> usize {
        let text = &self.texts[place.file as usize].text;
        text.bytes().take(place.start as usize).filter(|&b| b == b'\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "x\ny\nz");
        let at = |start| Place { file, start, end: start + 1 };
        assert_eq!([0, 1, 2, 4].map(|start| sources.line(at(start))), [1, 1, 2, 3]);
        assert_eq!(sources.name(at(0)), "a.toml");
    }
}
